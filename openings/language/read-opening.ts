/** The whole file: from the tree to a draft. */
import { isJsonObject, type JsonObject } from "#core/json.js";
import { quoted, type Span } from "./diagnostic.js";
import type { Draft, DraftEdge, DraftExpression, DraftNode, PlacedRef } from "./draft.js";
import { parseEdgeSource, parseExpression, parsePortRef } from "./expression.js";
import { asMap, asText, Fields, identifier, mismatch } from "./fields.js";
import { openingLimits } from "./limits.js";
import { checkStrayParams } from "./stray-params.js";
import { readNode } from "./read-node.js";
import { checkParamsSchema, readParams } from "./read-params.js";
import { readPolicy } from "./read-policy.js";
import { readInputs, readOutputs } from "./read-ports.js";
import { placed, readReference } from "./read-reference.js";
import type { Reporter } from "./reporter.js";
import { Templates } from "./template.js";
import type { MapTree, Tree } from "./tree.js";
import { filledScalar, isNothing, mapEntry } from "./value.js";
import { artifactKeys, edgeKeys, keysOf, openingKeys, policyKeys, successKeys } from "./vocabulary.js";

const shape = {
  what: "an opening",
  keys: openingKeys,
  elsewhere: {
    ...Object.fromEntries(keysOf(policyKeys).map((key) => [key, "policy"])),
    save: "artifacts",
    any_of: "success",
    all_of: "success",
  },
};

export interface ReadingWorld {
  readonly params: JsonObject;
  readonly defaults: { readonly confirm_external: boolean };
}

/** null where there is nothing to check: the file holds no map, or another version of the language. */
export function readOpening(report: Reporter, tree: Tree, world: ReadingWorld): Draft | null {
  const root = asMap(report, tree, "an opening");
  if (!root) return null;
  if (!knownVersion(report, root)) return null;
  const fields = new Fields(report, root, shape);
  fields.required("version", "write version: 0");

  const name = fields.required("name");
  const inputs = readInputs(report, fields, world.params);
  const params = readParams(report, fields, world.params, inputs);
  const schema = checkParamsSchema(report, fields, params);
  const templates = new Templates(params.merged, params.defaults !== undefined);
  const nodes = readNodes(report, fields, templates);
  const goals = fields.list("goals").flatMap((goal) => readGoal(report, goal, templates));
  // Where something else is wrong not every template was read.
  if (params.defaults && !report.hasErrors) {
    const span = fields.entry("params")?.keySpan ?? { start: 0, end: 0 };
    checkStrayParams(report, span, params.given, params.defaults, new Set([...templates.used, ...described(schema)]));
  }
  return {
    name: (name && identifier(report, name.value, "the name")) ?? null,
    nameSpan: name?.value.span ?? fields.span,
    inputs,
    outputs: readOutputs(report, fields),
    goals,
    params: params.merged,
    policy: readPolicy(report, fields.map("policy"), world.defaults),
    nodes,
    edges: readEdges(report, fields),
    success: readSuccess(report, fields),
    save: readSave(report, fields),
  };
}

/** Parameters that a schema tells of are known, whether or not a template asks for them. */
function described(schema: JsonObject | null): readonly string[] {
  const properties = schema?.["properties"];
  return isJsonObject(properties) ? Object.keys(properties) : [];
}

/** Another version may mean something else by every other key: nothing more is said about them. */
function knownVersion(report: Reporter, root: MapTree): boolean {
  const version = mapEntry(root, "version")?.value;
  if (!version || isNothing(version)) return true;
  if (version.kind === "scalar" && typeof version.value === "number") {
    if (version.value === 0) return true;
    report.error(
      "OPENING_VERSION",
      version.span,
      `version ${version.value} of the language is not known`,
      "this rlp reads version 0",
    );
    return false;
  }
  mismatch(report, version, "`version` expects the number 0", undefined, "OPENING_VERSION");
  return true;
}

function readGoal(report: Reporter, tree: Tree, templates: Templates): readonly string[] {
  const text = asText(report, tree, "a goal");
  if (!text) return [];
  const filled = filledScalar(text, templates, report);
  if (filled === undefined) return [];
  if (typeof filled === "string") return [filled];
  if (typeof filled === "number" || typeof filled === "boolean") return [JSON.stringify(filled)];
  report.error("OPENING_TEMPLATE", text.span, "a goal is text, and this template stands for something else");
  return [];
}

