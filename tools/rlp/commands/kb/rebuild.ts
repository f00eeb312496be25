/** `rlp kb rebuild`: makes the views again, whatever state they are in. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { rebuildViews } from "#kb/rebuild.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";
import { ledgerOptions } from "../../views.js";

export function define(command: Command, act: Act): void {
  command
    .addHelpText("after", examples(["rlp kb rebuild", "when `pog.sqlite` is damaged, or the ledger was put back from a backup"]))
    .action(act(rebuild));
}

async function rebuild(context: Context) {
  const { out } = context;
  const rebuilt = await rebuildViews(await ledgerOptions(context));
  const { watermark, digest, aside } = rebuilt;
  if (!out.readable) out.data(rebuilt);
  else out.print(`made again from ${watermark} rows, digest ${digest}`);
  if (aside !== null) out.note(`the old file could not be read; it is ${shortPath(aside, context.world.cwd)} now`);
  return Exit.ok;
}
