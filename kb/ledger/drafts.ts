/** From drafts to rows: everything is checked before it is queued, so that the writer meets only what fits. */
import * as z from "zod";
import { checkMeta, isRunKind, LINE_BYTES, level, provenance, type EventDraft, type Provenance } from "#core/events.js";
import { RlpError } from "#core/errors.js";
import { canonicalJson } from "#core/json.js";
import type { OpeningId, TraceId } from "#core/ids.js";
import { KbError } from "../errors.js";
import type { AppendRequest, BlobRecord, DraftColumns, SealRecord } from "./messages.js";
import { referencedBlobs } from "./references.js";
import { seal, SEALED_KINDS, SEALED_TYPE, SEALED_VERSION, type Sealed } from "./seal.js";
import type { Haste } from "./writer.js";

/** The run that appended events belong to. */
export interface RunRef {
  readonly traceId: TraceId;
  readonly openingId: OpeningId;
}

export interface LedgerBlob {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** All rows and blobs of one append become durable together, or none. */
export interface LedgerAppend {
  /** Needed where a draft is of a run's kind. Records (`note.added`, …) stand outside the run's `seq`: it goes into their provenance. */
  readonly trace: RunRef | null;
  readonly drafts: readonly EventDraft[];
  readonly blobs?: readonly LedgerBlob[];
  /** Default `now`. */
  readonly haste?: Haste;
  /** In the same transaction these keys are destroyed and these blobs removed; with an `entity.forgotten` that says so. */
  readonly forget?: Forgetting;
}

export interface Forgetting {
  /** Digests of the sealed blobs. */
  readonly seals: readonly string[];
  readonly blobs: readonly string[];
}

const ACTOR = /^(user|host|agent:[a-z][a-z0-9_]{0,63}(@[0-9A-Za-z.+-]{1,64})?)$/;
const SCOPE = /^(user|system|agent:[a-z][a-z0-9_]{0,63})$/;
const TRACE = /^trace:[0-9a-f-]{36}$/;
const OPENING = /^opening:[0-9a-f-]{36}$/;

/** What a line carries besides the payload, generously. */
const ENVELOPE_BYTES = 4096;

function invalid(message: string, cause?: unknown): KbError {
  const place = cause instanceof RlpError ? cause.place : undefined;
  return new KbError("KB_EVENT_INVALID", message, { cause, ...(place && { place }) });
}

/** Throws `KB_EVENT_INVALID` with the path of what does not fit. */
export function encodeAppend(append: LedgerAppend, nowMs: number): { readonly request: AppendRequest; readonly bytes: number } {
  const { trace } = append;
  if (trace && !(TRACE.test(trace.traceId) && OPENING.test(trace.openingId)))
    throw invalid(`\`${trace.traceId}\`, \`${trace.openingId}\` do not name a run`);
  if (!Number.isSafeInteger(nowMs) || nowMs < 0) throw invalid(`the clock says ${nowMs}, which is no time`);
  const sealed: Sealed[] = [];
  const rows = append.drafts.map((draft) => encodeDraft(draft, trace, sealed));
  let bytes = 256;
  for (const row of rows) bytes += 256 + 2 * (row[4].length + row[5].length);
  // A copy: the caller may go on using its buffer, and a view must not drag the pool behind it across to the thread.
  const blobs = (append.blobs ?? []).map((blob): BlobRecord => ({ ...blob, bytes: Uint8Array.from(blob.bytes) }));
  // Not from a pool: a blob's bytes are given away.
  for (const { digest, bytes } of sealed) blobs.push({ digest, bytes: Uint8Array.from(bytes), mediaType: SEALED_TYPE });
  const seals = sealed.map(({ digest, key }): SealRecord => ({ digest, key: Uint8Array.from(key) }));
  for (const blob of blobs) bytes += blob.bytes.byteLength;
  const decides: string[] = [];
  for (const draft of append.drafts) if (draft.kind === "action.decided") decides.push(draft.meta.proposal_id);
  if (decides.length > 1 && new Set(decides).size < decides.length) throw invalid("one append decides a proposal twice");
  return { request: { type: "append", nowMs, rows, blobs, seals, decides, forget: append.forget ?? null }, bytes };
}

/** What is sealed is added to `sealed`. */
function encodeDraft(draft: EventDraft, trace: RunRef | null, sealed: Sealed[]): DraftColumns {
  const { kind, level: urgency, message, meta, actor = "host", scope = "system" } = draft;
  const ofRun = isRunKind(kind);
  if (ofRun && !trace) throw invalid(`event \`${kind}\` belongs to a run, and none is given`);
  if (actor !== "host" && !ACTOR.test(actor))
    throw invalid(`event \`${kind}\`: actor \`${actor}\` is not user, host or agent:<name>@<version>`);
  if (scope !== "system" && !SCOPE.test(scope))
    throw invalid(`event \`${kind}\`: scope \`${scope}\` is not user, system or agent:<name>`);
  if (!level.options.includes(urgency) || typeof message !== "string")
    throw invalid(`event \`${kind}\` needs a level and a message`);
  try {
    checkMeta(kind, meta);
    const payload = canonicalJson(
      SEALED_KINDS.includes(kind)
        ? sealedForm(kind, urgency, message, meta, sealed)
        : ofRun && trace
          ? { level: urgency, message, meta, opening_id: trace.openingId }
          : { level: urgency, message, meta },
    );
    const source = encodeProvenance(draft.provenance, ofRun ? null : trace);
    // Counting the bytes also makes one text of what was put together from fifty pieces, which the collector would carry about one by one
    // for as long as the row waits: two thirds of the time of an append.
    if (Buffer.byteLength(payload) + Buffer.byteLength(source) > LINE_BYTES - ENVELOPE_BYTES)
      throw invalid(`event \`${kind}\` is longer than a line may be (${LINE_BYTES} bytes): store the value as a blob`);
    return [actor, kind, scope, ofRun && trace ? trace.traceId : null, payload, source];
  } catch (cause) {
    throw cause instanceof KbError || !(cause instanceof RlpError) ? cause : invalid(cause.message, cause);
  }
}

function sealedForm(kind: string, urgency: string, message: string, meta: unknown, sealed: Sealed[]): object {
  if (Buffer.byteLength(canonicalJson(meta)) > LINE_BYTES - ENVELOPE_BYTES)
    throw invalid(`event \`${kind}\` is longer than a line may be (${LINE_BYTES} bytes): store the value as a blob`);
  const made = seal({ message, meta });
  sealed.push(made);
  return { level: urgency, sealed: made.digest, uses: referencedBlobs(kind, { meta }), v: SEALED_VERSION };
}

function encodeProvenance(given: Provenance | undefined, trace: RunRef | null): string {
  if (!given && !trace) return "{}";
  const all = { ...(trace && { trace: trace.traceId, opening: trace.openingId }), ...given };
  const result = provenance.safeParse(all);
  if (!result.success) throw invalid(`provenance: ${z.prettifyError(result.error)}`);
  return canonicalJson(all);
}
