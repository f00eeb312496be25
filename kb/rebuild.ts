/** The views made again from the first row: what the ledger says is all there is to them. */
import { basename } from "node:path";
import type { Digest } from "#core/digest.js";
import { KbError } from "./errors.js";
import { openKb } from "./kb.js";
import { openLedger, type LedgerOptions } from "./ledger/ledger.js";
import { VIEWS_FILE } from "./views/schema.js";
import { setViewsAside } from "./views/views.js";

export interface Rebuilt {
  /** The last row that is in them. */
  readonly watermark: number;
  /** Over the content of all views: what catching up in pieces gives, too. */
  readonly digest: Digest;
  /** Where the old file is now, if it could not be opened. */
  readonly aside: string | null;
}

/** `KB_NOT_FOUND` where there is no ledger: nothing is made. */
export async function rebuildViews(options: LedgerOptions): Promise<Rebuilt> {
  await (await openLedger({ root: options.root, readonly: true })).close();
  try {
    return { ...(await rebuildOnce(options)), aside: null };
  } catch (cause) {
    const { code, place } = cause instanceof KbError ? cause : {};
    if (!(code === "KB_CORRUPT" || code === "KB_FOREIGN") || basename(place?.file ?? "") !== VIEWS_FILE) throw cause;
    const aside = setViewsAside(options.root);
    return { ...(await rebuildOnce(options)), aside };
  }
}

async function rebuildOnce(options: LedgerOptions): Promise<Omit<Rebuilt, "aside">> {
  const kb = await openKb(options);
  try {
    return { watermark: await kb.views.rebuild(), digest: kb.views.digest() };
  } finally {
    await kb.close();
  }
}
