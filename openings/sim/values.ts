/** Values that fit a JSON Schema, drawn from a seed: what simulated agents give where nobody has said what they give. */
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import { misfits } from "../types/schema.js";
import type { Random } from "./random.js";

const DEPTH = 6;
const WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];
/** What patterns are usually for: the first that matches is taken. */
const COMMON = [
  "someone@example.com",
  "2026-01-31",
  "https://example.com/",
  "alpha",
  "a1",
  "1",
  "ALPHA",
  "1.0.0",
  "0".repeat(64),
  "alpha.v1",
  "alpha:1",
];
const FORMATS: Readonly<Record<string, string>> = {
  email: "someone@example.com",
  date: "2026-01-31",
  "date-time": "2026-01-31T12:00:00Z",
  time: "12:00:00Z",
  uri: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

/** Follows `const`, `enum`, `type`, sizes, bounds, `required`, `items`, `anyOf`, `oneOf`, `allOf` and local `$ref`s; of a `pattern` it tries what patterns are usually for. */
export function valueFor(schema: Json, random: Random, root: Json = schema, depth = 0): Json {
  if (!isJsonObject(schema)) return { word: random.pick(WORDS) };
  if (typeof schema["$ref"] === "string")
    return depth > DEPTH ? null : valueFor(resolve(schema["$ref"], root), random, root, depth + 1);
  if (schema["const"] !== undefined) return schema["const"];
  if (isList(schema["enum"])) return random.pick(schema["enum"]);
  if (isList(schema["examples"]) && schema["examples"].length > 0) return random.pick(schema["examples"]);
  for (const key of ["anyOf", "oneOf"]) {
    const choices = schema[key];
    if (isList(choices) && choices.length > 0)
      return valueFor(merged({ ...schema, [key]: null }, random.pick(choices)), random, root, depth + 1);
  }
  if (isList(schema["allOf"])) {
    const { allOf, ...rest } = schema;
    return valueFor((allOf as Json[]).reduce<JsonObject>(merged, rest), random, root, depth + 1);
  }
  switch (typeOf(schema, random)) {
    case "null":
      return null;
    case "boolean":
      return random.chance(0.5);
    case "integer":
      return Math.round(number(schema, random));
    case "number":
      return number(schema, random);
    case "array":
      return list(schema, random, root, depth);
    case "object":
      return object(schema, random, root, depth);
    default:
      return text(schema, random);
  }
}

const isList = Array.isArray as (value: Json | undefined) => value is Json[];

function merged(a: JsonObject, b: Json): JsonObject {
  if (!isJsonObject(b)) return a;
  const both = (key: string): JsonObject => ({
    ...(isJsonObject(a[key]) ? a[key] : {}),
    ...(isJsonObject(b[key]) ? b[key] : {}),
  });
  const required = [a["required"], b["required"]].flatMap((each) => (isList(each) ? each : []));
  return { ...a, ...b, properties: both("properties"), required };
}

function resolve(ref: string, root: Json): Json {
  if (!ref.startsWith("#")) return {};
  return ref
    .slice(1)
    .split("/")
    .slice(1)
    .reduce<Json>((at, key) => (isJsonObject(at) ? (at[key.replaceAll("~1", "/").replaceAll("~0", "~")] ?? {}) : {}), root);
}

function typeOf(schema: JsonObject, random: Random): string {
  const { type } = schema;
  if (typeof type === "string") return type;
  if (isList(type) && type.length > 0) return String(random.pick(type));
  if (isJsonObject(schema["properties"]) && Object.keys(schema["properties"]).length > 0) return "object";
  if (schema["items"] !== undefined) return "array";
  return "string";
}

const limit = (schema: JsonObject, key: string, otherwise: number): number =>
  typeof schema[key] === "number" ? schema[key] : otherwise;

function number(schema: JsonObject, random: Random): number {
  const least = Math.max(limit(schema, "minimum", -Infinity), limit(schema, "exclusiveMinimum", -Infinity) + 1);
  const most = Math.min(limit(schema, "maximum", Infinity), limit(schema, "exclusiveMaximum", Infinity) - 1);
  const from = least === -Infinity ? (most === Infinity ? 0 : most - 10) : least;
  const to = most === Infinity ? from + 10 : most;
  const step = limit(schema, "multipleOf", 0);
  const drawn = from + random.next() * Math.max(0, to - from);
  if (step > 0) return Math.ceil(from / step) * step;
  return to - from >= 1 ? Math.round(drawn) : drawn;
}

function text(schema: JsonObject, random: Random): string {
  const format = FORMATS[typeof schema["format"] === "string" ? schema["format"] : ""];
  if (format !== undefined) return format;
  if (typeof schema["pattern"] === "string") {
    const fit = COMMON.find((each) => misfits(schema, each).length === 0);
    if (fit !== undefined) return fit;
  }
  let words = `${random.pick(WORDS)} ${random.below(1000)}`;
  while (words.length < limit(schema, "minLength", 0)) words += ` ${random.pick(WORDS)}`;
  return words.slice(0, limit(schema, "maxLength", Infinity));
}

function list(schema: JsonObject, random: Random, root: Json, depth: number): Json[] {
  const least = limit(schema, "minItems", 0);
  const most = Math.min(limit(schema, "maxItems", Infinity), least + (depth > DEPTH ? 0 : 3));
  const length = least + random.below(Math.max(0, most - least) + 1);
  return Array.from({ length }, () => valueFor(schema["items"] ?? {}, random, root, depth + 1));
}

function object(schema: JsonObject, random: Random, root: Json, depth: number): JsonObject {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = isList(schema["required"]) ? schema["required"].map(String) : [];
  const wanted = [...new Set([...required, ...Object.keys(properties).filter(() => depth <= DEPTH && random.chance(0.7))])];
  return Object.fromEntries(wanted.map((key) => [key, valueFor(properties[key] ?? {}, random, root, depth + 1)]));
}
