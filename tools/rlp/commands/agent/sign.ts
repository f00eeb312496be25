/** `rlp agent sign`: Ed25519 over the manifest, with a key of this home. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { bundleFolder } from "../../bundle.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("[bundle]", "the bundle's folder, or its name under agents/", ".")
    .option("--key <name>", "which of this home's own keys")
    .addHelpText("after", examples(["rlp agent sign note_taker", "after each build: a changed manifest needs a new signature"]))
    .action(act(sign));
}

async function sign(context: Context, args: readonly string[], flags: { readonly key?: string }): Promise<ExitCode> {
  const folder = bundleFolder(context, args[0] ?? ".");
  const host = await context.host();
  // A signature over a manifest that its own files do not fit would be worth nothing.
  await host.inspectAgent(folder);
  const { signBundle } = await import("#host/trust/signature.js");
  const key = signBundle(folder, host.home.keysDir, flags.key);
  if (context.out.readable) context.out.print(`signed by ${key.name} (${key.id})`);
  else context.out.data({ dir: folder, key: key.id, name: key.name });
  return Exit.ok;
}
