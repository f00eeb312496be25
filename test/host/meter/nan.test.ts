/** The bits of a NaN that arithmetic made are the canonical ones wherever a guest can see them; bits of its own are left alone. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FuelAccount } from "#host/component/meter/account.js";
import { engine, type WasmInstance } from "#host/component/meter/engine.js";
import { meterModule } from "#host/component/meter/meter.js";
import { encode, exportFunc, exportMemory, F64, F32, s32, u32, f64 } from "../../fuzz/meter/encode.js";
import { OPTIONS } from "./guest.js";
import { wat } from "./wat.js";

const CANONICAL = 0x7ff8000000000000n;
const CANONICAL_32 = 0x7fc00000;

function instantiate(bytes: Uint8Array, imports = {}): WasmInstance {
  const account = new FuelAccount({ budget: 1e9, breathe: () => Promise.resolve() });
  return account.instantiate(new engine.Module(meterModule(bytes, OPTIONS).bytes), imports);
}
async function load(source: string, imports = {}): Promise<WasmInstance> {
  return instantiate(await wat(source), imports);
}
const call = (instance: WasmInstance, name: string): unknown => (instance.exports[name] as () => unknown)();

// 0/0 gives a negative NaN on some processors and a positive one on others.
const MADE = "(f64.div (f64.const 0) (f64.const 0))";
const MADE_32 = "(f32.div (f32.const 0) (f32.const 0))";
const bits = (value: string): string => `(i64.reinterpret_f64 ${value})`;

test.each<[string, string, string?]>([
  ["reinterpreted", bits(MADE)],
  ["through memory", `(f64.store (i32.const 0) ${MADE}) (i64.load (i32.const 0))`],
  ["through a local", `(local f64) (local.set 0 ${MADE}) ${bits("(local.get 0)")}`],
  [
    "through a local that is set twice",
    `(local f64) (local.set 0 (f64.const 1)) (local.set 0 (f64.add (local.get 0) ${MADE})) ${bits("(local.get 0)")}`,
  ],
  [
    "through a local that the guest's own bits share",
    `(local f64) (local.set 0 (f64.load (i32.const 64))) (local.set 0 ${MADE}) ${bits("(local.get 0)")}`,
  ],
  ["through two locals", `(local f64 f64) (local.set 0 ${MADE}) (local.set 1 (local.get 0)) ${bits("(local.get 1)")}`],
  [
    "through a raw local into a mixed one",
    `(local f64 f64) (local.set 0 ${MADE}) (local.set 1 (local.get 0)) (local.set 1 (local.get 1)) (if (i32.eqz (i32.load (i32.const 0))) (then) (else (local.set 1 (f64.load (i32.const 64))))) ${bits("(local.get 1)")}`,
  ],
  ["through a tee", `(local f64) ${bits(`(local.tee 0 ${MADE})`)}`],
  ["through a parameter", bits("(call $same (f64.sqrt (f64.const -1)))")],
  ["through a result", bits("(call $made)")],
  ["through a global", `(global.set $g ${MADE}) ${bits("(global.get $g)")}`],
  ["through select", bits(`(select ${MADE} (f64.const 1) (i32.const 1))`)],
  ["out of a block", bits(`(block (result f64) ${MADE})`)],
  ["out of a block by a branch", bits(`(block (result f64) (br 0 ${MADE}))`)],
  ["out of a block by a condition", bits(`(block (result f64) (drop (br_if 0 ${MADE} (i32.const 1))) (f64.const 1))`)],
  ["out of an if", bits(`(if (result f64) (i32.const 1) (then ${MADE}) (else (f64.const 2)))`)],
  ["into a block", `${MADE} (block (param f64) (result i64) (i64.reinterpret_f64))`],
  [
    "around a loop",
    `(local f64 i32) (loop (local.set 0 (f64.sub (local.get 0) (f64.const inf))) (local.set 0 (f64.add (local.get 0) (f64.const inf))) (br_if 0 (i32.lt_s (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 5)))) ${bits("(local.get 0)")}`,
  ],
  ["after more arithmetic", bits(`(f64.nearest (f64.min (f64.mul ${MADE} (f64.const 2)) (f64.const 3)))`)],
  ["after arithmetic with the guest's own", bits(`(f64.add (f64.load (i32.const 64)) (f64.const 1))`)],
  ["promoted", bits(`(f64.promote_f32 ${MADE_32})`)],
  ["its absolute value", bits(`(f64.abs ${MADE})`)],
  [
    "its sign on another number",
    `(i64.sub (i64.or (i64.reinterpret_f64 (f64.copysign (f64.const 1) ${MADE})) (i64.const 0x7ff8000000000000)) (i64.const 0x7000000000000000)) (i64.add (i64.const 0x7000000000000000))`,
  ],
  ["its negation, negated", bits(`(f64.neg (f64.neg ${MADE}))`)],
  ["from the host", bits("(call $host)")],
  ["in a lane", `(i64x2.extract_lane 0 (f64x2.splat ${MADE}))`],
  ["made in lanes", `(i64x2.extract_lane 1 (f64x2.div (f64x2.splat (f64.const 0)) (f64x2.splat (f64.const 0))))`],
  ["promoted in lanes", `(i64x2.extract_lane 1 (f64x2.promote_low_f32x4 (f32x4.splat ${MADE_32})))`],
])("%s", async (_, code) => {
  const source = `(module (import "env" "host" (func $host (result f64))) (memory 1) (data (i32.const 64) "\\34\\12\\00\\00\\00\\00\\f0\\7f")
    (global $g (mut f64) (f64.const 0))
    (func $same (param f64) (result f64) (local.get 0))
    (func $made (result f64) ${MADE})
    (func (export "run") (result i64) ${code}))`;
  const strange = new Float64Array(new BigUint64Array([0xfff8000000000077n]).buffer);
  const instance = await load(source, { env: { host: () => strange[0] } });
  expect(BigInt.asUintN(64, call(instance, "run") as bigint).toString(16)).toBe(CANONICAL.toString(16));
});

test.each([
  ["reinterpreted", `(i32.reinterpret_f32 ${MADE_32})`],
  ["demoted", `(i32.reinterpret_f32 (f32.demote_f64 ${MADE}))`],
  ["through memory", `(f32.store (i32.const 0) ${MADE_32}) (i32.load (i32.const 0))`],
  ["through a local", `(local f32) (local.set 0 (f32.sqrt (f32.const -1))) (i32.reinterpret_f32 (local.get 0))`],
  ["in a lane", `(i32x4.extract_lane 2 (f32x4.replace_lane 2 (v128.const i32x4 0 0 0 0) ${MADE_32}))`],
  ["made in lanes", `(i32x4.extract_lane 3 (f32x4.sqrt (f32x4.splat (f32.const -1))))`],
  ["demoted in lanes", `(i32x4.extract_lane 0 (f32x4.demote_f64x2_zero (f64x2.splat ${MADE})))`],
])("of 32 bits, %s", async (_, code) => {
  const instance = await load(`(module (memory 1) (func (export "run") (result i32) ${code}))`);
  expect(((call(instance, "run") as number) >>> 0).toString(16)).toBe(CANONICAL_32.toString(16));
});

test.each([
  ["copied through a float", `(f64.store (i32.const 8) (f64.load (i32.const 0))) (i64.load (i32.const 8))`],
  ["through a local", `(local f64) (local.set 0 (f64.load (i32.const 0))) (i64.reinterpret_f64 (local.get 0))`],
  ["through a call", `(i64.reinterpret_f64 (call $same (f64.load (i32.const 0))))`],
  ["a constant", `(i64.reinterpret_f64 (f64.const nan:0x4000000001234))`],
  ["in a vector", `(i64x2.extract_lane 0 (v128.load (i32.const 0)))`],
  [
    "in a local that arithmetic shares",
    `(local f64) (local.set 0 ${MADE}) (local.set 0 (f64.load (i32.const 0))) (i64.reinterpret_f64 (local.get 0))`,
  ],
])("bits of the guest's own stay: %s", async (_, code) => {
  const instance = await load(`(module (memory 1) (data (i32.const 0) "\\34\\12\\00\\00\\00\\40\\f0\\7f")
    (func $same (param f64) (result f64) (local.get 0)) (func (export "run") (result i64) ${code}))`);
  const own = call(instance, "run") as bigint;
  expect([0x7ff0400000001234n, 0x7ff4000000001234n]).toContain(own);
});

test("numbers pass untouched: infinities, zeros of both signs, the smallest and the largest", async () => {
  const instance = await load(
    `(module (func (export "run") (param f64) (result i64) (i64.reinterpret_f64 (f64.mul (local.get 0) (f64.const 1)))))`,
  );
  for (const value of [0, -0, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, -1.5, 0.1]) {
    const expected = new BigInt64Array(new Float64Array([value]).buffer)[0];
    expect((instance.exports["run"] as (value: number) => bigint)(value)).toBe(expected);
  }
});

test("an accumulator in a loop is replaced where it is used, not at each turn", async () => {
  const source = `(module (func (export "run") (param i32) (result f64) (local f64 f64)
    (loop (local.set 1 (f64.add (local.get 1) (f64.mul (local.get 2) (f64.const 3)))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))`;
  const bytes = meterModule(await wat(source), OPTIONS).bytes;
  const constants = bytes.filter((_, at) => [...bytes.subarray(at, at + 9)].join() === [0x44, ...f64(NaN)].join());
  expect(constants.length).toBe(1);
});

const PAYLOAD = 0x7ff0000000001234n;
const PAYLOAD_32 = 0x7f801234;

/** Straight and looping code over five float locals; everything that it computes is stored as bits. */
function floatProgram(tape: readonly number[]): { bytes: Uint8Array; doubles: number; singles: number } {
  let at = 0;
  const below = (count: number): number => (tape[at++] ?? 0) % count;
  let doubles = 0;
  let singles = 0;
  // Locals: 0–2 f64, 3–4 f32, 5 i32 counter. Doubles are stored from 1024, singles from 32768; the guest's own bits lie at 0 and 8.
  const double = (depth: number): number[] => {
    switch (below(depth > 0 ? 9 : 3)) {
      case 0:
        return [0x20, below(3)];
      case 1:
        return [0x44, ...f64([0, 1, -1, Infinity][below(4)] as number)];
      case 2:
        return [0x41, 0, 0x2b, 3, 0];
      case 3:
      case 4:
      case 5:
        return [...double(depth - 1), ...double(depth - 1), 0xa0 + below(6)];
      case 6:
        return [...double(depth - 1), 0x9b + below(5)];
      case 7:
        return [...single(depth - 1), 0xbb];
      default:
        return [...double(depth - 1), ...double(depth - 1), 0x41, below(2), 0x1b];
    }
  };
  const single = (depth: number): number[] => {
    switch (below(depth > 0 ? 6 : 3)) {
      case 0:
        return [0x20, 3 + below(2)];
      case 1:
        return [0x43, 0, 0, 0, 0];
      case 2:
        return [0x41, 8, 0x2a, 2, 0];
      case 3:
        return [...double(depth - 1), 0xb6];
      default:
        return [...single(depth - 1), ...single(depth - 1), 0x92 + below(6)];
    }
  };
  const statement = (depth: number): number[] => {
    switch (below(depth > 0 ? 8 : 6)) {
      case 0:
      case 1: {
        const local = below(3);
        return [...double(3), below(2) ? 0x21 : 0x22, local, ...(tape[at - 1]! % 2 ? [] : [0x1a])];
      }
      case 2:
        return [...single(3), 0x21, 3 + below(2)];
      case 3:
        return [0x41, ...s32(1024 + 8 * doubles++), ...double(3), 0x39, 3, 0];
      case 4:
        return [0x41, ...s32(1024 + 8 * doubles++), ...double(3), 0xbd, 0x37, 3, 0];
      case 5:
        return [0x41, ...s32(32768 + 4 * singles++), ...single(3), 0x38, 2, 0];
      case 6:
        return [0x41, below(2), 0x04, 0x40, ...statement(depth - 1), 0x05, ...statement(depth - 1), 0x0b];
      default: {
        const body = [...statement(depth - 1), ...statement(depth - 1)];
        return [0x41, 3, 0x21, 5, 0x03, 0x40, ...body, 0x20, 5, 0x41, 1, 0x6b, 0x22, 5, 0x41, 0, 0x4a, 0x0d, 0, 0x0b];
      }
    }
  };
  const body = Array.from({ length: 12 }, () => statement(1)).flat();
  const last = [0, 1, 2].flatMap((local) => [0x41, ...s32(1024 + 8 * doubles++), 0x20, local, 0x39, 3, 0]);
  const code = [...body, ...last, ...[3, 4].flatMap((local) => [0x41, ...s32(32768 + 4 * singles++), 0x20, local, 0x38, 2, 0])];
  const bytes = encode({
    types: [{ params: [], results: [] }],
    functions: [{ type: 0, locals: [F64, F64, F64, F32, F32, 0x7f], code }],
    memories: [[0, 1]],
    exports: [exportFunc("run", 0), exportMemory("memory")],
    data: [[0, 0x41, 0, 0x0b, ...u32(12), 0x34, 0x12, 0, 0, 0, 0, 0xf0, 0x7f, 0x34, 0x12, 0x80, 0x7f]],
  });
  return { bytes, doubles, singles };
}

