/** The proof sees each way in which a rewritten module could be wrong. Metered modules are damaged byte by byte. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { engine } from "#host/component/meter/engine.js";
import { LARGE_LIMITS, settle } from "#host/component/meter/limits.js";
import { meterModule } from "#host/component/meter/meter.js";
import { proveMetered } from "#host/component/meter/proof/prove.js";
import { MeterError } from "#host/component/meter/refusal.js";
import { Choices } from "../../fuzz/choices.js";
import { generate } from "../../fuzz/meter/generate.js";
import { encodePlain, type Program } from "../../fuzz/meter/program.js";
import { OPTIONS } from "./guest.js";
import { wat } from "./wat.js";

const SETTINGS = settle(OPTIONS);

// Function indices once metered: tick 0, fuel 1, pause 2, deep 3, $leaf 4, $deep 5, $run 6, refuel 7, lengths 8, 9, 10.
// Globals: depth 0, refused 1, $mine 2, left 3. $leaf is quiet, so $run pays its entry; $deep is recursive.
const SOURCE = `(module
  (import "env" "tick" (func $tick (param i32)))
  (table 4 funcref)
  (memory (export "memory") 1)
  (global $mine (mut i32) (i32.const 5))
  (func $leaf (param i32) (result i32) local.get 0 i32.const 2 i32.mul)
  (func $deep (param i32) (local.get 0) (if (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
  (func $run (export "run") (param i32) (result i32) (local i32 f64)
    (call $tick (local.get 0))
    (loop $l
      (local.set 1 (i32.add (local.get 1) (call $leaf (local.get 0))))
      (if (i32.eqz (global.get $mine)) (then (memory.fill (i32.const 0) (i32.const 1) (local.get 0))))
      (f64.store (i32.const 0) (f64.add (local.get 2) (f64.const 1)))
      (br_if $l (i32.lt_s (local.get 1) (i32.const 100))))
    (call $deep (i32.const 3))
    (call_indirect (i32.const 0))
    (local.get 1)))`;

const original = await wat(SOURCE);
const metered = meterModule(original, OPTIONS).bytes;
const CHECK = [0x23, 3, 0x41, 0, 0x48, 0x04, 0x40, 0x10, 7, 0x0b];
const NOP = 0x01;

/** Where `pattern` stands (null is any byte), `which` of them. */
function find(pattern: readonly (number | null)[], which = 0): number {
  let left = which;
  for (let at = 0; at < metered.length; at++)
    if (pattern.every((byte, index) => byte === null || metered[at + index] === byte) && left-- === 0) return at;
  throw new Error(`not there: ${pattern.join()}`);
}
function changed(at: number, bytes: readonly number[]): Uint8Array {
  const copy = metered.slice();
  copy.set(bytes, at);
  return copy;
}

function proved(bytes: Uint8Array, from = original): string {
  try {
    proveMetered(bytes, from, SETTINGS);
    return "proved";
  } catch (error) {
    if (!(error instanceof MeterError)) throw error;
    expect(error.code).toBe("METER_UNPROVEN");
    return error.message;
  }
}

test("what the rewriter writes is proved", () => expect(proved(metered)).toBe("proved"));

