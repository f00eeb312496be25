/** A YAML document as a tree: aliases followed, tags and merge keys refused. */
import { isAlias, isMap, isScalar, isSeq, type Alias, type ParsedNode } from "yaml";
import { quoted, type Span } from "./diagnostic.js";
import type { Reporter } from "./reporter.js";
import { broken, Trees, type MapEntry, type ScalarStyle, type Tree } from "./tree.js";

/** The tree of a document's contents. */
export function yamlTree(contents: ParsedNode, report: Reporter): Tree {
  return new Builder(report).build(contents);
}

const styles: Readonly<Record<string, ScalarStyle>> = {
  QUOTE_SINGLE: "single",
  QUOTE_DOUBLE: "double",
  BLOCK_LITERAL: "block",
  BLOCK_FOLDED: "block",
};

class Builder {
  readonly #trees: Trees;
  // An anchor whose node is still being built stands as "open": an alias to it would be part of itself.
  readonly #anchors = new Map<string, Tree | "open">();

  constructor(readonly report: Reporter) {
    this.#trees = new Trees(report);
  }

  build(node: ParsedNode): Tree {
    const span = { start: node.range[0], end: node.range[1] };
    if (isAlias(node)) return this.#alias(node.source, span);
    if (node.anchor) this.#anchors.set(node.anchor, "open");
    const tree = this.#node(node, span);
    if (node.anchor) this.#anchors.set(node.anchor, tree);
    return tree;
  }

  #node(node: Exclude<ParsedNode, Alias.Parsed>, span: Span): Tree {
    if (node.tag !== undefined) {
      this.report.error("OPENING_YAML_FEATURE", span, "YAML tags are not part of the language", "take the tag out");
      return broken(span);
    }
    if (isScalar(node)) return this.#trees.scalar(node.value, node.source ?? "", styles[node.type ?? ""] ?? "plain", span);
    if (isSeq(node))
      return this.#trees.list(
        node.items.map((item) => this.build(item as ParsedNode)),
        span,
      );
    if (isMap(node)) return this.#map(node.items as readonly { key: ParsedNode; value: ParsedNode | null }[], span);
    throw new TypeError("a YAML node of an unknown kind");
  }

  #map(pairs: readonly { key: ParsedNode; value: ParsedNode | null }[], span: Span): Tree {
    const entries: MapEntry[] = [];
    for (const pair of pairs) {
      const keySpan = { start: pair.key.range[0], end: pair.key.range[1] };
      const name = this.build(pair.key);
      const value = pair.value
        ? this.build(pair.value)
        : this.#trees.scalar(null, "", "plain", { start: keySpan.end, end: keySpan.end });
      const key = name.kind === "scalar" ? String(name.value ?? "") : undefined;
      if (key === undefined || !this.#trees.usableKey(key, keySpan)) continue;
      if (key === "<<") {
        const hint = "write the keys out; an alias can stand for a whole value";
        this.report.error("OPENING_YAML_FEATURE", keySpan, "merge keys are not part of the language", hint);
        continue;
      }
      entries.push({ key, keySpan, value });
    }
    return this.#trees.map(entries, span);
  }

  #alias(name: string, span: Span): Tree {
    const target = this.#anchors.get(name);
    if (target === undefined)
      this.report.error("OPENING_ALIAS", span, `no anchor ${quoted(`&${name}`)} stands before this alias`);
    else if (target === "open") this.report.error("OPENING_ALIAS", span, `${quoted(`*${name}`)} stands inside what it repeats`);
    else return target;
    return broken(span);
  }
}
