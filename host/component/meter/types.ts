/** Types of the binary format: value types, function types, limits. Section 5.3 of the specification. */
import { MeterError } from "./refusal.js";
import type { Reader } from "./reader.js";

export const ValueType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b, funcref: 0x70, externref: 0x6f } as const;
const VALUE_TYPES: ReadonlySet<number> = new Set(Object.values(ValueType));
/** Block type of a block without parameters and results. */
export const EMPTY_BLOCK = 0x40;
export const FUNCTION_TYPE = 0x60;

export interface FunctionType {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

/** Slots of eight bytes that a value takes. */
export function slotsOf(type: number): number {
  return type === ValueType.v128 ? 2 : 1;
}
export function slotsOfAll(types: readonly number[]): number {
  return types.reduce((sum, type) => sum + slotsOf(type), 0);
}
export function isFloat(type: number): boolean {
  return type === ValueType.f32 || type === ValueType.f64;
}

export function readValueType(reader: Reader): number {
  const at = reader.at;
  const type = reader.byte();
  if (!VALUE_TYPES.has(type)) throw new MeterError("METER_UNSUPPORTED", `the type 0x${type.toString(16)} is not allowed`, at);
  return type;
}

export function readRefType(reader: Reader): number {
  const at = reader.at;
  const type = readValueType(reader);
  if (type !== ValueType.funcref && type !== ValueType.externref)
    throw new MeterError("METER_UNSUPPORTED", "a reference type other than funcref and externref", at);
  return type;
}

export interface Limits {
  readonly min: number;
  readonly max: number | null;
}

export function readLimits(reader: Reader, what: "memory" | "table"): Limits {
  const at = reader.at;
  const flags = reader.byte();
  if (flags > 1) {
    const feature =
      flags & 8 ? "custom page sizes" : flags & 4 ? `a 64-bit ${what}` : flags & 2 ? `a shared ${what}` : "unknown limits";
    throw new MeterError("METER_UNSUPPORTED", `${feature} (limits flag 0x${flags.toString(16)})`, at);
  }
  const min = reader.u32();
  return { min, max: flags === 1 ? reader.u32() : null };
}
