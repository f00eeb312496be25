/**
 * Rows on their way to the writer thread: one buffer that changes hands in place of thousands of strings that are copied there and back
 * into objects. Payloads travel in the form in which they are hashed and stored.
 */
import type { DraftColumns } from "./messages.js";

/** What many rows have in common. */
export type RowForm = readonly [actor: string, kind: string, scope: string, traceId: string | null, provenance: string];

export interface PackedRows {
  /** Each once. */
  readonly forms: readonly RowForm[];
  /** {@link WIDTH} numbers a row: its form, and where its payload ends. */
  readonly columns: Uint32Array<ArrayBuffer>;
  /** UTF-8, one after the other. */
  readonly payloads: Uint8Array<ArrayBuffer>;
}

const WIDTH = 2;

export function pack(rows: readonly DraftColumns[]): PackedRows {
  const places = new Map<string, number>();
  const forms: RowForm[] = [];
  const columns = new Uint32Array(WIDTH * rows.length);
  let end = 0;
  let place = -1;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    // Rows come in groups: most are of the form of the one before.
    if (place < 0 || !isOf(forms[place]!, row)) {
      const [actor, kind, scope, traceId, , provenance] = row;
      const form: RowForm = [actor, kind, scope, traceId, provenance];
      const key = JSON.stringify(form);
      place = places.get(key) ?? forms.push(form) - 1;
      places.set(key, place);
    }
    end += Buffer.byteLength(row[4]);
    columns[WIDTH * index] = place;
    columns[WIDTH * index + 1] = end;
  }
  // Not from the pool: it is given away.
  const payloads = new Uint8Array(end);
  const writer = Buffer.from(payloads.buffer);
  let at = 0;
  for (const [, , , , payload] of rows) at += writer.write(payload, at);
  return { forms, columns, payloads };
}

function isOf([actor, kind, scope, traceId, provenance]: RowForm, row: DraftColumns): boolean {
  return actor === row[0] && kind === row[1] && scope === row[2] && traceId === row[3] && provenance === row[5];
}

export const rowCount = ({ columns }: PackedRows): number => columns.length / WIDTH;
/** The place of a row's form in `forms`. */
export const formOf = ({ columns }: PackedRows, index: number): number => columns[WIDTH * index]!;
/** Where a row's payload begins. That of the row behind the last one: where all end. */
export const payloadStart = ({ columns }: PackedRows, index: number): number => (index === 0 ? 0 : columns[WIDTH * index - 1]!);
