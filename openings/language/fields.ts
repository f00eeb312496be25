/** Reading maps with known keys. Each reader reports what does not fit and gives undefined: the caller goes on with the rest. */
import { IDENTIFIER } from "#core/ids.js";
import { nearest } from "#core/nearest.js";
import { quoted, type Hint, type OpeningCode, type Span } from "./diagnostic.js";
import type { Reporter } from "./reporter.js";
import { hasTemplate } from "./template.js";
import type { ListTree, MapEntry, MapTree, ScalarTree, Tree } from "./tree.js";
import { describe, isNothing } from "./value.js";
import { keysOf, rangeOf, type NumberRange, type Vocabulary } from "./vocabulary.js";

export interface MapShape {
  /** What the map is, for messages: "a node", "the policy". */
  readonly what: string;
  readonly keys: Vocabulary;
  /** Keys that belong somewhere else, with the place to write them. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

/** One map of the file whose keys are known. */
export class Fields {
  readonly #entries = new Map<string, MapEntry>();

  constructor(
    readonly report: Reporter,
    readonly tree: MapTree,
    readonly shape: MapShape,
  ) {
    for (const entry of tree.entries) {
      if (Object.hasOwn(shape.keys, entry.key)) {
        if (!isNothing(entry.value)) this.#entries.set(entry.key, entry);
      } else
        report.error(
          "OPENING_UNKNOWN_KEY",
          entry.keySpan,
          `unknown key ${quoted(entry.key)} in ${shape.what}`,
          this.#hint(entry.key),
        );
    }
  }

  /** Where the map is pointed at when something is missing in it: its first key. */
  get span(): Span {
    return this.tree.entries[0]?.keySpan ?? this.tree.span;
  }

  entry(key: string): MapEntry | undefined {
    return this.#entries.get(key);
  }

  /** An entry that must be there. */
  required(key: string, hint?: Hint): MapEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry) return entry;
    const empty = this.tree.entries.find((each) => each.key === key);
    if (empty) this.report.error("OPENING_MISSING_KEY", empty.keySpan, `${quoted(key)} has no value`, hint);
    else this.report.error("OPENING_MISSING_KEY", this.span, `${this.shape.what} needs the key ${quoted(key)}`, hint);
    return undefined;
  }

  integer(key: string): number | undefined {
    const entry = this.#entries.get(key);
    return entry && integer(this.report, entry.value, quoted(key), this.#range(key));
  }

  number(key: string): number | undefined {
    const entry = this.#entries.get(key);
    return entry && number(this.report, entry.value, quoted(key), this.#range(key));
  }

  /** Dollars, as whole millionths. */
  dollars(key: string): number | undefined {
    const entry = this.#entries.get(key);
    return entry && dollars(this.report, entry.value, quoted(key), this.#range(key));
  }

  #range(key: string): NumberRange {
    const rule = this.shape.keys[key];
    if (!rule) throw new TypeError(`${this.shape.what} has no key ${key}`);
    return rangeOf(rule);
  }

  boolean(key: string): boolean | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const { value } = entry;
    if (value.kind === "scalar" && typeof value.value === "boolean") return value.value;
    const word = value.kind === "scalar" && typeof value.value === "string" ? value.value.toLowerCase() : "";
    const hint = ["yes", "on", "true"].includes(word)
      ? "write true"
      : ["no", "off", "false"].includes(word)
        ? "write false"
        : undefined;
    return mismatch(this.report, value, `${quoted(key)} expects true or false`, hint);
  }

  map(key: string): MapTree | undefined {
    const entry = this.#entries.get(key);
    return entry && asMap(this.report, entry.value, quoted(key));
  }

  list(key: string): readonly Tree[] {
    const entry = this.#entries.get(key);
    return (entry && asList(this.report, entry.value, quoted(key))?.items) ?? [];
  }

  #hint(key: string): Hint {
    return () => {
      const { elsewhere } = this.shape;
      const place = elsewhere && Object.hasOwn(elsewhere, key) ? elsewhere[key] : undefined;
      if (place !== undefined) return `it belongs under \`${place}\``;
      const near = nearest(key, keysOf(this.shape.keys));
      return near === undefined ? `the keys are ${keysOf(this.shape.keys).join(", ")}` : `did you mean \`${near}\`?`;
    };
  }
}

export const NO_TEMPLATE = "templates are filled in in `with` and `goals` only";

