/** What a run needs of the ledger; the knowledge base gives it, and a trace file gives the reading half. */
import type { Digest } from "#core/digest.js";
import type { RunEvent, RunEventDraft } from "#core/events.js";
import type { OpeningId, TraceId } from "#core/ids.js";
import type { Haste } from "#openings/engine/world.js";
import { parseJson, type Json } from "#core/json.js";

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
  append(...append: RunAppend): Promise<readonly RunEvent[]>;
  /** As `append`, for whoever needs no more than to know that they are durable. */
  write(...append: RunAppend): Promise<void>;
}

export type RunAppend = [
  trace: { readonly traceId: TraceId; readonly openingId: OpeningId },
  drafts: readonly RunEventDraft[],
  blobs: readonly Blob[],
  haste?: Haste | undefined,
];

/** The value in a blob. As large as a blob may be; deeper or longer JSON never got in. */
export function blobValue(bytes: Uint8Array): Json {
  return parseJson(Buffer.from(bytes).toString("utf8"), { bytes: 64 << 20, depth: 128, elements: 10_000_000 });
}
