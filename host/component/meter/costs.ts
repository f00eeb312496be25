/**
 * What each instruction costs: fuel table version 1 (`FUEL_TABLE_VERSION`; a change here is a new version). One unit is about a
 * nanosecond of compiled code at the worst; the guest's clock advances by it.
 *
 * Instructions that compile to nothing are free. Those whose time depends on an operand pay their fixed part here and the rest by
 * that operand when it is known (`BY_LENGTH`). The figures of the dear ones are measured times, rounded up.
 */
import { OPCODES, type Opcode } from "./opcodes.js";

const DEFAULT_COST = 1;

const COSTS: Readonly<Record<string, number>> = {
  nop: 0,
  block: 0,
  loop: 0,
  else: 0,
  end: 0,
  drop: 0,
  call: 2,
  call_indirect: 4,
  br_table: 2,
  "i32.div_s": 4,
  "i32.div_u": 4,
  "i32.rem_s": 4,
  "i32.rem_u": 4,
  "i64.div_s": 4,
  "i64.div_u": 4,
  "i64.rem_s": 4,
  "i64.rem_u": 4,
  "f32.div": 4,
  "f64.div": 4,
  "f32.sqrt": 6,
  "f64.sqrt": 6,
  "f32x4.div": 4,
  "f64x2.div": 4,
  "f32x4.sqrt": 6,
  "f64x2.sqrt": 6,
  "table.get": 4,
  "table.set": 48,
  "memory.init": 24,
  "memory.copy": 24,
  "memory.fill": 24,
  "memory.grow": 1_000,
  "data.drop": 8,
  "elem.drop": 8,
  "table.init": 24,
  "table.copy": 24,
  "table.fill": 24,
  "table.grow": 200,
};

/** Paid at the entry of each function, for the call as its callee feels it. */
export const ENTRY_COST = 1;
/** Paid on top of `call` where the callee is an import: the way out of the engine. */
export const IMPORT_COST = 14;

const byIndex: readonly number[] = OPCODES.map((opcode) => COSTS[opcode.name] ?? DEFAULT_COST);

export function costOf(opcode: Opcode): number {
  return byIndex[opcode.index] as number;
}

/**
 * Instructions that pay by their topmost operand: `units` for each `2 ** shift` of it. An operand beyond what any memory or
 * table can hold pays for that much, so that the counter cannot wrap, and then traps or fails.
 */
export interface ByLength {
  readonly what: "bytes" | "elements" | "pages";
  readonly shift: number;
  readonly units: number;
}
const BYTES: ByLength = { what: "bytes", shift: 3, units: 1 };
const ELEMENTS: ByLength = { what: "elements", shift: 0, units: 32 };
const PAGES: ByLength = { what: "pages", shift: 0, units: 8_192 };

/** In the order in which the helper functions for them are added. */
export const LENGTH_CHARGES: readonly ByLength[] = [BYTES, ELEMENTS, PAGES];

export const BY_LENGTH: Readonly<Record<string, ByLength>> = {
  "memory.init": BYTES,
  "memory.copy": BYTES,
  "memory.fill": BYTES,
  "memory.grow": PAGES,
  "table.init": ELEMENTS,
  "table.copy": ELEMENTS,
  "table.fill": ELEMENTS,
  "table.grow": ELEMENTS,
};
