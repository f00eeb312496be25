/** Hostile and strange modules: refused by name, in bounded time, with nothing but a MeterError. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { meterModule } from "#host/component/meter/meter.js";
import { MeterError, type MeterCode } from "#host/component/meter/refusal.js";
import { LARGE_LIMITS, type MeterOptions } from "#host/component/meter/limits.js";
import {
  encode,
  exportFunc,
  FUNCREF,
  I32,
  importFunc,
  PREAMBLE,
  section,
  text,
  u32,
  vector,
  type ModuleParts,
} from "../../fuzz/meter/encode.js";
import { Choices } from "../../fuzz/choices.js";
import { generate } from "../../fuzz/meter/generate.js";
import { encodePlain, type Program } from "../../fuzz/meter/program.js";
import { OPTIONS } from "./guest.js";
import { wat } from "./wat.js";

function refusal(bytes: Uint8Array, options: MeterOptions = OPTIONS): { code: MeterCode; message: string } | "accepted" {
  try {
    meterModule(bytes, options);
    return "accepted";
  } catch (error) {
    if (!(error instanceof MeterError)) throw error;
    return { code: error.code, message: error.message };
  }
}
const accepted = "accepted";
/** A generated module. */
function generated(seed: number): Uint8Array {
  return encodePlain(generate(Choices.seeded(seed)).programs[0] as Program);
}
const refused = (code: MeterCode, message: string | RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("features outside the list, by name", () => {
  test.each<[string, string, RegExp]>([
    ["exceptions", `(module (tag) (func throw 0))`, /exceptions/],
    ["try_table", `(module (func (try_table)))`, /exceptions/],
    ["tail calls", `(module (func $f return_call $f))`, /tail calls/],
    [
      "tail calls through a table",
      `(module (type $t (func)) (table 1 funcref) (func i32.const 0 return_call_indirect (type $t)))`,
      /tail calls/,
    ],
    ["typed function references", `(module (type $t (func)) (func (param (ref null $t)) local.get 0 call_ref $t))`, /type 0x63/],
    [
      "a typed reference as a block type",
      `(module (type $t (func)) (func block (result (ref null $t)) ref.null $t end drop))`,
      /type 0x63/,
    ],
    ["a struct type", `(module (type (struct (field i32))))`, /garbage-collected types/],
    ["a recursive group", `(module (rec (type (func)) (type (func))))`, /garbage-collected types/],
    ["an abstract heap type", `(module (func (param anyref)))`, /type 0x6e/],
    ["i31", `(module (func i32.const 1 ref.i31 drop))`, /garbage-collected types/],
    ["shared memory", `(module (memory 1 2 shared))`, /shared memory/],
    ["atomics", `(module (memory 1) (func i32.const 0 i32.atomic.load drop))`, /threads and atomics/],
    ["64-bit memory", `(module (memory i64 1))`, /64-bit memory/],
    ["64-bit table", `(module (table i64 1 funcref))`, /64-bit table/],
    ["a custom page size", `(module (memory 1 (pagesize 1)))`, /custom page sizes/],
    ["two memories", `(module (memory 1) (memory 1))`, /memories/],
    ["an imported memory and one more", `(module (import "e" "m" (memory 1)) (memory 1))`, /memories/],
    ["relaxed SIMD", `(module (func (param v128 v128) local.get 0 local.get 1 i8x16.relaxed_swizzle drop))`, /relaxed SIMD/],
    ["computing in a constant expression", `(module (global i32 i32.const 1 i32.eqz))`, /i32\.eqz in a constant expression/],
    ["a table with an initial value", `(module (table 1 (ref null func) (ref.null func)))`, /type|table/],
    ["wide arithmetic", `(module (func (param i64) local.get 0 local.get 0 i64.mul_wide_s drop drop))`, /wide arithmetic/],
    ["stack switching", `(module (type $f (func)) (type $c (cont $f)))`, /garbage-collected types|type form/],
  ])("%s", async (_, source, message) => {
    expect(refusal(await wat(source))).toEqual(refused("METER_UNSUPPORTED", message));
  });

  test("a SIMD access with a memory index: the byte behind it is not an opcode", () => {
    // v128.load with alignment bit 6 and memory index 0, offset 3.
    const code = [0x41, 0, 0xfd, 0x00, 0x40, 0x00, 0x03, 0x1a];
    const parts: ModuleParts = { types: [{ params: [], results: [] }], functions: [{ type: 0, code }], memories: [[0, 1]] };
    expect(refusal(encode(parts))).toEqual(refused("METER_UNSUPPORTED", /memory argument with an index/));
  });

  test("a section that nobody knows", () => {
    expect(refusal(Uint8Array.from([...PREAMBLE, ...section(14, [0])]))).toEqual(refused("METER_UNSUPPORTED", /section 14/));
    expect(refusal(Uint8Array.from([...PREAMBLE, ...section(13, [0])]))).toEqual(refused("METER_UNSUPPORTED", /tag section/));
    expect(refusal(Uint8Array.from([...PREAMBLE, ...section(99, [0])]))).toEqual(refused("METER_UNSUPPORTED", /section 99/));
  });

  test("several results of an import, one of them a float", async () => {
    const source = `(module (import "e" "f" (func (result i32 f64))))`;
    expect(refusal(await wat(source))).toEqual(refused("METER_UNSUPPORTED", /several values/));
  });
});

describe("reserved names", () => {
  test.each([
    ["the counter forged", `(module (global (export "rlp:left") (mut i32) (i32.const 1000)))`],
    ["any reserved export", `(module (func (export "rlp:x")))`],
    ["fuel imported", `(module (import "rlp" "fuel" (func (param i32) (result i32))))`],
    ["the depth imported", `(module (import "rlp" "depth" (global (mut i32))))`],
    ["an unknown name of the module", `(module (import "rlp" "other" (memory 1)))`],
    ["a module with the prefix", `(module (import "rlp:x" "y" (func)))`],
    ["an import with the prefix", `(module (import "env" "rlp:left" (global (mut i32))))`],
  ])("%s", async (_, source) => {
    expect(refusal(await wat(source))).toEqual(refused("METER_RESERVED_NAME", /reserved/));
  });

  test.each([`(module (import "rlpx" "fuel" (func)))`, `(module (func (export "left")))`, `(module (func (export "rlp")))`])(
    "%s is nobody's but the guest's",
    async (source) => expect(refusal(await wat(source))).toBe(accepted),
  );
});

describe("memory and tables", () => {
  test.each<[string, string, unknown]>([
    ["more pages at the start than the cap", `(module (memory 17))`, refused("METER_MEMORY", /17 pages/)],
    ["an imported memory that large", `(module (import "e" "m" (memory 17)))`, refused("METER_MEMORY", /17 pages/)],
    ["a table beyond the cap", `(module (table 101 funcref))`, refused("METER_TABLE", /101 elements/)],
    ["an imported table beyond the cap", `(module (import "e" "t" (table 101 funcref)))`, refused("METER_TABLE", /101 elements/)],
    ["too many tables", `(module ${"(table 1 funcref)".repeat(5)})`, refused("METER_TOO_LARGE", /table entries/)],
    ["just at the cap", `(module (memory 16) (table 100 funcref))`, accepted],
  ])("%s", async (_, source, expected) => expect(refusal(await wat(source))).toEqual(expected));
});

describe("shape", () => {
  const one = (code: readonly number[], locals: readonly number[] = []): ModuleParts => ({
    types: [{ params: [], results: [] }],
    functions: [{ type: 0, code, locals }],
  });
  const nested = (depth: number): number[] => [
    ...Array.from({ length: depth }, () => [0x02, 0x40]).flat(),
    ...Array(depth).fill(0x0b),
  ];

  test.each<[string, Uint8Array, unknown]>([
    ["deep nesting", encode(one(nested(400))), refused("METER_TOO_LARGE", /nested/)],
    ["nesting within the cap", encode(one(nested(100))), accepted],
    [
      "a branch bomb",
      encode(one(Array.from({ length: 4_000 }, () => [0x41, 0, 0x0d, 0]).flat())),
      refused("METER_TOO_LARGE", /branches/),
    ],
    [
      "fewer branches over many locals",
      encode(one(Array.from({ length: 1_000 }, () => [0x02, 0x40, 0x41, 0, 0x0d, 0, 0x0b]).flat(), Array(400).fill(I32))),
      refused("METER_TOO_LARGE", /branches over too many locals/),
    ],
    [
      "a huge branch table",
      encode(one([0x41, 0, 0x0e, ...u32(40_000), ...Array(40_001).fill(0)])),
      refused("METER_TOO_LARGE", /targets/),
    ],
    [
      "a branch table that claims more than there is",
      encode(one([0x41, 0, 0x0e, ...u32(2_900), 0])),
      refused("METER_MALFORMED", /do not fit/),
    ],
    ["many locals", encode(one([], Array(1_001).fill(I32))), refused("METER_TOO_LARGE", /locals/)],
    [
      "a long body",
      encode(one(Array.from({ length: 30_000 }, () => [0x41, 0, 0x1a]).flat())),
      refused("METER_TOO_LARGE", /bytes/),
    ],
    [
      "many functions",
      encode({ types: [{ params: [], results: [] }], functions: Array.from({ length: 5_001 }, () => ({ type: 0, code: [] })) }),
      refused("METER_TOO_LARGE", /function entries/),
    ],
    [
      "many types",
      encode({ types: Array.from({ length: 1_001 }, () => ({ params: [], results: [] })) }),
      refused("METER_TOO_LARGE", /type entries/),
    ],
    [
      "many parameters",
      encode({ types: [{ params: Array(33).fill(I32), results: [] }] }),
      refused("METER_TOO_LARGE", /parameters/),
    ],
    ["a large module", new Uint8Array(2 ** 20 + 1), refused("METER_TOO_LARGE", /bytes/)],
  ])("%s", (_, bytes, expected) => expect(refusal(bytes)).toEqual(expected));

  test("4 thousand million locals in one group do not become an array", () => {
    const body = [1, 0xff, 0xff, 0xff, 0xff, 0x0f, I32, 0x0b];
    const bytes = Uint8Array.from([
      ...encode({ types: [{ params: [], results: [] }] }),
      ...section(3, [1, 0]),
      ...section(10, vector([[...u32(body.length), ...body]])),
    ]);
    expect(refusal(bytes)).toEqual(refused("METER_TOO_LARGE", /locals/));
  });

  test("limits can be widened for guests that carry an interpreter", () => {
    const bytes = encode(one(nested(400)));
    expect(refusal(bytes, { ...OPTIONS, limits: LARGE_LIMITS })).toBe(accepted);
  });
});

describe("malformed", () => {
  const simple = encode({
    types: [{ params: [], results: [] }],
    functions: [{ type: 0, code: [] }],
    exports: [exportFunc("f", 0)],
  });

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array()],
    ["text", new TextEncoder().encode("(module)")],
    ["a component", Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])],
    ["sections out of order", Uint8Array.from([...PREAMBLE, ...section(3, [0]), ...section(1, [0])])],
    ["a section twice", Uint8Array.from([...PREAMBLE, ...section(1, [0]), ...section(1, [0])])],
    ["a section longer than the module", Uint8Array.from([...PREAMBLE, 1, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    ["a number of six bytes", Uint8Array.from([...PREAMBLE, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0])],
    ["a number above 32 bits", Uint8Array.from([...PREAMBLE, 1, 0x80, 0x80, 0x80, 0x80, 0x7f])],
    ["bytes left over in a section", Uint8Array.from([...PREAMBLE, ...section(1, [0, 0])])],
    ["functions without bodies", Uint8Array.from([...encode({ types: [{ params: [], results: [] }] }), ...section(3, [1, 0])])],
    ["data count that does not match", Uint8Array.from([...PREAMBLE, ...section(12, [2]), ...section(11, [1, 1, 1, 7])])],
    ["a name that is not UTF-8", Uint8Array.from([...PREAMBLE, ...section(2, [1, 1, 0xff, 1, 0x61, 0, 0])])],
    ["a type error", encode({ types: [{ params: [], results: [I32] }], functions: [{ type: 0, code: [0x42, 0] }] })],
    [
      "the index of an added global before there is one",
      encode({ types: [{ params: [], results: [] }], functions: [{ type: 0, code: [0x41, 0x7f, 0x24, 0] }] }),
    ],
    [
      "the index of an added function before there is one",
      encode({ types: [{ params: [], results: [] }], functions: [{ type: 0, code: [0x10, 1] }] }),
    ],
  ])("%s", (_, bytes) => expect(refusal(bytes)).toEqual(refused("METER_MALFORMED", /./)));

  test("overlong numbers of up to five bytes are legal, and mean what they mean", () => {
    const code = [0x10, 0x80, 0x80, 0x80, 0x80, 0x00, 0x41, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x1a];
    const bytes = encode({
      types: [{ params: [], results: [] }],
      imports: [importFunc("env", "f", 0)],
      functions: [{ type: 0, code }],
      tables: [[FUNCREF, 0, 1]],
    });
    expect(refusal(bytes)).toBe(accepted);
  });

  test("garbage in a name section harms nobody: custom sections are dropped unread", () => {
    const name = section(0, [...text("name"), 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xc3, 0x28]);
    const bytes = Uint8Array.from([
      ...simple.slice(0, 8),
      ...name,
      ...simple.slice(8),
      ...section(0, [...text("metadata.code.branch_hint"), 9]),
    ]);
    const metered = meterModule(bytes, OPTIONS).bytes;
    expect(metered).toEqual(meterModule(simple, OPTIONS).bytes);
  });

  test("cut off anywhere, a module is malformed", () => {
    const bytes = generated(3);
    // A module may end between sections only where nothing that it needs is missing.
    for (let length = 0; length < bytes.length; length++) {
      const answer = refusal(bytes.slice(0, length));
      if (answer !== accepted) expect(answer).toEqual(refused("METER_MALFORMED", /./));
    }
  });

  test("random bytes, and modules with bytes changed, meet a MeterError or are metered", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void refusal(Uint8Array.from([...PREAMBLE, ...bytes]))),
      { numRuns: 300, seed: 5 },
    );
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(fc.nat(), fc.array(change, { minLength: 1, maxLength: 4 }), (seed, changes) => {
        const bytes = generated(seed);
        for (const [at, value] of changes) bytes[8 + (at % (bytes.length - 8))] = value;
        refusal(bytes);
      }),
      { numRuns: 500, seed: 6 },
    );
  });
});
