/** `structuredClone` for what an agent has: data, collections, dates, bytes, errors. */
import { kindOf } from "./json.js";

export function cloneOf<T>(value: T): T {
  return clone(value, new Map()) as T;
}

function clone(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`${kindOf(value)} cannot be cloned`);
  if (typeof value !== "object" || value === null) return value;
  if (known.has(value)) return known.get(value);
  const keep = <T>(copy: T): T => (known.set(value, copy), copy);
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    const View = value.constructor as new (buffer: unknown, offset: number, length?: number) => unknown;
    const buffer = clone(value.buffer, known);
    return keep(new View(buffer, value.byteOffset, value instanceof DataView ? value.byteLength : (value as Uint8Array).length));
  }
  if (value instanceof Map) {
    const copy = keep(new Map<unknown, unknown>());
    for (const [key, item] of value) copy.set(clone(key, known), clone(item, known));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set<unknown>());
    for (const item of value) copy.add(clone(item, known));
    return copy;
  }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet)
    throw new TypeError(`${kindOf(value)} cannot be cloned`);
  if (value instanceof Error) {
    const copy = keep(new Error(value.message));
    Object.defineProperty(copy, "name", { value: value.name, writable: true, configurable: true });
    return copy;
  }
  const copy = keep(Array.isArray(value) ? (Array(value.length) as unknown[]) : {});
  for (const key of Object.keys(value))
    // Defined, not set: a member `__proto__` is a member like any other.
    Object.defineProperty(copy, key, {
      value: clone((value as Record<string, unknown>)[key], known),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  return copy;
}
