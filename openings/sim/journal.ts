/** The ledger of the simulated world: logs in memory, and a process that writes them and can die at any event. */
import { blake3, type Digest } from "#core/digest.js";
import { checkMeta, type RunEvent, type RunEventDraft } from "#core/events.js";
import type { OpeningId, TraceId } from "#core/ids.js";
import { canonicalJson, type Json } from "#core/json.js";
import { INLINE_BYTES, type StoredValue } from "#core/values.js";
import type { Clock, Journal } from "../engine/world.js";

/** The simulated process has died: nothing that it does from now on reaches the disk. */
export class Crash extends Error {}

/** What outlives a process: the events of a run and of the runs inside of it, and the blobs. */
export interface Disk {
  readonly events: RunEvent[];
  readonly blobs: Map<Digest, string>;
  /** The logs of the runs inside, by their traces. */
  readonly inner: Map<TraceId, RunEvent[]>;
}

export const newDisk = (): Disk => ({ events: [], blobs: new Map(), inner: new Map() });

const id = "00000000-0000-7000-8000-000000000000";
/** Of the run that is no part of another one. */
export const ROOT = `trace:${id}` as TraceId;
const OPENING = `opening:${id}` as OpeningId;

export function logOf(disk: Disk, trace: TraceId): RunEvent[] {
  if (trace === ROOT) return disk.events;
  let log = disk.inner.get(trace);
  if (!log) disk.inner.set(trace, (log = []));
  return log;
}

/** All logs, the outermost first. */
export const logsOf = ({ events, inner }: Disk): readonly (readonly RunEvent[])[] => [events, ...inner.values()];

export const eventsOn = (disk: Disk): number => logsOf(disk).reduce((sum, { length }) => sum + length, 0);

export interface ProcessOptions {
  /** How long a write takes, in milliseconds. */
  readonly latency?: () => number;
  /** The process dies as soon as this many events are on the disk, all logs together. */
  readonly dieAfter?: number;
  /** Told each event when it is durable. */
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  /** Every event against its schema. */
  readonly checked?: boolean;
}

/**
 * One process: it writes to all logs in one order, and dies in all of them at once. It can die in the middle of a batch: what came
 * later was never written. Only a call's charge and its answer stay together, because no order of the two would be right: the charge
 * alone is paid again, the answer alone was free.
 */
export class SimProcess {
  #tail: Promise<unknown> = Promise.resolve();
  #written: number;
  /** Blobs that the next write makes durable. */
  readonly staged = new Map<Digest, string>();

  constructor(
    readonly disk: Disk,
    readonly clock: Clock,
    private readonly options: ProcessOptions = {},
  ) {
    this.#written = eventsOn(disk);
  }

  journal(trace: TraceId): SimJournal {
    return new SimJournal(this, trace);
  }

  place(draft: RunEventDraft, trace: TraceId, seq: number): RunEvent {
    const { kind, level, message } = draft;
    if (this.options.checked !== false) checkMeta(kind, draft.meta);
    // What the log holds is JSON: a value that does not survive it must not survive here.
    const meta = this.options.checked === false ? draft.meta : (JSON.parse(JSON.stringify(draft.meta)) as never);
    const ts_ms = this.clock.now();
    return { v: 1, seq, ts_ms, trace_id: trace, opening_id: OPENING, run_id: trace, kind, level, message, meta } as RunEvent;
  }

  write(placed: readonly RunEvent[], log: RunEvent[]): Promise<readonly RunEvent[]> {
    const written = this.#write(placed, log, this.#tail);
    this.#tail = written.catch(() => undefined);
    return written;
  }

  async #write(placed: readonly RunEvent[], log: RunEvent[], before: Promise<unknown>): Promise<readonly RunEvent[]> {
    const { latency = () => 0, dieAfter = Infinity, onEvent } = this.options;
    await before;
    const ms = latency();
    if (ms > 0) await this.clock.sleep(ms, never);
    for (const [digest, text] of this.staged) this.disk.blobs.set(digest, text);
    for (const event of placed) {
      const paid = event.kind === "call.finished" && event !== placed[0];
      if (this.#written >= dieAfter && !paid) throw new Crash("the process died");
      this.#written++;
      log.push(event);
      onEvent?.(event);
    }
    return placed;
  }
}

export class SimJournal implements Journal {
  readonly #log: RunEvent[];
  #placed: number;

  constructor(
    private readonly process: SimProcess,
    private readonly trace: TraceId,
  ) {
    this.#log = logOf(process.disk, trace);
    this.#placed = this.#log.length;
  }

  // Placed before the first await: the order of the log is that of the calls.
  async append(drafts: readonly RunEventDraft[]): Promise<readonly RunEvent[]> {
    const placed = drafts.map((draft) => this.process.place(draft, this.trace, this.#placed++));
    return this.process.write(placed, this.#log);
  }
  async write(drafts: readonly RunEventDraft[]): Promise<void> {
    await this.append(drafts);
  }

  store(value: Json): StoredValue {
    const text = canonicalJson(value);
    const bytes = Buffer.byteLength(text);
    return bytes <= INLINE_BYTES ? { value } : { blob: this.#stage(text), bytes };
  }

  keep(value: Json): Digest {
    return this.#stage(canonicalJson(value));
  }

  #stage(text: string): Digest {
    const digest = blake3(text);
    this.process.staged.set(digest, text);
    return digest;
  }

  load(stored: StoredValue): Json {
    if ("value" in stored) return stored.value;
    const text = this.process.staged.get(stored.blob);
    return text === undefined ? loadFrom(this.process.disk)(stored) : (JSON.parse(text) as Json);
  }
}

export function loadFrom({ blobs }: Pick<Disk, "blobs">): Journal["load"] {
  return (stored) => {
    if ("value" in stored) return stored.value;
    const text = blobs.get(stored.blob);
    if (text === undefined) throw new Error(`no blob ${stored.blob}`);
    return JSON.parse(text) as Json;
  };
}

const never = new AbortController().signal;
