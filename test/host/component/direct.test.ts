import { expect, test } from "vitest";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { readComponent } from "#host/component/inspect/component.js";
import { conform } from "#host/component/inspect/conform.js";
import { inspectModule, type CoreModule } from "#host/component/inspect/core.js";
import { direct } from "#host/component/inspect/direct.js";
import { inspect } from "#host/component/inspect/inspect.js";
import { linkPlan, moduleName } from "#host/component/inspect/link.js";
import { Reader } from "#host/component/inspect/reader.js";
import { readFiller, readTrampolines } from "#host/component/inspect/trampoline.js";
import { meterModule } from "#host/component/meter/meter.js";
import type { ImportSource, LinkPlan } from "#host/component/plan.js";
import { loaded, type LoadedComponent } from "#host/sandbox/inside/loaded.js";
import { wasm } from "#host/sandbox/inside/wasm.js";
import { account, instance, load } from "../sandbox/instance.js";
import { COMPLETE, component, imports, ok, textAt, type Guest } from "./guest.js";

/** As the toolchain links it: through its trampolines. */
function linked(bytes: Uint8Array): { readonly plan: LinkPlan; readonly modules: ReadonlyMap<string, CoreModule> } {
  const read = readComponent(bytes);
  const { world, run } = conform(read);
  const modules = new Map(read.modules.map((module, index) => [moduleName(index), module]));
  return { plan: linkPlan(read, world, run), modules };
}

function loadLinked(bytes: Uint8Array): LoadedComponent {
  const { plan, modules } = linked(bytes);
  const compiled = Array.from(
    modules,
    ([name, module]) => [name, new wasm.Module(meterModule(module.bytes, { memoryPages: 1024 }).bytes)] as const,
  );
  return loaded(plan, new Map(compiled));
}

const LOG = "(call $log.write (i32.const 2) (i32.const 32) (i32.const 7) (i32.const 16) (i32.const 0))";
const asking: Guest = {
  imports: [imports.complete, imports.log],
  run: `${LOG} ${COMPLETE} ${LOG} ${LOG} ${COMPLETE} ${ok(...textAt(512))}`,
};

/** What a guest does and pays, call by call. */
async function seen(component: LoadedComponent, budget = 1e9): Promise<unknown> {
  const fuel = account(budget);
  const calls: unknown[] = [];
  const guest = instance(component, new Map(), fuel, {
    answersHere: (name) => name === "log",
    local: (call) => {
      calls.push([call, fuel.used]);
      return null;
    },
    remote: (call) => {
      calls.push([call, fuel.used]);
      return Promise.resolve({
        ok: { text: "an answer", model: "m", input_tokens: 1, output_tokens: 2 },
      } as never);
    },
    met: () => {},
  });
  const input = { node: "n", attempt: 1, with: '{"a":1}', inputs: [] };
  const end = await guest.run([input]).catch((error: unknown) => String(error));
  return { calls, end, fuel: fuel.used };
}

test("a component of the toolchain's is one module and its host functions: no trampoline is left", async () => {
  const bytes = await component(asking);
  expect(linked(bytes).plan.instances).toHaveLength(3);
  const { plan, modules } = inspect(bytes);
  expect(plan.instances).toHaveLength(1);
  expect(modules).toHaveLength(1);
  expect(plan.instances[0]!.imports.map(({ name, source }) => [name, source])).toEqual([
    ["complete", { kind: "host", index: plan.host.findIndex((one) => one.function === "complete"), toll: 15 }],
    ["write", { kind: "host", index: plan.host.findIndex((one) => one.function === "write"), toll: 11 }],
  ]);
});

test("what a guest does and pays is the same, at each of its calls", async () => {
  const bytes = await component(asking);
  const [through, straight] = [loadLinked(bytes), load(bytes)];
  const whole = await seen(straight);
  expect(whole).toEqual(await seen(through));
  expect((whole as { calls: unknown[] }).calls).toHaveLength(5);
  // And where the fuel ends: before a call, on the way to it, behind it.
  const { fuel } = whole as { fuel: number };
  for (let budget = 1; budget < fuel; budget += budget < 400 ? 1 : 37)
    expect(await seen(straight, budget), `${budget} units of fuel`).toEqual(await seen(through, budget));
});

const module = async (text: string): Promise<CoreModule> => inspectModule(new Reader(await parse(`(module ${text})`)));

const TRAMPOLINE = `(type $t (func (param i32 i64))) (table $imports 1 1 funcref)
  (func (export "0") (type $t) local.get 0 local.get 1 i32.const 0 call_indirect $imports (type $t))
  (export "$imports" (table $imports))`;
const FILLER = `(import "" "0" (func $f (param i32 i64))) (import "" "$imports" (table 1 1 funcref)) (elem (i32.const 0) func $f)`;

