/** `rlp agent remove`: takes an installed agent away. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<name>", "an agent that was installed into this home")
    .addHelpText("after", examples(["rlp agent remove note_taker", "runs of it stay in the ledger"]))
    .action(act(remove));
}

async function remove(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out } = context;
  const { removeAgent } = await import("#host/install/install.js");
  const [name = ""] = args;
  const dir = await removeAgent(name, context.locateHome().agentsDir);
  if (out.readable) out.print(`removed ${name}`);
  else out.data({ name, dir });
  return Exit.ok;
}
