/** Single values of an opening's text, set from outside: everything else stays as its author wrote it. */
import { isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Json } from "#core/json.js";

export interface Edit {
  /** `policy.budget_tokens`: keys from the top. `nodes.draft.with.model`: a node by its id. */
  readonly path: readonly string[];
  readonly value: Json;
}

/** The text with the values set; null where it is not YAML, or has no such node. What the values mean is checked when it is compiled. */
export function editOpening(text: string, edits: readonly Edit[]): string | null {
  const document = parseDocument(text, { strict: false });
  if (document.errors.length > 0 || !isMap(document.contents)) return null;
  for (const { path, value } of edits) {
    const [top, id, ...rest] = path;
    if (top !== "nodes") {
      document.setIn(path, document.createNode(value));
      continue;
    }
    const nodes = document.get("nodes");
    const at = isSeq(nodes) ? nodes.items.findIndex((node) => isMap(node) && idOf(node.get("id", true)) === id) : -1;
    if (at < 0) return null;
    document.setIn(["nodes", at, ...rest], document.createNode(value));
  }
  return document.toString({ lineWidth: 0 });
}

const idOf = (node: unknown): unknown => (isScalar(node) ? node.value : node);
