/**
 * Schemas from outside, made fit to be interpreted: copied keyword by keyword, each checked, into a schema that the validator can
 * walk in bounded time. Done once for each schema.
 */
import type { Json, JsonObject } from "#core/json.js";
import { isJsonObject } from "#core/json.js";
import { nearest } from "#core/nearest.js";
import { visibleLine } from "#core/visible.js";
import { annotations, formats, jsonTypes, keywords } from "./keywords.js";
import type { Meter } from "./meter.js";
import { safePattern } from "./pattern.js";

export const schemaLimits = {
  /** UTF-8 bytes of the schema as JSON. */
  bytes: 64 * 1024,
  depth: 32,
  /** Keywords that apply to the same value, one inside another, references followed. */
  chain: 64,
  patterns: 64,
  /** `uniqueItems` compares each item with each other: longer lists do not pass. */
  uniqueItems: 256,
} as const;

/** Lists of at most so many items are compared at little cost. */
const SHORT = 32;

/** A copy: keywords this version knows, nothing else. */
export type PreparedSchema = boolean | { [keyword: string]: unknown };

export class SchemaFault extends Error {
  constructor(
    readonly pointer: string,
    message: string,
  ) {
    super(message);
  }
}

/** Throws {@link SchemaFault}. Every copied subschema asks `meter` each time the validator enters it. */
export function prepareSchema(schema: JsonObject, meter: Meter): PreparedSchema {
  let bytes: number;
  try {
    bytes = Buffer.byteLength(JSON.stringify(schema));
  } catch {
    throw new SchemaFault("", "it is nested too deep");
  }
  if (bytes > schemaLimits.bytes) throw new SchemaFault("", `it has ${bytes} bytes; a schema has at most ${schemaLimits.bytes}`);
  const copier = new Copier(meter);
  const root = copier.copy(schema, "", 0);
  copier.checkReferences();
  return root;
}

