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
    .addHelpText(
      "after",
      examples(
        ["rlp agent build", "the bundle that one is in"],
        ["rlp agent build note_taker", "agents/note_taker; the same source gives the same bytes"],
      ),
    )
    .action(act(build));
}

async function build(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out, world } = context;
  const folder = bundleFolder(context, args[0] ?? ".");
  const { buildAuthored } = await import("#sdk/build/authored.js");
  const built = await buildAuthored(folder);
  // Admitted as for a run: what no run would take is found here.
  const { face, component } = await (await context.host()).inspectAgent(folder);
  if (!face) throw new Error("a bundle has a face");
  const told = {
    name: face.name,
    version: face.version,
    dir: folder,
    digest: built.digest,
    bytes: built.bytes,
    changed: built.changed,
    imports: component.imports,
  };
  if (!out.readable) out.data(told);
  else
    out.print(
      sheet([
        [built.changed ? "built" : "unchanged", `${face.name}@${face.version} in ${shortPath(folder, world.cwd) || "."}`],
        ["digest", built.digest],
        ["size", bytes(built.bytes)],
        ["imports", component.imports.join(" ") || "nothing"],
      ]),
    );
  for (const { import: name, reason } of missingGrants(face))
    out.warn(`the component imports ${name}, and ${reason}: no run takes it`);
  return Exit.ok;
}
