/** The knowledge base for commands that only look: nothing is made in a home that has none. */
import { existsSync } from "node:fs";
import type { Kb, KbOptions } from "#kb/kb.js";
import type { Context } from "./context.js";
import type { LedgerOptions } from "#kb/ledger/ledger.js";
import { LEDGER_FILE } from "#kb/ledger/schema.js";
import { join } from "node:path";

/** How this home's ledger is opened for writing. */
export async function ledgerOptions(context: Context): Promise<LedgerOptions> {
  const { home, config } = await context.load();
  const [{ ledgerAnchor }, { maxPages }] = await Promise.all([
    import("#host/trust/ledger-keys.js"),
    import("#host/config/quota.js"),
  ]);
  return { root: home.kbRoot, anchor: ledgerAnchor(home, home.kbRoot), ...maxPages(config.kb) };
}

/** How this home's knowledge base is opened. */
export async function kbOptions(context: Context): Promise<KbOptions> {
  const [{ config }, options, { configuredEmbedder }] = await Promise.all([
    context.load(),
    ledgerOptions(context),
    import("#host/broker/embedder.js"),
  ]);
  return { ...options, embedder: configuredEmbedder(config, context.world.env) };
}

/**
 * Opens the knowledge base and brings its views up to the ledger's end; null in a home without one. `KB_BROKEN_CHAIN` where there was
 * one: what it held is not nothing.
 */
export async function withViews<T>(context: Context, read: (kb: Kb) => Promise<T> | T): Promise<T | null> {
  const options = await kbOptions(context);
  if (!existsSync(join(options.root, LEDGER_FILE))) return refuseIfRemoved(options);
  const { openKb } = await import("#kb/kb.js");
  const kb = await openKb(options);
  try {
    await kb.views.catchUp();
    return await read(kb);
  } finally {
    await kb.close();
  }
}

async function refuseIfRemoved({ root, anchor }: LedgerOptions): Promise<null> {
  const [{ rememberedRows, whatWasRemoved }, { KbError }] = await Promise.all([import("#kb/verify.js"), import("#kb/errors.js")]);
  const [lost] = rememberedRows(root, anchor?.headFile);
  if (!lost) return null;
  throw new KbError("KB_BROKEN_CHAIN", whatWasRemoved(lost), {
    place: { file: join(root, LEDGER_FILE) },
    hint: "`rlp kb restore` puts a backup back; to begin anew, choose another home with `--home`",
  });
}
