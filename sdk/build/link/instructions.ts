/**
 * Copies a function's code with other indices: WebAssembly Core Specification 2.0, section 5.4, and tail calls, which become calls
 * and returns (the host meters no tail calls, and no compiler relies on them for a loop).
 */
import { unexpected, type Cursor, type Output } from "./bytes.js";

/** Where an index of the old module leads in the new one. */
export interface Indices {
  func(index: number): number;
  type(index: number): number;
  /** A global of the new module, or the constant that it holds. */
  global(index: number): { readonly index: number } | { readonly constant: number };
}

const CALL = 0x10;
const CALL_INDIRECT = 0x11;
const RETURN = 0x0f;
const RETURN_CALL = 0x12;
const RETURN_CALL_INDIRECT = 0x13;
const I32_CONST = 0x41;
const END = 0x0b;

/** Every instruction up to and with the last one before `end`. */
export function copyCode(from: Cursor, to: Output, indices: Indices): void {
  while (!from.done) copyInstruction(from, to, indices);
}

/** One instruction. A single table is all there is, so its index stays 0. */
function copyInstruction(from: Cursor, to: Output, indices: Indices): void {
  const start = from.at;
  const opcode = from.byte();
  const rest = (): Output => to.raw(from.bytes.subarray(start, from.at));
  if (opcode >= 0x45 && opcode <= 0xc4) return void rest();
  switch (opcode) {
    case CALL:
      return void to.byte(CALL).u32(indices.func(from.u32()));
    case RETURN_CALL:
      return void to.byte(CALL).u32(indices.func(from.u32())).byte(RETURN);
    case CALL_INDIRECT:
    case RETURN_CALL_INDIRECT:
      to.byte(CALL_INDIRECT).u32(indices.type(from.u32())).u32(onlyOne(from.u32()));
      return void (opcode === RETURN_CALL_INDIRECT && to.byte(RETURN));
    case 0x23: {
      const target = indices.global(from.u32());
      return void ("index" in target ? to.byte(0x23).u32(target.index) : to.byte(I32_CONST).s32(target.constant));
    }
    case 0x24: {
      const target = indices.global(from.u32());
      if (!("index" in target)) throw unexpected("a constant that is set");
      return void to.byte(0x24).u32(target.index);
    }
    case 0xd2:
      return void to.byte(0xd2).u32(indices.func(from.u32()));
    case 0x25:
    case 0x26:
      return void to.byte(opcode).u32(onlyOne(from.u32()));
    case 0x02:
    case 0x03:
    case 0x04:
      return copyBlock(opcode, from, to, indices);
    default:
      from.at = start;
      skipInstruction(from);
      if (opcode === 0xfc && usesSegments(from.bytes[start + 1] as number)) throw unexpected("a use of a segment");
      return void rest();
  }
}

/** `memory.init`, `data.drop`, `table.init`, `elem.drop`: after the snapshot there is nothing to take from. */
const usesSegments = (code: number): boolean => code === 8 || code === 9 || code === 12 || code === 13;

/** Moves past one instruction and gives its opcode. */
export function skipInstruction(from: Cursor): number {
  const opcode = from.byte();
  if (opcode >= 0x45 && opcode <= 0xc4) return opcode;
  if (opcode === 0xfc) skipBulk(from);
  else if (opcode === 0xfd) skipVector(from);
  else skipImmediates(opcode, from);
  return opcode;
}

/** Empty, one value type, or a function type by its index. */
function copyBlock(opcode: number, from: Cursor, to: Output, indices: Indices): void {
  const at = from.at;
  const first = from.byte();
  // One byte with bit 6 set is negative: `0x40`, or a value type.
  if (first < 0x80 && (first & 0x40) !== 0) return void to.byte(opcode, first);
  from.at = at;
  to.byte(opcode).s32(indices.type(from.s32()));
}

function skipImmediates(opcode: number, from: Cursor): void {
  // Loads and stores: alignment and offset.
  if (opcode >= 0x28 && opcode <= 0x3e) return skipMemoryArgument(from);
  switch (opcode) {
    case 0x00: // unreachable
    case 0x01: // nop
    case 0x05: // else
    case END:
    case RETURN:
    case 0x1a: // drop
    case 0x1b: // select
    case 0xd1: // ref.is_null
      return;
    case 0x0c: // br
    case 0x0d: // br_if
    case CALL:
    case RETURN_CALL:
    case 0x23: // global.get
    case 0x24: // global.set
    case 0x25: // table.get
    case 0x26: // table.set
    case 0xd2: // ref.func
    case 0x02: // block
    case 0x03: // loop
    case 0x04: // if
    case 0x20: // local.get
    case 0x21: // local.set
    case 0x22: // local.tee
    case I32_CONST:
    case 0x42: // i64.const
      return from.skipNumber();
    case 0x3f: // memory.size
    case 0x40: // memory.grow
      if (from.u32() !== 0) throw from.refuse("a second memory");
      return;
    case CALL_INDIRECT:
    case RETURN_CALL_INDIRECT:
      from.skipNumber();
      return from.skipNumber();
    case 0x43: // f32.const
      return void from.take(4);
    case 0x44: // f64.const
      return void from.take(8);
    case 0x0e: // br_table: the default label is one more
      for (let left = from.u32(); left >= 0; left--) from.skipNumber();
      return;
    case 0x1c: // select with types
      return void from.take(from.u32());
    case 0xd0: // ref.null
      return void from.take(1);
    default:
      throw from.refuse(`the opcode 0x${opcode.toString(16)}`);
  }
}

/** Alignment and offset. Bit 6 of the alignment announces the index of a memory. */
function skipMemoryArgument(from: Cursor): void {
  if (from.u32() >= 0x40) throw from.refuse("a second memory");
  from.skipNumber();
}

/** Saturating truncations, bulk memory and tables. */
function skipBulk(from: Cursor): void {
  const code = from.u32();
  if (code <= 7) return;
  if (code > 17) throw from.refuse(`the opcode 0xfc ${code}`);
  from.skipNumber();
  // memory.init, memory.copy, table.init, table.copy have two indices, the rest one
  if (code === 8 || code === 10 || code === 12 || code === 14) from.skipNumber();
}

/** Fixed-width SIMD: most of its instructions have no immediates. */
function skipVector(from: Cursor): void {
  const code = from.u32();
  if (code > 0xff) throw from.refuse(`the opcode 0xfd ${code}`);
  if (code <= 0x0b || (code >= 0x54 && code <= 0x5d)) skipMemoryArgument(from);
  if (code === 0x0c || code === 0x0d) from.take(16);
  // Lanes.
  if ((code >= 0x15 && code <= 0x22) || (code >= 0x54 && code <= 0x5b)) from.take(1);
}

function onlyOne(index: number): number {
  if (index !== 0) throw unexpected("a second memory or table");
  return index;
}

/** The value of a constant expression: constants, constant globals, sums. */
export function constantValue(from: Cursor, global: (index: number) => number): number {
  const stack: number[] = [];
  for (;;) {
    const opcode = from.byte();
    if (opcode === END) break;
    else if (opcode === I32_CONST) stack.push(from.s32());
    else if (opcode === 0x23) stack.push(global(from.u32()));
    else if (opcode === 0x6a) stack.push(((stack.pop() ?? 0) + (stack.pop() ?? 0)) | 0);
    else throw unexpected(`the opcode 0x${opcode.toString(16)} in a constant`);
  }
  if (stack.length !== 1) throw unexpected("a constant of several values");
  return stack[0] as number;
}