type Copy = { [keyword: string]: unknown };
const step = (pointer: string, name: string | number): string =>
  `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;

class Copier {
  /** Subschemas by pointer: what a `$ref` can name. */
  readonly #places = new Map<string, PreparedSchema>();
  readonly #references: { copy: Copy; pointer: string; target: string }[] = [];
  /** Subschemas that see the same value as the one that holds them. */
  readonly #inPlace = new Map<Copy, PreparedSchema[]>();
  #patterns = 0;

  constructor(readonly meter: Meter) {}

  copy(schema: Json | undefined, pointer: string, depth: number, named = true): PreparedSchema {
    if (depth > schemaLimits.depth) throw new SchemaFault(pointer, `it is nested deeper than ${schemaLimits.depth}`);
    if (typeof schema === "boolean") {
      if (named) this.#places.set(pointer, schema);
      return schema;
    }
    if (!isJsonObject(schema)) throw new SchemaFault(pointer, "a schema is an object, true or false");
    const copy: Copy = {};
    if (named) this.#places.set(pointer, copy);
    this.#inPlace.set(copy, []);
    let weight = 1;
    for (const [keyword, value] of Object.entries(schema))
      weight += this.#keyword(copy, keyword, value, step(pointer, keyword), depth, named);
    if (copy["uniqueItems"] === true) this.#boundUniqueItems(copy);
    this.meter.attach(copy, weight);
    return copy;
  }

  /** Gives the weight that the keyword adds to each visit. */
  #keyword(copy: Copy, keyword: string, value: Json, at: string, depth: number, named: boolean): number {
    if (annotations.has(keyword) || keyword.startsWith("x-")) return 0;
    const kind = keywords.get(keyword);
    if (kind === undefined) {
      const near = nearest(keyword, keywords.keys());
      const shown = visibleLine(keyword.slice(0, 40));
      throw new SchemaFault(at, `unknown keyword "${shown}"${near === undefined ? "" : `, did you mean "${near}"?`}`);
    }
    const fail = (expected: string): never => {
      throw new SchemaFault(at, `"${keyword}" expects ${expected}`);
    };
    const put = (what: unknown): void => void (copy[keyword] = what);
    const inPlace = (child: PreparedSchema): PreparedSchema => (this.#inPlace.get(copy)?.push(child), child);
    switch (kind) {
      case "child":
        put(this.copy(value, at, depth + 1, named));
        return 0;
      case "in-place":
        put(inPlace(this.copy(value, at, depth + 1, named)));
        return 0;
      case "children":
      case "in-place-list": {
        if (!Array.isArray(value) || value.length === 0) return fail("a list of schemas");
        const copies = value.map((each: Json, index) => this.copy(each, step(at, index), depth + 1, named));
        put(kind === "children" ? copies : copies.map(inPlace));
        return value.length;
      }
      case "child-map":
      case "in-place-map": {
        if (!isJsonObject(value)) return fail("a map of schemas");
        const members = Object.entries(value).map(
          ([name, each]) => [name, this.copy(each, step(at, name), depth + 1, named)] as const,
        );
        put(Object.fromEntries(kind === "child-map" ? members : members.map(([name, child]) => [name, inPlace(child)])));
        return keyword === "$defs" || keyword === "definitions" ? 0 : members.length / 8;
      }
      case "pattern-map": {
        if (!isJsonObject(value)) return fail("a map of schemas");
        let weight = 0;
        // The names change below, so a reference could not find these subschemas again.
        const members = Object.entries(value).map(([name, each]) => {
          const pattern = this.#pattern(name, step(at, name));
          weight += pattern.weight;
          return [pattern.source, this.copy(each, step(at, name), depth + 1, false)] as const;
        });
        put(Object.fromEntries(members));
        return weight;
      }
      case "pattern": {
        if (typeof value !== "string") return fail("a regular expression");
        const pattern = this.#pattern(value, at);
        put(pattern.source);
        return pattern.weight;
      }
      case "ref": {
        if (typeof value !== "string") return fail("a reference");
        if (!/^#(?:\/|$)/.test(value)) throw new SchemaFault(at, 'a "$ref" points into its own schema: "#" or "#/…"');
        this.#references.push({ copy, pointer: at, target: fragment(value) });
        put(value);
        return 0;
      }
      case "types": {
        const types = Array.isArray(value) ? value : [value];
        if (types.length === 0 || !types.every((each) => jsonTypes.has(each)))
          return fail(`one or several of ${[...jsonTypes].join(", ")}`);
        put(value);
        return 0;
      }
      case "format":
        if (typeof value !== "string") return fail("a name");
        if (formats.has(value)) put(value);
        return 1;
      case "values":
        if (!Array.isArray(value) || value.length === 0) return fail("a list of values");
        put(value);
        return value.length / 8;
      case "value":
        put(value);
        return 1;
      case "names":
        if (!isNames(value)) return fail("a list of names");
        put(value);
        return value.length / 8;
      case "names-map":
        if (!isJsonObject(value) || !Object.values(value).every(isNames)) return fail("a map of lists of names");
        put(value);
        return Object.values(value).flat().length / 8;
      case "count":
        if (!Number.isSafeInteger(value) || (value as number) < 0) return fail("a whole number of at least 0");
        put(value);
        return 0;
      case "number":
        if (typeof value !== "number" || (keyword === "multipleOf" && value <= 0)) return fail("a number");
        put(value);
        return 0;
      case "flag":
        if (typeof value !== "boolean") return fail("true or false");
        put(value);
        return 0;
    }
  }

  #pattern(text: string, at: string): { source: string; weight: number } {
    if (++this.#patterns > schemaLimits.patterns)
      throw new SchemaFault(at, `a schema has at most ${schemaLimits.patterns} patterns`);
    const verdict = safePattern(text);
    if (!verdict.ok) throw new SchemaFault(at, `the pattern /${visibleLine(text.slice(0, 80))}/ is refused: ${verdict.why}`);
    // In units of one visit, about a microsecond: the worst case on the longest string that is tried.
    return { source: verdict.pattern.source, weight: verdict.pattern.degree === 1 ? 8 : 64 };
  }

  // The validator compares all pairs, so long lists cost more than short ones and very long ones do not pass. The tests stand last in
  // `allOf`: no other index shifts.
  #boundUniqueItems(copy: Copy): void {
    delete copy["uniqueItems"];
    const longest = schemaLimits.uniqueItems;
    const compare = (weight: number): Copy => {
      const test = { uniqueItems: true };
      this.meter.attach(test, weight);
      return test;
    };
    const short = { if: { minItems: SHORT + 1 }, else: compare(4) };
    const long = { if: { anyOf: [{ maxItems: SHORT }, { minItems: longest + 1 }] }, else: compare(512) };
    copy["allOf"] = [...((copy["allOf"] as unknown[] | undefined) ?? []), { maxItems: longest }, short, long];
  }

  /** Every reference finds its schema, and none leads back to itself without going into the value. */
  checkReferences(): void {
    for (const { copy, pointer, target } of this.#references) {
      const found = this.#places.get(target);
      if (found === undefined)
        throw new SchemaFault(pointer, `the reference "${visibleLine(target.slice(0, 80))}" leads nowhere`);
      this.#inPlace.get(copy)?.push(found);
    }
    const lengths = new Map<PreparedSchema, number | "open">();
    const chain = (schema: PreparedSchema): number => {
      const known = lengths.get(schema);
      if (known === "open") throw new SchemaFault("", "a reference leads back to itself for the same value");
      if (known !== undefined) return known;
      lengths.set(schema, "open");
      let longest = 0;
      if (typeof schema === "object")
        for (const child of this.#inPlace.get(schema) ?? []) longest = Math.max(longest, chain(child));
      if (longest >= schemaLimits.chain)
        throw new SchemaFault("", `references and alternatives are chained longer than ${schemaLimits.chain}`);
      lengths.set(schema, longest + 1);
      return longest + 1;
    };
    for (const schema of this.#inPlace.keys()) chain(schema);
  }
}

const isNames = (value: Json): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

function fragment(reference: string): string {
  try {
    return decodeURIComponent(reference.slice(1));
  } catch {
    return reference.slice(1);
  }
}