test("trampolines and their filler are recognised", async () => {
  const found = readTrampolines(await module(TRAMPOLINE));
  expect(found?.table).toBe("$imports");
  expect([...found!.functions]).toEqual([["0", { slot: 0, fuel: 8 }]]);
  expect(readFiller(await module(FILLER))?.slots).toMatchObject([{ module: "", name: "0" }]);
});

test.each<[string, string]>([
  ["does something more", TRAMPOLINE.replace("local.get 0", "local.get 0 i32.const 1 i32.add")],
  [
    "gives its parameters in another order",
    TRAMPOLINE.replace("i64", "i32").replace("local.get 0 local.get 1", "local.get 1 local.get 0"),
  ],
  ["has locals", TRAMPOLINE.replace("(type $t) local", "(type $t) (local i32) local")],
  [
    "calls with another type",
    TRAMPOLINE.replace("call_indirect $imports (type $t)", "call_indirect $imports (param i32 i64)")
      .replace("(table", "(type (func)) (table")
      .replace("(type $t (func (param i32 i64)))", "(type $t (func (param i32 i64))) (type (func (param i32 i64)))")
      .replace("(param i32 i64))\n  (export", "(type 1))\n  (export"),
  ],
  ["calls beyond the table", TRAMPOLINE.replace("i32.const 0", "i32.const 1")],
  ["has two tables", TRAMPOLINE.replace("(func (export", "(table 1 funcref) (func (export")],
  ["fills its table itself", `${TRAMPOLINE} (func $g) (elem (i32.const 0) func $g)`],
  ["has a memory", `${TRAMPOLINE} (memory 1)`],
  ["starts", `${TRAMPOLINE} (func $s) (start $s)`],
  ["imports something", `(import "a" "b" (func)) ${TRAMPOLINE}`],
])("a module that %s is no trampoline", async (_, text) => {
  expect(readTrampolines(await module(text))).toBeNull();
});

test.each<[string, string]>([
  ["fills from another place on", FILLER.replace("i32.const 0", "i32.const 1").replace("1 1 funcref", "2 2 funcref")],
  ["has code", `${FILLER} (func)`],
  ["fills with a function of its own", `${FILLER.replace("func $f)", "func $g)")} (func $g)`],
  ["fills nothing", FILLER.replace(/\(elem.*/, "")],
  ["fills twice", `${FILLER} (elem (i32.const 0) func $f)`],
  ["imports a memory", `${FILLER.replace("(elem", '(import "" "m" (memory 1)) (elem')}`],
  ["imports no table", '(import "" "0" (func $f)) (elem declare func $f)'],
])("a module that %s is no filler", async (_, text) => {
  expect(readFiller(await module(text))).toBeNull();
});

/** A plan of three instances, and what its main module imports besides. */
async function made(more: string, given: LinkPlan["instances"][number]["imports"] = [], main = "i32 i64"): Promise<LinkPlan> {
  const modules = new Map([
    ["core0", await module(`(import "" "0" (func (param ${main}))) ${more} (memory (export "memory") 1) (func (export "run"))`)],
    ["core1", await module(TRAMPOLINE)],
    ["core2", await module(FILLER)],
  ]);
  const from = (instance: number, name: string): ImportSource => ({ kind: "export", ref: { instance, name } });
  const memory = { instance: 1, name: "memory" };
  const plan: LinkPlan = {
    instances: [
      { module: "core1", imports: [] },
      { module: "core0", imports: [{ module: "", name: "0", source: from(0, "0") }, ...given] },
      {
        module: "core2",
        imports: [
          { module: "", name: "0", source: { kind: "host", index: 0, toll: 0 } },
          { module: "", name: "$imports", source: from(0, "$imports") },
        ],
      },
    ],
    host: [{ interface: "log", function: "write", memory, realloc: null, encoding: "utf8" }],
    memory,
    run: { world: "agent", core: { instance: 1, name: "run" }, memory, realloc: null, postReturn: null, encoding: "utf8" },
  };
  return direct(plan, modules);
}

test("a plan is left as it is where something else is done with the trampolines", async () => {
  expect((await made("")).instances).toEqual([
    { module: "core0", imports: [{ module: "", name: "0", source: { kind: "host", index: 0, toll: 8 } }] },
  ]);
  expect((await made("")).run).toMatchObject({ core: { instance: 0 }, memory: { instance: 0 } });
  // The table itself is given to the module.
  const table = { module: "", name: "t", source: { kind: "export", ref: { instance: 0, name: "$imports" } } } as const;
  expect((await made('(import "" "t" (table 1 1 funcref))', [table])).instances).toHaveLength(3);
  // The module wants the function with another type: instantiating it fails, and must go on doing so.
  expect((await made("", [], "i32 i32")).instances).toHaveLength(3);
});
