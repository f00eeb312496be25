/** `rlp kb backup`: a verified copy of the ledger and the views, made while others use them. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { backupKb } from "#kb/backup.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";
import { bytes } from "../../terminal/quantity.js";

export function define(command: Command, act: Act): void {
  command
    .option("--out-dir <dir>", "where the backup's folder is made; default: `backups` in the home")
    .addHelpText("after", examples(["rlp kb backup --out-dir /mnt/usb/rlp", "a folder named by the time; keep some elsewhere"]))
    .action(act(backup));
}

async function backup(context: Context, _: readonly string[], flags: { readonly outDir?: string }) {
  const { out, world } = context;
  const { home } = await context.load();
  const { checkpointKeys } = await import("#host/trust/ledger-keys.js");
  const { dir, files, report } = await backupKb({
    root: home.kbRoot,
    outDir: flags.outDir === undefined ? home.backupsDir : resolve(world.cwd, flags.outDir),
    nowMs: world.now(),
    keys: checkpointKeys(home.keysDir, []),
  });
  const { rows, head, last } = report;
  if (!out.readable) out.data({ dir, files, rows, last, head });
  else
    out.print(
      [
        shortPath(dir, world.cwd),
        ...files.map((file) => `  ${file.name}  ${bytes(file.bytes)}`),
        `verified: ${rows} rows, head ${last}:${head}`,
      ].join("\n"),
    );
  out.note("the keys in `keys/` of the home are no part of it: keep a copy of them, too");
  return Exit.ok;
}
