/** `with` against the agent: keys named like input ports supply those ports, the rest is the schema's. */
import type { Json, JsonObject } from "#core/json.js";
import { isJsonObject } from "#core/json.js";
import type { AgentInterface, TypeRegistry } from "../agent.js";
import type { InnerOpening } from "../inner.js";
import { quoted } from "../language/diagnostic.js";
import type { DraftNode } from "../language/draft.js";
import type { MapEntry } from "../language/tree.js";
import { mapEntry, treeAt } from "../language/value.js";
import { checkValue, withAgentTypes } from "../types/registry.js";
import { misfits, schemaFault } from "../types/schema.js";
import { nameHint, portOf, type CheckContext } from "./context.js";

/** A key that every agent with actions knows: whether a person must confirm what this node does outside. */
export const CONFIRM = "require_human_confirm";

export function checkWith(context: CheckContext): void {
  for (const [node, inner] of context.innerOf) checkInner(context, node, inner);
  for (const [node, agent] of context.agentOf) if (node.with.tree || node.with.value) checkNode(context, node, agent);
}

function checkNode({ report, types }: CheckContext, node: DraftNode, agent: AgentInterface): void {
  const { tree, value } = node.with;
  const described = properties(agent.withSchema);
  const { actions, fs_rw } = agent.policy ?? agent.grant;
  const confirms = actions.length > 0 || fs_rw.length > 0;
  const known = [...Object.keys(agent.inputs), ...described, ...(confirms ? [CONFIRM] : [])];
  // Without a value a template did not resolve: the keys can still be judged.
  const rest = new Map(Object.entries(value ?? {}));
  for (const entry of tree?.entries ?? []) {
    const { key } = entry;
    const port = portOf(agent.inputs, key);
    if (port && value) checkPortValue(report, node, entry, value, port.types, withAgentTypes(types, agent.schemas));
    if (key === CONFIRM && confirms && value && typeof value[key] !== "boolean")
      report.error("OPENING_WITH", entry.value.span, `${quoted(key)} expects true or false`);
    if ((port || (key === CONFIRM && confirms)) && !described.includes(key)) rest.delete(key);
    else if (!port && agent.withSchema === null && !known.includes(key)) {
      const hint = key === CONFIRM ? "the agent proposes no actions" : nameHint(key, known, "keys");
      report.error("OPENING_WITH", entry.keySpan, `the agent ${quoted(agent.name)} knows no ${quoted(key)}`, hint);
    }
  }
  if (agent.withSchema !== null && value && !schemaFault(agent.withSchema))
    checkSchema(report, node, agent.withSchema, Object.fromEntries(rest), known);
}

/** Keys that are no inputs are parameters: with them the opening has been compiled. */
function checkInner({ report, types }: CheckContext, node: DraftNode, { inputs, schemas }: InnerOpening): void {
  const { tree, value } = node.with;
  for (const entry of tree?.entries ?? []) {
    const port = portOf(inputs, entry.key);
    if (port && value) checkPortValue(report, node, entry, value, port.types, withAgentTypes(types, schemas));
  }
}

function checkPortValue(
  report: CheckContext["report"],
  node: DraftNode,
  entry: MapEntry,
  value: JsonObject,
  names: readonly string[],
  types: TypeRegistry,
): void {
  const body = value[entry.key] ?? null;
  if (node.for_each?.value === entry.key && Array.isArray(body)) {
    for (const [index, element] of body.entries()) checkBody(report, entry, element, names, types, `/${index}`);
    return;
  }
  checkBody(report, entry, body, names, types, "");
}

function checkBody(
  report: CheckContext["report"],
  entry: MapEntry,
  body: Json,
  names: readonly string[],
  types: TypeRegistry,
  within: string,
): void {
  const faults = names.map((name) => (types.get(name) ? checkValue(name, body, types) : null));
  const [fault] = faults;
  if (!fault || faults.includes(null)) return;
  const first = { ...fault, pointer: `${within}${fault.pointer}` };
  const { span } = treeAt(entry.value, first.pointer);
  const where = first.pointer === "" ? "" : ` at ${first.pointer}`;
  report.error("OPENING_WITH", span, `the input ${quoted(entry.key)} takes ${names.join(" or ")}${where}: ${first.message}`);
}

function checkSchema(
  report: CheckContext["report"],
  node: DraftNode,
  schema: JsonObject,
  value: JsonObject,
  known: readonly string[],
): void {
  for (const { pointer, message } of misfits(schema, value, true)) {
    const place = node.with.tree ? treeAt(node.with.tree, pointer).span : node.span;
    const key = /^\/([^/]*)$/.exec(pointer)?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~");
    const entry = key !== undefined && node.with.tree ? mapEntry(node.with.tree, key) : undefined;
    const refused = entry !== undefined && message === "this is not allowed here";
    const span = refused ? entry.keySpan : pointer === "" ? (node.with.tree ? node.with.span : node.span) : place;
    const where = pointer === "" ? "`with`" : quoted(`with${pointer.replaceAll("/", ".")}`);
    const hint = refused ? nameHint(entry.key, known, "keys") : undefined;
    report.error("OPENING_WITH", span, refused ? `unknown key ${quoted(entry.key)} in \`with\`` : `${where}: ${message}`, hint);
  }
}

function properties(schema: JsonObject | null): readonly string[] {
  const described = schema?.["properties"];
  return isJsonObject(described) ? Object.keys(described) : [];
}
