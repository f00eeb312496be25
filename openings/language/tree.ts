/**
 * The document as data with places: aliases followed, keys unique, numbers exact. What is wrong here is reported and stands in the
 * tree as `broken`, which every reader passes over in silence.
 */
import { isAlias, isMap, isScalar, isSeq, type Alias, type ParsedNode } from "yaml";
import { quoted, type Span } from "./diagnostic.js";
import { openingLimits } from "./limits.js";
import type { Reporter } from "./reporter.js";

interface Base {
  readonly span: Span;
  /** How much it holds once aliases are followed (`openingLimits.expanded`), and how deep. */
  readonly size: number;
  readonly depth: number;
}
export type ScalarStyle = "plain" | "single" | "double" | "block";
export interface ScalarTree extends Base {
  readonly kind: "scalar";
  readonly value: null | boolean | number | string;
  readonly style: ScalarStyle;
}
export interface ListTree extends Base {
  readonly kind: "list";
  readonly items: readonly Tree[];
}
export interface MapEntry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: Tree;
}
export interface MapTree extends Base {
  readonly kind: "map";
  readonly entries: readonly MapEntry[];
}
export interface BrokenTree extends Base {
  readonly kind: "broken";
}
export type Tree = ScalarTree | ListTree | MapTree | BrokenTree;

/** The tree of a document's contents. */
export function buildTree(contents: ParsedNode, report: Reporter): Tree {
  return new Builder(report).build(contents);
}

const styles: Readonly<Record<string, ScalarStyle>> = {
  QUOTE_SINGLE: "single",
  QUOTE_DOUBLE: "double",
  BLOCK_LITERAL: "block",
  BLOCK_FOLDED: "block",
};

const broken = (span: Span): BrokenTree => ({ kind: "broken", span, size: 1, depth: 1 });

class Builder {
  // An anchor whose node is still being built stands as "open": an alias to it would be part of itself.
  readonly #anchors = new Map<string, Tree | "open">();

  constructor(readonly report: Reporter) {}

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
    if (isScalar(node)) return this.#scalar(node.value, node.source ?? "", styles[node.type ?? ""] ?? "plain", span);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item as ParsedNode));
      return this.#bounded({ kind: "list", span, items, ...this.#extent(items) });
    }
    if (isMap(node)) return this.#map(node.items as readonly { key: ParsedNode; value: ParsedNode | null }[], span);
    throw new TypeError("a YAML node of an unknown kind");
  }

  #map(pairs: readonly { key: ParsedNode; value: ParsedNode | null }[], span: Span): Tree {
    const first = new Map<string, Span>();
    const entries: MapEntry[] = [];
    for (const pair of pairs) {
      const keySpan = { start: pair.key.range[0], end: pair.key.range[1] };
      const name = this.build(pair.key);
      const value = pair.value
        ? this.build(pair.value)
        : this.#scalar(null, "", "plain", { start: keySpan.end, end: keySpan.end });
      const key = name.kind === "scalar" ? String(name.value ?? "") : undefined;
      if (key === undefined) continue;
      if (!key.isWellFormed()) {
        this.report.error("OPENING_ENCODING", keySpan, "a key holds half a character", "write the whole escape (\\U0001F600)");
        continue;
      }
      if (key === "<<") {
        const hint = "write the keys out; an alias can stand for a whole value";
        this.report.error("OPENING_YAML_FEATURE", keySpan, "merge keys are not part of the language", hint);
        continue;
      }
      const before = first.get(key);
      if (before) {
        const { line } = this.report.source.position(before.start);
        this.report.error("OPENING_DUPLICATE_KEY", keySpan, `duplicate key ${quoted(key)}, first on line ${line}`);
        continue;
      }
      first.set(key, keySpan);
      entries.push({ key, keySpan, value });
    }
    const extent = this.#extent(entries.map((entry) => entry.value));
    const keys = entries.reduce((sum, entry) => sum + entry.key.length, 0);
    return this.#bounded({ kind: "map", span, entries, depth: extent.depth, size: extent.size + keys });
  }

  #scalar(value: unknown, source: string, style: ScalarStyle, span: Span): Tree {
    const fault = (message: string, hint: string): BrokenTree => {
      this.report.error("OPENING_NUMBER", span, message, hint);
      return broken(span);
    };
    if (typeof value === "number") {
      if (!Number.isFinite(value)) return fault(`${quoted(source)} is not a number that JSON has`, "quote it if it is text");
      // Written as an integer (decimal, 0x, 0o) it must be that integer; written as a float it is the nearest one.
      if (!/[.eE]/.test(source.replace(/^[-+]?0x.*/, "")) && !Number.isSafeInteger(value))
        return fault(`the number ${quoted(source)} cannot be held exactly`, "integers go up to 2^53 - 1; quote it if it is text");
    } else if (typeof value === "string") {
      if (!value.isWellFormed()) {
        this.report.error("OPENING_ENCODING", span, "the text holds half a character", "write the whole escape (\\U0001F600)");
        return broken(span);
      }
    } else if (value !== null && typeof value !== "boolean") throw new TypeError(`a YAML scalar of type ${typeof value}`);
    const size = 1 + (typeof value === "string" ? value.length : 0);
    return { kind: "scalar", value: value === 0 ? 0 : value, style, span, size, depth: 0 };
  }

  #alias(name: string, span: Span): Tree {
    const target = this.#anchors.get(name);
    if (target === undefined)
      this.report.error("OPENING_ALIAS", span, `no anchor ${quoted(`&${name}`)} stands before this alias`);
    else if (target === "open") this.report.error("OPENING_ALIAS", span, `${quoted(`*${name}`)} stands inside what it repeats`);
    else return target;
    return broken(span);
  }

  #extent(children: readonly Tree[]): { size: number; depth: number } {
    let size = 1;
    let depth = 0;
    for (const child of children) {
      size += child.size;
      if (child.depth > depth) depth = child.depth;
    }
    return { size, depth: depth + 1 };
  }

  #bounded(tree: ListTree | MapTree): Tree {
    const { expanded, depth } = openingLimits;
    if (tree.size > expanded)
      this.report.error("OPENING_TOO_LARGE", tree.span, `aliases make this larger than ${expanded} values and characters`);
    else if (tree.depth > depth) this.report.error("OPENING_TOO_DEEP", tree.span, `aliases make this deeper than ${depth}`);
    else return tree;
    return broken(tree.span);
  }
}
