/**
 * Rows on their way to the writer thread: one buffer that changes hands in place of thousands of strings that are copied there and back
 * into objects. Payloads travel in the form in which they are hashed and stored.
 */
import type { DraftColumns } from "./messages.js";

export interface PackedRows {
  /** What rows have in common: actors, kinds, scopes, runs, provenances, each once. */
  readonly texts: readonly string[];
  /** {@link WIDTH} numbers a row: its actor, kind, scope and provenance in `texts`, its run there plus one (0 = none), the end of its payload. */
  readonly columns: Uint32Array<ArrayBuffer>;
  /** UTF-8, one after the other. */
  readonly payloads: Uint8Array<ArrayBuffer>;
}

export interface PackedRow {
  readonly actor: string;
  readonly kind: string;
  readonly scope: string;
  readonly traceId: string | null;
  readonly payload: Uint8Array;
  readonly provenance: string;
}

const WIDTH = 6;

export function pack(rows: readonly DraftColumns[]): PackedRows {
  const places = new Map<string, number>();
  const place = (text: string): number => {
    let at = places.get(text);
    if (at === undefined) places.set(text, (at = places.size));
    return at;
  };
  const columns = new Uint32Array(WIDTH * rows.length);
  let end = 0;
  for (const [index, [actor, kind, scope, traceId, payload, provenance]] of rows.entries()) {
    end += Buffer.byteLength(payload);
    columns.set(
      [place(actor), place(kind), place(scope), place(provenance), traceId === null ? 0 : place(traceId) + 1, end],
      WIDTH * index,
    );
  }
  // Not from the pool: it is given away.
  const payloads = new Uint8Array(end);
  const writer = Buffer.from(payloads.buffer);
  let at = 0;
  for (const [, , , , payload] of rows) at += writer.write(payload, at);
  return { texts: [...places.keys()], columns, payloads };
}

/** The rows from `from` on, `count` of them. */
export function* unpack({ texts, columns, payloads }: PackedRows, from: number, count: number): Generator<PackedRow> {
  for (let index = from; index < from + count; index++) {
    const at = WIDTH * index;
    const start = index === 0 ? 0 : columns[at - 1]!;
    const run = columns[at + 4]!;
    yield {
      actor: texts[columns[at]!]!,
      kind: texts[columns[at + 1]!]!,
      scope: texts[columns[at + 2]!]!,
      provenance: texts[columns[at + 3]!]!,
      traceId: run === 0 ? null : texts[run - 1]!,
      payload: payloads.subarray(start, columns[at + 5]!),
    };
  }
}
