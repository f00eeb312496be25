/** The journal of an attempt that nobody will replay: kept in memory for as long as the attempt lasts. */
import { blake3, type Digest } from "#core/digest.js";
import type { RunEvent, RunEventDraft } from "#core/events.js";
import { newOpeningId, type TraceId } from "#core/ids.js";
import { canonicalJson, parseJson, type Json } from "#core/json.js";
import type { StoredValue } from "#core/values.js";
import type { Journal } from "#openings/engine/world.js";

export class TrialJournal implements Journal {
  private readonly traceId: TraceId;
  private readonly openingId = newOpeningId();
  private readonly blobs = new Map<Digest, string>();
  private seq = 0;

  constructor(traceId: TraceId) {
    this.traceId = traceId;
  }

  async append(drafts: readonly RunEventDraft[]): Promise<readonly RunEvent[]> {
    return drafts.map((draft) => ({
      v: 1,
      seq: this.seq++,
      ts_ms: 0,
      trace_id: this.traceId,
      opening_id: this.openingId,
      run_id: this.traceId,
      ...draft,
    })) as unknown as RunEvent[];
  }
  async write(drafts: readonly RunEventDraft[]): Promise<void> {
    await this.append(drafts);
  }
  store(value: Json): StoredValue {
    return { value };
  }
  keep(value: Json): Digest {
    const text = canonicalJson(value);
    const digest = blake3(text);
    this.blobs.set(digest, text);
    return digest;
  }
  load(stored: StoredValue): Json {
    return "value" in stored ? stored.value : parseJson(this.blobs.get(stored.blob) ?? "");
  }
}
