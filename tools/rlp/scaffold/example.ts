/** A value that fits a port type: what a new agent's first test and its opening use. */
import { UsageError } from "#core/errors.js";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { TypeRegistry } from "#openings/agent.js";
import { checkValue } from "#openings/types/registry.js";
import { misfits } from "#openings/types/schema.js";

const PLAIN: Readonly<Record<string, Json>> = {
  "text.v1": "The lease in Porto has to be signed by 26 September.",
  "json.v1": { text: "an example" },
  any: "an example",
  "bool.v1": true,
  "number.v1": 3,
};

/** Throws `USAGE` for a type whose schema asks for more than can be made up. */
export function exampleOf(type: string, types: TypeRegistry): Json {
  const value = Object.hasOwn(PLAIN, type) ? (PLAIN[type] as Json) : fromSchema(types.get(type) ?? {}, 0);
  if (type === "any" || checkValue(type, value, types) === null) return value;
  throw new UsageError("USAGE", `no example can be made up for the type \`${type}\``, {
    hint: "scaffold the port with json.v1, then change its type in manifest.toml and write the value yourself",
  });
}

const DEEPEST = 16;

function fromSchema(schema: JsonObject, depth: number): Json {
  if (depth > DEEPEST) return null;
  if ("const" in schema) return schema["const"] ?? null;
  for (const list of [schema["enum"], schema["examples"]]) if (Array.isArray(list) && list.length > 0) return list[0] as Json;
  if ("default" in schema) return schema["default"] ?? null;
  const given = schema["type"];
  const type = Array.isArray(given) ? given[0] : given;
  switch (type) {
    case "object":
      return objectFrom(schema, depth);
    case "array": {
      const items = schema["items"];
      const least = typeof schema["minItems"] === "number" ? schema["minItems"] : 0;
      return Array.from({ length: Math.min(least, 16) }, () => fromSchema(isJsonObject(items) ? items : {}, depth + 1));
    }
    case "string":
      return stringFrom(schema);
    case "number":
    case "integer":
      return typeof schema["minimum"] === "number" ? schema["minimum"] : 0;
    case "boolean":
      return true;
    default:
      return null;
  }
}

/** Patterns are not inverted: these are what types of ours ask for. */
const WORDS = ["example", "ada@example.com", "0".repeat(64), "2026-01-01", "https://example.com/"];

function stringFrom(schema: JsonObject): string {
  const least = typeof schema["minLength"] === "number" ? Math.min(schema["minLength"], 1000) : 0;
  return [...WORDS, "example".padEnd(least, " example")].find((word) => misfits(schema, word).length === 0) ?? "example";
}

function objectFrom(schema: JsonObject, depth: number): Json {
  const { properties, required } = schema;
  const names = Array.isArray(required) ? required.filter((name): name is string => typeof name === "string") : [];
  return Object.fromEntries(
    names.map((name) => {
      const inner = isJsonObject(properties) ? properties[name] : undefined;
      return [name, fromSchema(isJsonObject(inner) ? inner : {}, depth + 1)];
    }),
  );
}
