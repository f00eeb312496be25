/** The knowledge base for commands that only look: nothing is made in a home that has none. */
import { existsSync } from "node:fs";
import type { Kb } from "#kb/kb.js";
import type { Context } from "./context.js";
import { LEDGER_FILE } from "#kb/ledger/schema.js";
import { join } from "node:path";

/** Opens the knowledge base and brings its views up to the ledger's end; null in a home without one. */
export async function withViews<T>(context: Context, read: (kb: Kb) => Promise<T> | T): Promise<T | null> {
  const root = (await context.load()).home.kbRoot;
  if (!existsSync(join(root, LEDGER_FILE))) return null;
  const { openKb } = await import("#kb/kb.js");
  const kb = await openKb({ root });
  try {
    await kb.views.catchUp();
    return await read(kb);
  } finally {
    await kb.close();
  }
}
