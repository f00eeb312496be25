/**
 * What needs no authority is answered here, from the seed and the fuel: `log`, `clock`, `random`, `state`. Every call and answer
 * goes into the transcript.
 */
import { parseObject, type Json, type JsonObject } from "../abi/json.js";
import type { Transcript } from "./transcript.js";
import { NS_PER_MS, type VirtualClock } from "./wasi/clock.js";
import type { SeededRandom } from "./wasi/randomness.js";

export interface LocalCall {
  readonly interface: string;
  readonly function: string;
  readonly args: readonly Json[];
}
export type Level = "trace" | "debug" | "info" | "warn" | "error";
export interface LogLine {
  readonly level: Level;
  readonly message: string;
  readonly fields: JsonObject;
}

/** One line of the log. How many there may be is a limit of the attempt, counted, so that a replay keeps and drops the same lines. */
const LOG = { message: 8192, fields: 16_384, depth: 16, elements: 1000 };
/** WIT, `state`: characters of a key and of a value, bytes in all. Keys are counted too, since they end up in one message. */
const STATE = { key: 256, value: 65_536, total: 1 << 20, keys: 4096 };
const RANDOM_BYTES = 65_536;

export const LOCAL_INTERFACES: ReadonlySet<string> = new Set(["log", "clock", "random", "state"]);

const ok = (value: Json): Json => ({ ok: value });
const invalid = (message: string): Json => ({ err: { tag: "invalid", val: message } });

/** What one attempt's answers are made from; WASI's answers draw on the same. */
export interface LocalWorld {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly transcript: Transcript;
  readonly state: JsonObject;
  readonly limits: { readonly logLines: number; readonly logUnits: number };
  readonly write: (line: LogLine) => void;
}

export class LocalHost {
  private readonly world: LocalWorld;
  private readonly store: Map<string, string>;
  private stored = 0;
  private lines = 0;
  private units = 0;
  private dropped = 0;
  private readonly met = new Map<string, { name: string; value: number; ceiling: number }>();

  constructor(world: LocalWorld) {
    this.world = world;
    this.store = new Map(Object.entries(world.state).map(([key, value]) => [key, String(value)]));
    for (const [key, value] of this.store) this.stored += bytes(key) + bytes(value);
  }

  /** The result as the WIT types it, null for `log.write`. */
  answer(call: LocalCall): Json {
    const { transcript } = this.world;
    transcript.call(`${call.interface}.${call.function}`, call.args);
    const value = this.dispatch(call);
    transcript.value(value);
    return value;
  }

  /** Digest of everything so far; ends the log with a line that says how much of it was dropped. */
  finish(): { localHash: string; state: JsonObject; met: { name: string; value: number; ceiling: number }[] } {
    if (this.dropped > 0)
      this.world.write({
        level: "warn",
        message: `${this.dropped} lines of this agent's log were dropped: it wrote more than an attempt may`,
        fields: { dropped: this.dropped },
      });
    return {
      localHash: this.world.transcript.digest(),
      state: Object.fromEntries([...this.store].sort(([a], [b]) => (a < b ? -1 : 1))),
      met: [...this.met.values()],
    };
  }

  /** Notes a limit that bit and did not end the attempt, with the largest value that it was met with. */
  note(name: string, value: number, ceiling: number): void {
    this.met.set(name, { name, value: Math.max(value, this.met.get(name)?.value ?? 0), ceiling });
  }

  private dispatch({ interface: name, function: func, args }: LocalCall): Json {
    const { clock, random } = this.world;
    switch (`${name}.${func}`) {
      case "log.write":
        this.log(args[0] as Level, args[1] as string, args[2] as string);
        return null;
      case "clock.now-ms":
        return ok(Number(clock.wallNs() / NS_PER_MS));
      case "clock.monotonic-ns":
        return ok(Number(clock.elapsed()));
      case "random.next-u64":
        return ok(random.u64().toString());
      case "random.bytes": {
        const length = args[0] as number;
        if (length > RANDOM_BYTES) return invalid(`at most ${RANDOM_BYTES} bytes at a time`);
        return ok(random.bytes(length).toString("base64"));
      }
      case "state.get":
        return ok(this.store.get(args[0] as string) ?? null);
      case "state.set":
        return this.set(args[0] as string, args[1] as string);
      case "state.delete":
        this.remove(args[0] as string);
        return ok(null);
      case "state.keys":
        return ok([...this.store.keys()].sort());
      default:
        throw new TypeError(`${name}.${func} is not answered here`);
    }
  }

  private set(key: string, value: string): Json {
    if (key.length === 0 || key.length > STATE.key) return invalid(`a key has 1 to ${STATE.key} characters`);
    if (value.length > STATE.value) return invalid(`a value has at most ${STATE.value} characters`);
    const old = this.store.get(key);
    if (old === undefined && this.store.size >= STATE.keys) return invalid(`a node's state has at most ${STATE.keys} keys`);
    const total = this.stored - (old === undefined ? 0 : bytes(key) + bytes(old)) + bytes(key) + bytes(value);
    if (total > STATE.total) this.note("state_bytes", total, STATE.total);
    if (total > STATE.total) return invalid(`a node's state has at most ${STATE.total} bytes in all`);
    this.store.set(key, value);
    this.stored = total;
    return ok(null);
  }

  private remove(key: string): void {
    const old = this.store.get(key);
    if (old === undefined) return;
    this.store.delete(key);
    this.stored -= bytes(key) + bytes(old);
  }

  private log(level: Level, message: string, fields: string): void {
    this.lines++;
    this.units += message.length + fields.length;
    const { logLines, logUnits } = this.world.limits;
    if (this.lines > logLines) this.note("log_lines", this.lines, logLines);
    if (this.units > logUnits) this.note("log_bytes", this.units, logUnits);
    if (this.lines > logLines || this.units > logUnits) {
      this.dropped++;
      return;
    }
    const short = message.length > LOG.message ? `${message.slice(0, LOG.message)}… (${message.length} characters)` : message;
    const parsed = fields === "" ? {} : fields.length > LOG.fields ? undefined : parseObject(fields, LOG);
    this.world.write({
      level,
      message: short.toWellFormed(),
      fields: parsed ?? { unreadable_fields: fields.slice(0, 1024).toWellFormed() },
    });
  }
}

const bytes = (text: string): number => Buffer.byteLength(text);
