/**
 * A whole ledger as NDJSON: a header, the rows in their order, blobs, keys of seals, checkpoints, and a last line without which the file
 * was cut off. Payloads are canonical JSON, so each row's hash can be computed from its line.
 */
import * as z from "zod";
import { LINE_BYTES } from "#core/events.js";
import { digest, json } from "#core/values.js";

export const FORMAT = "rlp-ledger-1";

/** Of a blob; a line holds a third more, as base64. */
export const BLOB_BYTES = 64 << 20;
export const MOST_OF_A_LINE = Math.ceil((BLOB_BYTES * 4) / 3) + LINE_BYTES;
/** Of every other line: as many bytes as a row has at most, and its envelope. */
export const MOST_OF_A_ROW = 2 * LINE_BYTES;

const count = z.int().nonnegative();
const base64 = z.base64();
const text = z.string();

export const headerLine = z.strictObject({ format: z.literal(FORMAT), schema: count, rows: count, last: count, head: digest });
export const rowLine = z.strictObject({
  id: count,
  ts_ms: count,
  trace_id: text.max(64).nullable(),
  seq: count.nullable(),
  actor: text.max(256),
  kind: text.max(64),
  scope: text.max(256),
  payload: z.record(text, json),
  provenance: z.record(text, json),
  prev_hash: digest,
  hash: digest,
});
export const blobLine = z.strictObject({ blob: digest, media_type: text.max(256), base64 });
export const sealLine = z.strictObject({ seal: digest, key: base64.max(64) });
export const checkpointLine = z.strictObject({
  checkpoint: count,
  ts_ms: count,
  hash: digest,
  previous: digest,
  key: text.max(64),
  signature: base64.max(128),
});
export const endLine = z.strictObject({ end: z.strictObject({ rows: count, blobs: count }) });

const level = z.enum(["info", "warn", "error"]);
/** A payload of version 1, in the clear; of version 2, sealed. Whether `meta` fits its kind is another question. */
export const storedPayload = z.union([
  z.strictObject({ level, message: text, meta: json, opening_id: text.max(64).optional() }),
  z.strictObject({ level, sealed: digest, uses: z.array(digest).max(16), v: z.literal(2) }),
]);

export type RowLine = z.infer<typeof rowLine>;
