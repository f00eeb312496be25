/** Extended constant expressions, in which position-independent modules say where their data and functions go. */
import { expect, test } from "vitest";
import { FuelAccount } from "#host/component/meter/account.js";
import { engine } from "#host/component/meter/engine.js";
import { meterModule } from "#host/component/meter/meter.js";
import { wat } from "./wat.js";

const SOURCE = `(module
  (import "env" "tick" (func $tick (param i32)))
  (import "env" "base" (global $base i32))
  (memory (export "memory") 1)
  (table (export "table") 8 funcref)
  (global (export "g0") i32 (i32.sub (i32.mul (global.get $base) (i32.const 3)) (i32.const 1)))
  (global (export "g1") i64 (i64.add (i64.mul (i64.const 4) (i64.const 5)) (i64.sub (i64.const 1) (i64.const 2))))
  (data (offset (i32.add (global.get $base) (i32.const 8))) "here")
  (elem (offset (i32.add (global.get $base) (i32.const -2))) func $one $two)
  (func $one (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2)))`;

test("they are worth the same in the metered module, whose indices are others", async () => {
  const bytes = await wat(SOURCE);
  const seen = (given: Uint8Array): unknown[] => {
    const account = new FuelAccount({ budget: 1e9, breathe: () => Promise.resolve() });
    const base = new (globalThis as any).WebAssembly.Global({ value: "i32", mutable: false }, 4);
    const env = { tick: () => {}, base };
    const { exports } =
      given === bytes
        ? new engine.Instance(new engine.Module(given), { env })
        : account.instantiate(new engine.Module(given), { env });
    const { memory, table, g0, g1 } = exports as unknown as {
      memory: { buffer: ArrayBuffer };
      table: { get(index: number): unknown };
      g0: { value: number };
      g1: { value: bigint };
    };
    const filled = Array.from({ length: 8 }, (_, index) => typeof table.get(index));
    return [Buffer.from(memory.buffer, 0, 32).toString("latin1"), filled, g0.value, g1.value];
  };
  const metered = meterModule(bytes, { memoryPages: 16, tableElements: 100 }).bytes;
  expect(seen(metered)).toEqual(seen(bytes));
  const nothing = ["object", "object"];
  expect(seen(bytes)).toEqual([
    `${"\0".repeat(12)}here${"\0".repeat(16)}`,
    [...nothing, "function", "function", ...nothing, ...nothing],
    11,
    19n,
  ]);
});