function readNodes(report: Reporter, fields: Fields, templates: Templates): readonly DraftNode[] {
  const entry = fields.required("nodes");
  const items = fields.list("nodes");
  if (entry?.value.kind === "list" && items.length === 0)
    report.error("OPENING_MISSING_KEY", entry.keySpan, "an opening needs at least one node");
  if (tooMany(report, items, openingLimits.nodes, "nodes")) return [];
  const nodes = items.map((item) => readNode(report, item, templates)).filter((node) => node !== null);
  const first = new Map<string, Span>();
  for (const { id, span } of nodes) {
    if (id === null) continue;
    const before = first.get(id);
    if (before)
      report.error(
        "OPENING_DUPLICATE_ID",
        span,
        `the node id ${quoted(id)} is taken on line ${report.source.position(before.start).line}`,
      );
    else first.set(id, span);
  }
  return nodes;
}

const edgeShape = { what: "an edge", keys: edgeKeys };
const EDGE_HINT = 'write from: "node.port", to: "node.port"';

function readEdges(report: Reporter, fields: Fields): readonly DraftEdge[] {
  const items = fields.list("edges");
  if (tooMany(report, items, openingLimits.edges, "edges")) return [];
  return items.flatMap((item) => {
    if (item.kind !== "map") {
      mismatch(report, item, "an edge expects a map", EDGE_HINT);
      return [];
    }
    const edge = new Fields(report, item, edgeShape);
    const source = edge.required("from", EDGE_HINT);
    const target = edge.required("to", EDGE_HINT);
    const from = source ? readReference(report, source.value, "`from`", parseEdgeSource) : null;
    return [
      {
        span: edge.span,
        from: from && {
          ref: from.value.ref,
          guard: from.value.guard && placed(from.value.guard, from.rest),
          nodeSpan: from.nodeSpan,
          portSpan: from.portSpan,
        },
        to: target ? readPort(report, target.value, "`to`") : null,
      },
    ];
  });
}

function readPort(report: Reporter, tree: Tree, what: string): PlacedRef | null {
  const read = readReference(report, tree, what, parsePortRef);
  return read && { ref: read.value, nodeSpan: read.nodeSpan, portSpan: read.portSpan };
}

function readSuccess(report: Reporter, fields: Fields): Draft["success"] {
  const tree = fields.map("success");
  if (!tree) return null;
  const success = new Fields(report, tree, { what: "`success`", keys: successKeys });
  const any = success.entry("any_of");
  const all = success.entry("all_of");
  if (any && all) report.error("OPENING_TYPE", all.keySpan, "`success` holds any_of or all_of, not both");
  if (!any && !all)
    report.error(
      "OPENING_MISSING_KEY",
      success.span,
      "`success` needs any_of or all_of",
      "leave `success` out to ask only that no node failed",
    );
  const mode = any ? "any_of" : "all_of";
  const items = success.list(mode);
  const list = (any ?? all)?.value;
  if (list?.kind === "list" && items.length === 0)
    report.error("OPENING_MISSING_KEY", list.span, `${quoted(mode)} needs at least one expression`);
  if (tooMany(report, items, openingLimits.edges, "expressions")) return null;
  const of = items.flatMap((item): readonly DraftExpression[] => {
    const read = readReference(report, item, "an expression", parseExpression);
    return read
      ? [{ expression: read.value, ref: read.value.ref, span: item.span, nodeSpan: read.nodeSpan, portSpan: read.portSpan }]
      : [];
  });
  return { mode, of };
}

function readSave(report: Reporter, fields: Fields): readonly PlacedRef[] {
  const tree = fields.map("artifacts");
  if (!tree) return [];
  const items = new Fields(report, tree, { what: "`artifacts`", keys: artifactKeys }).list("save");
  if (tooMany(report, items, openingLimits.edges, "artifacts")) return [];
  return items.flatMap((item) => readPort(report, item, "an artifact") ?? []);
}

function tooMany(report: Reporter, items: readonly Tree[], limit: number, what: string): boolean {
  const first = items[limit];
  if (first) report.error("OPENING_TOO_LARGE", first.span, `${items.length} ${what}; an opening has at most ${limit}`);
  return first !== undefined;
}
