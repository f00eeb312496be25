/** `rlp kb verify`: the ledger by itself, and against what the views remember of it. */
import { join, resolve } from "node:path";
import { openReadOnly } from "./files.js";
import { readOutsideHead } from "./ledger/outside-head.js";
import { MAX_PROBLEMS, verifyLedger, type Noted, type VerifyOptions, type VerifyReport } from "./ledger/verify.js";
import { VIEWS_FILE, viewsKind } from "./views/schema.js";

/**
 * As {@link verifyLedger}, and against what is remembered elsewhere: the views noted the row up to which they were made, and `headFile`
 * the row that was written last. So rows that the ledger lost together with every trace of them (a log file that was deleted, an old
 * copy put back) are missed all the same.
 */
export async function verifyKb(options: VerifyOptions & { readonly headFile?: string }): Promise<VerifyReport> {
  const { headFile, noted = [], ...rest } = options;
  // Read before the ledger: a writer beside us can only be ahead of it.
  const outside = headFile === undefined ? null : readOutsideHead(headFile);
  const remembered = outside && outside !== "unreadable" ? [{ ...outside, by: headFile! }] : [];
  const report = await verifyLedger({ ...rest, noted: [...noted, ...remembered, ...notedByViews(options.root)] });
  if (outside !== "unreadable") return report;
  const problem = { id: null, what: `the note of the last row in ${headFile} cannot be read` };
  return { ...report, ok: false, problems: [...report.problems, problem].slice(0, MAX_PROBLEMS) };
}

/** Nothing where there are no views, or none that can be read: they are no part of what is verified. */
function notedByViews(root: string): readonly Noted[] {
  try {
    const db = openReadOnly(join(resolve(root), VIEWS_FILE), viewsKind);
    try {
      const state = db.prepare<[], { id: number; hash: string }>("SELECT watermark AS id, hash FROM materializer_state").get();
      return state && state.id > 0 ? [{ ...state, by: VIEWS_FILE }] : [];
    } finally {
      db.close();
    }
  } catch {
    return [];
  }
}
