/**
 * Placed rows on their way into the table: one statement for all that stand side by side, which takes them out of a few long values.
 * Binding eleven values a row costs more than storing them.
 */
import { KbError } from "../errors.js";
import type { Db } from "../files.js";
import { formOf, payloadStart, rowCount, type PackedRows } from "./packed.js";
import { COLUMNS } from "./row.js";
import { recordForm, writeDigits, type RecordForm } from "./row-hash.js";

/** Rows of a batch with what their place gives them, each under its place in the batch. */
export interface PlacedRows {
  readonly rows: PackedRows;
  /** The rows' forms as JSON. */
  readonly forms: string;
  /** The same as what is hashed of it. */
  readonly records: readonly RecordForm[];
  /** Meaningless for rows outside of runs. */
  readonly seqs: Float64Array;
  readonly times: Float64Array;
  /** 32 bytes each: a row's `prev_hash`, and behind it its hash. */
  readonly hashes: Uint8Array;
}

export function unplaced(rows: PackedRows): PlacedRows {
  const count = rowCount(rows);
  const forms = JSON.stringify(rows.forms);
  const records = rows.forms.map((form) => recordForm(...form));
  return {
    rows,
    forms,
    records,
    seqs: new Float64Array(count),
    times: new Float64Array(count),
    hashes: new Uint8Array(32 * (count + 1)),
  };
}

/** Decimal digits of a number on its way. No safe integer has more. */
const DIGITS = 16;
/** The numbers of a row: the length of its payload, its form, `seq`, `ts_ms`. */
const NUMBERS = 4;

const number = (row: string, nth: number): string =>
  `CAST(substr(@numbers, ${NUMBERS * DIGITS} * (${row}) + ${DIGITS * nth + 1}, ${DIGITS}) AS INTEGER)`;

// The key is cast so that SQLite makes an index over the forms, and CROSS JOIN makes them the inner loop.
const INSERT = `INSERT INTO events (${COLUMNS})
WITH RECURSIVE
  form AS MATERIALIZED (
    SELECT CAST(key AS INTEGER) AS form, value ->> 0 AS actor, value ->> 1 AS kind, value ->> 2 AS scope,
      value ->> 3 AS trace_id, value ->> 4 AS provenance
    FROM json_each(@forms)),
  placed(row, start, length) AS (
    SELECT 0, 1, ${number("0", 0)}
    UNION ALL
    SELECT row + 1, start + length, ${number("row + 1", 0)} FROM placed WHERE row + 1 < @count)
SELECT @id + row, ${number("row", 3)}, trace_id, CASE WHEN trace_id IS NOT NULL THEN ${number("row", 2)} END, actor, kind, scope,
  CAST(substr(@payloads, start, length) AS TEXT), provenance, substr(@hashes, 32 * row + 1, 32), substr(@hashes, 32 * row + 33, 32)
FROM placed CROSS JOIN form ON form.form = ${number("row", 1)}`;

/** Gives a function that puts the rows from `from` on, up to `to`, into the table, where the first gets the id `id`. */
export function inserter(db: Db): (placed: PlacedRows, from: number, to: number, id: number) => void {
  const insert = db.prepare(INSERT);
  return ({ rows, forms, seqs, times, hashes }, from, to, id) => {
    const count = to - from;
    if (count === 0) return;
    const numbers = Buffer.allocUnsafe(NUMBERS * DIGITS * count);
    let at = 0;
    const next = (value: number): void => {
      writeDigits(numbers, at, value, DIGITS);
      at += DIGITS;
    };
    for (let row = from; row < to; row++) {
      next(payloadStart(rows, row + 1) - payloadStart(rows, row));
      next(formOf(rows, row));
      next(seqs[row]!);
      next(times[row]!);
    }
    const { changes } = insert.run({
      forms,
      numbers,
      payloads: rows.payloads.subarray(payloadStart(rows, from), payloadStart(rows, to)),
      hashes: hashes.subarray(32 * from, 32 * (to + 1)),
      count,
      id,
    });
    // Whatever SQLite makes of the statement: a row that is acknowledged is in the table.
    if (changes !== count) throw new KbError("KB_IO", `${changes} of ${count} rows went into the ledger`);
  };
}
