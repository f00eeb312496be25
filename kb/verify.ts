/** `rlp kb verify`: the ledger by itself, and against what the views remember of it. */
import { join, resolve } from "node:path";
import { openReadOnly } from "./files.js";
import { verifyLedger, type Noted, type VerifyProgress, type VerifyReport } from "./ledger/verify.js";
import { VIEWS_FILE, viewsKind } from "./views/schema.js";

/**
 * As {@link verifyLedger}. The views noted the row up to which they were made: so rows that the ledger lost together with every
 * trace of them (a log file that was deleted, an old copy put back) are missed all the same.
 */
export async function verifyKb(options: {
  readonly root: string;
  readonly onProgress?: (progress: VerifyProgress) => void;
}): Promise<VerifyReport> {
  // Read before the ledger: a writer beside us can only be ahead of it.
  return verifyLedger({ ...options, noted: notedByViews(options.root) });
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
