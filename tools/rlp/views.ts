/** The knowledge base for commands that only look: nothing is made in a home that has none. */
import { statSync } from "node:fs";
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

/** How this home's knowledge base is opened for writing. */
export async function kbOptions(context: Context): Promise<KbOptions> {
  return { ...(await ledgerOptions(context)), ...(await embedderOption(context)) };
}

async function embedderOption(context: Context): Promise<Pick<KbOptions, "embedder">> {
  const [{ config }, { BUILT_IN_EMBEDDER }] = await Promise.all([context.load(), import("#host/config/defaults.js")]);
  if (config.kb.embedder === BUILT_IN_EMBEDDER) return {};
  const { configuredEmbedder } = await import("#host/broker/embedder.js");
  return { embedder: configuredEmbedder(config, context.world.env) };
}

/**
 * Opens the knowledge base and brings its views up to the ledger's end; null in a home without one. Nothing is appended. `KB_BROKEN_CHAIN`
 * where there was one: what it held is not nothing.
 */
export async function withViews<T>(context: Context, read: (kb: Kb) => Promise<T> | T): Promise<T | null> {
  const { home } = await context.load();
  if (!hasLedger(home.kbRoot)) return refuseIfRemoved(await ledgerOptions(context));
  return withKb({ root: home.kbRoot, ...(await embedderOption(context)), appends: false }, read);
}

/** As {@link withViews}, where `write` appends. */
export async function withWrites<T>(context: Context, write: (kb: Kb) => Promise<T> | T): Promise<T | null> {
  const options = await kbOptions(context);
  if (!hasLedger(options.root)) return refuseIfRemoved(options);
  return withKb(options, write);
}

/** A file without a byte is none. */
const hasLedger = (root: string): boolean => (statSync(join(root, LEDGER_FILE), { throwIfNoEntry: false })?.size ?? 0) > 0;

async function withKb<T>(options: KbOptions, action: (kb: Kb) => Promise<T> | T): Promise<T> {
  const { openKb } = await import("#kb/kb.js");
  const kb = await openKb(options);
  try {
    await kb.views.catchUp();
    return await action(kb);
  } finally {
    await kb.close();
  }
}

async function refuseIfRemoved({ root, anchor }: LedgerOptions): Promise<null> {
  const [{ rememberedRows, whatWasRemoved }, { KbError }] = await Promise.all([import("#kb/verify.js"), import("#kb/errors.js")]);
  const all = rememberedRows(root, anchor?.headFile);
  const [lost] = all;
  if (!lost) return null;
  throw new KbError("KB_BROKEN_CHAIN", whatWasRemoved(lost), {
    place: { file: join(root, LEDGER_FILE) },
    hint: `\`rlp kb restore\` puts a backup back. If you removed it on purpose, remove what remembers it, too: ${all.map(({ by }) => by).join(", ")}`,
  });
}
