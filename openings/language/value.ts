/** Trees to JSON values, and the small readers that say what was expected and what is there. */
import type { Json, JsonObject } from "#core/json.js";
import { visibleLine } from "#core/visible.js";
import type { Span } from "./diagnostic.js";
import type { Reporter } from "./reporter.js";
import { placeInScalar } from "./scalar-place.js";
import { hasTemplate, type Templates } from "./template.js";
import type { MapTree, ScalarTree, Tree } from "./tree.js";

/** A tree as it stands, templates and all. undefined where a part of it is broken. */
export function plainValue(tree: Tree): Json | undefined {
  return valueOf(tree, (scalar) => scalar.value);
}

/** A tree with its templates filled in. undefined where a part is broken or a template does not resolve, which is reported. */
export function filledValue(tree: Tree, templates: Templates, report: Reporter): Json | undefined {
  return valueOf(
    tree,
    (scalar) => filledScalar(scalar, templates, report),
    (key, span) => {
      if (hasTemplate(key)) report.error("OPENING_TEMPLATE", span, "templates are filled in in values, not in keys");
    },
  );
}

export function filledScalar(scalar: ScalarTree, templates: Templates, report: Reporter): Json | undefined {
  if (typeof scalar.value !== "string") return scalar.value;
  const resolved = templates.resolve(scalar.value);
  if (resolved.ok) return resolved.value;
  for (const { offset, length, message, hint } of resolved.faults)
    report.error("OPENING_TEMPLATE", placeInScalar(report.source.text, scalar, offset, length), message, hint);
  return undefined;
}

function valueOf(
  tree: Tree,
  scalar: (tree: ScalarTree) => Json | undefined,
  key: (name: string, span: Span) => void = () => undefined,
): Json | undefined {
  switch (tree.kind) {
    case "broken":
      return undefined;
    case "scalar":
      return scalar(tree);
    case "list": {
      const items = tree.items.map((item) => valueOf(item, scalar, key));
      return items.includes(undefined) ? undefined : (items as Json[]);
    }
    case "map": {
      const members = tree.entries.map((entry) => {
        key(entry.key, entry.keySpan);
        return [entry.key, valueOf(entry.value, scalar, key)] as const;
      });
      return members.some(([, value]) => value === undefined) ? undefined : (Object.fromEntries(members) as JsonObject);
    }
  }
}

/** What stands there, for "expected …, got …". */
export function describe(tree: Tree): string {
  if (tree.kind === "list") return "a list";
  if (tree.kind === "map") return "a map";
  if (tree.kind === "broken") return "something unreadable";
  const { value } = tree;
  if (value === null) return "nothing";
  if (typeof value === "string")
    return `the text "${visibleLine(value.slice(0, 40))}${value.length > 40 ? "…" : ""}"`.toWellFormed();
  return typeof value === "boolean" ? `\`${value}\`` : `the number ${value}`;
}

/** Nothing stands there: `edges:` with no value is an absent key. */
export const isNothing = (tree: Tree): boolean => tree.kind === "scalar" && tree.value === null;

/** The tree at a JSON pointer, or the deepest one on the way to it (a template's value has no tree of its own). */
export function treeAt(root: Tree, pointer: string): { tree: Tree; span: Span } {
  let tree = root;
  let span = root.span;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const next = tree.kind === "list" ? tree.items[Number(name)] : mapEntry(tree, name)?.value;
    if (!next) break;
    span = next.kind === "scalar" || next.kind === "broken" ? next.span : (mapEntry(tree, name)?.keySpan ?? next.span);
    tree = next;
  }
  return { tree, span };
}

export function mapEntry(tree: Tree, key: string): MapTree["entries"][number] | undefined {
  return tree.kind === "map" ? tree.entries.find((entry) => entry.key === key) : undefined;
}
