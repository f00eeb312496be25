/** One element of `nodes:`. */
import { IDENTIFIER } from "#core/ids.js";
import type { JsonObject } from "#core/json.js";
import type { DraftNode, Placed } from "./draft.js";
import { quoted } from "./diagnostic.js";
import { asMap, asText, Fields, identifier, identifierHint, NO_TEMPLATE } from "./fields.js";
import { readCaps } from "./read-caps.js";
import { readRetry } from "./read-policy.js";
import type { Reporter } from "./reporter.js";
import { hasTemplate, type Templates } from "./template.js";
import type { MapEntry, Tree } from "./tree.js";
import { filledValue } from "./value.js";
import { keysOf, nodeKeys, retryKeys } from "./vocabulary.js";

const shape = {
  what: "a node",
  keys: nodeKeys,
  elsewhere: Object.fromEntries(keysOf(retryKeys).map((key) => [key, "retry"])),
};

export function readNode(report: Reporter, tree: Tree, templates: Templates): DraftNode | null {
  const map = asMap(report, tree, "a node");
  if (!map) return null;
  const fields = new Fields(report, map, shape);
  const idEntry = fields.required("id");
  const use = fields.required("use", "write use: agent:<name>");
  const each = fields.entry("for_each");
  const parallel = fields.entry("max_parallel");
  if (parallel && !each)
    report.error(
      "OPENING_MISSING_KEY",
      parallel.keySpan,
      "`max_parallel` of a node counts the invocations of a `for_each`, and there is none",
      "for the whole opening it belongs under `policy`",
    );
  return {
    span: idEntry?.value.span ?? fields.span,
    id: (idEntry && identifier(report, idEntry.value, "the node id")) ?? null,
    use: use ? readUse(report, use.value) : null,
    with: readWith(report, fields, templates),
    retry: readRetry(report, fields.map("retry")),
    timeout_ms: fields.integer("timeout_ms") ?? null,
    budgets: readBudgets(fields),
    for_each: each ? readName(report, each.value, "`for_each`") : null,
    max_parallel: fields.integer("max_parallel") ?? null,
    on_error: readOnError(report, fields),
    tags: fields.list("tags").flatMap((tag) => readTag(report, tag)),
    caps: readCaps(report, fields.map("caps")),
  };
}

function readName(report: Reporter, tree: Tree, what: string): Placed<string> | null {
  const value = identifier(report, tree, what);
  return value === undefined ? null : { value, span: tree.span };
}

function readOnError(report: Reporter, fields: Fields): Placed<string> | null {
  const entry = fields.entry("on_error");
  return entry ? readName(report, entry.value, "`on_error`") : null;
}

function readBudgets(fields: Fields): DraftNode["budgets"] {
  const placed = (key: string, value: number | undefined): Placed<number> | null => {
    const entry = fields.entry(key);
    return entry && value !== undefined ? { value, span: entry.value.span } : null;
  };
  return {
    tokens: placed("budget_tokens", fields.integer("budget_tokens")),
    microusd: placed("budget_usd", fields.dollars("budget_usd")),
    fuel: placed("budget_fuel", fields.integer("budget_fuel")),
  };
}

const VARIANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function readUse(report: Reporter, tree: Tree): DraftNode["use"] {
  const text = asText(report, tree, "`use`", "write use: agent:<name>");
  if (!text) return null;
  const { value, span } = text;
  if (value.startsWith("opening:")) {
    const opening = value.slice("opening:".length);
    if (IDENTIFIER.test(opening)) return { value: { opening }, span };
    report.error("OPENING_IDENTIFIER", span, `the opening ${quoted(opening)} is not an identifier`, identifierHint(opening));
    return null;
  }
  const [, name, variant] = /^agent:([^@]*)(?:@(.*))?$/s.exec(value) ?? [];
  if (name === undefined) {
    const hint = IDENTIFIER.test(value) ? `did you mean \`agent:${value}\`?` : "write agent:<name> or agent:<name>@<variant>";
    report.error("OPENING_TYPE", span, `\`use\` expects agent:<name> or opening:<name>, got ${quoted(value)}`, hint);
    return null;
  }
  if (!IDENTIFIER.test(name)) {
    report.error("OPENING_IDENTIFIER", span, `the agent ${quoted(name)} is not an identifier`, identifierHint(name));
    return null;
  }
  if (variant !== undefined && !VARIANT.test(variant)) {
    const hint = "a variant is letters, digits, `.`, `_` and `-`";
    report.error("OPENING_IDENTIFIER", span, `${quoted(variant)} is not a variant's name`, hint);
    return null;
  }
  return { value: { agent: name, variant: variant ?? null }, span };
}

function readWith(report: Reporter, fields: Fields, templates: Templates): DraftNode["with"] {
  const entry: MapEntry | undefined = fields.entry("with");
  if (!entry) return { value: {}, tree: null, span: fields.span };
  const tree = fields.map("with") ?? null;
  const value = tree ? ((filledValue(tree, templates, report) as JsonObject | undefined) ?? null) : null;
  return { value, tree, span: entry.keySpan };
}

function readTag(report: Reporter, tree: Tree): readonly string[] {
  const text = asText(report, tree, "a tag");
  if (!text) return [];
  if (hasTemplate(text.value)) report.error("OPENING_TEMPLATE", text.span, NO_TEMPLATE);
  return [text.value];
}
