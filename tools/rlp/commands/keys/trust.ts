/** `rlp keys trust`: somebody else's public key. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<name>", "what to call it")
    .argument("<public-key>", "32 bytes in base64, as `rlp keys list` prints them")
    .addHelpText("after", examples(["rlp keys trust ada jfp7…0As=", "ask its owner for the key over a road that you trust"]))
    .action(act(trust));
}

async function trust(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { trustKey } = await import("#host/trust/keys.js");
  const key = trustKey(context.locateHome().keysDir, args[0] ?? "", args[1] ?? "");
  if (context.out.readable) context.out.print(`trusted ${key.name} (${key.id})`);
  else context.out.data(key);
  return Exit.ok;
}
