/** Runs the modules of one generated program, plain, as the reference, or metered, and tells everything that can be seen of it. */
import { FuelAccount, GuestLimit, type GuestLimitCode } from "#host/component/meter/account.js";
import { engine, type WasmInstance, type WasmMemory, type WasmModule } from "#host/component/meter/engine.js";
import type { MemoryLimits } from "#host/component/meter/protocol.js";
import { Memories } from "#host/sandbox/inside/memories.js";
import type { Call } from "./generate.js";
import { COUNT, NANS, REFUSED, type Program } from "./program.js";

export interface Observation {
  /** How instantiation and each call ended, in order. The list stops at a limit of metering: the instance is finished. */
  readonly ends: readonly string[];
  /** What the guest passed to the host, in order. */
  readonly heard: readonly string[];
  /** For each module: its memory, its table and its globals when all was over. */
  readonly state: readonly string[];
}
export interface Counted extends Observation {
  /** Fuel used after instantiation and after each call. */
  readonly fuel: readonly number[];
  /** Fuel used at each call of the host but those of start functions. */
  readonly heardAt: readonly number[];
  readonly limit: GuestLimitCode | null;
  /** Pages that the last growth beyond the cap asked for; 0 if there are two modules, whose order the reference does not know. */
  readonly refusedPages: number;
}
export interface Referred extends Counted {
  /**
   * NaNs that were replaced: where there were none, the plain module must be seen to do the very same. Null if a start function
   * trapped: its module's count is lost, but it may have written to the other's memory.
   */
  readonly nans: bigint | null;
}

type Callable = (...args: unknown[]) => unknown;
const { promising } = (
  globalThis as unknown as { readonly WebAssembly: { promising(call: unknown): (...args: unknown[]) => Promise<unknown> } }
).WebAssembly;

/** Floats by their value, and all NaNs are one: JavaScript does not keep their bits. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join()}]`;
  if (typeof value === "function") return "function";
  return Object.is(value, -0) ? "-0" : `${typeof value === "bigint" ? "l" : ""}${String(value)}`;
}

function endOf(error: unknown): string {
  if (error instanceof GuestLimit) return `${error.code} at ${error.used} of ${error.ceiling}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function stateOf(program: Program, instance: WasmInstance): string {
  const memory = new Uint8Array((instance.exports["memory"] as { buffer: ArrayBuffer }).buffer);
  let hash = 2_166_136_261;
  for (let at = 0; at < memory.length; at++)
    if (memory[at] !== 0) hash = Math.imul(hash ^ at ^ ((memory[at] as number) << 17), 16_777_619);
  const table = instance.exports["table"] as { readonly length: number; get(index: number): unknown };
  const entries = Array.from({ length: table.length }, (_, index) => (table.get(index) === null ? "." : "f")).join("");
  const globals = program.globals.map((_, index) => (instance.exports[`g${index}`] as { value: unknown } | undefined)?.value);
  return `${memory.length}:${hash} ${entries} ${globals.map(shown).join()}`;
}

interface Link {
  readonly programs: readonly Program[];
  readonly modules: readonly WasmModule[];
  readonly calls: readonly Call[];
  /** Turns and calls that each module has for each call from outside. */
  readonly steps: number;
}

