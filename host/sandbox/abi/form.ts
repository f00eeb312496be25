/**
 * In which JavaScript values a guest's are given. Two forms, one for what is a message to the control process, one for what never
 * leaves the process; they differ in bytes, 64 bit integers, floats and handles, and in nothing else.
 *
 * JSON: integers and floats are numbers (a 64 bit integer beyond ±(2^53 − 1) decimal text, NaN and infinities the texts `NaN`,
 * `Infinity`, `-Infinity`), `list<u8>` base64 text, records objects with `snake_case` members, flags such objects of booleans,
 * tuples arrays, enums their name, options the value or null, variants `{tag, val}`, results `{ok}` or `{err}`, handles whatever
 * the host called the resource. Native: as `inside/wasi/contract.ts` says.
 *
 * Inwards values fit by their construction: a `TypeError` there is a mistake of ours, not of the guest.
 */
import type { Json } from "#core/json.js";
import { Resource, type Native } from "../inside/wasi/contract.js";
import type { Held } from "./handles.js";

export interface Form<V> {
  readonly name: "json" | "native";
  /** Of bytes that the guest will change. */
  readonly bytes: (bytes: Uint8Array) => V;
  readonly integer: (value: bigint) => V;
  readonly float: (value: number) => V;
  readonly handle: (held: Held) => V;
  /** Null where the value is a list of numbers instead. */
  readonly toBytes: (value: V) => Uint8Array | null;
  readonly toInteger: (value: V) => bigint;
  readonly toFloat: (value: V) => number;
  readonly toHeld: (value: V, resource: string) => Held;
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

export const jsonForm: Form<Json> = {
  name: "json",
  bytes: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"),
  integer: (value) => (value <= LARGEST && value >= -LARGEST ? Number(value) : value.toString()),
  // RFC 8785 knows one zero.
  float: (value) => (Number.isFinite(value) ? value + 0 : String(value)),
  handle: (held) => {
    if (held instanceof Resource) throw new TypeError(`a ${held.resource} does not leave this process`);
    return held;
  },
  toBytes: (value) => (typeof value === "string" ? Buffer.from(value, "base64") : null),
  toInteger: (value) => {
    if (
      (typeof value === "number" && Number.isSafeInteger(value)) ||
      (typeof value === "string" && /^-?[0-9]{1,20}$/.test(value))
    )
      return BigInt(value);
    throw new TypeError("not an integer");
  },
  toFloat: (value) => {
    if (typeof value === "number") return value;
    if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
    throw new TypeError("not a number");
  },
  toHeld: (value) => value,
};

export const nativeForm: Form<Native> = {
  name: "native",
  bytes: (bytes) => bytes.slice(),
  integer: (value) => value,
  float: (value) => value,
  handle: (held) => {
    if (!(held instanceof Resource)) throw new TypeError("a resource of the control process, where one of this process belongs");
    return held;
  },
  toBytes: (value) => (value instanceof Uint8Array ? value : null),
  toInteger: (value) => {
    if (typeof value !== "bigint") throw new TypeError("not a bigint");
    return value;
  },
  toFloat: (value) => {
    if (typeof value !== "number") throw new TypeError("not a number");
    return value;
  },
  toHeld: (value, resource) => {
    if (!(value instanceof Resource) || !resource.endsWith(`/${value.resource}`)) throw new TypeError(`not a ${resource}`);
    return value;
  },
};

/** What is the same in every form. */
export const common = <V>(value: null | boolean | number | string | readonly V[] | Readonly<Record<string, V>>): V =>
  value as unknown as V;

/** `kebab-case` as members of objects have it. */
export const memberName = (name: string): string => name.replaceAll("-", "_");
