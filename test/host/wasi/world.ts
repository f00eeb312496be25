/** WASI's functions without a guest: what the binder would call, called by hand. */
import { Transcript } from "#host/sandbox/inside/transcript.js";
import { VirtualClock } from "#host/sandbox/inside/wasi/clock.js";
import type { Native, Resource } from "#host/sandbox/inside/wasi/contract.js";
import { wasiFunctions, type WasiWorld } from "#host/sandbox/inside/wasi/functions.js";
import { httpFunctions } from "#host/sandbox/inside/wasi/http/functions.js";
import type { Fetch } from "#host/sandbox/inside/wasi/http/handler.js";
import { SeededRandom } from "#host/sandbox/inside/wasi/randomness.js";
import { Gathered, Source } from "#host/sandbox/inside/wasi/stdio.js";

export const EPOCH_MS = 1_763_636_400_000;
export const SEED = "5a".repeat(32);

export interface Given {
  readonly stdin?: string | Uint8Array;
  readonly time?: boolean;
  readonly random?: boolean;
  readonly realMs?: WasiWorld["realMs"];
  readonly seed?: string;
  readonly outputBytes?: number;
  /** What `http.fetch` answers. Without it there is no `wasi:http`. */
  readonly fetch?: Fetch;
}

export class World {
  fuel = 0;
  /** For work beyond what crosses the border. */
  paid = 0;
  readonly clock: VirtualClock;
  readonly stdout: Gathered;
  readonly stderr = new Gathered(1 << 20);
  readonly transcript = new Transcript(() => this.fuel);
  private readonly functions;

  constructor({ stdin = "", time = true, random = true, realMs = null, seed = SEED, outputBytes = 1 << 20, fetch }: Given = {}) {
    this.clock = new VirtualClock({ epochMs: EPOCH_MS, granted: time, fuel: () => this.fuel });
    this.stdout = new Gathered(outputBytes);
    const world: WasiWorld = {
      clock: this.clock,
      random: random ? new SeededRandom(seed) : null,
      realMs,
      transcript: this.transcript,
      pay: (units) => void (this.paid += units),
      before: () => {},
      stdio: {
        stdin: new Source(typeof stdin === "string" ? Buffer.from(stdin) : stdin),
        stdout: this.stdout,
        stderr: this.stderr,
      },
    };
    this.functions = wasiFunctions(world, fetch && httpFunctions(fetch, world.pay));
  }

  has(name: string): boolean {
    return this.functions.has(name);
  }

  answer(name: string, ...args: Native[]): Native | Promise<Native> {
    const func = this.functions.get(name);
    if (!func) throw new Error(`there is no ${name}`);
    return func(args);
  }

  /** Calls what answers at once. */
  call(name: string, ...args: Native[]): Native {
    const value = this.answer(name, ...args);
    if (value instanceof Promise) throw new Error(`${name} gives a promise`);
    return value;
  }

  input(name: string, ...args: Native[]): Native {
    return this.call(`wasi:io/streams#[method]input-stream.${name}`, ...args);
  }
  output(name: string, ...args: Native[]): Native {
    return this.call(`wasi:io/streams#[method]output-stream.${name}`, ...args);
  }
  stdin(): Resource {
    return this.call("wasi:cli/stdin#get-stdin") as Resource;
  }
  out(): Resource {
    return this.call("wasi:cli/stdout#get-stdout") as Resource;
  }
  poll(...pollables: Native[]): Native {
    return this.call("wasi:io/poll#poll", pollables);
  }
  after(ns: bigint): Native {
    return this.call("wasi:clocks/monotonic-clock#subscribe-duration", ns);
  }
  now(): bigint {
    return this.call("wasi:clocks/monotonic-clock#now") as bigint;
  }
}

export const bytes = (text: string): Uint8Array => Buffer.from(text);
/** The text of `{ok: bytes}`; anything else as it is. */
export function text(value: Native): Native {
  const ok = (value as { readonly ok?: unknown }).ok;
  return ok instanceof Uint8Array ? Buffer.from(ok).toString() : value;
}
