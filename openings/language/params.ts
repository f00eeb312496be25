/** The file's parameters with the caller's laid over them. */
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";

/** Maps are merged key by key, at any depth; everything else (lists and null too) is replaced. */
export function mergeParams(defaults: JsonObject, given: JsonObject): JsonObject {
  const merged = new Map<string, Json>(Object.entries(defaults));
  for (const [key, value] of Object.entries(given)) {
    const before = merged.get(key);
    merged.set(key, isJsonObject(before) && isJsonObject(value) ? mergeParams(before, value) : value);
  }
  // `fromEntries` makes own members, whatever they are called: `__proto__` is a name like any other.
  return Object.fromEntries(merged);
}
