/** `rlp agent inspect`: what an agent is made of, what it needs and what it may. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { IDENTIFIER } from "#core/ids.js";
import type { InspectedAgent } from "#host/catalog/catalog.js";
import { limitsOf, type Limits, type Lowered } from "#host/limits/effective.js";
import { limitNames, limitTable, type LimitName } from "#host/limits/table.js";
import type { Port } from "#openings/agent.js";
import { knownImport } from "#openings/check/grants.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import { agentMeant } from "../../bundle.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { bytes, count } from "../../terminal/quantity.js";
import { sheet } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<agent>", "a name, a bundle's folder, or a component (.wasm)")
    .addHelpText(
      "after",
      examples(
        ["rlp agent inspect writer", "by name: of this home, else of agents/ in this folder"],
        ["rlp agent inspect ./my-agent.wasm", "a component: what it would need to be granted"],
      ),
    )
    .action(act(inspect));
}

async function inspect(context: Context, args: readonly string[]) {
  const { out, world } = context;
  const [what = ""] = args;
  if (what === "") throw usage("no agent is named", "`rlp agent list` shows the agents there are");
  const { folder } = await agentMeant(context, what);
  // A component has no manifest, and its path is no name.
  const path = resolve(world.cwd, what);
  const agent = await (await context.host()).inspectAgent(folder ?? (!IDENTIFIER.test(what) && existsSync(path) ? path : what));
  const told = describe(agent);
  if (!out.readable) out.data(told);
  else out.print(sheet(pairs(told)));
  return Exit.ok;
}

function describe({ dir, face, component, lowered }: InspectedAgent) {
  return {
    name: face?.name ?? null,
    version: face?.version ?? null,
    description: face?.description ?? null,
    dir,
    digest: component.digest,
    size: {
      bytes: component.stats.bytes,
      metered_bytes: component.stats.meteredBytes,
      functions: component.stats.functions,
      fuel_table: component.stats.fuelTable,
    },
    imports: component.imports,
    exports: component.exports,
    needs: needsOf(component.imports),
    granted: face ? capabilitiesOf(face.grant) : null,
    ports: face ? { in: face.inputs, out: face.outputs } : null,
    with: face?.withSchema ?? null,
    limits: face ? limitsOf(face.limits) : null,
    limits_lowered: lowered ?? [],
  };
}

type Told = ReturnType<typeof describe>;

/** What a policy must grant for the imports. */
function needsOf(imports: readonly string[]): readonly string[] {
  const found = imports.map(knownImport).flatMap((known) => ("need" in known && known.need ? [known.need.capability] : []));
  return [...new Set(found)];
}

function pairs(told: Told): [string, string][] {
  const { size, limits } = told;
  return [
    ["agent", told.name === null ? "a component without a bundle" : `${told.name}@${told.version}`],
    ...(told.description === null ? [] : [["", told.description] satisfies [string, string]]),
    ...(told.dir === null ? [] : [["folder", told.dir] satisfies [string, string]]),
    ["digest", told.digest],
    ["size", `${bytes(size.bytes)}, metered ${bytes(size.metered_bytes)}, ${size.functions} functions`],
    ...list("imports", told.imports),
    ...list("exports", told.exports),
    ...list("needs", told.needs),
    ...(told.granted === null ? [] : list("granted", told.granted)),
    ...(told.ports === null ? [] : [...list("takes", portLines(told.ports.in)), ...list("gives", portLines(told.ports.out))]),
    ...(limits === null ? [] : list("limits", limitLines(limits))),
    ...(told.limits_lowered.length === 0 ? [] : list("lowered", told.limits_lowered.map(loweredLine))),
  ];
}

function list(name: string, values: readonly string[]): [string, string][] {
  return values.length === 0 ? [[name, "nothing"]] : values.map((value, index) => [index === 0 ? name : "", value]);
}

const amount = (name: LimitName, value: number): string =>
  limitTable[name].unit === "bytes" ? bytes(value) : `${count(value)} ${limitTable[name].unit}`;

const limitLines = (limits: Limits): string[] =>
  limitNames.map((name) => {
    return `${name}: ${amount(name, limits[name])}${limits[name] === limitTable[name].usual ? "" : `  (usually ${amount(name, limitTable[name].usual)})`}`;
  });

const loweredLine = ({ limit, asked, ceiling }: Lowered): string =>
  `${limit}: the manifest asks for ${count(asked)}, the configuration gives ${count(ceiling)} (limits.${limit})`;

function portLines(ports: Readonly<Record<string, Port>>): string[] {
  return Object.entries(ports).map(([name, { types, required, description }]) => {
    const about = description === undefined ? "" : `  ${description}`;
    return `${name}${required ? "" : "?"}: ${types.join(" or ")}${about}`;
  });
}
