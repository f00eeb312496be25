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
    text = (isInOrder(value, 0) ? asItStands(value) : null) ?? plainCanonical(value, 0) ?? canonicalizeValue(value);
  } catch (cause) {
    throw new DataError("DATA_NOT_CANONICAL", cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (text === undefined) throw new DataError("DATA_NOT_CANONICAL", "the value has no JSON form");
  return text;
}

/** Deeper values, and so cycles too, are left to the library, which does not recurse. */
const PLAIN_DEPTH = 64;

/**
 * Whether a value is of plain objects whose members stand in order already, so that the language's own writer, which is specified as RFC 8785
 * asks, writes the canonical form. It makes one text, and no pieces that the collector would have to take away.
 */
function isInOrder(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "undefined":
      return depth > 0;
    case "object":
      if (value === null) return true;
      if (depth >= PLAIN_DEPTH || "toJSON" in value) return false;
      if (Array.isArray(value)) {
        for (let index = 0; index < value.length; index++)
          if (value[index] === undefined || !isInOrder(value[index], depth + 1)) return false;
        return true;
      }
      return membersInOrder(value, depth + 1);
    default:
      return false;
  }
}

function membersInOrder(value: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  let before = "";
  for (const key in value) {
    if (key < before || !isInOrder((value as Readonly<Record<string, unknown>>)[key], depth)) return false;
    before = key;
  }
  return true;
}

/** Null where half a character may be in it: the writer escapes those, and they have no canonical form. */
function asItStands(value: unknown): string | null {
  const text = JSON.stringify(value);
  return text.includes("\\ud") ? null : text;
}

/**
 * The canonical text of what nearly every value is: null, booleans, finite numbers, strings, and arrays and plain objects of these.
 * Null for anything else, and for what has no canonical form: the library decides. A quarter of its time; events are encoded by this.
 */
function plainCanonical(value: unknown, depth: number): string | null {
  switch (typeof value) {
    case "string":
      return canonicalString(value);
    case "number":
      return Number.isFinite(value) ? String(value) : null;
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (depth >= PLAIN_DEPTH || "toJSON" in value) return null;
      return Array.isArray(value) ? canonicalArray(value, depth + 1) : canonicalObject(value, depth + 1);
    default:
      return null;
  }
}

function canonicalArray(value: readonly unknown[], depth: number): string | null {
  let text = "[";
  for (let index = 0; index < value.length; index++) {
    const item = plainCanonical(value[index], depth);
    if (item === null) return null;
    text += index === 0 ? item : `,${item}`;
  }
  return `${text}]`;
}

function canonicalObject(value: object, depth: number): string | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return null;
  const keys = sorted(Object.keys(value));
  let text = "{";
  for (const key of keys) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (member === undefined) continue;
    const name = canonicalString(key);
    const item = plainCanonical(member, depth);
    if (name === null || item === null) return null;
    text += text.length === 1 ? `${name}:${item}` : `,${name}:${item}`;
  }
  return `${text}}`;
}

/** More keys than this are not put in order one by one. */
const FEW_KEYS = 24;

/** By UTF-16 code units, as `<` compares (RFC 8785, section 3.2.3). Changes `keys`. */
function sorted(keys: string[]): readonly string[] {
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let next = 1; next < keys.length; next++) {
    const key = keys[next]!;
    let at = next;
    for (; at > 0 && key < keys[at - 1]!; at--) keys[at] = keys[at - 1]!;
    keys[at] = key;
  }
  return keys;
}

/** No character that JSON escapes, and no half of one. */
const UNESCAPED = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
/** Up to here looking at each character is quicker than the engine's own writer. */
const SHORT = 64;

function canonicalString(text: string): string | null {
  if (text.length <= SHORT && UNESCAPED.test(text)) return `"${text}"`;
  return text.isWellFormed() ? JSON.stringify(text) : null;
}

/** BLAKE3 of the canonical form: equal values, equal digests. */
export function jsonDigest(value: unknown): Digest {
  return blake3(canonicalJson(value));
}

/**
 * `JSON.parse` for untrusted text. Size, depth and element count are checked by a scan before anything is allocated for the
 * value (`JSON.parse` itself recurses on the native stack). What has no canonical form (`1e999`, which would become an infinity,
 * or a lone surrogate) is refused with `DATA_NOT_CANONICAL`: further on it could be neither hashed nor stored.
 */
export function parseJson(text: string, limits: JsonLimits = jsonLimits): Json {
  if (text.length > limits.bytes || (text.length * 3 > limits.bytes && Buffer.byteLength(text) > limits.bytes))
    throw new DataError("DATA_TOO_LARGE", `JSON text is longer than ${limits.bytes} bytes`);
  const plain = scan(text, limits);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new DataError("DATA_NOT_JSON", cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (!plain || !text.isWellFormed()) canonicalJson(value);
  return value;
}

/** So many digits without an exponent are finite. A longer run of digits passes a multiple of this: only there is it looked for. */
const FINITE_DIGITS = 300;

/** Throws beyond the limits. Says whether the text is plain: without numbers that may be infinite and escapes that may be half a character. */
function scan(text: string, limits: JsonLimits): boolean {
  let depth = 0;
  let elements = 0;
  let plain = true;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // skip the string; a backslash hides the character behind it
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++)
          if (text.charCodeAt(i) === 0x5c && text.charCodeAt(++i) === 0x75 && (text.charCodeAt(i + 1) | 0x20) === 0x64)
            plain = false;
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
      case 0x45:
      case 0x65: // an exponent, where a digit stands before it
        if (isDigit(text.charCodeAt(i - 1))) plain = false;
        break;
      default:
        if (plain && i % FINITE_DIGITS === 0 && isDigit(text.charCodeAt(i)) && isDigit(text.charCodeAt(i - 1))) plain = false;
    }
  }
  return plain;
}

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a plain object holds anything, without a list of its keys. */
export function hasMembers(value: object): boolean {
  for (const _ in value) return true;
  return false;
}
