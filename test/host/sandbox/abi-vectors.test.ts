/**
 * The canonical ABI by examples: what lies in memory, or comes as core values, and what it is. The facts are those of the
 * specification's own test file (component-model, design/mvp/canonical-abi/run_tests.py); the cases are ours.
 */
import { expect, test } from "vitest";
import type { Encoding } from "#host/component/plan.js";
import {
  flags,
  list,
  option,
  record,
  result,
  string,
  tuple,
  u16,
  u32,
  u64,
  u8,
  variant,
  type WitType,
} from "#host/component/type.js";
import { nativeForm } from "#host/sandbox/abi/form.js";
import { Handles } from "#host/sandbox/abi/handles.js";
import { LiftBudget, Lifting, lifts } from "#host/sandbox/abi/lift.js";
import { Lowering, lowers, type CoreValue } from "#host/sandbox/abi/lower.js";
import { GuestMemory } from "#host/sandbox/abi/memory.js";
import { GuestTrap } from "#host/sandbox/inside/ends.js";
import type { Native } from "#host/sandbox/inside/wasi/contract.js";
import { fuzzAbi } from "../../fuzz/abi/run.js";

const [s8, s16, s32, s64, bool, char, f32, f64] = (["s8", "s16", "s32", "s64", "bool", "char", "f32", "f64"] as const).map(
  (kind): WitType => ({ kind }),
) as [WitType, WitType, WitType, WitType, WitType, WitType, WitType, WitType];
const handles = new Handles(() => {});

function memoryOf(bytes: readonly number[], encoding: Encoding = "utf8"): GuestMemory {
  const buffer = new ArrayBuffer(bytes.length + 4096);
  new Uint8Array(buffer).set(bytes);
  return new GuestMemory({ buffer }, encoding);
}
function lifted(type: WitType, flat: readonly CoreValue[], bytes: readonly number[] = [], encoding?: Encoding): Native {
  return lifts(nativeForm)(type).flat(new Lifting(memoryOf(bytes, encoding), new LiftBudget(1 << 20), handles), flat, 0);
}
/** Lowers, lifts what was lowered, and gives both. */
function again(type: WitType, value: Native, encoding?: Encoding): { flat: CoreValue[]; value: Native } {
  const memory = memoryOf([], encoding);
  let next = 8;
  const lowering = new Lowering(
    memory,
    (align, size) => {
      const at = Math.ceil(next / align) * align;
      next = at + size;
      return at;
    },
    handles,
  );
  const flat: CoreValue[] = [];
  lowers(nativeForm)(type).flat(lowering, value, flat);
  return { flat, value: lifts(nativeForm)(type).flat(new Lifting(memory, new LiftBudget(1 << 20), handles), flat, 0) };
}

const TRAP = Symbol("trap");
function check(type: WitType, flat: readonly CoreValue[], expected: Native | typeof TRAP, bytes: readonly number[] = []): void {
  if (expected === TRAP) {
    expect(() => lifted(type, flat, bytes)).toThrow(GuestTrap);
    return;
  }
  expect(lifted(type, flat, bytes)).toEqual(expected);
  expect(again(type, expected).value).toEqual(expected);
}

