/** `rlp caps show`: what an agent may do, layer by layer, and what that links. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { linkedInterfaces, stubbedInterfaces } from "#host/capability/link.js";
import { missingGrants } from "#openings/check/grants.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import { agentMeant } from "../../bundle.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { sheet } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<agent>", "a name, or a bundle's folder")
    .addHelpText("after", examples(["rlp caps show writer", "its policy, what a run grants, what is linked"]))
    .action(act(show));
}

async function show(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out } = context;
  const [what = ""] = args;
  const { folder } = await agentMeant(context, what);
  const host = await context.host();
  // A name means what it means in an opening; a folder is itself.
  const inspected = folder === undefined ? null : await host.inspectAgent(folder);
  const { face, grant } = inspected?.face ? { face: inspected.face, grant: inspected.face.grant } : await host.agent(what);
  const told = {
    name: face.name,
    version: face.version,
    layers: [{ layer: "bundle", granted: capabilitiesOf(face.grant) }],
    effective: capabilitiesOf(grant),
    linked: linkedInterfaces(face, grant),
    stubs: stubbedInterfaces(face, grant),
    missing: missingGrants(face).map(({ import: name, reason }) => ({ import: name, reason })),
  };
  if (!out.readable) out.data(told);
  else {
    const list = (name: string, values: readonly string[]): [string, string][] =>
      (values.length === 0 ? ["nothing"] : values).map((value, index) => [index === 0 ? name : "", value]);
    out.print(
      sheet([
        ["agent", `${told.name}@${told.version}`],
        ...told.layers.flatMap(({ layer, granted }) => list(layer, granted)),
        ...list("effective", told.effective),
        ...list("linked", told.linked),
        ...(told.stubs.length > 0 ? list("denied calls", told.stubs) : []),
        ...(told.missing.length > 0
          ? list(
              "missing",
              told.missing.map(({ import: name, reason }) => `${name}: ${reason}`),
            )
          : []),
      ]),
    );
  }
  return Exit.ok;
}
