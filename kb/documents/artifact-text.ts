/** What can be read in an artifact: of JSON its texts, a line each, and the names that they stand under. */
import { isJsonObject, parseJson, type Json } from "#core/json.js";

/** Larger ones are data, not something to read. */
const BYTES = 1 << 20;

export function artifactText({
  bytes,
  mediaType,
}: {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}): string | undefined {
  if (bytes.length > BYTES) return undefined;
  const text = decoded(bytes);
  if (text === undefined) return undefined;
  if (mediaType.startsWith("text/")) return text;
  if (mediaType !== "application/json") return undefined;
  try {
    return [...lines(parseJson(text), "")].join("\n");
  } catch {
    return undefined;
  }
}

function* lines(value: Json, name: string): Iterable<string> {
  if (typeof value === "string") yield name === "" ? value : `${name}: ${value}`;
  else if (Array.isArray(value)) for (const element of value) yield* lines(element as Json, name);
  else if (isJsonObject(value)) for (const [key, member] of Object.entries(value)) yield* lines(member, key);
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
