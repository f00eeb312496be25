/** `rlp kb verify`: the ledger by itself, and against what is remembered of it elsewhere. */
import { join, resolve } from "node:path";
import { KbError } from "./errors.js";
import { openReadOnly } from "./files.js";
import { readOutsideHead } from "./ledger/outside-head.js";
import { MAX_PROBLEMS, verifyLedger, type Noted, type VerifyOptions, type VerifyReport } from "./ledger/verify.js";
import { VIEWS_FILE, viewsKind } from "./views/schema.js";

/**
 * As {@link verifyLedger}, and against what is remembered elsewhere: the views noted the row up to which they were made, and `headFile`
 * the row that was written last. So rows that the ledger lost together with every trace of them (a log file that was deleted, an old
 * copy put back, the whole ledger removed) are missed all the same.
 */
export async function verifyKb(options: VerifyOptions & { readonly headFile?: string }): Promise<VerifyReport> {
  const { headFile, noted = [], ...rest } = options;
  // Read before the ledger: a writer beside us can only be ahead of it.
  const head = headFile === undefined ? null : readOutsideHead(headFile);
  const elsewhere = [...noted, ...rememberedRows(options.root, headFile, head)];
  const report = await verifyLedger({ ...rest, noted: elsewhere }).catch((error: unknown) => {
    const [lost] = elsewhere;
    if (lost && error instanceof KbError && error.code === "KB_NOT_FOUND") return removed(lost);
    throw error;
  });
  if (head !== "unreadable") return report;
  const problem = { id: null, what: `the note of the last row in ${headFile} cannot be read` };
  return { ...report, ok: false, problems: [...report.problems, problem].slice(0, MAX_PROBLEMS) };
}

/** The last rows that somebody else than the ledger knows of: the note in `headFile`, and the views. */
export function rememberedRows(
  root: string,
  headFile: string | undefined,
  head = headFile === undefined ? null : readOutsideHead(headFile),
): readonly Noted[] {
  const note = head && head !== "unreadable" ? [{ ...head, by: headFile! }] : [];
  return [...note, ...notedByViews(root)];
}

/** What is wrong (`KB_BROKEN_CHAIN`) where the ledger is not there and row `id` was written. */
export const whatWasRemoved = ({ id, by }: Noted): string =>
  `there is no ledger, but row ${id} of it was written (by ${by}): it was removed`;

const removed = (lost: Noted): VerifyReport => ({
  ok: false,
  rows: 0,
  blobs: 0,
  runs: 0,
  head: "0".repeat(64) as VerifyReport["head"],
  signed: null,
  last: 0,
  problems: [{ id: null, what: whatWasRemoved(lost) }],
});

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
