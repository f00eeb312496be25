/** One attempt of one node: a fresh instance, its host calls, and how it ended. */
import type { Digest } from "#core/digest.js";
import type { GuestChange } from "../../component/contract.js";
import { FuelAccount } from "../../component/meter/account.js";
import { isObject, type Json } from "../abi/json.js";
import type { SandboxEndMessage, StartMessage } from "../messages.js";
import { Border } from "./border.js";
import { Instance, type HostCall } from "./bind.js";
import { AttemptFailed, Cancelled, GuestTrap, MemoryExceeded } from "./ends.js";
import { clip, failed, failureOf, tooLarge, type Failed } from "./failure.js";
import type { LoadedComponent } from "./loaded.js";
import type { Memories } from "./memories.js";
import { LOCAL_INTERFACES, LocalHost } from "./local.js";
import { StandardStreams } from "./standard.js";
import { Transcript } from "./transcript.js";
import type { Turns } from "./turns.js";
import { Exited } from "./wasi/cli.js";
import { VirtualClock } from "./wasi/clock.js";
import type { WasiFunctions } from "./wasi/contract.js";
import { changesOf } from "./wasi/filesystem/changes.js";
import { filesystemFunctions } from "./wasi/filesystem/functions.js";
import { View } from "./wasi/filesystem/view.js";
import { wasiFunctions } from "./wasi/functions.js";
import { httpFunctions } from "./wasi/http/functions.js";
import { SeededRandom } from "./wasi/randomness.js";
import { stubFunctions } from "./wasi/stub.js";

export interface AttemptWorld {
  readonly send: (message: object) => void;
  readonly turns: Turns;
  readonly slice: number;
  /** Most bytes of JSON in a call's arguments or an attempt's outputs. */
  readonly valueBytes: number;
  readonly memories: Memories;
}
export type Answer =
  | { readonly ok: Json }
  | { readonly err: { code: string; message: string; retry_after_ms?: number } }
  | { readonly failed: string };

type End =
  | { kind: "ok"; outputs: unknown; changes?: readonly GuestChange[] }
  | { kind: "exited"; stdout: string; changes?: readonly GuestChange[] }
  | Failed
  | { kind: "cancelled" };

const REAL_NOW = "clock.now-ms";

function milliseconds(answer: Json): number {
  if (isObject(answer) && typeof answer["ok"] === "number") return answer["ok"];
  throw new GuestTrap(`no time can be told: ${JSON.stringify(answer)}`);
}

const MIB = 1 << 20;
const PAGE = 1 << 16;
const MAX_OUTPUTS = 4096;
/** Of the list of changed names as JSON; the files themselves have gone before. */
const CHANGES_BYTES = 2 << 20;

