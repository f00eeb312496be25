/**
 * The proof's own decoder. It shares nothing with `opcodes.ts` and `instruction.ts` but the reader of numbers: an instruction whose
 * length one of the two got wrong would be seen, since both must agree with the engine's validator and with each other on where
 * each instruction ends. Unknown opcodes are not decoded, they fail.
 */
import type { Reader } from "../reader.js";

/** Opcodes that the proof looks at by name. Prefixed ones as `prefix << 16 | code`. */
export const Op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  i32Const: 0x41,
  f32Const: 0x43,
  f64Const: 0x44,
  i32LtS: 0x48,
  i32GtU: 0x4b,
  f32Ne: 0x5c,
  f64Ne: 0x62,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  refFunc: 0xd2,
  memoryInit: 0xfc0008,
  memoryCopy: 0xfc000a,
  memoryFill: 0xfc000b,
  tableInit: 0xfc000c,
  tableCopy: 0xfc000e,
  tableGrow: 0xfc000f,
  tableFill: 0xfc0011,
  v128Const: 0xfd000c,
  f32x4Eq: 0xfd0041,
  f64x2Eq: 0xfd0047,
  v128Bitselect: 0xfd0052,
} as const;

export interface Step {
  readonly op: number;
  /** Offset of its first byte, and of the byte behind its last. */
  readonly start: number;
  readonly end: number;
  /** First immediate where it is an index or an i32 constant; the block type's first byte. */
  readonly value: number;
  /** Labels of a branch table. */
  readonly labels: readonly number[] | null;
}

/** Every instruction of an expression, to its last `end`. */
export function decodeSteps(reader: Reader): Step[] {
  const steps: Step[] = [];
  for (let depth = 1; depth > 0;) {
    const step = decodeStep(reader);
    if (step.op === Op.block || step.op === Op.loop || step.op === Op.if) depth++;
    if (step.op === Op.end) depth--;
    steps.push(step);
  }
  return steps;
}

function decodeStep(reader: Reader): Step {
  const start = reader.at;
  const first = reader.byte();
  let op = first;
  let value = 0;
  let labels: number[] | null = null;
  if (first === 0xfc || first === 0xfd) {
    const code = reader.u32();
    if (code > 0xff) reader.fail("the proof meets an unknown opcode", start);
    op = (first << 16) | code;
    value = first === 0xfc ? bulk(reader, code, start) : vector(reader, code, start);
  } else if (first >= Op.block && first <= Op.if) {
    value = reader.byte();
    // A block type that is an index may take several bytes; every other is one byte.
    for (let byte = value; byte >= 0x80;) byte = reader.byte();
  } else if (first === Op.brTable) {
    labels = Array.from({ length: reader.count("labels", 2 ** 20) + 1 }, () => reader.u32());
  } else value = plain(reader, first, start);
  return { op, start, end: reader.at, value, labels };
}

/** One-byte opcodes: how many numbers follow, and which. */
function plain(reader: Reader, op: number, start: number): number {
  if (op <= 0x01 || op === Op.else || op === Op.end || op === Op.return || op === 0x1a || op === 0x1b) return 0;
  if (op === Op.br || op === Op.brIf || op === Op.call || (op >= 0x20 && op <= 0x26) || op === Op.refFunc) return reader.u32();
  if (op === Op.callIndirect || (op >= 0x28 && op <= 0x3e)) {
    const value = reader.u32();
    reader.u32();
    return value;
  }
  if (op === 0x1c) {
    reader.u32();
    return reader.byte();
  }
  if (op === 0x3f || op === Op.memoryGrow || op === 0xd0) return reader.byte();
  if (op === Op.i32Const) return signed(reader);
  if (op === 0x42) {
    while (reader.byte() >= 0x80);
    return 0;
  }
  if (op === Op.f32Const) return reader.skip(4);
  if (op === Op.f64Const) return reader.skip(8);
  if ((op >= 0x45 && op <= 0xc4) || op === 0xd1) return 0;
  return reader.fail("the proof meets an unknown opcode", start);
}

function bulk(reader: Reader, code: number, start: number): number {
  if (code <= 7) return 0;
  if (code > 17) reader.fail("the proof meets an unknown opcode", start);
  const value = reader.u32();
  // init and copy name two things.
  if (code === 8 || code === 10 || code === 12 || code === 14) reader.u32();
  return value;
}

function vector(reader: Reader, code: number, start: number): number {
  if (
    [
      0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee,
    ].includes(code)
  )
    reader.fail("the proof meets an unknown opcode", start);
  const memory = code <= 0x0b || (code >= 0x54 && code <= 0x5d);
  if (memory) {
    reader.u32();
    reader.u32();
  }
  if (code === 0x0c || code === 0x0d) return reader.skip(16);
  if ((code >= 0x15 && code <= 0x22) || (code >= 0x54 && code <= 0x5b)) reader.byte();
  return 0;
}

function signed(reader: Reader): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = reader.byte();
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return shift < 25 && (byte & 0x40) !== 0 ? value | (-1 << (shift + 7)) : value;
  }
}
