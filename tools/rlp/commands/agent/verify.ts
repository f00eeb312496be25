/** `rlp agent verify`: whether a bundle is whole, and who says so. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { bundleFolder, findBundle, installedFolder } from "../../bundle.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("[bundle]", "the bundle's folder, its name under agents/, or the name of an installed one", ".")
    .addHelpText("after", examples(["rlp agent verify note_taker", "exit code 4 unless a trusted key has signed it as it is"]))
    .action(act(verify));
}

async function verify(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out } = context;
  const [word = "."] = args;
  const host = await context.host();
  const installed = findBundle(context, word) === undefined ? installedFolder(host.home.agentsDir, word) : undefined;
  if (installed !== undefined) out.note(`\`${word}\` is the agent in ${installed}`);
  const folder = installed ?? bundleFolder(context, word);
  const { face } = await host.inspectAgent(folder);
  const { checkSignature, signedText } = await import("#host/trust/signature.js");
  const signed = checkSignature(folder, host.home.keysDir);
  if (out.readable) out.print(`${visibleLine(face?.name ?? folder)}: whole; ${visibleLine(signedText(signed))}`);
  else out.data({ dir: folder, name: face?.name ?? null, ...signed });
  return signed.state === "valid" && signed.trust === "trusted" ? Exit.ok : Exit.mismatch;
}