const charge = [0x23, 3, 0x41, null, 0x6b, 0x24, 3];
const nops = (count: number): number[] => Array(count).fill(NOP);
test.each<[string, () => Uint8Array, RegExp]>([
  [
    "a charge one less",
    () => changed(find(charge) + 3, [(metered[find(charge) + 3] as number) - 1]),
    /before it is paid|not paid alike|does not pay/,
  ],
  [
    "a charge one more",
    () => changed(find(charge) + 3, [(metered[find(charge) + 3] as number) + 1]),
    /before it is paid|not paid alike|does not pay|reached from elsewhere/,
  ],
  ["a charge that gives fuel", () => changed(find(charge) + 3, [0x7f]), /touches an added global/],
  ["a charge left out", () => changed(find(charge, 1), nops(7)), /paid|pay/],
  ["the loop's checkpoint left out", () => changed(find([0x03, 0x40, ...charge]) + 9, nops(10)), /a loop without a checkpoint/],
  [
    "the entry's checkpoint left out",
    () => changed(find(CHECK), nops(10)),
    /an entry without a checkpoint|touches an added global/,
  ],
  ["a checkpoint that asks too late", () => changed(find(CHECK) + 3, [0x80 - 8]), /touches an added global/],
  ["a checkpoint that calls something else", () => changed(find(CHECK) + 8, [3]), /added/],
  ["no checkpoint behind a call of the host", () => changed(find([0x10, 0, ...CHECK]) + 2, nops(10)), /may leave the module/],
  ["a recursive call without its depth", () => changed(find([0x24, 0, 0x10, 5]) - 2, nops(4)), /a call without its depth/],
  ["a call through a table without its depth", () => changed(find([0x24, 0, 0x11]) - 2, nops(4)), /a call without its depth/],
  ["a lighter frame", () => changed(find([0x23, 0, 0x41, null, 0x6a, 0x22]) + 3, [1]), /weighs less/],
  ["a higher cap of depth", () => changed(find([0x41, 0xd0, 0x86, 0x03, 0x4b]) + 3, [0x04]), /added/],
  ["no payment by length", () => changed(find([0x10, 8, 0xfc, 11, 0]), nops(2)), /by its length/],
  ["payment by another length", () => changed(find([0x10, 8, 0xfc, 11, 0]) + 1, [9]), /length is paid for nothing/],
  ["the guest writes the counter", () => changed(find([0x23, 2, 0x45]) + 1, [3]), /touches an added global/],
  ["the guest reads what was refused", () => changed(find([0x23, 2, 0x45]) + 1, [1]), /touches an added global/],
  ["a growth beyond the cap goes unnoted", () => changed(find([0x24, 1, 0x0b]) + 1, [2]), /not what it should be/],
  ["a growth within the cap is noted", () => changed(find([0x41, 16, 0x3f, 0]) + 1, [15]), /not what it should be/],
  ["the guest writes its frame's local", () => changed(find([0x21, 1]) + 1, [3]), /touches an added local/],
  ["the guest calls the host for fuel", () => changed(find([0x10, 4]) + 1, [1]), /calls an added function/],
  ["the guest calls a helper", () => changed(find([0x10, 4]) + 1, [8]), /paid for nothing/],
  ["the counter starts full", () => changed(find([0x7f, 1, 0x41, 0x7f, 0x0b]) + 3, [0x3f]), /counter is not in its place/],
  ["the counter is exported under another name", () => changed(find([0x6c, 0x65, 0x66, 0x74, 3]), [0x6d]), /reserved name/],
  [
    "another global is exported as the counter",
    () => changed(find([0x6c, 0x65, 0x66, 0x74, 3]) + 5, [2]),
    /exported as the counter/,
  ],
  ["a maximum of its memory above the cap", () => changed(find([2, 1, 1, 16]) + 3, [17]), /above its cap/],
  ["a smaller maximum", () => changed(find([2, 1, 1, 16]) + 3, [15]), /memory is not the original's/],
  ["more memory at first", () => changed(find([2, 1, 1, 16]) + 2, [2]), /memory is not the original's/],
  [
    "a name that tells another maximum",
    () => changed(find([0x3a, 0x31, 0x36, 2, 1]) + 2, [0x35]),
    /memory is not the original's/,
  ],
  ["another module's memory", () => changed(find([3, 0x72, 0x6c, 0x70, 11, 0x6d]) + 1, [0x73]), /added imports/],
  ["another import in the place of the host's", () => changed(find([0x66, 0x75, 0x65, 0x6c]), [0x67]), /added imports/],
  ["a helper that does not pay", () => changed(find([0x76, 0x41, 1, 0x6c]) + 2, [0]), /not what it should be/],
  ["the mark of the added locals gone", () => changed(find([2, 0, 0x7f, 1, 0x7f, 0x23]) + 1, [1]), /without its mark/],
  ["not a module", () => metered.slice(0, 20), /./],
])("%s is seen", (_, damaged, message) => {
  const bytes = damaged();
  expect(bytes).not.toEqual(metered);
  expect(proved(bytes)).toMatch(message);
});

test("a module that was not metered at all is not proved", async () => {
  expect(proved(await wat(SOURCE))).toMatch(/custom section|added imports/);
  expect(proved(new Uint8Array())).toMatch(/not valid/);
});

describe("a start function is an export that the host calls when the counter can be read", async () => {
  // Functions once metered: fuel 0, pause 1, deep 2, $other 3, $start 4.
  const source = await wat("(module (func $other (param i32)) (func $start (drop (i32.const 1))) (start $start) (memory 1))");
  const starting = meterModule(source, OPTIONS).bytes;
  const name = Buffer.from("rlp:start");
  const at = Buffer.from(starting).indexOf(name);
  const changedAt = (offset: number, byte: number): Uint8Array => starting.with(at + offset, byte);
  /** With a section in front of the code. */
  const withSection = (...section: number[]): Uint8Array => {
    const code = Buffer.from(starting).lastIndexOf(Buffer.from("metadata.code.branch_hint")) - 3;
    return new Uint8Array([...starting.subarray(0, code), ...section, ...starting.subarray(code)]);
  };

  test("it is proved", () => {
    expect(at).toBeGreaterThan(0);
    expect(proved(starting, source)).toBe("proved");
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ["one that takes something", () => changedAt(name.length + 1, 3), /exported as the start function/],
    ["one that was added", () => changedAt(name.length + 1, 5), /a function that was added/],
    ["the counter", () => starting.with(at + name.length, 3).with(at + name.length + 1, 2), /exported as the start function/],
    ["another reserved name", () => changedAt(name.length - 1, 0x73), /reserved name/],
    ["one that the engine starts", () => withSection(8, 1, 4), /before its counter/],
  ])("%s is not", (_, bytes, message) => expect(proved(bytes(), source)).toMatch(message));
});

test("any single byte changed in code is seen, unless it does not touch what was added", () => {
  // The generator's modules read no global of that index in front of a comparison of this kind: only checkpoints do.
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (seed, pick) => {
      const [program] = generate(Choices.seeded(seed)).programs as [Program];
      const plain = encodePlain(program);
      const bytes = meterModule(plain, { ...OPTIONS, limits: LARGE_LIMITS }).bytes;
      const left = program.globals.length + 2;
      const checks: number[] = [];
      for (let at = 0; at < bytes.length - 10; at++)
        if (
          bytes[at] === 0x23 &&
          bytes[at + 1] === left &&
          bytes[at + 2] === 0x41 &&
          bytes[at + 3] === 0 &&
          bytes[at + 4] === 0x48 &&
          bytes[at + 5] === 0x04
        )
          checks.push(at);
      expect(checks.length).toBeGreaterThan(0);
      const at = checks[pick % checks.length] as number;
      bytes.set(nops(10), at);
      if (engine.validate(bytes)) expect(() => proveMetered(bytes, plain, SETTINGS)).toThrow(MeterError);
    }),
    { numRuns: 150, seed: 7 },
  );
});

