/**
 * The instructions that metering adds, each as it is written. `proof.ts` knows the same sequences by its own account.
 *
 * | name       | code                                                                                                     |
 * | ---------- | -------------------------------------------------------------------------------------------------------- |
 * | charge     | `left -= cost`                                                                                           |
 * | checkpoint | `if (left < 0) refuel()`                                                                                 |
 * | prologue   | `frame = depth + weight; if (frame > cap) { depth = frame; deep(); unreachable }`                        |
 * | call       | `depth = frame + more`, in front of a call: whoever is called finds the weight of the frames that are open |
 * | length     | `n = by_length(n)`: pays by the topmost operand, which stays; that for pages notes a growth beyond the cap |
 *
 * `depth` is not restored on the way out. It need not be: it is read at a function's entry only, and written just before.
 */
import { LENGTH_CHARGES, type ByLength } from "./costs.js";
import type { Layout } from "./layout.js";
import type { MeterSettings } from "./limits.js";
import { opcodeAt, OPCODES } from "./opcodes.js";
import type { Lanes } from "./plan.js";
import { NO_GRANT } from "./protocol.js";
import { EMPTY_BLOCK, ValueType } from "./types.js";
import { Writer } from "./writer.js";

const byName = new Map(OPCODES.map((opcode) => [opcode.name, opcode]));
function code(name: string): readonly number[] {
  const opcode = byName.get(name);
  if (!opcode || opcodeAt(opcode.prefix, opcode.code) !== opcode) throw new TypeError(name);
  return opcode.prefix === 0 ? [opcode.code] : [opcode.prefix, ...new Writer(4).u32(opcode.code).finish()];
}

const UNREACHABLE = code("unreachable");
const IF = code("if");
const END = code("end");
const CALL = code("call");
const LOCAL_GET = code("local.get");
const LOCAL_SET = code("local.set");
const LOCAL_TEE = code("local.tee");
const GLOBAL_GET = code("global.get");
const GLOBAL_SET = code("global.set");
const I32_CONST = code("i32.const");
const I32_ADD = code("i32.add");
const I32_SUB = code("i32.sub");
const I32_LT_S = code("i32.lt_s");
const I32_GT_U = code("i32.gt_u");
const I32_LT_U = code("i32.lt_u");
const I32_SHR_U = code("i32.shr_u");
const I32_MUL = code("i32.mul");
const MEMORY_SIZE = [...code("memory.size"), 0];
const SELECT = code("select");
const V128_CONST = code("v128.const");
const BITSELECT = code("v128.bitselect");

