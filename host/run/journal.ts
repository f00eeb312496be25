/** A run's stream in the ledger: what `openings` knows as its journal. */
import { blake3, type Digest } from "#core/digest.js";
import type { RunEvent, RunEventDraft } from "#core/events.js";
import { canonicalJson, type Json } from "#core/json.js";
import type { OpeningId, TraceId } from "#core/ids.js";
import { INLINE_BYTES, type StoredValue } from "#core/values.js";
import type { OpeningDocument } from "#openings/document.js";
import type { Haste, Journal } from "#openings/engine/world.js";
import { blobValue, type Blob, type RunLedger } from "./ledger.js";

export class LedgerJournal implements Journal {
  private readonly ledger: RunLedger;
  private readonly trace: { readonly traceId: TraceId; readonly openingId: OpeningId };
  private readonly onEvent: ((event: RunEvent) => void) | undefined;
  /** Blobs that the next append makes durable. */
  private pending: Blob[] = [];
  /** Blobs that are not known to be durable yet: reads find them here. */
  private readonly unsaved = new Map<Digest, Blob>();
  private nextSeq: number;

  constructor(
    ledger: RunLedger,
    trace: { traceId: TraceId; openingId: OpeningId },
    options: { nextSeq?: number; onEvent?: (event: RunEvent) => void } = {},
  ) {
    this.ledger = ledger;
    this.trace = trace;
    this.nextSeq = options.nextSeq ?? 0;
    this.onEvent = options.onEvent;
  }

  async append(drafts: readonly RunEventDraft[], haste?: Haste): Promise<readonly RunEvent[]> {
    const events = await this.with((blobs) => this.ledger.append(this.trace, drafts, blobs, haste));
    for (const event of events) this.show(event);
    return events;
  }

  /** Where nobody is shown the events, none are made: the engine has folded what it wrote. */
  async write(drafts: readonly RunEventDraft[], haste?: Haste): Promise<void> {
    if (this.onEvent) await this.append(drafts, haste);
    else await this.with((blobs) => this.ledger.write(this.trace, drafts, blobs, haste));
  }

  private async with<T>(append: (blobs: readonly Blob[]) => Promise<T>): Promise<T> {
    const blobs = this.pending;
    this.pending = [];
    const appended = await append(blobs);
    for (const blob of blobs) this.unsaved.delete(blob.digest);
    return appended;
  }

  /** Passes events on in order of `seq`. Another process may have written to this run in between (`rlp approve`): its rows come first. */
  private show(event: RunEvent): void {
    if (!this.onEvent || event.seq < this.nextSeq) return;
    if (event.seq > this.nextSeq)
      for (const missed of this.ledger.runEvents(this.trace.traceId, this.nextSeq)) {
        if (missed.seq >= event.seq) break;
        this.onEvent(missed);
      }
    this.nextSeq = event.seq + 1;
    this.onEvent(event);
  }

  /** Passes on what others have written to this run since. */
  catchUp(): void {
    if (!this.onEvent) return;
    for (const event of this.ledger.runEvents(this.trace.traceId, this.nextSeq)) {
      this.nextSeq = event.seq + 1;
      this.onEvent(event);
    }
  }

  store(value: Json): StoredValue {
    const text = canonicalJson(value);
    const bytes = Buffer.from(text);
    if (bytes.length <= INLINE_BYTES) return { value };
    return { blob: this.storeBytes(bytes, "application/json"), bytes: bytes.length };
  }

  keep(value: Json): Digest {
    return this.storeBytes(Buffer.from(canonicalJson(value)), "application/json");
  }

  storeBytes(bytes: Uint8Array, mediaType: string): Digest {
    return this.stage({ digest: blake3(bytes), bytes, mediaType });
  }

  /** As {@link keep}, of what has its canonical JSON and its digest already. */
  keepDocument({ digest, bytes }: OpeningDocument): Digest {
    return this.stage({ digest, bytes, mediaType: "application/json" });
  }

  private stage(blob: Blob): Digest {
    this.pending.push(blob);
    this.unsaved.set(blob.digest, blob);
    return blob.digest;
  }

  load(stored: StoredValue): Json {
    return "value" in stored ? stored.value : blobValue(this.bytes(stored.blob));
  }

  /** A blob as it is. Throws where it is missing or is not what its digest says. */
  bytes(digest: Digest): Uint8Array {
    return this.unsaved.get(digest)?.bytes ?? this.ledger.blob(digest);
  }
}
