/** The ledger's end, against what the file itself and others remember of it. */
import type { Db } from "../../files.js";
import { GENESIS } from "../row.js";
import type { Problem } from "./problem.js";
import type { RowsReport } from "./rows.js";

/** A row whose hash somebody outside the ledger remembers. */
export interface Noted {
  readonly id: number;
  readonly hash: string;
  /** Completes "… remembers another row 12". */
  readonly by: string;
}

export function checkHead(db: Db, last: RowsReport["last"], noted: readonly Noted[]): readonly Problem[] {
  const problems: Problem[] = [];
  const end = last ?? { id: 0, hash: GENESIS };
  const hashOf = db.prepare<[number], Uint8Array>("SELECT hash FROM events WHERE id = ?").pluck();
  for (const { id, hash, by } of noted) {
    const found = id <= end.id ? hashOf.get(id) : undefined;
    if (id > end.id) problems.push({ id: end.id + 1, what: `the ledger ends with row ${end.id}, but ${by} remembers row ${id}` });
    else if (found && Buffer.from(found).toString("hex") !== hash)
      problems.push({ id, what: `is another row than ${by} remembers` });
  }
  const [id, hash] = db.prepare<[], [number, Uint8Array]>("SELECT id, hash FROM head").raw().get() ?? [0, GENESIS];
  if (id > end.id)
    problems.push({
      id: end.id + 1,
      what: `the ledger ends with row ${end.id}, but row ${id} was written last: its end was cut off`,
    });
  else if (id < end.id) problems.push({ id: id + 1, what: `rows after ${id} were not written by rlp` });
  else if (Buffer.compare(hash, end.hash) !== 0)
    problems.push({ id, what: "is not the row that was written last: its hash is another" });
  return problems;
}
