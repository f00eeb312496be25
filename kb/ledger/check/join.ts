/** Stretches of rows that were checked apart, put together: what is wrong at their seams, and what they say in all. */
import type { Problem } from "./problem.js";
import { outOfTurn, seam, type RowsReport } from "./rows.js";
import { GENESIS } from "../row.js";

export interface JoinedRows {
  readonly rows: number;
  readonly runs: number;
  readonly last: RowsReport["last"];
  readonly problems: readonly Problem[];
}

/** `stretches` in the order of their rows. */
export function joinRows(stretches: readonly RowsReport[]): JoinedRows {
  const problems: Problem[] = [];
  const due = new Map<string, number>();
  const missing = new Map<string, number>();
  let rows = 0;
  let last: RowsReport["last"] = null;
  /** The row before the next stretch; null behind what could not be read. */
  let before: RowsReport["last"] = { id: 0, tsMs: 0, hash: GENESIS };
  for (const stretch of stretches) {
    rows += stretch.rows;
    const { first } = stretch;
    if (first && before) problems.push(...seam(before, first.id, first.tsMs, first.prevHash));
    problems.push(...stretch.problems);
    for (const [trace, run] of stretch.runs) {
      const expected = due.get(trace) ?? 0;
      if (before && run.seq !== expected) problems.push({ id: run.id, what: outOfTurn(trace, run.seq, expected) });
      due.set(trace, run.due);
    }
    for (const [digest, id] of stretch.missing) if (!missing.has(digest)) missing.set(digest, id);
    last = stretch.last ?? last;
    before = stretch.whole ? (stretch.last ?? before) : null;
  }
  for (const [digest, id] of missing) problems.push({ id, what: `refers to the blob ${digest}, which is missing` });
  return { rows, runs: due.size, last, problems };
}
