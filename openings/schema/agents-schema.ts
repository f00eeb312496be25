/** The schema of openings that use certain agents: `use` names them, `with` is theirs, and edges go between their ports. */
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { AgentInterface } from "../agent.js";
import { CONFIRM } from "../check/with.js";
import { INPUTS } from "../ir.js";
import { openingSchema, ref, type OpeningSchema } from "./opening-schema.js";
import { EXPRESSION, ID, portOf, sourceOf, VARIANT } from "./patterns.js";

/** What is known of an agent without running it. */
export type Described = Pick<AgentInterface, "name" | "description" | "inputs" | "outputs" | "withSchema" | "schemas" | "grant"> &
  Partial<Pick<AgentInterface, "policy">>;

/** The nodes of one file, as far as they can be read: their ports are what edges can be between. */
export interface OutlinedNode {
  readonly id: string;
  /** null: another opening, or nothing that is known. */
  readonly agent: string | null;
}

export interface Surroundings {
  readonly agents: readonly Described[];
  /** Names of openings that can be used. */
  readonly openings: readonly string[];
  /** Absent: for any file. */
  readonly outline?: { readonly nodes: readonly OutlinedNode[]; readonly inputs: readonly string[] };
}

export function schemaFor({ agents, openings, outline }: Surroundings): OpeningSchema {
  const { root, definitions } = openingSchema();
  return {
    root,
    definitions: {
      ...definitions,
      use: useOf(agents, openings),
      node: { ...definitions["node"], allOf: agents.map(ruleOf) },
      ...(outline ? portsOfFile(agents, outline) : portsOfAgents(agents)),
      ...Object.fromEntries(agents.map((agent) => [withName(agent), withSchema(agent)])),
    },
  };
}

function useOf(agents: readonly Described[], openings: readonly string[]): JsonObject {
  return {
    anyOf: [
      ...agents.map(({ name, description }) => ({ const: `agent:${name}`, description })),
      ...openings.map((name) => ({ const: `opening:${name}`, description: "An opening of its own." })),
      ...(agents.length > 0 ? [{ type: "string", pattern: `^agent:(?:${alternatives(agents)})@${VARIANT}$` }] : []),
      { type: "string", pattern: `^opening:${ID}$` },
    ],
  };
}

const alternatives = (agents: readonly { readonly name: string }[]): string => agents.map(({ name }) => name).join("|");

const usesAgent = ({ name }: Described): JsonObject => ({
  properties: { use: { type: "string", pattern: `^agent:${name}(?:@.*)?$` } },
  required: ["use"],
});

/** JSON Schema has a keyword `then`: this object is a schema and never awaited. */
// oxlint-disable-next-line unicorn/no-thenable
const ruleOf = (agent: Described): JsonObject => ({ if: usesAgent(agent), then: withOf(agent) });

const withName = ({ name }: Described): string => `with_${name}`;

function withOf(agent: Described): JsonObject {
  const inputs = Object.entries(agent.inputs);
  return {
    properties: {
      with: {
        anyOf: [ref(withName(agent)), { type: "null" }],
        description: `What \`${agent.name}\` takes. ${agent.description}`,
      },
      ...(inputs.length > 0 && { for_each: { enum: [...inputs.map(([name]) => name), null] } }),
    },
    ...(requiredOf(agent).length > 0 && { required: ["with"] }),
  };
}

/** Keys that are no inputs, and that the agent cannot do without. */
function requiredOf({ withSchema, inputs }: Described): readonly string[] {
  const required = withSchema?.["required"];
  if (!Array.isArray(required)) return [];
  return required.filter((name): name is string => typeof name === "string" && !Object.hasOwn(inputs, name));
}

/** As `openings/check/with.ts` has it: the agent's schema, its inputs, and whether a person is asked. */
function withSchema(agent: Described): JsonObject {
  const { inputs, policy, grant } = agent;
  const { actions, fs_rw } = policy ?? grant;
  const own = rebased(lenient(agent.withSchema ?? { additionalProperties: false }), withName(agent));
  const described = isJsonObject(own["properties"] ?? null) ? (own["properties"] as JsonObject) : {};
  const ports = Object.entries(inputs).map(([name, { types, description }]): [string, Json] => {
    const about = `The input \`${name}\` (${types.join(" or ")}).${description === undefined ? "" : ` ${description}`}`;
    return [name, { ...(isJsonObject(described[name] ?? null) ? (described[name] as JsonObject) : {}), description: about }];
  });
  const asks = actions.length > 0 || fs_rw.length > 0;
  const confirm = { type: "boolean", description: "Whether a person has to approve what this node does outside." };
  const required = requiredOf(agent);
  const { required: _, ...rest } = own;
  return {
    ...rest,
    type: "object",
    properties: { ...described, ...Object.fromEntries(ports), ...(asks && !(CONFIRM in described) && { [CONFIRM]: confirm }) },
    ...(required.length > 0 && { required: [...required] }),
  };
}

