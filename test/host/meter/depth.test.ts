/** Recursion ends at a depth that is counted, not where the engine's stack happens to end. */
import { expect, test } from "vitest";
import { FuelAccount } from "#host/component/meter/account.js";
import { engine, type WasmInstance } from "#host/component/meter/engine.js";
import { meterModule } from "#host/component/meter/meter.js";
import { wat } from "./wat.js";

const promising = (globalThis as any).WebAssembly.promising as (call: unknown) => (...args: unknown[]) => Promise<unknown>;

async function load(source: string, depth?: number): Promise<{ instance: WasmInstance; account: FuelAccount }> {
  const account = new FuelAccount({ budget: 1e12, slice: 1_000, breathe: () => Promise.resolve() });
  const options = { memoryPages: 16, ...(depth !== undefined && { depth }) };
  const instance = account.instantiate(new engine.Module(meterModule(await wat(source), options).bytes), {});
  return { instance, account };
}

/** The deepest recursion that returns, by trying. */
async function deepest(source: string, depth?: number): Promise<number> {
  let [low, high] = [0, 200_000];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const { instance, account } = await load(source, depth);
    const passed = await account
      .run(() => promising(instance.exports["run"])(middle))
      .then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: "LIMIT_DEPTH" });
          return false;
        },
      );
    if (passed) low = middle;
    else high = middle - 1;
  }
  return low;
}

const recursive = (locals: string, rest = ""): string => `(module (func $f (export "run") (param i32) ${locals}
  (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))) ${rest}))`;

test("the depth is the cap by the frame's weight", async () => {
  const thin = await deepest(recursive(""), 1_000);
  const thick = await deepest(recursive(`(local ${"i64 ".repeat(100)})`), 1_000);
  expect(thin).toBeGreaterThan(40);
  expect(thick).toBeGreaterThan(5);
  expect(thin / thick).toBeGreaterThan(4);
  // Twice the cap, twice the depth.
  expect(Math.abs((await deepest(recursive(""), 2_000)) - 2 * thin)).toBeLessThanOrEqual(2);
});

test("what lies on the operand stack counts: frames that look thin are not", async () => {
  const piled = `(module (func $f (export "run") (param i32) (result i64)
    ${"(i64.extend_i32_s (local.get 0)) ".repeat(200)}
    (if (result i64) (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (i64.const 0)))
    ${"i64.add ".repeat(200)}))`;
  expect(await deepest(piled, 5_000)).toBeLessThan(30);
});

test.each([
  ["thin frames", recursive("")],
  ["a thousand locals", recursive(`(local ${"i64 ".repeat(900)})`)],
  [
    "locals that all live across the call",
    `(module (func $f (export "run") (param i32) (local ${"f64 ".repeat(100)})
      ${Array.from({ length: 100 }, (_, index) => `(local.set ${index + 1} (f64.convert_i32_s (i32.add (local.get 0) (i32.const ${index}))))`).join(" ")}
      (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))
      ${Array.from({ length: 100 }, (_, index) => `(f64.store (i32.const ${index * 8}) (local.get ${index + 1}))`).join(" ")})
      (memory 1))`,
  ],
  [
    "through a table",
    `(module (type $t (func (param i32))) (table 1 funcref) (elem (i32.const 0) $f)
      (func $f (export "run") (type $t) (if (local.get 0) (then (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))))`,
  ],
  [
    "by turns",
    `(module (func $f (export "run") (param i32) (if (local.get 0) (then (drop (call $g (i32.sub (local.get 0) (i32.const 1)))))))
      (func $g (param i32) (result i32) (call $f (local.get 0)) (i32.const 1)))`,
  ],
])(
  "a recursion bomb of %s ends at the default cap, before the engine's stack does, at the same fuel each time",
  async (_, source) => {
    const used = new Set<number>();
    for (let attempt = 0; attempt < 6; attempt++) {
      const { instance, account } = await load(source);
      await expect(account.run(() => promising(instance.exports["run"])(100_000_000))).rejects.toMatchObject({
        code: "LIMIT_DEPTH",
      });
      used.add(account.used);
    }
    expect(used.size).toBe(1);
  },
);

