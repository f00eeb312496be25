/** `rlp keys revoke`: a key that is trusted no more, for good. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<key>", "its name or id")
    .addHelpText("after", examples(["rlp keys revoke ada", "nothing that it has signed is installed any more"]))
    .action(act(revoke));
}

async function revoke(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { revokeKey } = await import("#host/trust/keys.js");
  const key = revokeKey(context.locateHome().keysDir, args[0] ?? "");
  if (context.out.readable) context.out.print(`revoked ${key.name} (${key.id})`);
  else context.out.data(key);
  return Exit.ok;
}