const TEMPLATE: JsonObject = { type: "string", pattern: "\\{\\{" };

/** The same schema where a template may stand for each value. */
function lenient(schema: JsonObject): JsonObject {
  const parts: Record<string, Json> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "properties" && isJsonObject(value))
      parts[keyword] = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, orTemplate(each)]));
    else if ((keyword === "items" || keyword === "additionalProperties") && isJsonObject(value))
      parts[keyword] = orTemplate(value);
    else parts[keyword] = value;
  }
  return parts;
}

function orTemplate(schema: Json): Json {
  if (!isJsonObject(schema)) return schema;
  const { description, title, default: usual, ...rest } = lenient(schema);
  if (Object.keys(rest).length === 0) return schema;
  return {
    anyOf: [rest, TEMPLATE],
    ...(description !== undefined && { description }),
    ...(title !== undefined && { title }),
    ...(usual !== undefined && { default: usual }),
  };
}

/** References within the agent's schema, where it stands now. */
function rebased<T extends Json>(schema: T, name: string): T {
  if (Array.isArray(schema)) return schema.map((each: Json) => rebased(each, name)) as unknown as T;
  if (!isJsonObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [
      keyword,
      keyword === "$ref" && typeof value === "string" && value.startsWith("#")
        ? `#/definitions/${name}${value.slice(1)}`
        : rebased(value, name),
    ]),
  ) as T;
}

/** Any node may have any of the agents' ports: which one has which is not known here. */
function portsOfAgents(agents: readonly Described[]): Readonly<Record<string, JsonObject>> {
  const outputs = [...new Set(agents.flatMap((agent) => Object.keys(agent.outputs)))].sort();
  const inputs = [...new Set(agents.flatMap((agent) => Object.keys(agent.inputs)))].sort();
  const about = (what: string, names: readonly string[]): JsonObject => ({
    description: names.length > 0 ? `${what} of the agents at hand: ${names.join(", ")}.` : `There are no ${what.toLowerCase()}.`,
  });
  const { source, port } = openingSchema().definitions;
  return { source: { ...source, ...about("Outputs", outputs) }, port: { ...port, ...about("Ports", [...inputs, ...outputs]) } };
}

/** The very ports of a file's nodes, offered one by one. */
function portsOfFile(
  agents: readonly Described[],
  { nodes, inputs }: NonNullable<Surroundings["outline"]>,
): Readonly<Record<string, JsonObject>> {
  const byName = new Map(agents.map((agent) => [agent.name, agent]));
  const unknown = nodes.filter(({ agent }) => agent === null || !byName.has(agent)).map(({ id }) => id);
  const known = nodes.flatMap(({ id, agent }) => {
    const face = agent === null ? undefined : byName.get(agent);
    return face ? [{ id, face }] : [];
  });
  const offered = (side: "inputs" | "outputs"): readonly JsonObject[] =>
    known.flatMap(({ id, face }) =>
      Object.entries(face[side]).map(([name, { types, description }]) => ({
        const: `${id}.${name}`,
        description: `${types.join(" or ")}${description === undefined ? "" : `: ${description}`}`,
      })),
    );
  const own = inputs.map((name) => ({ const: `${INPUTS}.${name}`, description: "An input of this opening." }));
  const outputs = [...offered("outputs"), ...own];
  const patterns = (pattern: (node: string, port: string) => string, side: "inputs" | "outputs"): readonly JsonObject[] =>
    [
      ...known.flatMap(({ id, face }) => {
        const names = Object.keys(face[side]);
        return names.length === 0 ? [] : [pattern(id, names.join("|"))];
      }),
      ...(side === "outputs" && inputs.length > 0 ? [pattern(INPUTS, inputs.join("|"))] : []),
      ...(unknown.length > 0 ? [pattern(unknown.join("|"), ID)] : []),
    ].map((each) => ({ type: "string", pattern: `^(?:${each})$` }));
  // A guard's target need not be declared, and `artifacts` and `outputs` name outputs: `port` is any of the file's nodes.
  const anywhere = { type: "string", pattern: `^(?:${portOf(nodes.map(({ id }) => id).join("|") || ID, ID)})$` };
  return {
    source: { anyOf: [...outputs, ...patterns(sourceOf, "outputs")] },
    port: { anyOf: [...offered("inputs"), ...offered("outputs"), anywhere] },
    expression: {
      anyOf: [
        ...outputs.map((each) => ({ const: `exists(${String(each["const"])})` })),
        { type: "string", pattern: `^(?:${EXPRESSION})$` },
      ],
    },
  };
}
