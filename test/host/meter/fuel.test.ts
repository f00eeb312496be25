/** What is charged, by hand-made modules: the cost table, where fuel is asked for, stretches that cannot pause, several modules. */
import { expect, test } from "vitest";
import { FuelAccount, GuestLimit } from "#host/component/meter/account.js";
import { engine, type WasmInstance } from "#host/component/meter/engine.js";
import { meterModule } from "#host/component/meter/meter.js";
import { UNSUSPENDED_FUEL } from "#host/component/meter/protocol.js";
import { OPTIONS, runMetered, runPlain } from "./guest.js";
import { wat } from "./wat.js";

const promising = (globalThis as any).WebAssembly.promising as (call: unknown) => (...args: unknown[]) => Promise<unknown>;
const never = (): Promise<void> => Promise.reject(new Error("nothing was to pause"));

async function load(source: string, account: FuelAccount, imports = {}): Promise<WasmInstance> {
  return account.instantiate(new engine.Module(meterModule(await wat(source), OPTIONS).bytes), imports);
}
function accountOf(budget = 1e9, slice?: number): FuelAccount {
  return new FuelAccount({ budget, breathe: () => Promise.resolve(), ...(slice !== undefined && { slice }) });
}
async function fuelOf(code: string, rest = ""): Promise<number> {
  const account = accountOf();
  const instance = await load(`(module (memory 2 4) (table 10 funcref) ${rest} (func (export "run") ${code}))`, account);
  await account.run(() => promising(instance.exports["run"])());
  return account.used;
}

test.each<[string, string, number]>([
  ["nothing but the entry", "", 1],
  ["an instruction, and what is free", "nop i32.const 1 drop block end", 2],
  ["a branch", "block br 0 end", 2],
  [
    "an arm that is taken",
    "(if (i32.const 1) (then nop (drop (i32.const 1)) (drop (i32.const 2))) (else (drop (i32.const 3))))",
    5,
  ],
  ["an arm that is not", "(if (i32.const 0) (then (drop (i32.const 1)) (drop (i32.const 2))) (else (drop (i32.const 3))))", 4],
  ["no arm", "(if (i32.const 0) (then (drop (i32.const 1)) (drop (i32.const 2))))", 3],
  [
    "ten turns of 8",
    "(local i32) (loop (br_if 0 (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))",
    1 + 10 * 7,
  ],
  [
    "a loop that is left by its `if`",
    "(local i32) (loop (if (i32.lt_s (local.get 0) (i32.const 4)) (then (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 1))))",
    1 + 5 * 4 + 4 * 5,
  ],
  ["a division", "(drop (i32.div_s (i32.const 6) (i32.const 3)))", 1 + 2 + 4],
  ["filling 800 bytes", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 800))", 1 + 3 + 24 + 100],
  ["copying 801 bytes", "(memory.copy (i32.const 0) (i32.const 1) (i32.const 801))", 1 + 3 + 24 + 100],
  ["copying 4 references", "(table.copy (i32.const 0) (i32.const 1) (i32.const 4))", 1 + 3 + 24 + 4 * 32],
  ["one more page", "(drop (memory.grow (i32.const 1)))", 1 + 1 + 1_000 + 8_192],
  ["no more page", "(drop (memory.grow (i32.const 0)))", 1 + 1 + 1_000],
  ["asking for more pages than the cap costs the cap", "(drop (memory.grow (i32.const -1)))", 1 + 1 + 1_000 + 16 * 8_192],
])("%s", async (_, code, fuel) => expect(await fuelOf(code)).toBe(fuel));

test("calls: two for the call and one for the entry, whoever pays it", async () => {
  const callee = `(func $f (result i32) i32.const 1)`;
  expect(await fuelOf("(drop (call $f))", callee)).toBe(1 + 2 + 1 + 1);
  expect(await fuelOf("(drop (call $f))", `${callee} (export "f" (func $f))`)).toBe(1 + 2 + 1 + 1);
  const indirect = `(type $t (func (result i32))) ${callee} (elem (i32.const 0) $f)`;
  expect(await fuelOf("(drop (call_indirect (type $t) (i32.const 0)))", indirect)).toBe(1 + 1 + 4 + 1 + 1);
});

test("a length beyond any memory is paid without wrapping, and traps as ever", async () => {
  const account = accountOf(1e12);
  const instance = await load(
    `(module (memory 1) (func (export "run") (memory.fill (i32.const 0) (i32.const 0) (i32.const -1))))`,
    account,
  );
  await expect(account.run(() => promising(instance.exports["run"])())).rejects.toThrow(/out of bounds/);
  expect(account.used).toBe(1 + 3 + 24 + (16 * 65_536) / 8);
});