test("whatever a program computes, each NaN that it stores is canonical or the guest's own", () => {
  let nans = 0;
  let strange = 0;
  fc.assert(
    fc.property(fc.array(fc.nat(1 << 20), { minLength: 60, maxLength: 300 }), (tape) => {
      const { bytes, doubles, singles } = floatProgram(tape);
      const stored = (instance: WasmInstance): { wide: bigint[]; narrow: number[] } => {
        call(instance, "run");
        const { buffer } = instance.exports["memory"] as { buffer: ArrayBuffer };
        const wide = [...new BigUint64Array(buffer, 1024, doubles)].filter(
          (value) => (value & 0x7fffffffffffffffn) > 0x7ff0000000000000n,
        );
        const narrow = [...new Uint32Array(buffer, 32768, singles)].filter((value) => (value & 0x7fffffff) > 0x7f800000);
        return { wide, narrow };
      };
      const { wide, narrow } = stored(instantiate(bytes));
      for (const value of wide) expect([CANONICAL, PAYLOAD].map(String)).toContain(String(value));
      for (const value of narrow) expect([CANONICAL_32, PAYLOAD_32]).toContain(value);
      nans += wide.length + narrow.length;
      const plain = stored(new engine.Instance(new engine.Module(bytes)));
      strange += plain.wide.filter((value) => value !== CANONICAL && value !== PAYLOAD).length;
      // The same numbers are NaN, metered or not.
      expect([wide.length, narrow.length]).toEqual([plain.wide.length, plain.narrow.length]);
    }),
    { numRuns: 300, seed: 8 },
  );
  expect(nans).toBeGreaterThan(1_000);
  // Without metering other bits do show: this test can fail.
  expect(strange).toBeGreaterThan(100);
});
