/**
 * NaN canonicalisation: which bits a NaN has must not depend on the machine.
 *
 * The specification lets float arithmetic answer with any of several NaNs, the positive canonical one always among them. Processors
 * and compiler tiers differ in which. So a NaN that arithmetic made is replaced by the canonical one **before a guest can look at
 * its bits**; other values, and NaNs whose bits the guest wrote itself (loads, constants, reinterpretations), are not touched. A
 * module rewritten so behaves as the specification allows: it only makes a choice.
 *
 * Bits can be looked at wherever a float is stored, reinterpreted, passed, returned, put into a global or a lane, or goes through
 * `copysign`, `neg` or `abs` (its sign shows), and where it crosses the boundary of a block (nobody follows it further here). They
 * cannot where it goes into arithmetic (whose NaN is replaced in its turn), a comparison, a conversion to an integer, or `drop`.
 * So arithmetic is not followed by a replacement at once: each result is an **origin**, and what becomes of it decides.
 *
 * A float local that only ever holds such results (and numbers that cannot be NaN) is *raw*: origins go in without replacement, and
 * each `local.get` of it is an origin again. So an accumulator in a loop is replaced once, where its sum is used. If anything else
 * goes in as well, a replaced NaN could not be told from the guest's own: the local is *mixed*, and origins are replaced on the way in.
 *
 * Vectors are simpler: each result of vector float arithmetic is replaced at once, lane by lane.
 */
import { OPCODES, type Opcode } from "./opcodes.js";
import { isFloat } from "./types.js";

const names = (types: string, ops: string): string[] =>
  types.split(" ").flatMap((type) => ops.split(" ").map((op) => `${type}.${op}`));

/** Scalar operations whose NaN is not determined. */
const ARITHMETIC = new Set([
  ...names("f32 f64", "add sub mul div min max sqrt ceil floor trunc nearest"),
  "f32.demote_f64",
  "f64.promote_f32",
]);
/** Operations that take a float and do not show its bits. */
const ABSORBING = new Set([
  ...ARITHMETIC,
  ...names("f32 f64", "eq ne lt gt le ge"),
  ...names("i32 i64", "trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u"),
  ...names("i32 i64", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u"),
]);
/** Operations whose result is a float and never a NaN. */
const NUMBERS = new Set(names("f32 f64", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u"));

const VECTOR_ARITHMETIC: ReadonlyMap<string, "f32x4" | "f64x2"> = new Map([
  ...names("f32x4", "add sub mul div min max sqrt ceil floor trunc nearest demote_f64x2_zero").map(
    (name) => [name, "f32x4"] as const,
  ),
  ...names("f64x2", "add sub mul div min max sqrt ceil floor trunc nearest promote_low_f32x4").map(
    (name) => [name, "f64x2"] as const,
  ),
]);

/** How an instruction treats floats. */
export interface FloatRole {
  readonly absorbs: boolean;
  readonly result: "arithmetic" | "number" | "own";
  /** Its result is a vector to be replaced at once. */
  readonly lanes: "f32x4" | "f64x2" | null;
}
const roles: readonly FloatRole[] = OPCODES.map(({ name }) => ({
  absorbs: ABSORBING.has(name),
  result: ARITHMETIC.has(name) ? "arithmetic" : NUMBERS.has(name) ? "number" : "own",
  lanes: VECTOR_ARITHMETIC.get(name) ?? null,
}));
export function floatRole(opcode: Opcode): FloatRole {
  return roles[opcode.index] as FloatRole;
}

/** What can be known of a value on the operand stack: one of these, or the number of an origin. */
export const Value = {
  /** Bits that the guest may look at: it made them, or they were replaced. */
  own: 0,
  /** The same, and two slots wide: a vector. */
  vector: 1,
  /** A float that cannot be NaN. */
  number: 2,
} as const;
const FIRST_ORIGIN = 3;

interface Origin {
  observed: boolean;
  /** The local that it was read from, or -1. */
  readonly from: number;
  /** Locals that it was written to. */
  into: number[] | null;
}

/** Follows float values through one function. */
export class Origins {
  readonly #origins: Origin[] = [];
  /** For each local: whether it can be raw. */
  readonly #raw: boolean[];

  constructor(locals: readonly number[], params: number) {
    this.#raw = locals.map((type, index) => index >= params && isFloat(type));
  }

  /** A result of arithmetic (or a float from the host). */
  made(): number {
    return this.#add(-1);
  }

  /** A value read from a float local. Locals turn out mixed only later: `replaced` knows. */
  read(local: number): number {
    return this.#raw[local] ? this.#add(local) : Value.own;
  }

  /** A value written to a local. */
  written(value: number, local: number): void {
    if (!this.#raw[local]) this.observe(value);
    else if (value === Value.own) this.#raw[local] = false;
    else if (value >= FIRST_ORIGIN) (this.#origin(value).into ??= []).push(local);
  }

  /** The guest may look at the bits of this value. */
  observe(value: number): void {
    if (value >= FIRST_ORIGIN) this.#origin(value).observed = true;
  }

  /** After the whole function was followed: a raw local into which a mixed one flows is mixed too. */
  settle(): void {
    for (let changed = true; changed;) {
      changed = false;
      for (const { from, into } of this.#origins) {
        if (into === null || from < 0 || this.#raw[from]) continue;
        for (const local of into)
          if (this.#raw[local]) {
            this.#raw[local] = false;
            changed = true;
          }
      }
    }
  }

  /** Whether a replacement stands after the instruction that gave this value. Valid after `settle`. */
  replaced(value: number): boolean {
    const { observed, from, into } = this.#origin(value);
    if (from >= 0 && !this.#raw[from]) return false;
    return observed || (into?.some((local) => !this.#raw[local]) ?? false);
  }

  #add(from: number): number {
    return this.#origins.push({ observed: false, from, into: null }) - 1 + FIRST_ORIGIN;
  }

  #origin(value: number): Origin {
    return this.#origins[value - FIRST_ORIGIN] as Origin;
  }
}
