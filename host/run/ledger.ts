/** What a run needs of the ledger; the knowledge base gives it, and a trace file gives the reading half. */
import type { Digest } from "#core/digest.js";
import type { RunEvent, RunEventDraft } from "#core/events.js";
import type { OpeningId, TraceId } from "#core/ids.js";

export interface Blob {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export interface RunReader {
  runEvents(traceId: TraceId, fromSeq?: number): Iterable<RunEvent>;
  /** The bytes, checked against the digest. Throws where they are missing or do not match. */
  blob(digest: Digest): Uint8Array;
}

export interface RunLedger extends RunReader {
  append(
    trace: { readonly traceId: TraceId; readonly openingId: OpeningId },
    drafts: readonly RunEventDraft[],
    blobs: readonly Blob[],
  ): Promise<readonly RunEvent[]>;
}