/** What the host offers: `tick` answers how often it was called, `noise` a NaN for every third value. */
class Host {
  readonly heard: string[] = [];
  readonly heardAt: number[] = [];
  /** In a start function the account knows only what it granted (account.ts), and no host call is answered there. */
  linked = false;
  readonly #used: () => number;
  constructor(used: () => number) {
    this.#used = used;
  }
  imports(): Record<string, Callable> {
    const hear = (value: unknown): void => {
      if (this.linked) this.heardAt.push(this.#used());
      this.heard.push(shown(value));
    };
    return {
      tick: (value: unknown) => {
        hear(value);
        return this.heard.length;
      },
      noise: (value: unknown) => {
        hear(value);
        return this.heard.length % 3 === 0 ? NaN : (value as number) / 2;
      },
    };
  }
}

type Instantiate = (module: WasmModule, imports: Record<string, Record<string, unknown>>) => WasmInstance;
type Invoke = (call: Callable, args: readonly unknown[]) => Promise<unknown>;

/** What is read of the metering, or of the reference's own counters. */
interface Gauge {
  used(): number;
  refused(): number;
}
const NO_GAUGE: Gauge = { used: () => 0, refused: () => 0 };

async function observe(link: Link, gauge: Gauge, instantiate: Instantiate, invoke: Invoke): Promise<Counted> {
  const host = new Host(gauge.used);
  const ends: string[] = [];
  const fuel: number[] = [];
  let limit: GuestLimitCode | null = null;
  const instances: WasmInstance[] = [];
  const attempt = async (what: () => Promise<unknown>): Promise<boolean> => {
    try {
      ends.push(shown(await what()));
      return true;
    } catch (error) {
      ends.push(endOf(error));
      if (error instanceof GuestLimit) limit = error.code;
      return false;
    } finally {
      fuel.push(gauge.used());
    }
  };
  const env = host.imports();
  const linked = await attempt(async () => {
    for (const module of link.modules)
      instances.push(
        instantiate(module, { env, ...(instances[0] && { first: instances[0].exports as Record<string, unknown> }) }),
      );
    return "linked";
  });
  host.linked = linked;
  const target = linked ? instances.at(-1) : undefined;
  if (target)
    for (const { name, args } of link.calls) {
      for (const { exports } of instances) (exports["g0"] as unknown as { value: number }).value = link.steps;
      await attempt(() => invoke(target.exports[name] as Callable, args));
      if (limit !== null) break;
    }
  const state = instances.map((instance, at) => stateOf(link.programs[at] as Program, instance));
  return {
    ends,
    heard: host.heard,
    heardAt: host.heardAt,
    state,
    fuel,
    limit,
    refusedPages: link.modules.length > 1 ? 0 : gauge.refused(),
  };
}

export async function observePlain(link: Link): Promise<Observation> {
  const { ends, heard, state } = await observe(
    link,
    NO_GAUGE,
    (module, imports) => new engine.Instance(module, imports),
    async (call, args) => call(...args),
  );
  return { ends, heard, state };
}

export async function observeReference(link: Link): Promise<Referred> {
  const instances: WasmInstance[] = [];
  const sum = (name: string): bigint =>
    instances.reduce((total, { exports }) => total + (exports[name] as unknown as { value: bigint }).value, 0n);
  const counted = await observe(
    link,
    { used: () => Number(sum(COUNT)), refused: () => Number(sum(REFUSED)) },
    (module, imports) => {
      const instance = new engine.Instance(module, imports);
      instances.push(instance);
      return instance;
    },
    async (call, args) => call(...args),
  );
  return { ...counted, nans: instances.length === link.modules.length ? sum(NANS) : null };
}

export interface Metering {
  readonly slice: number;
  readonly budget: number;
  /** Whether the guest pauses at the end of a slice. */
  readonly due: () => boolean;
}

/** Each run's memories are the next one's, as in a sandbox process: that must not be seen in any of them. */
const memories = new Memories();

export async function observeMetered(link: Link, { slice, budget, due }: Metering): Promise<Counted> {
  const account = new FuelAccount({ budget, slice, due, breathe: () => Promise.resolve() });
  const taken: (readonly [MemoryLimits, WasmMemory])[] = [];
  const take = (limits: MemoryLimits): WasmMemory => {
    const memory = memories.take(limits);
    taken.push([limits, memory]);
    return memory;
  };
  const seen = await observe(
    link,
    { used: () => account.used, refused: () => account.refusedPages },
    (module, imports) => account.instantiate(module, imports, take),
    (call, args) => account.run(() => promising(call)(...args)),
  );
  for (const [limits, memory] of taken) memories.giveBack(limits, memory);
  return seen;
}
