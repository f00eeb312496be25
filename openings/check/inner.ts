/** An opening seen from the one that uses it: the types on its ports, and what it leaves to its agents. */
import type { JsonObject } from "#core/json.js";
import type { AgentInterface, Port } from "../agent.js";
import { nodeGrant } from "../grant/narrow.js";
import { innerPorts, type InnerOpening } from "../inner.js";
import type { Opening } from "../ir.js";
import { quoted } from "../language/diagnostic.js";
import type { Draft } from "../language/draft.js";
import type { Reporter } from "../language/reporter.js";
import { ANY, checkValue } from "../types/registry.js";
import { schemaFault } from "../types/schema.js";
import { nameHint, portOf, type CheckContext } from "./context.js";

/** An opening's own `inputs` name types that there are, and a value that came for one fits it. */
export function checkOwnInputs({ report, draft, types }: CheckContext): void {
  for (const [name, { type, value, span }] of Object.entries(draft.inputs ?? {})) {
    const schema = types.get(type);
    if (!schema) {
      report.error(
        "OPENING_UNKNOWN_TYPE",
        span,
        `the input ${quoted(name)}: unknown type ${quoted(type)}`,
        nameHint(type, types.names(), "types"),
      );
      continue;
    }
    if (value === undefined || schemaFault(schema)) continue;
    const misfit = checkValue(type, value, types);
    if (!misfit) continue;
    const where = misfit.pointer === "" ? "" : ` at ${misfit.pointer}`;
    report.error("OPENING_PARAM", span, `the value for the input ${quoted(name)} (${type})${where}: ${misfit.message}`);
  }
}

/** What is run by itself gets its inputs from the caller's parameters or not at all. */
export function checkSupplied(report: Reporter, draft: Draft): void {
  for (const [name, { type, required, value, span }] of Object.entries(draft.inputs ?? {}))
    if (required && value === undefined)
      report.error(
        "OPENING_MISSING_INPUT",
        span,
        `this opening needs a value for its input ${quoted(name)} (${type})`,
        `hand it in as a parameter (--param ${name}=…), or use the opening from another one`,
      );
}

/** The view from outside, of a draft without errors. */
export function innerView(context: CheckContext, opening: Opening): InnerOpening {
  const { draft, nodes, faceOf } = context;
  const outputs = Object.entries(draft.outputs ?? {}).map(([name, { ref }]): readonly [string, Port] => {
    const node = nodes.get(ref.node);
    const port = node && portOf(faceOf.get(node)?.outputs ?? {}, ref.port);
    return [name, { types: port?.types ?? [ANY], required: false }];
  });
  return {
    opening,
    inputs: innerPorts(opening.inputs),
    outputs: Object.fromEntries(outputs),
    schemas: schemasOf(context),
    agents: agentsOf(context),
  };
}

function schemasOf({ faceOf }: CheckContext): Readonly<Record<string, JsonObject>> {
  return Object.assign({}, ...[...faceOf.values()].map(({ schemas }) => schemas)) as Record<string, JsonObject>;
}

function agentsOf({ agentOf, innerOf }: CheckContext): InnerOpening["agents"] {
  const narrowed = (agent: AgentInterface, caps: Parameters<typeof nodeGrant>[1]["caps"]): AgentInterface => ({
    ...agent,
    grant: nodeGrant(agent, { caps: caps ?? null }),
  });
  return [
    ...[...agentOf].map(([node, agent]) => ({ path: node.id ?? "", agent: narrowed(agent, node.caps?.value) })),
    ...[...innerOf].flatMap(([node, { agents }]) =>
      agents.map(({ path, agent }) => ({ path: `${node.id ?? ""}/${path}`, agent: narrowed(agent, node.caps?.value) })),
    ),
  ];
}
