/** `rlp kb migrate`: brings a ledger of an older schema up to date. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { migrateKb } from "#kb/migrate.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";
import { ledgerOptions } from "../../views.js";

export function define(command: Command, act: Act): void {
  command
    .addHelpText("after", examples(["rlp kb migrate", "a backup first; interrupted, it is called again"]))
    .action(act(migrate));
}

async function migrate(context: Context) {
  const { out, world } = context;
  const { home } = await context.load();
  const migrated = await migrateKb({ ...(await ledgerOptions(context)), outDir: home.backupsDir, nowMs: world.now() });
  const { from, to, backup } = migrated;
  if (!out.readable) out.data(migrated);
  else if (from === to) out.print(`nothing to do: the ledger's schema is ${to}`);
  else out.print(`migrated from schema ${from} to ${to}${backup === null ? "" : `; backup: ${shortPath(backup, world.cwd)}`}`);
  return Exit.ok;
}
