/** `rlp agent build`: source → component, and the digests of all files into the manifest. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { missingGrants } from "#openings/check/grants.js";
import { bundleFolder } from "../../bundle.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";
import { bytes } from "../../terminal/quantity.js";
import { sheet } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command
    .argument("[bundle]", "the bundle's folder, or its name under agents/", ".")
    .option("--key <name>", "which of this home's own keys signs it; else the one there is, made on first use")
    .option("--no-sign", "leave it unsigned: it is a stranger's then, here too")
    .addHelpText(
      "after",
      examples(
        ["rlp agent build", "the bundle that one is in"],
        ["rlp agent build note_taker", "agents/note_taker; the same source gives the same bytes"],
        ["rlp agent build --no-sign", "somebody else's source: what you sign, you vouch for"],
      ),
    )
    .action(act(build));
}

interface Flags {
  readonly key?: string;
  readonly sign: boolean;
}

async function build(context: Context, args: readonly string[], flags: Flags): Promise<ExitCode> {
  const { out, world } = context;
  const folder = bundleFolder(context, args[0] ?? ".");
  const { buildAuthored } = await import("#sdk/build/authored.js");
  const built = await buildAuthored(folder);
  // Admitted as for a run: what no run would take is found here.
  const host = await context.host();
  const { face, component } = await host.inspectAgent(folder);
  if (!face) throw new Error("a bundle has a face");
  const { removeSignature, signBundle } = await import("#host/trust/signature.js");
  if (!flags.sign) removeSignature(folder);
  const signer = flags.sign ? signBundle(folder, host.home.keysDir, flags.key, true) : null;
  const told = {
    name: face.name,
    version: face.version,
    dir: folder,
    digest: built.digest,
    bytes: built.bytes,
    changed: built.changed,
    imports: component.imports,
    signed_by: signer?.id ?? null,
  };
  if (!out.readable) out.data(told);
  else
    out.print(
      sheet([
        [built.changed ? "built" : "unchanged", `${face.name}@${face.version} in ${shortPath(folder, world.cwd) || "."}`],
        ["digest", built.digest],
        ["size", bytes(built.bytes)],
        ["imports", component.imports.join(" ") || "nothing"],
        ["signed", signer === null ? "by nobody: a stranger's, for this home too" : `by ${signer.name} (${signer.id})`],
      ]),
    );
  for (const { import: name, reason } of missingGrants(face))
    out.warn(`the component imports ${name}, and ${reason}: no run takes it`);
  return Exit.ok;
}
