/** JSON values, their canonical form (RFC 8785) and bounded parsing. */
import canonicalizeValue from "canonicalize";
import { blake3, type Digest } from "./digest.js";
import { DataError } from "./errors.js";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Limits for JSON that comes from outside. Depth counts nested arrays and objects; `bytes` counts UTF-8. */
export interface JsonLimits {
  readonly bytes: number;
  readonly depth: number;
  /** Arrays' elements and objects' members, counted by the separators between them. */
  readonly elements: number;
}

export const jsonLimits: JsonLimits = { bytes: 1 << 20, depth: 64, elements: 100_000 };

/**
 * RFC 8785 (JCS) text of a value. Throws `DATA_NOT_CANONICAL` for what has no canonical form: NaN and infinities, lone
 * surrogates (their UTF-8, and so the digest, would depend on the encoder), bigints, cycles. As in JSON, members whose value is
 * `undefined` or a function are left out, and inside arrays those are null.
 */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalizeValue(value);
  } catch (cause) {
    throw new DataError("DATA_NOT_CANONICAL", cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (text === undefined) throw new DataError("DATA_NOT_CANONICAL", "the value has no JSON form");
  return text;
}

/** BLAKE3 of the canonical form: equal values, equal digests. */
export function jsonDigest(value: unknown): Digest {
  return blake3(canonicalJson(value));
}

/**
 * `JSON.parse` for untrusted text. Size, depth and element count are checked by a scan before anything is allocated for the
 * value (`JSON.parse` itself recurses on the native stack).
 */
export function parseJson(text: string, limits: JsonLimits = jsonLimits): Json {
  if (text.length > limits.bytes || (text.length * 3 > limits.bytes && Buffer.byteLength(text) > limits.bytes))
    throw new DataError("DATA_TOO_LARGE", `JSON text is longer than ${limits.bytes} bytes`);
  scan(text, limits);
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new DataError("DATA_NOT_JSON", cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function scan(text: string, limits: JsonLimits): void {
  let depth = 0;
  let elements = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // skip the string; a backslash hides the character behind it
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > limits.depth) throw new DataError("DATA_TOO_DEEP", `JSON is nested deeper than ${limits.depth}`);
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
      case 0x2c:
        if (++elements > limits.elements) throw new DataError("DATA_TOO_LARGE", `JSON has more than ${limits.elements} elements`);
        break;
    }
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
