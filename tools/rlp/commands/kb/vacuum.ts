/** `rlp kb vacuum`: gives free pages back to the disk. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { vacuumKb } from "#kb/vacuum.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { bytes } from "../../terminal/quantity.js";

export function define(command: Command, act: Act): void {
  command
    .option("--analyze", "also count what indexes hold, for quicker queries", false)
    .addHelpText(
      "after",
      examples(["rlp kb vacuum --analyze", "after `rlp kb gc` or `rlp kb forget`; needs as much room again while it works"]),
    )
    .action(act(vacuum));
}

async function vacuum(context: Context, _: readonly string[], flags: { readonly analyze: boolean }) {
  const { out } = context;
  const files = vacuumKb((await context.load()).home.kbRoot, flags);
  if (!out.readable) out.data({ files });
  else out.print(files.map(({ name, before, after }) => `${name}: ${bytes(before)} → ${bytes(after)}`).join("\n"));
  return Exit.ok;
}