export class Attempt {
  private readonly start: StartMessage;
  private readonly world: AttemptWorld;
  private readonly account: FuelAccount;
  private readonly local: LocalHost;
  /** What the answers of this process are made from, the contract's and WASI's alike. */
  private readonly given: { readonly clock: VirtualClock; readonly random: SeededRandom; readonly transcript: Transcript };
  /** Of the granted directories. */
  private readonly view: View;
  private streams: StandardStreams | null = null;
  private instance: Instance | null = null;
  private seq = 0;
  private waiting: { seq: number; settle: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
  private cancelled: Cancelled | null = null;

  constructor(start: StartMessage, world: AttemptWorld) {
    this.start = start;
    this.world = world;
    this.account = new FuelAccount({
      budget: start.limits.fuel,
      slice: world.slice,
      breathe: world.turns.breathe,
      due: world.turns.due,
      stop: () => this.cancelled ?? undefined,
    });
    const fuel = (): number => this.account.used;
    this.given = {
      clock: new VirtualClock({ epochMs: start.epochMs, granted: start.granted.time !== false, fuel }),
      random: new SeededRandom(start.seed),
      transcript: new Transcript(fuel),
    };
    const { clock } = this.given;
    this.view = new View({
      directories: start.directories,
      ask: (name, args) => this.ask({ interface: "fs", function: name, args }),
      now: () => (start.granted.time === false ? null : clock.wallNs()),
      met: (name, value, ceiling) => this.local.note(name, value, ceiling),
      pay: this.pay,
    });
    this.local = new LocalHost({
      ...this.given,
      state: start.state,
      limits: start.limits,
      write: (line) => world.send({ t: "log", attempt: start.attempt, ...line }),
    });
  }

  cancel(): void {
    this.cancelled ??= new Cancelled("cancelled");
    const { waiting } = this;
    this.waiting = null;
    waiting?.reject(this.cancelled);
  }

  /** Whether it waits for an answer of the control process. */
  get asks(): boolean {
    return this.waiting !== null;
  }

  /** An answer from the control process; false where none is awaited (the attempt was cancelled meanwhile). */
  answer(seq: number, answer: Answer): boolean {
    const { waiting } = this;
    if (waiting?.seq !== seq) return false;
    this.waiting = null;
    waiting.settle(answer);
    return true;
  }

  /** Never rejects. */
  async run(component: LoadedComponent): Promise<SandboxEndMessage> {
    let end: End;
    try {
      this.checkLinked(component);
      if (this.cancelled) throw this.cancelled;
      const { world } = component.plan.run;
      this.streams = new StandardStreams(this.start, world, this.world.valueBytes, {
        write: (line) => this.world.send({ t: "line", attempt: this.start.attempt, ...line }),
        pay: this.pay,
      });
      this.instance = new Instance(
        component,
        this.account,
        {
          // A stub is denied by the control process, which also writes that down.
          answersHere: (name, func) =>
            LOCAL_INTERFACES.has(name) && this.start.linked.includes(name) && !(this.real && `${name}.${func}` === REAL_NOW),
          local: (call) => this.answerHere(call),
          remote: (call) => this.ask(call),
          dropped: (resource, name) => this.world.send({ t: "drop", attempt: this.start.attempt, resource, name }),
          met: (name, value, ceiling) => this.local.note(name, value, ceiling),
          wasi: this.wasi(component, this.streams),
        },
        this.world.valueBytes,
        new Border(this.start.limits),
        this.world.memories,
      );
      this.checkMemory();
      end = await this.withChanges(
        world === "agent" ? await this.agent(this.instance) : await this.command(this.instance, this.streams),
      );
    } catch (error) {
      end = this.stopped(error);
    }
    return this.end(end);
  }

  private async agent(instance: Instance): Promise<End> {
    const { node, number, with: given, inputs } = this.start;
    const result = await instance.run([{ node, attempt: number, with: given, inputs } as unknown as Json]);
    this.checkMemory();
    return this.ended(result);
  }

  /** A command ends by returning or by `exit`; both are a status. */
  private async command(instance: Instance, streams: StandardStreams): Promise<End> {
    const status = await instance.run([]).then(
      (result) => (isObject(result) && Object.hasOwn(result, "ok") ? 0 : 1),
      (error: unknown) => {
        if (error instanceof Exited) return error.status;
        throw error;
      },
    );
    this.checkMemory();
    if (status !== 0) throw streams.failed(status);
    return { kind: "exited", stdout: streams.result() };
  }

  /** Whether dates are the machine's: then the control process tells them, and writes down what it told. */
  private get real(): boolean {
    return this.start.granted.time === "real";
  }

  private wasi({ plan }: LoadedComponent, stdio: StandardStreams): WasiFunctions {
    if (!plan.host.some(({ interface: name }) => name.startsWith("wasi:"))) return new Map();
    const stubs = this.start.stubs.filter((name) => name.startsWith("wasi:"));
    return wasiFunctions(
      {
        ...this.given,
        random: this.start.granted.random ? this.given.random : null,
        realMs: this.real ? () => this.ask({ interface: "clock", function: "now-ms", args: [] }).then(milliseconds) : null,
        stdio,
        pay: this.pay,
        before: () => this.checkMemory(),
      },
      {
        ...filesystemFunctions(this.view),
        ...httpFunctions((request) => this.ask({ interface: "http", function: "fetch", args: [request] }), this.pay),
        ...Object.fromEntries(stubs.map((name) => [name, stubFunctions(name, (call) => this.ask(call))])),
      },
    );
  }

  /** Ends an attempt whose component could not be loaded. */
  fail(error: unknown): SandboxEndMessage {
    return this.end(this.stopped(error));
  }

  /** Memory as it is, or as it would have been with what was refused last. */
  private get wantedMib(): number {
    return ((this.instance?.memoryBytes ?? 0) + this.account.refusedPages * PAGE) / MIB;
  }

  private end(end: End): SandboxEndMessage {
    // A guest may go on without what it was refused; that it was stands in the run all the same.
    const told = end.kind === "failed" && end.limit?.name === "memory_mib";
    if (this.account.refusedPages > 0 && !told) this.local.note("memory_mib", this.wantedMib, this.start.limits.memoryMib);
    if (end.kind !== "cancelled") this.streams?.finish();
    const costs = { fuel: this.fuel, peakMemoryBytes: this.instance?.memoryBytes ?? 0, ...this.local.finish() };
    this.instance?.end();
    this.instance = null;
    return { t: "end", attempt: this.start.attempt, ...end, ...costs } as SandboxEndMessage;
  }

  /** At most what was granted: the block that passed the budget has not run. */
  private get fuel(): number {
    return Math.min(this.account.used, this.start.limits.fuel);
  }

  private checkLinked({ plan }: LoadedComponent): void {
    const missing = plan.host.find(
      ({ interface: name }) => !this.start.linked.includes(name) && !this.start.stubs.includes(name),
    );
    if (missing)
      throw new AttemptFailed({
        code: "host.denied",
        message: `the component imports \`${missing.interface}\`, which its grant does not link`,
        retryable: false,
      });
  }

  /** The cap that was metered in holds at every moment; a lower one of this attempt's own is seen at the next host call. */
  private checkMemory(): void {
    const bytes = this.instance?.memoryBytes ?? 0;
    if (bytes > this.start.limits.memoryMib * MIB) throw new MemoryExceeded(`${bytes} bytes`);
  }

  private readonly pay = (fuel: number): void => this.account.charge(fuel);

  private answerHere(call: HostCall): Json {
    this.checkMemory();
    return this.local.answer(call);
  }

  private async ask(call: HostCall): Promise<Json> {
    this.checkMemory();
    const { calls } = this.start.limits;
    if (this.seq >= calls)
      throw new AttemptFailed(
        { code: "host.calls-exhausted", message: `more than ${calls} host calls in one attempt`, retryable: false },
        { name: "calls", value: this.seq + 1, ceiling: calls },
      );
    if (this.cancelled) throw this.cancelled;
    const seq = this.seq++;
    const answer = await new Promise<Answer>((settle, reject) => {
      this.waiting = { seq, settle, reject };
      this.world.send({ t: "call", attempt: this.start.attempt, seq, ...call, fuel: this.account.used });
    });
    if (this.cancelled) throw this.cancelled;
    if ("failed" in answer) throw new AttemptFailed({ code: "host.component", message: answer.failed, retryable: false });
    if ("ok" in answer) return { ok: answer.ok };
    const { code, message, retry_after_ms = 0 } = answer.err;
    return { err: { tag: code, val: code === "unavailable" ? { message, retry_after_ms } : message } };
  }

  private ended(result: Json): End {
    if (isObject(result) && isObject(result["err"])) {
      const { code, message, retryable } = result["err"] as { code: string; message: string; retryable: boolean };
      // Codes that begin with `host.` are the host's: an agent that chooses one gets a prefix of its own.
      const own = code.startsWith("host.") ? `agent.${code}` : code || "agent";
      return failed(clip(own, 128), message, retryable);
    }
    const outputs = (result as { ok: readonly { port: string; type: string; body: string }[] }).ok;
    const size = Buffer.byteLength(JSON.stringify(outputs));
    if (outputs.length > MAX_OUTPUTS) return tooLarge("output_messages", outputs.length, MAX_OUTPUTS);
    if (size > this.world.valueBytes) return tooLarge("output_bytes", size, this.world.valueBytes);
    if (outputs.some(({ port, type }) => port.length > 64 || type.length > 256))
      return failed("host.component", "an output names a port or a type of more than 64 or 256 characters", false);
    return { kind: "ok", outputs };
  }

  /** A success with what it leaves in the granted directories: the files go over piece by piece before the end does. */
  private async withChanges(end: End): Promise<End> {
    if (end.kind !== "ok" && end.kind !== "exited") return end;
    const changes = await changesOf(this.view, async (piece) => {
      const args = [Buffer.from(piece).toString("base64")];
      const { ok } = (await this.ask({ interface: "fs", function: "store", args })) as { readonly ok?: Digest };
      if (ok !== undefined) return ok;
      throw new AttemptFailed({ code: "host.commit", message: "a piece of a file was not taken", retryable: false });
    });
    const size = Buffer.byteLength(JSON.stringify(changes));
    if (size > CHANGES_BYTES)
      throw new AttemptFailed(
        { code: "host.commit", message: `the names of the changed files are too long together: ${size} bytes`, retryable: false },
        { name: "file_changes_bytes", value: size, ceiling: CHANGES_BYTES },
      );
    return changes.length === 0 ? end : { ...end, changes };
  }

  private stopped(error: unknown): End {
    if (this.cancelled || error instanceof Cancelled) return { kind: "cancelled" };
    if (error instanceof Exited && this.streams) return this.stopped(this.streams.failed(error.status));
    return failureOf(error, {
      memoryMib: this.start.limits.memoryMib,
      memoryBytes: this.instance?.memoryBytes ?? 0,
      wantedMib: this.wantedMib,
      refused: this.account.refusedPages > 0,
      lastWords: this.streams?.lastWords() ?? "",
    });
  }
}
