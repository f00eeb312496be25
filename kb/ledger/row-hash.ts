/**
 * The hash of a row: BLAKE3(prev_hash ‖ JCS({id, ts_ms, trace_id, seq, actor, kind, scope, payload, provenance})). Payload and provenance are
 * canonical JSON already, so the record is put together from pieces, with its members in JCS order. At 400 bytes a row, making texts and
 * buffers costs more than hashing: what rows have in common is encoded once, and all records are put together in one place.
 */
import { blake3Bytes } from "#core/digest.js";

/** What rows of one form have in common, between what is a row's own. */
export interface RecordForm {
  readonly beforeId: Uint8Array;
  readonly beforePayload: Uint8Array;
  readonly beforeSeq: Uint8Array;
  readonly beforeTime: Uint8Array;
  /** Of all of it, with the numbers and `prev_hash` at their longest. */
  readonly bytes: number;
}

const HASH_BYTES = 32;
/** No number has a longer text. */
const MOST_DIGITS = 24;
const CLOSING = 0x7d;
const NULL = Buffer.from("null");

export function recordForm(actor: string, kind: string, scope: string, traceId: string | null, provenance: string): RecordForm {
  const beforeId = Buffer.from(`{"actor":${JSON.stringify(actor)},"id":`);
  const beforePayload = Buffer.from(`,"kind":${JSON.stringify(kind)},"payload":`);
  const beforeSeq = Buffer.from(`,"provenance":${provenance},"scope":${JSON.stringify(scope)},"seq":`);
  const beforeTime = Buffer.from(`,"trace_id":${JSON.stringify(traceId)},"ts_ms":`);
  const bytes = beforeId.length + beforePayload.length + beforeSeq.length + beforeTime.length + HASH_BYTES + 3 * MOST_DIGITS + 1;
  return { beforeId, beforePayload, beforeSeq, beforeTime, bytes };
}

let scratch = new Uint8Array(8192);

/** `payload` is UTF-8. */
export function recordHash(
  form: RecordForm,
  prevHash: Uint8Array,
  id: number,
  tsMs: number,
  seq: number | null,
  payload: Uint8Array,
): Uint8Array {
  const most = form.bytes + payload.length;
  if (scratch.length < most) scratch = new Uint8Array(2 * most);
  scratch.set(prevHash);
  let end = append(form.beforeId, HASH_BYTES);
  end = append(form.beforePayload, appendNumber(id, end));
  end = append(form.beforeSeq, append(payload, end));
  end = append(form.beforeTime, seq === null ? append(NULL, end) : appendNumber(seq, end));
  end = appendNumber(tsMs, end);
  scratch[end++] = CLOSING;
  return blake3Bytes(scratch.subarray(0, end));
}

function append(bytes: Uint8Array, at: number): number {
  scratch.set(bytes, at);
  return at + bytes.length;
}

function appendNumber(value: number, at: number): number {
  // Only in a file that somebody has damaged.
  if (value < 0 || !Number.isSafeInteger(value)) return append(Buffer.from(String(value)), at);
  let digits = 1;
  for (let most = 10; value >= most; most *= 10) digits++;
  writeDigits(scratch, at, value, digits);
  return at + digits;
}

/** The last `digits` decimal digits of a safe integer that is not negative, with zeros before it where it has fewer. */
export function writeDigits(into: Uint8Array, at: number, value: number, digits: number): void {
  let place = at + digits - 1;
  let rest = value;
  // Until the rest is one of the machine's own integers, which are divided in a fraction of the time.
  for (; rest > 0x7fff_ffff && place >= at; place--) {
    const less = Math.floor(rest / 10);
    into[place] = 0x30 + (rest - 10 * less);
    rest = less;
  }
  for (let small = rest | 0; place >= at; place--) {
    const less = (small / 10) | 0;
    into[place] = 0x30 + (small - 10 * less);
    small = less;
  }
}

/** As {@link recordHash}, of a row by itself. */
export function rowHash(
  prevHash: Uint8Array,
  id: number,
  tsMs: number,
  traceId: string | null,
  seq: number | null,
  actor: string,
  kind: string,
  scope: string,
  payload: string,
  provenance: string,
): Uint8Array {
  return recordHash(recordForm(actor, kind, scope, traceId, provenance), prevHash, id, tsMs, seq, Buffer.from(payload));
}
