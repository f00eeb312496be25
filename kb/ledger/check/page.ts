/**
 * A page of rows at once. SQLite puts together the texts that are hashed; what comes to JavaScript is one buffer and a few lists in
 * place of eleven values a row, which is two thirds of the work. A page in which anything is not as it must be is not judged here: it
 * is gone through row by row ({@link ./row.js}).
 */
import { blake3Bytes } from "#core/digest.js";
import type { Db } from "../../files.js";
import { BLOB_MARK, DIGEST_KINDS, VALUE_KINDS } from "../references.js";

export const PAGE = 500;
const HASH_BYTES = 32;

/** `PAGE` rows, or fewer at the end, that follow each other and are as they were written. */
export interface SoundPage {
  readonly count: number;
  readonly prevHash: Uint8Array;
  readonly hash: Uint8Array;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of each row: its run (empty: none) and its place in it. */
  readonly traces: readonly string[];
  readonly seqs: readonly number[];
  /** Rows that may refer to blobs. */
  readonly referring: readonly number[];
}

type Columns = [
  texts: Buffer | null,
  ends: string | null,
  hashes: Uint8Array | null,
  times: string | null,
  traces: string | null,
  seqs: string | null,
  referring: string | null,
  count: number,
  first: number | null,
  last: number | null,
];

/** What `rowHash` hashes; values that JSON would escape make another hash, and so a closer look. */
const TEXT = `concat(prev_hash, '{"actor":"', actor, '","id":', id, ',"kind":"', kind, '","payload":', payload_json,
  ',"provenance":', provenance_json, ',"scope":"', scope, '","seq":', coalesce(seq, 'null'),
  ',"trace_id":', coalesce('"' || trace_id || '"', 'null'), ',"ts_ms":', ts_ms, '}')`;

const texts = (list: readonly string[]): string => list.map((each) => `'${each}'`).join(", ");

const QUERY = `SELECT CAST(group_concat(text, '') AS BLOB), group_concat(octet_length(text)), CAST(group_concat(hash, '') AS BLOB),
  group_concat(ts_ms), group_concat(coalesce(trace_id, '')), group_concat(coalesce(seq, -1)),
  group_concat(CASE WHEN kind IN (${texts(DIGEST_KINDS)}) OR (kind IN (${texts(VALUE_KINDS)}) AND instr(payload_json, '${BLOB_MARK}')) THEN id END),
  count(*), min(id), max(id)
FROM (SELECT ${TEXT} AS text, * FROM events WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ${PAGE})`;

/**
 * The hash covers payload and provenance side by side, so text could be moved from one to the other. In rows where this stands once
 * there is one way only to cut them.
 */
const SEAM = ',"provenance":';

/** Gives the function that reads the page from row `from` on, up to row `to`; null where a closer look is due. */
export function pageReader(db: Db): (from: number, to: number) => SoundPage | null {
  const read = db.prepare<[number, number], Columns>(QUERY).raw();
  return (from, to) => {
    const [bytes, ends, hashes, times, traceList, seqList, referring, count, first, last] = read.get(from, to)!;
    if (bytes === null || hashes?.length !== HASH_BYTES * count || first !== from || last !== from + count - 1) return null;
    const sizes = numbers(ends);
    const prevHash = bytes.subarray(0, HASH_BYTES);
    let at = 0;
    let seam = bytes.indexOf(SEAM, 0, "latin1");
    for (let row = 0; row < count; row++) {
      const end = at + sizes[row]!;
      const place = HASH_BYTES * row;
      // Each row names the one before it, holds what its hash says, and can be read in one way.
      if (row > 0 && !equal(bytes, at, hashes, place - HASH_BYTES)) return null;
      if (!equal(blake3Bytes(bytes.subarray(at, end)), 0, hashes, place)) return null;
      if (seam < at || seam > end) return null;
      seam = bytes.indexOf(SEAM, seam + SEAM.length, "latin1");
      if (seam >= 0 && seam < end) return null;
      at = end;
    }
    const [ms, traces, seqs] = [numbers(times), (traceList ?? "").split(","), numbers(seqList)];
    if (at !== bytes.length || ms.length !== count || traces.length !== count || seqs.length !== count) return null;
    for (let row = 1; row < count; row++) if (ms[row]! < ms[row - 1]!) return null;
    const [firstMs, lastMs] = [ms[0]!, ms[count - 1]!];
    const hash = hashes.subarray(-HASH_BYTES);
    return { count, prevHash, hash, firstMs, lastMs, traces, seqs, referring: numbers(referring) };
  };
}

function equal(a: Uint8Array, atA: number, b: Uint8Array, atB: number): boolean {
  for (let byte = 0; byte < HASH_BYTES; byte++) if (a[atA + byte] !== b[atB + byte]) return false;
  return true;
}

const numbers = (list: string | null): number[] => (list ? list.split(",").map(Number) : []);