test("a depth left behind by calls that returned does not count", async () => {
  const source = `(module
    (func $down (param i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "run") (param i32) (loop (call $down (i32.const 20)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`;
  const { instance, account } = await load(source, 1_000);
  for (let call = 0; call < 3; call++) await account.run(() => promising(instance.exports["run"])(1_000));
});

test("functions with several results, left by every road, leave the depth as it was", async () => {
  const source = `(module
    (func $f (param i32) (result i32 i64)
      (if (i32.eq (local.get 0) (i32.const 1)) (then (return (i32.const 1) (i64.const 1))))
      (block (br_if 0 (i32.ne (local.get 0) (i32.const 2))) (br 1 (i32.const 2) (i64.const 2)))
      (if (i32.eq (local.get 0) (i32.const 3)) (then (call $f (i32.const 2)) (br 1)))
      (block (br_table 0 1 (i32.const 4) (i64.const 4) (i32.const 1)) (drop) (drop))
      (i32.const 5) (i64.const 5))
    (func (export "run") (param i32) (result i32) (local i32)
      (loop
        (call $f (i32.and (local.get 0) (i32.const 3))) (drop) (local.set 1 (i32.add (local.get 1)))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get 1)))`.replace(
    "(block (br_table 0 1 (i32.const 4) (i64.const 4) (i32.const 1)) (drop) (drop))",
    "(block (br_table 0 0 (i32.const 1)))",
  );
  const { instance, account } = await load(source, 300);
  const plain = new engine.Instance(new engine.Module(await wat(source)));
  const expected = (plain.exports["run"] as (turns: number) => number)(1_000);
  expect(await account.run(() => promising(instance.exports["run"])(1_000))).toBe(expected);
});

/** `inner` offers a table and `jump`, which calls what is in it; `outer` imports both and puts its own `$f` there. */
async function pair(outer: string, slice: number): Promise<{ run: (turns: number) => Promise<unknown>; account: FuelAccount }> {
  const account = new FuelAccount({ budget: 1e12, slice, breathe: () => Promise.resolve() });
  const load = async (source: string, imports = {}): Promise<WasmInstance> =>
    account.instantiate(new engine.Module(meterModule(await wat(source), { memoryPages: 16 }).bytes), imports);
  const inner = await load(`(module (type $t (func (param i32))) (table (export "table") 1 funcref)
    (func (export "jump") (param i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))`);
  const instance = await load(outer, { inner: inner.exports });
  return { run: (turns) => account.run(() => promising(instance.exports["run"])(turns)), account };
}
const outer = (body: string): string => `(module (type $t (func (param i32)))
  (import "inner" "jump" (func $jump (param i32))) (import "inner" "table" (table 1 funcref)) (elem (i32.const 0) $f) ${body})`;

test.each([
  [
    "by calls that come back",
    `(func $f (export "run") (param i32) (if (local.get 0) (then (call $jump (i32.sub (local.get 0) (i32.const 1))))))`,
  ],
  [
    "by calls that do not",
    `(func $g (param i32) (call $jump (local.get 0)) unreachable) (func $f (export "run") (param i32) (call $g (local.get 0)))`,
  ],
])("a recursion from module to module and back is counted: %s", async (_, body) => {
  const used = new Set<number>();
  for (const slice of [1_000, 10_000_000]) {
    const { run, account } = await pair(outer(body), slice);
    await expect(run(1_000_000)).rejects.toMatchObject({ code: "LIMIT_DEPTH" });
    used.add(account.used);
  }
  expect(used.size).toBe(1);
});

test("calls of another module, one after the other, leave no depth behind", async () => {
  const { run } = await pair(
    outer(
      `(func $f (param i32)) (func (export "run") (param i32) (loop (call $jump (i32.const 0)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`,
    ),
    1_000,
  );
  await run(20_000);
});
