import type { Digest } from "#core/digest.js";
import { checkMeta, type RunEvent, type RunEventDraft } from "#core/events.js";
import type { OpeningId, TraceId } from "#core/ids.js";
import { canonicalJson, jsonDigest, type Json } from "#core/json.js";
import { INLINE_BYTES, type StoredValue } from "#core/values.js";
import type { Clock, Journal } from "#openings/engine/world.js";

export class Crash extends Error {}

const id = "00000000-0000-7000-8000-000000000000";

/**
 * A ledger in memory. `disk` outlives a crash; it holds what was durable. With `dieAfter` the process dies as soon as that many
 * events are on disk, also in the middle of a batch: what came later was never written. Only a call's charge and its answer stay
 * together, because no order of the two would be right: the charge alone is paid again, the answer alone was free.
 */
export class SimJournal implements Journal {
  readonly #staged = new Map<Digest, string>();
  #placed: number;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    readonly disk: Disk,
    private readonly clock: Clock,
    private readonly latency: () => number,
    private readonly dieAfter = Infinity,
  ) {
    this.#placed = disk.events.length;
  }

  async append(drafts: readonly RunEventDraft[]): Promise<readonly RunEvent[]> {
    const placed = drafts.map((draft) => this.#place(draft));
    const before = this.#tail;
    const written = this.#write(placed, before);
    this.#tail = written.catch(() => undefined);
    return written;
  }

  async #write(placed: readonly RunEvent[], before: Promise<unknown>): Promise<readonly RunEvent[]> {
    await before;
    const latency = this.latency();
    if (latency > 0) await this.clock.sleep(latency, never);
    for (const [digest, text] of this.#staged) this.disk.blobs.set(digest, text);
    for (const event of placed) {
      const paid = event.kind === "call.finished" && event !== placed[0];
      if (this.disk.events.length >= this.dieAfter && !paid) throw new Crash("the process died");
      this.disk.events.push(event);
    }
    return placed;
  }

  store(value: Json): StoredValue {
    const text = canonicalJson(value);
    const bytes = Buffer.byteLength(text);
    return bytes <= INLINE_BYTES ? { value } : { blob: this.keep(value), bytes };
  }

  keep(value: Json): Digest {
    const digest = jsonDigest(value);
    this.#staged.set(digest, canonicalJson(value));
    return digest;
  }

  load(stored: StoredValue): Json {
    if ("value" in stored) return stored.value;
    const text = this.#staged.get(stored.blob);
    return text === undefined ? loadFrom(this.disk)(stored) : (JSON.parse(text) as Json);
  }

  #place(draft: RunEventDraft): RunEvent {
    checkMeta(draft.kind, draft.meta);
    const { kind, level, message } = draft;
    // What the log holds is JSON: a value that does not survive it must not survive here.
    const meta = JSON.parse(JSON.stringify(draft.meta)) as never;
    return {
      v: 1,
      seq: this.#placed++,
      ts_ms: this.clock.now(),
      trace_id: `trace:${id}` as TraceId,
      opening_id: `opening:${id}` as OpeningId,
      run_id: `trace:${id}` as TraceId,
      kind,
      level,
      message,
      meta,
    } as RunEvent;
  }
}

export interface Disk {
  readonly events: RunEvent[];
  readonly blobs: Map<Digest, string>;
}

export function loadFrom(disk: Disk): Journal["load"] {
  return (stored) => {
    if ("value" in stored) return stored.value;
    const text = disk.blobs.get(stored.blob);
    if (text === undefined) throw new Error(`no blob ${stored.blob}`);
    return JSON.parse(text) as Json;
  };
}

const never = new AbortController().signal;