test("fuel at a trap is what had been paid, whatever the slice", async () => {
  const source = `(module (func (export "run") (param i32) (local i32)
    (loop (local.set 1 (i32.add (local.get 1) (i32.div_s (i32.const 100) (local.get 0)))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0))))`;
  const used = new Set<number>();
  for (const slice of [1, 7, 1_000_000]) {
    const account = accountOf(1e9, slice);
    const instance = await load(source, account);
    await expect(account.run(() => promising(instance.exports["run"])(50))).rejects.toThrow(/divide by zero/);
    used.add(account.used);
  }
  expect(used.size).toBe(1);
});

test("an endless loop ends when its fuel does, paused or not", async () => {
  for (const due of [true, false]) {
    const account = new FuelAccount({ budget: 1_000_000, slice: 10_000, breathe: () => Promise.resolve(), due: () => due });
    const instance = await load(`(module (func (export "run") (loop (br 0))))`, account);
    await expect(account.run(() => promising(instance.exports["run"])())).rejects.toMatchObject({
      code: "LIMIT_FUEL",
      ceiling: 1_000_000,
    });
    expect(account.used).toBe(1_000_001);
  }
});

test("a reason to stop ends the guest at its next slice, and a pause that fails ends it too", async () => {
  const source = `(module (func (export "run") (loop (br 0))))`;
  let slices = 0;
  const stopping = new FuelAccount({
    budget: 1e12,
    slice: 1_000,
    breathe: () => Promise.resolve(),
    stop: () => (++slices > 5 ? new Error("cancelled") : undefined),
  });
  const one = await load(source, stopping);
  await expect(stopping.run(() => promising(one.exports["run"])())).rejects.toThrow("cancelled");
  const failing = new FuelAccount({ budget: 1e12, slice: 1_000, breathe: () => Promise.reject(new Error("deadline")) });
  const other = await load(source, failing);
  await expect(failing.run(() => promising(other.exports["run"])())).rejects.toThrow("deadline");
});

test("a start function cannot run on, and its fuel does not depend on the slice", async () => {
  for (const slice of [10, 10_000_000]) {
    const account = new FuelAccount({ budget: 1e12, slice, breathe: never });
    await expect(load(`(module (func $s (loop (br 0))) (start $s))`, account)).rejects.toMatchObject({
      code: "LIMIT_UNSUSPENDED",
    });
    expect(account.used).toBe(UNSUSPENDED_FUEL + 1);
    const short = new FuelAccount({ budget: 1e12, slice, breathe: never });
    await load(`(module (func $s (drop (i32.const 1))) (start $s))`, short);
    expect(short.used).toBe(2);
  }
});

test("a start function that calls another module pays what both use, and one that traps there what it had used", async () => {
  const inner = `(module (func (export "step") (param i32) (result i32) (local i32)
    (loop (br_if 0 (i32.lt_s (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (local.get 0)))) (local.get 1)))`;
  const outer = (last: string): string => `(module (import "inner" "step" (func $step (param i32) (result i32)))
    (func $s (drop (call $step (i32.const 10))) (drop (call $step (i32.const 20))) ${last}) (start $s))`;
  // Entry, loop turns of 7 and the last get; the call of an import, its argument.
  const step = (turns: number): number => 1 + 7 * turns + 1 + (2 + 14 + 1);
  for (const slice of [1, 10_000_000]) {
    const account = new FuelAccount({ budget: 1e12, slice, breathe: never });
    const first = await load(inner, account);
    await load(outer(""), account, { inner: first.exports });
    expect(account.used).toBe(1 + step(10) + step(20));
    const other = new FuelAccount({ budget: 1e12, slice, breathe: never });
    const again = await load(inner, other);
    await expect(load(outer("unreachable"), other, { inner: again.exports })).rejects.toThrow("unreachable");
    expect(other.used).toBe(1 + step(10) + step(20) + 1);
  }
});

test("a call back during an import cannot run on either; before and after it, the guest has its fuel", async () => {
  const account = new FuelAccount({ budget: 1e12, slice: 2 ** 30, breathe: never, due: () => false });
  let instance: WasmInstance | undefined;
  let ended: unknown;
  const back = (turns: number): void => {
    ended = undefined;
    try {
      account.unsuspended(() => (instance!.exports["realloc"] as (turns: number) => void)(turns));
    } catch (error) {
      ended = error;
    }
  };
  instance = await load(
    `(module (import "env" "back" (func $back (param i32)))
      (func (export "realloc") (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "run") (param i32) (result i32) (local i32)
        (call $back (local.get 0))
        (loop (br_if 0 (i32.lt_s (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 500000))))
        (local.get 1)))`,
    account,
    { env: { back } },
  );
  expect(await account.run(() => promising(instance!.exports["run"])(1_000))).toBe(500_000);
  expect(ended).toBeUndefined();
  const before = account.used;
  expect(await account.run(() => promising(instance!.exports["run"])(1_000_000))).toBe(500_000);
  expect(ended).toMatchObject({ code: "LIMIT_UNSUSPENDED" });
  expect(account.used - before).toBeGreaterThan(UNSUSPENDED_FUEL + 500_000);
});

