/**
 * What stands in a file as data with places, whichever form it was written in: keys unique, numbers exact, sizes bounded. What is
 * wrong here is reported and stands in the tree as `broken`, which every reader passes over in silence.
 */
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

export const broken = (span: Span): BrokenTree => ({ kind: "broken", span, size: 1, depth: 1 });

/** Makes the trees of one file. */
export class Trees {
  constructor(readonly report: Reporter) {}

  /** `source` is the scalar as the file spells it, without quotes. */
  scalar(value: unknown, source: string, style: ScalarStyle, span: Span): ScalarTree | BrokenTree {
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
    } else if (value !== null && typeof value !== "boolean") throw new TypeError(`a scalar of type ${typeof value}`);
    const size = 1 + (typeof value === "string" ? value.length : 0);
    return { kind: "scalar", value: value === 0 ? 0 : value, style, span, size, depth: 0 };
  }

  list(items: readonly Tree[], span: Span): ListTree | BrokenTree {
    return this.#bounded({ kind: "list", span, items, ...extent(items) });
  }

  /** Of two entries with one key the first counts; the other one is reported. */
  map(given: readonly MapEntry[], span: Span): MapTree | BrokenTree {
    const first = new Map<string, Span>();
    const entries = given.filter(({ key, keySpan }) => {
      const before = first.get(key);
      if (!before) return first.set(key, keySpan);
      const { line } = this.report.source.position(before.start);
      this.report.error("OPENING_DUPLICATE_KEY", keySpan, `duplicate key ${quoted(key)}, first on line ${line}`);
      return false;
    });
    const { size, depth } = extent(entries.map((entry) => entry.value));
    const keys = entries.reduce((sum, entry) => sum + entry.key.length, 0);
    return this.#bounded({ kind: "map", span, entries, depth, size: size + keys });
  }

  /** Whether a key is whole text. */
  usableKey(key: string, span: Span): boolean {
    if (key.isWellFormed()) return true;
    this.report.error("OPENING_ENCODING", span, "a key holds half a character", "write the whole escape (\\U0001F600)");
    return false;
  }

  #bounded<T extends ListTree | MapTree>(tree: T): T | BrokenTree {
    const { expanded, depth } = openingLimits;
    if (tree.size > expanded)
      this.report.error("OPENING_TOO_LARGE", tree.span, `aliases make this larger than ${expanded} values and characters`);
    else if (tree.depth > depth) this.report.error("OPENING_TOO_DEEP", tree.span, `aliases make this deeper than ${depth}`);
    else return tree;
    return broken(tree.span);
  }
}

function extent(children: readonly Tree[]): { size: number; depth: number } {
  let size = 1;
  let depth = 0;
  for (const child of children) {
    size += child.size;
    if (child.depth > depth) depth = child.depth;
  }
  return { size, depth: depth + 1 };
}
