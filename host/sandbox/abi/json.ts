/** The little of JSON that the inside of a sandbox process needs; it can read no library. */
import type { Json, JsonObject } from "#core/json.js";

export type { Json, JsonObject };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An object from a guest's text, or undefined where it is none, too deep or too large to be carried on. */
export function parseObject(text: string, limits: { readonly depth: number; readonly elements: number }): JsonObject | undefined {
  let depth = 0;
  let elements = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (quoted) {
      if (unit === 0x5c) i++;
      else if (unit === 0x22) quoted = false;
    } else if (unit === 0x22) quoted = true;
    else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > limits.depth) return undefined;
    } else if (unit === 0x5d || unit === 0x7d) depth--;
    else if (unit === 0x2c && ++elements > limits.elements) return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? (wellFormed(value) as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** With U+FFFD for each lone surrogate, which JSON can spell with escapes and which has no UTF-8. */
function wellFormed(value: Json): Json {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map((item: Json) => wellFormed(item));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]));
}