/** Names what is there when it is not what it should be. A broken tree was reported where it broke. */
export function mismatch(
  report: Reporter,
  tree: Tree,
  expected: string,
  hint?: Hint,
  code: OpeningCode = "OPENING_TYPE",
): undefined {
  if (tree.kind !== "broken") report.error(code, tree.span, `${expected}, got ${describe(tree)}`, hint ?? templateHint(tree));
}

function templateHint(tree: Tree): string | undefined {
  const text = tree.kind === "scalar" && typeof tree.value === "string" && hasTemplate(tree.value);
  return text ? NO_TEMPLATE : undefined;
}

export function asMap(report: Reporter, tree: Tree, what: string): MapTree | undefined {
  return tree.kind === "map" ? tree : mismatch(report, tree, `${what} expects a map`);
}

export function asList(report: Reporter, tree: Tree, what: string): ListTree | undefined {
  return tree.kind === "list" ? tree : mismatch(report, tree, `${what} expects a list`);
}

export function asText(
  report: Reporter,
  tree: Tree,
  what: string,
  hint?: Hint,
): (ScalarTree & { readonly value: string }) | undefined {
  if (tree.kind === "scalar" && typeof tree.value === "string") return tree as ScalarTree & { readonly value: string };
  const numberHint = tree.kind === "scalar" && tree.value !== null ? "quote it" : undefined;
  return mismatch(report, tree, `${what} expects text`, hint ?? numberHint);
}

/** One of a few words. */
export function oneOf<W extends string>(report: Reporter, tree: Tree, what: string, words: readonly W[]): W | undefined {
  const found = tree.kind === "scalar" ? words.find((word) => word === tree.value) : undefined;
  return found ?? mismatch(report, tree, `${what} expects ${words.join(" or ")}`);
}

/** An identifier: `[a-z][a-z0-9_]{0,63}`. */
export function identifier(report: Reporter, tree: Tree, what: string): string | undefined {
  const text = asText(report, tree, what);
  if (!text) return undefined;
  if (IDENTIFIER.test(text.value)) return text.value;
  report.error("OPENING_IDENTIFIER", text.span, `${what} ${quoted(text.value)} is not an identifier`, identifierHint(text.value));
  return undefined;
}

export function identifierHint(name: string): string {
  if (hasTemplate(name)) return NO_TEMPLATE;
  const near = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "_")
    .slice(0, 64);
  if (IDENTIFIER.test(near)) return `did you mean \`${near}\`?`;
  return "identifiers are a-z, 0-9 and _, begin with a letter and have at most 64 characters";
}

function number(report: Reporter, tree: Tree, what: string, range: NumberRange): number | undefined {
  return ranged(report, tree, what, "a number", range);
}

function integer(report: Reporter, tree: Tree, what: string, range: NumberRange): number | undefined {
  if (tree.kind === "scalar" && typeof tree.value === "number" && !Number.isSafeInteger(tree.value)) {
    const hint = Number.isInteger(tree.value) ? "integers go up to 2^53 - 1" : undefined;
    return mismatch(report, tree, `${what} expects a whole number`, hint, "OPENING_NUMBER");
  }
  return ranged(report, tree, what, "a whole number", range);
}

/** Dollars, as whole millionths: what an amount is counted in. */
function dollars(report: Reporter, tree: Tree, what: string, range: NumberRange): number | undefined {
  const amount = ranged(report, tree, what, "an amount of dollars", range);
  if (amount === undefined) return undefined;
  const micro = Math.round(amount * 1e6);
  if (Math.abs(amount * 1e6 - micro) <= 1e-3) return micro;
  return mismatch(report, tree, `${what} is finer than a millionth of a dollar`, undefined, "OPENING_NUMBER");
}

function ranged(report: Reporter, tree: Tree, what: string, kind: string, { min, max }: NumberRange): number | undefined {
  if (tree.kind !== "scalar" || typeof tree.value !== "number") {
    const digits = tree.kind === "scalar" && typeof tree.value === "string" && /^\d/.test(tree.value);
    return mismatch(report, tree, `${what} expects ${kind}`, digits ? "write the number without quotes or units" : undefined);
  }
  if (tree.value >= min && (max === undefined || tree.value <= max)) return tree.value;
  const bounds = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  return mismatch(report, tree, `${what} expects ${kind} ${bounds}`, undefined, "OPENING_NUMBER");
}