describe("the memory is the original's: imported as it was, or in the place of its own, or none", async () => {
  const plain = async (memory: string): Promise<Uint8Array> => wat(`(module ${memory} (func (export "run")))`);
  const own = await plain(`(memory 2 3)`);
  const others: readonly (readonly [string, Uint8Array])[] = [
    ["of another initial size", await plain(`(memory 1 3)`)],
    ["of another maximum", await plain(`(memory 2 4)`)],
    ["up to the cap", await plain(`(memory 2)`)],
    ["another module's", await plain(`(import "env" "memory" (memory 2 3))`)],
    ["none", await plain("")],
  ];
  test.each([["its own", own] as const, ...others])("%s: proved", (_, source) =>
    expect(proved(meterModule(source, OPTIONS).bytes, source)).toBe("proved"),
  );
  test.each(others)("%s in the place of its own: not", (_, source) => {
    expect(proved(meterModule(source, OPTIONS).bytes, own)).toMatch(/memory is not the original's/);
    expect(proved(meterModule(own, OPTIONS).bytes, source)).toMatch(/memory is not the original's/);
  });
  test("one that the module defines by itself: not", () => {
    const { bytes } = meterModule(others[4]![1], OPTIONS);
    const globals = Buffer.from(bytes).indexOf(Buffer.from([6, 6, 1, 0x7f, 1]));
    const section = [5, 4, 1, 1, 2, 3];
    const defining = new Uint8Array([...bytes.subarray(0, globals), ...section, ...bytes.subarray(globals)]);
    expect(engine.validate(defining)).toBe(true);
    for (const source of [own, others[4]![1]]) expect(proved(defining, source)).toMatch(/a memory of its own/);
  });
});