test.each<[string, WitType, readonly (readonly [CoreValue, Native | typeof TRAP])[]]>([
  [
    "bool",
    bool,
    [
      [0, false],
      [1, true],
      [2, true],
      [-1, true],
    ],
  ],
  [
    "u8",
    u8,
    [
      [127, 127],
      [128, 128],
      [255, 255],
      [256, 0],
      [-1, 255],
      [-128, 128],
      [-129, 127],
    ],
  ],
  [
    "s8",
    s8,
    [
      [127, 127],
      [128, -128],
      [255, -1],
      [256, 0],
      [-1, -1],
      [-128, -128],
      [-129, 127],
    ],
  ],
  [
    "u16",
    u16,
    [
      [32_767, 32_767],
      [32_768, 32_768],
      [65_536, 0],
      [-1, 65_535],
      [-32_769, 32_767],
    ],
  ],
  [
    "s16",
    s16,
    [
      [32_767, 32_767],
      [32_768, -32_768],
      [65_535, -1],
      [65_536, 0],
      [-32_769, 32_767],
    ],
  ],
  [
    "u32",
    u32,
    [
      [2 ** 31 - 1, 2 ** 31 - 1],
      [-(2 ** 31), 2 ** 31],
      [-1, 2 ** 32 - 1],
    ],
  ],
  [
    "s32",
    s32,
    [
      [2 ** 31 - 1, 2 ** 31 - 1],
      [-(2 ** 31), -(2 ** 31)],
      [-1, -1],
    ],
  ],
  [
    "u64",
    u64,
    [
      [2n ** 63n - 1n, 2n ** 63n - 1n],
      [-(2n ** 63n), 2n ** 63n],
      [-1n, 2n ** 64n - 1n],
    ],
  ],
  [
    "s64",
    s64,
    [
      [2n ** 63n - 1n, 2n ** 63n - 1n],
      [-(2n ** 63n), -(2n ** 63n)],
      [-1n, -1n],
    ],
  ],
  [
    "f32",
    f32,
    [
      [Math.fround(3.14), Math.fround(3.14)],
      [Infinity, Infinity],
      [-0, -0],
      [NaN, NaN],
    ],
  ],
  [
    "f64",
    f64,
    [
      [3.14, 3.14],
      [-Infinity, -Infinity],
      [NaN, NaN],
    ],
  ],
  [
    "char",
    char,
    [
      [0, "\0"],
      [65, "A"],
      [0xd7ff, "\ud7ff"],
      [0xd800, TRAP],
      [0xdfff, TRAP],
      [0xe000, "\ue000"],
      [0x10_ffff, "\u{10ffff}"],
      [0x11_0000, TRAP],
      [-1, TRAP],
    ],
  ],
  [
    "enum",
    { kind: "enum", names: ["a", "b"] },
    [
      [0, "a"],
      [1, "b"],
      [2, TRAP],
    ],
  ],
  [
    "flags",
    flags("a", "b"),
    [
      [0, { a: false, b: false }],
      [2, { a: false, b: true }],
      [3, { a: true, b: true }],
      [4, { a: false, b: false }],
    ],
  ],
])("core values as %s", (_, type, pairs) => {
  for (const [core, expected] of pairs) check(type, [core], expected);
});

const xyz = variant({ x: u8, y: f32, z: null });
test.each<[string, WitType, readonly CoreValue[], Native | typeof TRAP]>([
  ["a record", record({ x: u8, y: u16, z: u32 }), [1, 2, 3], { x: 1, y: 2, z: 3 }],
  ["tuples within each other", tuple(tuple(u8, u8), u8), [1, 2, 3], [[1, 2], 3]],
  ["a case's bits beyond its type", xyz, [0, 256], { tag: "x", val: 0 }],
  ["a float in an integer's place", xyz, [1, 0x4048_f5c3], { tag: "y", val: Math.fround(3.14) }],
  ["a case without a payload, whatever is there", xyz, [2, -1], { tag: "z", val: null }],
  ["a case too many", xyz, [3, 0], TRAP],
  ["32 bits in the place of 64", variant({ a: u32, b: u64 }), [0, 1n << 35n], { tag: "a", val: 0 }],
  ["a float in the place of 64 bits", variant({ a: f32, b: u64 }), [0, 0x4048_f5c3n], { tag: "a", val: Math.fround(3.14) }],
  ["a double in the place of 64 bits", variant({ a: f64, b: u64 }), [0, 0x4009_1eb8_51eb_851fn], { tag: "a", val: 3.14 }],
  ["a tuple beside an integer", variant({ a: tuple(u8, f32), b: u64 }), [0, 42n, 1.5], { tag: "a", val: [42, 1.5] }],
  ["the integer beside it", variant({ a: tuple(u8, f32), b: u64 }), [1, 1n << 35n, 0], { tag: "b", val: 1n << 35n }],
  ["an option that is not", option(f32), [0, 1.5], null],
  ["an option that is", option(f32), [1, 1.5], 1.5],
  ["a result", result(u8, u32), [0, 42], { ok: 42 }],
  ["an error", result(u8, u32), [1, 1000], { err: 1000 }],
])("core values: %s", (_, type, flat, expected) => check(type, flat, expected));

const _ = 0xff;
const named = (count: number): WitType => flags(...Array.from({ length: count }, (__, index) => `n${index}`));
const all = (count: number, value: boolean): Native =>
  Object.fromEntries(Array.from({ length: count }, (__, index) => [`n${index}`, value]));
