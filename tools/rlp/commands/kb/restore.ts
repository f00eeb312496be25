/** `rlp kb restore`: puts a backup in the ledger's place. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { restoreKb } from "#kb/restore.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";
import { ledgerOptions } from "../../views.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<dir>", "a folder that `rlp kb backup` made")
    .option("--key <name>", "checkpoints of this key count, too: for a backup of another home", collect, [])
    .addHelpText(
      "after",
      examples([
        "rlp kb restore ~/.runloop/backups/2026-11-20T13-37-05-042Z",
        "verified first; what was there is kept beside it",
      ]),
    )
    .action(act(restore));
}

const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];

async function restore(context: Context, args: readonly string[], flags: { readonly key: readonly string[] }) {
  const { out, world } = context;
  const { home } = await context.load();
  const { checkpointKeys } = await import("#host/trust/ledger-keys.js");
  const { report, replaced, current } = await restoreKb({
    ...(await ledgerOptions(context)),
    from: resolve(world.cwd, args[0] ?? ""),
    nowMs: world.now(),
    keys: checkpointKeys(home.keysDir, flags.key),
  });
  if (!out.readable) out.data({ rows: report.rows, last: report.last, head: report.head, replaced, current });
  else
    out.print(
      [
        `restored: ${report.rows} rows, head ${report.last}:${report.head}`,
        ...(replaced === null ? [] : [`what was there: ${shortPath(replaced, world.cwd)}`]),
      ].join("\n"),
    );
  if (!current) out.note(`the backup was made by an older rlp: \`${context.invocation("kb migrate")}\` brings it up to date`);
  return Exit.ok;
}
