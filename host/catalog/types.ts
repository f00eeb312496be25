/** The port types that all agents share: one JSON Schema a file, `sdk/types/<type>.json`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJson, type JsonObject } from "#core/json.js";
import type { TypeRegistry } from "#openings/agent.js";
import { schemaRegistry } from "#openings/types/registry.js";
import { codeRoot } from "../sandbox/spawn.js";

/** Built-in types are known to the registry already; their files describe them for readers. */
const BUILT_IN = new Set(["text.v1", "json.v1", "bool.v1", "number.v1"]);

export function sharedTypes(): TypeRegistry {
  const folder = join(codeRoot().dist, "..", "sdk", "types");
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .filter((name) => !BUILT_IN.has(name));
  return schemaRegistry(
    Object.fromEntries(names.map((name) => [name, parseJson(readFileSync(join(folder, `${name}.json`), "utf8")) as JsonObject])),
  );
}