test.each<[string, WitType, readonly [number, number], readonly number[], Native | typeof TRAP]>([
  ["bools", list(bool), [0, 3], [1, 0, 2], [true, false, true]],
  ["bools that begin anywhere", list(bool), [3, 3], [_, _, _, 1, 0, 1], [true, false, true]],
  ["bytes", list(u8), [0, 3], [1, 2, 3], Uint8Array.from([1, 2, 3])],
  ["numbers of two bytes", list(u16), [0, 3], [1, 0, 2, 0, 3, 0], [1, 2, 3]],
  ["the same, not aligned", list(u16), [1, 3], [0, 1, 0, 2, 0, 3, 0], TRAP],
  ["nothing, not aligned", list(u16), [1, 0], [0], TRAP],
  ["numbers of eight bytes", list(u64), [0, 2], [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], [1n, 2n]],
  ["numbers below zero", list(s16), [0, 3], [_, _, 0xfe, _, 0xfd, _], [-1, -2, -3]],
  ["characters", list(char), [0, 2], [65, 0, 0, 0, 99, 0, 0, 0], ["A", "c"]],
  [
    "texts",
    list(string),
    [0, 2],
    [16, 0, 0, 0, 2, 0, 0, 0, 21, 0, 0, 0, 3, 0, 0, 0, 104, 105, _, _, _, 119, 97, 116],
    ["hi", "wat"],
  ],
  [
    "lists of bytes",
    list(list(u8)),
    [0, 2],
    [16, 0, 0, 0, 2, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0, 6, 7, _],
    [Uint8Array.from([6, 7]), new Uint8Array()],
  ],
  ["a list within, not aligned", list(list(u16)), [0, 1], [9, 0, 0, 0, 2, 0, 0, 0, 0, 5, 0, 6, 0], TRAP],
  [
    "tuples without gaps",
    list(tuple(u8, u8, u16, u32)),
    [0, 2],
    [6, 7, 8, 0, 9, 0, 0, 0, 4, 5, 6, 0, 7, 0, 0, 0],
    [
      [6, 7, 8, 9],
      [4, 5, 6, 7],
    ],
  ],
  ["tuples with gaps", list(tuple(u8, u16, u8, u32)), [0, 1], [6, _, 7, 0, 8, _, _, _, 9, 0, 0, 0], [[6, 7, 8, 9]]],
  [
    "a gap at the end",
    list(tuple(u16, u8)),
    [0, 2],
    [6, 0, 7, _, 8, 0, 9, _],
    [
      [6, 7],
      [8, 9],
    ],
  ],
  ["tuples within tuples", list(tuple(tuple(u16, u8), u8)), [0, 1], [4, 0, 5, _, 6, _], [[[4, 5], 6]]],
  [
    "cases of different sizes",
    list(variant({ a: u32, b: u8 })),
    [0, 2],
    [0, _, _, _, 0, 1, 0, 0, 1, _, _, _, 42, _, _, _],
    [
      { tag: "a", val: 256 },
      { tag: "b", val: 42 },
    ],
  ],
  [
    "a case within a tuple",
    list(tuple(variant({ a: u8, b: tuple(u16, u8) }), u8)),
    [0, 1],
    [1, _, 5, 0, 6, _, 7, _],
    [[{ tag: "b", val: [5, 6] }, 7]],
  ],
  [
    "flags in one byte",
    list(flags("a", "b")),
    [0, 2],
    [2, 4],
    [
      { a: false, b: true },
      { a: false, b: false },
    ],
  ],
  ["flags in two", list(named(9)), [0, 2], [_, 3, 0, 0], [all(9, true), all(9, false)]],
  ["flags in four", list(named(17)), [0, 2], [_, _, 3, 0, 0, 0, 0, 0], [all(17, true), all(17, false)]],
  ["more than there is", list(u32), [0, 2 ** 30], [], TRAP],
  ["a length that would wrap", list(u64), [8, 2 ** 29], [], TRAP],
])("a list in memory: %s", (__, type, flat, bytes, expected) => check(type, flat, expected, bytes));

const TEXTS = [
  "",
  "a",
  "hi",
  "\0",
  "a\0b",
  "\x80",
  "\x80b",
  "ab\xefc",
  "\u01ffy",
  "xy\u01ff",
  "a\ud7ffb",
  "a\u02ff\u03ff\u04ffbc",
  "\uf123abc",
  "\u{1f600}",
  "\ufeffx",
];
test.each<[Encoding, (text: string) => readonly (readonly [bytes: Buffer, length: number])[]]>([
  ["utf8", (text) => [[Buffer.from(text, "utf8"), Buffer.byteLength(text)]]],
  ["utf16", (text) => [[Buffer.from(text, "utf16le"), text.length]]],
  [
    "latin1+utf16",
    (text) => [
      [Buffer.from(text, "utf16le"), text.length + 2 ** 31],
      ...(/^[\0-\xff]*$/.test(text) ? [[Buffer.from(text, "latin1"), text.length] as const] : []),
    ],
  ],
])("texts in %s", (encoding, forms) => {
  for (const text of TEXTS) {
    for (const [bytes, length] of forms(text)) expect(lifted(string, [0, length], [...bytes], encoding)).toBe(text);
    expect(again(string, text, encoding).value).toBe(text);
  }
});

test("generated types and values: what jco's glue writes ours reads, and the other way round", async () => {
  const lines: string[] = [];
  const tally = await fuzzAbi({ seed: 1, programs: 8, until: Infinity }, (line) => lines.push(line));
  expect(lines).toEqual([]);
  expect(tally).toEqual({ components: 8, functions: 96, values: 768, findings: 0 });
});