test("the host charges for its own work, up to the budget", async () => {
  const account = new FuelAccount({ budget: 10_000, slice: 100, breathe: () => Promise.resolve() });
  const env = { work: (amount: number) => account.charge(amount) };
  const instance = await load(
    `(module (import "env" "work" (func $work (param i32))) (func (export "run") (param i32) (call $work (local.get 0)) (drop (i32.const 1))))`,
    account,
    { env },
  );
  const run = (amount: number): Promise<unknown> => account.run(() => promising(instance.exports["run"])(amount));
  await run(0);
  const own = account.used;
  await run(5_000);
  expect(account.used).toBe(2 * own + 5_000);
  await expect(run(5_000)).rejects.toBeInstanceOf(GuestLimit);
});

test("a guest that only calls the host pauses as soon as that is due, and pays the same", async () => {
  const used: number[] = [];
  for (const pay of ["charge", "toll"] as const)
    for (const due of [false, true]) {
      let [calls, pauses] = [0, 0];
      const account = new FuelAccount({
        budget: 1e9,
        breathe: async () => void pauses++,
        // Each fifth time that it is asked.
        due: () => due && calls % 5 === 4,
      });
      const env = { work: () => (calls++, account[pay](100)) };
      const instance = await load(
        `(module (import "env" "work" (func $work)) (func (export "run") (local i32)
          (loop (call $work) (br_if 0 (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 50))))))`,
        account,
        { env },
      );
      await account.run(() => promising(instance.exports["run"])());
      used.push(account.used);
      expect(pauses).toBe(due ? 10 : 0);
    }
  expect(new Set(used).size).toBe(1);
});

test("several modules of one agent share one budget exactly, with every slice", async () => {
  const inner = `(module (func (export "step") (param i32) (result i32) (local i32)
    (loop (br_if 0 (i32.lt_s (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (local.get 0)))) (local.get 1))
    (table (export "table") 2 funcref) (func $in (result i32) (i32.add (i32.const 1) (i32.const 2))) (elem (i32.const 0) $in))`;
  const outer = `(module (import "inner" "step" (func $step (param i32) (result i32))) (import "inner" "table" (table 2 funcref))
    (type $t (func (result i32)))
    (func (export "run") (result i32) (local i32 i32)
      (loop
        (local.set 0 (i32.add (local.get 0) (call $step (i32.and (local.get 1) (i32.const 15)))))
        (local.set 0 (i32.add (local.get 0) (call_indirect (type $t) (i32.const 0))))
        (br_if 0 (i32.lt_s (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 200))))
      (local.get 0)))`;
  async function run(budget: number, slice: number): Promise<string> {
    const account = new FuelAccount({ budget, slice, breathe: () => Promise.resolve() });
    const first = await load(inner, account);
    const second = await load(outer, account, { inner: first.exports });
    try {
      return `${await account.run(() => promising(second.exports["run"])())} ${account.used}`;
    } catch (error) {
      return `${(error as GuestLimit).code} ${account.used}`;
    }
  }
  const whole = await run(1e9, 1e7);
  const used = Number(whole.split(" ")[1]);
  for (const slice of [10, 333, 1e6]) {
    expect(await run(1e9, slice)).toBe(whole);
    for (const part of [0.1, 0.37, 0.5, 0.9, 0.999]) {
      const budget = Math.floor(used * part);
      expect(await run(budget, slice)).toBe(await run(budget, 1e7));
    }
  }
  expect(await run(used, 50)).toBe(whole);
  expect(await run(used - 1, 50)).toMatch(/^LIMIT_FUEL/);
});

test("memory and tables stop at their caps", async () => {
  const source = `(module (memory (export "memory") 1) (table 1 funcref)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "table") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))`;
  const calls = [
    { name: "grow", args: [15] },
    { name: "grow", args: [1] },
    { name: "table", args: [99] },
    { name: "table", args: [1] },
  ];
  expect((await runMetered(await wat(source), calls)).ends).toEqual(["1", "-1", "1", "-1"]);
  expect(runPlain(await wat(source), calls).ends).toEqual(["1", "16", "1", "100"]);
});

test("a declared maximum below the cap stays", async () => {
  const source = `(module (memory (export "memory") 1 2) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`;
  const calls = [
    { name: "grow", args: [2] },
    { name: "grow", args: [1] },
  ];
  expect((await runMetered(await wat(source), calls)).ends).toEqual(["-1", "1"]);
});

test("what it says of a module", async () => {
  const bytes = await wat(`(module (memory 3) (func (loop (br 0))) (func))`);
  const { stats, bytes: metered } = meterModule(bytes, OPTIONS);
  expect(stats).toMatchObject({ functions: 2, memoryMinPages: 3, bytesIn: bytes.length, bytesOut: metered.length });
  expect(stats.checkpoints).toBeGreaterThanOrEqual(2);
  expect(meterModule(bytes, OPTIONS).bytes).toEqual(metered);
});
