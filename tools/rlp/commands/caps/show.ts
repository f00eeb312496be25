/** `rlp caps show`: what an agent may do, layer by layer, and what that links. */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { nodeLayer, type Layer } from "#host/capability/layers.js";
import { linkedInterfaces, stubbedInterfaces } from "#host/capability/link.js";
import type { AgentGrant } from "#host/catalog/catalog.js";
import { standingText } from "#host/trust/standing.js";
import { missingGrants } from "#openings/check/grants.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import { agentMeant } from "../../bundle.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { compileOpening, usable } from "../../opening.js";
import { examples } from "../../program.js";
import { sheet } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<agent>", "a name, or a bundle's folder")
    .option("--node <opening:node>", "as a node of an opening has it; repeatable", (word: string, before: string[] = []) => [
      ...before,
      word,
    ])
    .addHelpText(
      "after",
      examples(
        ["rlp caps show writer", "its policy, what each layer takes from it, what is linked"],
        ["rlp caps show writer --node mail.yaml:draft", "and what a node leaves of that"],
      ),
    )
    .action(act(show));
}

async function show(context: Context, args: readonly string[], flags: { readonly node?: readonly string[] }): Promise<ExitCode> {
  const { out } = context;
  const [what = ""] = args;
  const { folder } = await agentMeant(context, what);
  const host = await context.host();
  // Agents that the opening brings are found through it, so it is read first.
  const nodes = [];
  for (const word of flags.node ?? []) nodes.push(await nodeOf(context, word));
  // A name means what it means in an opening; a folder is itself.
  const agent = folder === undefined ? await host.grantOf(what) : await host.grantIn(folder);
  const other = nodes.find((node) => node.agent !== agent.face.name);
  if (other)
    throw usage(
      `the node \`${other.node}\` uses the agent \`${other.agent}\`, not \`${agent.face.name}\``,
      `rlp caps show ${other.agent}`,
    );
  const shown = [
    tell(agent, agent.layers),
    ...nodes.map(({ opening, node, caps }) => ({
      opening,
      node,
      ...tell(agent, caps ? [...agent.layers, nodeLayer(agent, caps, opening)] : agent.layers),
    })),
  ];
  const [whole, ...ofNodes] = shown;
  if (!out.readable) out.data({ ...whole, ...(ofNodes.length > 0 && { nodes: ofNodes }) });
  else for (const one of ofNodes.length > 0 ? ofNodes : shown) out.print(sheet(rows(one)));
  return Exit.ok;
}

interface Told {
  readonly name: string;
  readonly version: string;
  readonly from: string;
  readonly layers: readonly {
    readonly layer: string;
    readonly file: string | null;
    readonly granted: readonly string[];
    readonly took: readonly string[];
    readonly left: readonly string[];
    readonly ignored: readonly string[];
  }[];
  readonly effective: readonly string[];
  readonly linked: readonly string[];
  readonly stubs: readonly string[];
  readonly missing: readonly { readonly import: string; readonly reason: string }[];
  readonly opening?: string;
  readonly node?: string;
}

function tell({ dir, face, standing }: AgentGrant, layers: readonly Layer[]): Told {
  const effective = layers.at(-1)?.grant ?? face.grant;
  return {
    name: face.name,
    version: face.version,
    from: standingText(standing),
    layers: [
      { layer: "bundle", file: join(dir, "policy.caps"), granted: capabilitiesOf(face.grant), took: [], left: [], ignored: [] },
      ...layers.map(({ layer, file, grant, took, left, ignored }) => ({
        layer,
        file,
        granted: capabilitiesOf(grant),
        took,
        left,
        ignored,
      })),
    ],
    effective: capabilitiesOf(effective),
    linked: linkedInterfaces(face, effective),
    stubs: stubbedInterfaces(face, effective),
    missing: missingGrants({ ...face, grant: effective }).map(({ import: name, reason }) => ({ import: name, reason })),
  };
}

function rows(told: Told): [string, string][] {
  const list = (name: string, values: readonly string[]): [string, string][] =>
    (values.length === 0 ? ["nothing"] : values).map((value, index) => [index === 0 ? name : "", visibleLine(value)]);
  const [bundle, ...others] = told.layers;
  return [
    ["agent", `${told.name}@${told.version}`],
    ["from", told.from],
    ...(told.node === undefined ? [] : [["node", `${told.node} in ${told.opening}`] satisfies [string, string]]),
    ...list("bundle", bundle?.granted ?? []),
    ...others.flatMap(({ layer, file, took, left, ignored }) => [
      ...list(layer, [
        ...(file === null ? [] : [file]),
        ...(took.length === 0 ? ["takes nothing"] : took.map((one) => `takes ${one}`)),
        ...left.map((one) => `leaves ${one}`),
        ...ignored.map((one) => `cannot add ${one}: ignored`),
      ]),
    ]),
    ...list("effective", told.effective),
    ...list("linked", told.linked),
    ...(told.stubs.length > 0 ? list("denied calls", told.stubs) : []),
    ...(told.missing.length > 0
      ? list(
          "missing",
          told.missing.map(({ import: name, reason }) => `${name}: ${reason}`),
        )
      : []),
  ];
}

/** `<opening>:<node>`; the node's name is behind the last colon. */
async function nodeOf(context: Context, word: string) {
  const colon = word.lastIndexOf(":");
  const [file, id] = [word.slice(0, Math.max(0, colon)), word.slice(colon + 1)];
  if (file === "" || id === "") throw usage(`\`--node ${word.slice(0, 80)}\` is not opening:node`, "--node mail.yaml:draft");
  const path = resolve(context.world.cwd, file);
  const { opening } = usable(await compileOpening(context, path, {}), context.out);
  const node = opening.nodes.find((one) => one.id === id);
  if (!node)
    throw usage(`the opening has no node \`${id.slice(0, 80)}\``, `there are: ${opening.nodes.map((one) => one.id).join(", ")}`);
  return { opening: path, node: id, agent: node.agent, caps: node.caps ?? null };
}
