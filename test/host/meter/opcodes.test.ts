/** The tables of opcodes: each row is checked against the engine's validator, and the two decoders against each other. */
import { expect, test } from "vitest";
import { engine } from "#host/component/meter/engine.js";
import { Instructions } from "#host/component/meter/instruction.js";
import { meterModule } from "#host/component/meter/meter.js";
import { opcodeAt, OPCODES, type Opcode } from "#host/component/meter/opcodes.js";
import { decodeSteps } from "#host/component/meter/proof/decode.js";
import { Reader } from "#host/component/meter/reader.js";
import { encode, EXTERNREF, F32, F64, FUNCREF, I32, I64, u32, V128, type ModuleParts } from "../../fuzz/meter/encode.js";
import { OPTIONS } from "./guest.js";

const LETTERS: Readonly<Record<string, number>> = { i: I32, l: I64, f: F32, d: F64, v: V128, r: FUNCREF };
const IMMEDIATES: Readonly<Record<string, readonly number[]>> = {
  none: [],
  func: [0],
  table: [0],
  "table table": [0, 0],
  elem: [0],
  "elem table": [0, 0],
  data: [0],
  "data memory": [0, 0],
  memory: [0],
  "memory memory": [0, 0],
  memarg: [0, 3],
  "memarg lane": [0, 3, 1],
  lane: [1],
  i32: [0x7f],
  i64: [0x7f],
  "4 bytes": [1, 2, 3, 0x0b],
  "8 bytes": [1, 2, 3, 4, 5, 6, 7, 0x0b],
  "16 bytes": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0],
  "ref type": [FUNCREF],
};

const encodedOf = ({ prefix, code }: Opcode): number[] => (prefix === 0 ? [code] : [prefix, ...u32(code)]);
const plain = OPCODES.filter(({ takes }) => takes !== null);

/** A module around one function `takes → gives` whose body is `code`. */
function around(takes: string, gives: string, code: readonly number[]): ModuleParts {
  const typesOf = (letters: string): number[] => [...letters].map((letter) => LETTERS[letter] as number);
  return {
    types: [{ params: typesOf(takes), results: typesOf(gives) }],
    functions: [{ type: 0, code: [...[...takes].flatMap((_, index) => [0x20, index]), ...code] }],
    tables: [[FUNCREF, 0, 4]],
    memories: [[0, 1]],
    elements: [[1, 0, 1, 0]],
    dataCount: 1,
    data: [[1, 1, 7]],
  };
}

test.each(plain.map((opcode) => [opcode.name, opcode] as const))(
  "%s is what the engine says it is, and can be metered",
  (_, opcode) => {
    // `unreachable` leaves no value and takes none, whatever the types.
    const code = [...encodedOf(opcode), ...(IMMEDIATES[opcode.immediate] as readonly number[])];
    const bytes = encode(around(opcode.takes as string, opcode.gives as string, code));
    expect(engine.validate(bytes)).toBe(true);
    expect(engine.validate(meterModule(bytes, OPTIONS).bytes)).toBe(true);
  },
);

test("every row has a name and a code of its own", () => {
  expect(new Set(OPCODES.map(({ name }) => name)).size).toBe(OPCODES.length);
  expect(new Set(OPCODES.map(({ prefix, code }) => prefix * 1000 + code)).size).toBe(OPCODES.length);
  // MVP, sign extension, reference types, 0xfc, SIMD.
  expect(OPCODES.length).toBe(172 + 5 + 6 + 18 + 236);
});

test("the rewriter's decoder and the proof's end every instruction at the same byte, overlong numbers included", () => {
  for (const opcode of plain) {
    const immediates = IMMEDIATES[opcode.immediate] as readonly number[];
    const overlong = opcode.immediate === "memarg" ? [0x80, 0x00, 0x83, 0x80, 0x80, 0x80, 0x00] : immediates;
    for (const immediate of [immediates, overlong]) {
      const code = Uint8Array.from([...encodedOf(opcode), ...immediate, 0x0b]);
      const one = new Instructions(new Reader(code), 10);
      one.next();
      expect(one.end, opcode.name).toBe(code.length - 1);
      expect(decodeSteps(new Reader(code))[0]?.end, opcode.name).toBe(code.length - 1);
    }
  }
});

test("what is not in the table is refused, whether the engine knows it or not", () => {
  for (const prefix of [0, 0xfb, 0xfc, 0xfd, 0xfe])
    for (let code = 0; code < 0x120; code++) {
      if (prefix === 0 && (code > 0xff || code === 0xfc || code === 0xfd)) continue;
      if (opcodeAt(prefix, code)) continue;
      const bytes = Uint8Array.from([...(prefix === 0 ? [] : [prefix]), ...u32(code), 0, 0, 0, 0, 0x0b]);
      const raw = prefix === 0 ? Uint8Array.from([code, 0, 0, 0x0b]) : bytes;
      expect(() => new Instructions(new Reader(raw), 10).next(), `${prefix} ${code}`).toThrow(
        expect.objectContaining({ code: "METER_UNSUPPORTED" }),
      );
      expect(() => decodeSteps(new Reader(raw)), `${prefix} ${code}`).toThrow();
    }
});

test("references of the other kind pass as well", () => {
  const bytes = encode({
    types: [{ params: [EXTERNREF], results: [EXTERNREF] }],
    functions: [{ type: 0, locals: [EXTERNREF], code: [0x20, 0, 0x22, 1, 0xd0, EXTERNREF, 0x41, 1, 0x1c, 1, EXTERNREF] }],
  });
  expect(engine.validate(bytes)).toBe(true);
  expect(engine.validate(meterModule(bytes, OPTIONS).bytes)).toBe(true);
});