/** The positive canonical NaN, as it stands in memory. */
const NAN = {
  f32: [0, 0, 0xc0, 0x7f],
  f64: [0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
} as const;

/** The type of the temporary local that a replacement needs. */
export const LANE_TYPE: Readonly<Record<Lanes, number>> = {
  f32: ValueType.f32,
  f64: ValueType.f64,
  f32x4: ValueType.v128,
  f64x2: ValueType.v128,
};

export class Added {
  readonly #layout: Layout;
  readonly #settings: MeterSettings;
  /** Offsets in the body of branches that are hardly ever taken, for the optimising compiler (branch-hints.ts). */
  unlikely: number[] = [];

  constructor(layout: Layout, settings: MeterSettings) {
    this.#layout = layout;
    this.#settings = settings;
  }

  /** The global `left`, as the global section has it. */
  counter(): Writer {
    return new Writer(8)
      .byte(ValueType.i32, 1, ...I32_CONST)
      .s32(NO_GRANT)
      .byte(...END);
  }

  charge(out: Writer, cost: number): void {
    const { left } = this.#layout;
    out.byte(...GLOBAL_GET).u32(left);
    out.byte(...I32_CONST).s32(cost);
    out.byte(...I32_SUB, ...GLOBAL_SET).u32(left);
  }

  checkpoint(out: Writer): void {
    const { left, refuel } = this.#layout;
    out.byte(...GLOBAL_GET).u32(left);
    out.byte(...I32_CONST).s32(0);
    out.byte(...I32_LT_S);
    this.#if(out);
    out.byte(...CALL).u32(refuel);
    out.byte(...END);
  }

  prologue(out: Writer, frame: number, weight: number): void {
    const { depth, deep } = this.#layout;
    out.byte(...GLOBAL_GET).u32(depth);
    out.byte(...I32_CONST).s32(weight);
    out.byte(...I32_ADD, ...LOCAL_TEE).u32(frame);
    out.byte(...I32_CONST).s32(this.#settings.depth);
    out.byte(...I32_GT_U);
    this.#if(out);
    this.call(out, frame, 0);
    out.byte(...CALL).u32(deep);
    out.byte(...UNREACHABLE, ...END);
  }

  /** `more` is what may stand on this frame uncounted. */
  call(out: Writer, frame: number, more: number): void {
    out.byte(...LOCAL_GET).u32(frame);
    if (more > 0)
      out
        .byte(...I32_CONST)
        .s32(more)
        .byte(...I32_ADD);
    out.byte(...GLOBAL_SET).u32(this.#layout.depth);
  }

  length(out: Writer, charge: ByLength): void {
    out.byte(...CALL).u32(this.#layout.byLength(charge));
  }

  canonical(out: Writer, lanes: Lanes, scratch: number): void {
    if (lanes === "f32" || lanes === "f64") this.#canonicalScalar(out, lanes, scratch);
    else this.#canonicalVector(out, lanes, scratch);
  }

  /** `if (x != x) x = NaN`. */
  #canonicalScalar(out: Writer, lanes: "f32" | "f64", scratch: number): void {
    out.byte(...LOCAL_TEE).u32(scratch);
    out.byte(...LOCAL_GET).u32(scratch);
    out.byte(...code(`${lanes}.ne`));
    this.#if(out);
    out.byte(...code(`${lanes}.const`), ...NAN[lanes]);
    out.byte(...LOCAL_SET).u32(scratch);
    out.byte(...END);
    out.byte(...LOCAL_GET).u32(scratch);
  }

  /** Lane by lane: where x = x the value, elsewhere the NaN. */
  #canonicalVector(out: Writer, lanes: "f32x4" | "f64x2", scratch: number): void {
    const nan = lanes === "f32x4" ? [NAN.f32, NAN.f32, NAN.f32, NAN.f32].flat() : [NAN.f64, NAN.f64].flat();
    out.byte(...LOCAL_TEE).u32(scratch);
    out.byte(...V128_CONST, ...nan);
    out.byte(...LOCAL_GET).u32(scratch);
    out.byte(...LOCAL_GET).u32(scratch);
    out.byte(...code(`${lanes}.eq`), ...BITSELECT);
  }

  #if(out: Writer): void {
    this.unlikely.push(out.length);
    out.byte(...IF, EMPTY_BLOCK);
  }

  /** `refuel() { left = fuel(left); if (left < 0) left = pause() }` */
  refuelBody(): Writer {
    const { fuel, pause, left } = this.#layout;
    const out = new Writer(32).u32(0);
    out.byte(...GLOBAL_GET).u32(left);
    out.byte(...CALL).u32(fuel);
    out.byte(...GLOBAL_SET).u32(left);
    out.byte(...GLOBAL_GET).u32(left);
    out.byte(...I32_CONST).s32(0);
    out.byte(...I32_LT_S, ...IF, EMPTY_BLOCK, ...CALL).u32(pause);
    out.byte(...GLOBAL_SET).u32(left);
    return out.byte(...END, ...END);
  }

  /**
   * `by_length(n) { left -= (min(n, most) >> shift) * units; checkpoint; return n }`. That for pages has, where there is a memory,
   * `if (n > cap - memory.size) refused = n` in front of its last step.
   */
  lengthBody(charge: ByLength, memory: boolean): Writer {
    const { left, refused } = this.#layout;
    const most = mostOf(charge, this.#settings);
    const out = new Writer(64).u32(0);
    out.byte(...GLOBAL_GET).u32(left);
    out.byte(...LOCAL_GET).u32(0);
    out.byte(...I32_CONST).s32(most);
    out.byte(...LOCAL_GET).u32(0);
    out.byte(...I32_CONST).s32(most);
    out.byte(...I32_LT_U, ...SELECT);
    out.byte(...I32_CONST).s32(charge.shift);
    out.byte(...I32_SHR_U, ...I32_CONST).s32(charge.units);
    out.byte(...I32_MUL, ...I32_SUB, ...GLOBAL_SET).u32(left);
    this.checkpoint(out);
    if (memory && charge.what === "pages") {
      out.byte(...LOCAL_GET).u32(0);
      out.byte(...I32_CONST).s32(this.#settings.memoryPages);
      out.byte(...MEMORY_SIZE, ...I32_SUB, ...I32_GT_U);
      this.#if(out);
      out.byte(...LOCAL_GET).u32(0);
      out.byte(...GLOBAL_SET).u32(refused);
      out.byte(...END);
    }
    out.byte(...LOCAL_GET).u32(0);
    return out.byte(...END);
  }

  /** `memory`: whether the module has one. */
  lengthBodies(memory: boolean): readonly Writer[] {
    this.unlikely = [];
    return LENGTH_CHARGES.map((charge) => this.lengthBody(charge, memory));
  }
}

/** The largest operand that is paid for: what a memory or a table can hold at most. */
export function mostOf(charge: ByLength, { memoryPages, tableElements }: MeterSettings): number {
  if (charge.what === "bytes") return Math.min(memoryPages * 65_536, 2 ** 31 - 1);
  return charge.what === "pages" ? memoryPages : tableElements;
}
