/** Recognises the sequences that metering adds, by the proof's own account of them. Each answers where the sequence ends, or -1. */
import type { MeterSettings } from "../limits.js";
import { Op, type Step } from "./decode.js";
import type { ProvedModule } from "./module.js";

const EMPTY = 0x40;

export interface Locals {
  /** Types, parameters first. */
  readonly types: readonly number[];
  /** The first local that was added. */
  readonly added: number;
}

export class Sequences {
  readonly #steps: readonly Step[];
  readonly #bytes: Uint8Array;
  readonly #module: ProvedModule;
  readonly #locals: Locals;

  constructor(steps: readonly Step[], bytes: Uint8Array, module: ProvedModule, locals: Locals) {
    this.#steps = steps;
    this.#bytes = bytes;
    this.#module = module;
    this.#locals = locals;
  }

  #is(index: number, op: number, value?: number): boolean {
    const step = this.#steps[index];
    return step !== undefined && step.op === op && (value === undefined || step.value === value);
  }

  #value(index: number): number {
    return this.#steps[index]?.value ?? 0;
  }

  /** `left -= cost`; the cost is the operand of the second instruction. */
  charge(at: number): number {
    const { left } = this.#module;
    const found =
      this.#is(at, Op.globalGet, left) &&
      this.#is(at + 1, Op.i32Const) &&
      this.#value(at + 1) > 0 &&
      this.#is(at + 2, Op.i32Sub) &&
      this.#is(at + 3, Op.globalSet, left);
    return found ? at + 4 : -1;
  }

  /** `if (left < 0) refuel()` */
  checkpoint(at: number): number {
    const { left, refuel } = this.#module;
    const found =
      this.#is(at, Op.globalGet, left) &&
      this.#is(at + 1, Op.i32Const, 0) &&
      this.#is(at + 2, Op.i32LtS) &&
      this.#is(at + 3, Op.if, EMPTY) &&
      this.#is(at + 4, Op.call, refuel) &&
      this.#is(at + 5, Op.end);
    return found ? at + 6 : -1;
  }

  /** `frame = depth + weight; if (frame > cap) { depth = frame; deep(); unreachable }`; the weight is the second operand. */
  prologue(at: number, settings: MeterSettings): number {
    const { depth, deep } = this.#module;
    const frame = this.#locals.added;
    const found =
      this.#is(at, Op.globalGet, depth) &&
      this.#is(at + 1, Op.i32Const) &&
      this.#is(at + 2, Op.i32Add) &&
      this.#is(at + 3, Op.localTee, frame) &&
      this.#is(at + 4, Op.i32Const, settings.depth) &&
      this.#is(at + 5, Op.i32GtU) &&
      this.#is(at + 6, Op.if, EMPTY) &&
      this.depthSet(at + 7, 0) === at + 9 &&
      this.#is(at + 9, Op.call, deep) &&
      this.#is(at + 10, Op.unreachable) &&
      this.#is(at + 11, Op.end);
    return found ? at + 12 : -1;
  }

  /** `depth = frame + more`; the sum is left out where there is nothing to add. */
  depthSet(at: number, more: number): number {
    const { depth } = this.#module;
    const to = more === 0 ? at + 1 : at + 3;
    const found =
      this.#is(at, Op.localGet, this.#locals.added) &&
      (more === 0 || (this.#is(at + 1, Op.i32Const, more) && this.#is(at + 2, Op.i32Add))) &&
      this.#is(to, Op.globalSet, depth);
    return found ? to + 1 : -1;
  }

  /** A NaN is replaced: `if (x != x) x = NaN`, or lane by lane. The scratch local is one that was added. */
  canonical(at: number): number {
    const scratch = this.#value(at);
    if (!this.#is(at, Op.localTee) || scratch < this.#locals.added) return -1;
    const type = this.#locals.types[scratch];
    if (type === 0x7d) return this.#canonicalScalar(at, scratch, Op.f32Ne, Op.f32Const, "0000c07f");
    if (type === 0x7c) return this.#canonicalScalar(at, scratch, Op.f64Ne, Op.f64Const, "000000000000f87f");
    if (type !== 0x7b) return -1;
    const [lanes, nan] = this.#is(at + 4, Op.f32x4Eq)
      ? [Op.f32x4Eq, "0000c07f".repeat(4)]
      : [Op.f64x2Eq, "000000000000f87f".repeat(2)];
    const found =
      this.#is(at + 1, Op.v128Const) &&
      this.#constant(at + 1) === nan &&
      this.#is(at + 2, Op.localGet, scratch) &&
      this.#is(at + 3, Op.localGet, scratch) &&
      this.#is(at + 4, lanes) &&
      this.#is(at + 5, Op.v128Bitselect);
    return found ? at + 6 : -1;
  }

  #canonicalScalar(at: number, scratch: number, unequal: number, constant: number, nan: string): number {
    const found =
      this.#is(at + 1, Op.localGet, scratch) &&
      this.#is(at + 2, unequal) &&
      this.#is(at + 3, Op.if, EMPTY) &&
      this.#is(at + 4, constant) &&
      this.#constant(at + 4) === nan &&
      this.#is(at + 5, Op.localSet, scratch) &&
      this.#is(at + 6, Op.end) &&
      this.#is(at + 7, Op.localGet, scratch);
    return found ? at + 8 : -1;
  }

  /** The bytes of a float or vector constant: the immediate stands at the end of its instruction. */
  #constant(at: number): string {
    const step = this.#steps[at] as Step;
    const length = step.op === Op.v128Const ? 16 : step.op === Op.f64Const ? 8 : 4;
    return Array.from(this.#bytes.subarray(step.end - length, step.end), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}
