/** `rlp keys generate`: a key pair of this home's own. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("[name]", "what to call it", "own")
    .addHelpText("after", examples(["rlp keys generate", "the private key stays in this home, mode 0600"]))
    .action(act(generate));
}

async function generate(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { generateKey } = await import("#host/trust/keys.js");
  const key = generateKey(context.locateHome().keysDir, args[0] ?? "own");
  if (context.out.readable) context.out.print(`made ${key.name} (${key.id})\npublic key: ${key.public}`);
  else context.out.data(key);
  return Exit.ok;
}
