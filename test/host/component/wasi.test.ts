import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { flatSignature } from "#host/component/flat.js";
import { readComponent, type Component } from "#host/component/inspect/component.js";
import { inspect } from "#host/component/inspect/inspect.js";
import { instanceItem } from "#host/component/inspect/match.js";
import { Refusal } from "#host/component/inspect/refusal.js";
import { sameFunction, sameType } from "#host/component/inspect/same.js";
import { entry, functionOf, wasi, wasiKey } from "#host/component/interfaces.js";
import { componentOf, patched, projectRoot, wit } from "./guest.js";

const dummy = async (witSource: string, world: string): Promise<Component> =>
  readComponent(await componentNew(await componentEmbed({ dummy: true, witSource, world, stringEncoding: "utf8" }), []));

/** A component that imports all of WASI that the world `command` names, made from the SDK's WIT. */
const everything = await dummy(wit, "command");
const ours = new Map([...everything.importedInstances].filter(([name]) => name.startsWith("wasi:")));

/** What the official packages say, in the newest version of 0.2 that a toolchain carries. */
const packages = join(projectRoot, "node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12");
async function official(): Promise<Component> {
  const text = async (name: string): Promise<string> => {
    const source = await readFile(join(packages, `wasi-${name}`, "package.wit"), "utf8");
    const body = source.replace(/^package .*;$/m, "").replace(/^world [^{]*\{[^{}]*\}$/gm, "");
    return `package wasi:${name}@0.2.12 {\n${body}\n}\n`;
  };
  const names = Object.keys(wasi).map((key) => `  import ${key}@0.2.12;\n`);
  const kinds = [...new Set(Object.keys(wasi).map((key) => /^wasi:([a-z]+)/.exec(key)![1]!))];
  return dummy(`package test:all;\nworld all {\n${names.join("")}}\n${(await Promise.all(kinds.map(text))).join("")}`, "all");
}

test.each<[string, () => Component | Promise<Component>]>([
  ["the SDK's WIT", () => everything],
  ["the official packages of 0.2.12", official],
])("the table of WASI says what %s says", async (_, read) => {
  const decoded = new Map([...(await read()).importedInstances].filter(([name]) => name.startsWith("wasi:")));
  expect([...decoded.keys()].map(wasiKey).sort()).toEqual(Object.keys(wasi).sort());
  for (const [name, { functions, types, resources, defined }] of decoded) {
    const table = wasi[wasiKey(name)!]!;
    for (const [func, type] of functions) expect(sameFunction(type, table.functions[func]!), `${name}#${func}`).toBe(true);
    for (const [key, type] of types) expect(sameType(type, table.types[key]!), `${name} ${key}`).toBe(true);
    expect(defined.map((resource) => resource.name).sort(), name).toEqual([...(table.resources ?? [])].sort());
    for (const [key, resource] of resources)
      if (!defined.includes(resource)) expect(resource.id, `${name} ${key}`).toBe(table.uses?.[key]);
    // No more than it says, but for what came after 0.2.0.
    const later = name.endsWith("@0.2.0") ? ["exit-with-code"] : [];
    expect(
      Object.keys(table.functions).filter((func) => !functions.has(func) && !later.includes(func)),
      name,
    ).toEqual([]);
  }
});

test("our flattening of every function of WASI is the one that the toolchain lowered it to", () => {
  let checked = 0;
  for (const module of everything.modules)
    for (const { module: from, name, signature } of module.imports) {
      const key = /^cm32p2\|(wasi:[a-z]+\/[a-z-]+)@0\.2$/.exec(from)?.[1];
      if (key === undefined || name.endsWith("_drop")) continue;
      const type = functionOf(key, name);
      expect(type && flatSignature(type, "lower"), `${key}#${name}`).toEqual(signature);
      checked++;
    }
  expect(checked).toBeGreaterThan(60);
});

test("the entry of a command is the one of the SDK's WIT", () => {
  const exported = everything.exports.get("wasi:cli/run@0.2.0");
  const run = exported?.sort === "instance" ? instanceItem(exported.instance, "run") : undefined;
  expect(run?.sort === "func" && sameFunction(run.func.type, entry.command)).toBe(true);
});

test.each([
  ["wasi:io/streams@0.2.0", "wasi:io/streams"],
  ["wasi:io/streams@0.2.99", "wasi:io/streams"],
  ["wasi:io/streams@0.2", undefined],
  ["wasi:io/streams@0.3.0", undefined],
  ["wasi:io/streams@0.2.0-rc-2023-12-05", undefined],
  ["wasi:io/streams@0.2.01", undefined],
  ["wasi:io/streams", undefined],
  ["wasi:sockets/tcp@0.2.0", undefined],
  ["wasi:io/constructor@0.2.0", undefined],
  ["wasm:io/streams@0.2.0", undefined],
])("%s is the interface %s", (name, key) => expect(wasiKey(name)).toBe(key));

function refusal(bytes: Uint8Array): Refusal {
  try {
    inspect(bytes);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("it was admitted");
}

const command = (packagesText: string, imports: string, core: string): Promise<Uint8Array> =>
  parse(core).then((module) =>
    componentOf(
      module,
      "utf8",
      "one",
      `package test:one;\nworld one {\n${imports}\n  export wasi:cli/run@0.2.3;\n}\npackage wasi:cli@0.2.3 {\n  interface run { run: func() -> result; }\n}\n${packagesText}`,
    ),
  );
const RUN = '(func (export "wasi:cli/run@0.2.3#run") (result i32) (i32.const 0))';

test("a command of another minor version is understood, its run taken out of the instance that wraps it", async () => {
  const { imports, exports, plan } = inspect(
    await command(
      "package wasi:random@0.2.3 {\n interface random { get-random-u64: func() -> u64; }\n}\n",
      "  import wasi:random/random@0.2.3;",
      `(module (import "wasi:random/random@0.2.3" "get-random-u64" (func (result i64))) ${RUN})`,
    ),
  );
  expect(imports).toEqual(["wasi:random/random@0.2.3"]);
  expect(exports).toEqual(["wasi:cli/run@0.2.3"]);
  expect(plan.run).toMatchObject({ world: "command", core: { name: "wasi:cli/run@0.2.3#run" }, memory: null });
  expect(plan.host).toMatchObject([{ interface: "wasi:random/random", function: "get-random-u64" }]);
});

test("a program of preview 1 is linked through the adapter: one memory, and host functions in a table", async () => {
  const adapter = await readFile(join(projectRoot, "node_modules/@bytecodealliance/jco/lib/wasi_snapshot_preview1.command.wasm"));
  const module = await parse(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))`);
  const { plan, imports } = inspect(await componentNew(module, [["wasi_snapshot_preview1", adapter]]));
  expect(imports).toContain("wasi:io/streams@0.2.12");
  expect(plan.memory).toEqual({ instance: expect.any(Number), name: "memory" });
  expect(plan.instances.length).toBeGreaterThan(3);
  // The functions that need the memory reach the adapter through a table, which is filled once the memory is there.
  const fixup = plan.instances.at(-1)!;
  expect(fixup.imports.filter(({ source }) => source.kind === "host").length).toBeGreaterThan(3);
  expect(fixup.imports.filter(({ name }) => name === "$imports")).toHaveLength(1);
});

const MIXED = (home: string): string => `
package wasi:io@0.2.3 {
  interface error { resource error; }
  interface streams { use error.{error}; resource input-stream; resource output-stream; variant stream-error { last-operation-failed(error), closed } }
}
package wasi:cli@0.2.3 {
  interface run { run: func() -> result; }
  interface stdin { ${home} get-stdin: func() -> input-stream; }
}
`;
const stdin = (home: string): Promise<Uint8Array> =>
  parse(`(module (import "wasi:cli/stdin@0.2.3" "get-stdin" (func (result i32))) ${RUN})`).then((module) =>
    componentOf(
      module,
      "utf8",
      "one",
      `package test:one;\nworld one {\n  import wasi:cli/stdin@0.2.3;\n  export wasi:cli/run@0.2.3;\n}\n${MIXED(home)}`,
    ),
  );

test("a resource is the one of its home interface, whatever it is called", async () => {
  expect(inspect(await stdin("use wasi:io/streams@0.2.3.{input-stream};")).imports).toEqual(["wasi:cli/stdin@0.2.3"]);
  // Its own resource of the same name; another interface's under that name.
  for (const home of ["resource input-stream;", "use wasi:io/streams@0.2.3.{output-stream as input-stream};"])
    expect(refusal(await stdin(home))).toMatchObject({
      code: "ADMIT_IMPORT",
      message: expect.stringContaining('wasi:cli/stdin@0.2.3 with the resource "input-stream"'),
    });
});

test("functions of WASI in another form than the interface's are refused by name", async () => {
  const changed = command(
    "package wasi:random@0.2.3 {\n interface random { get-random-u64: func() -> s64; }\n}\n",
    "  import wasi:random/random@0.2.3;",
    `(module (import "wasi:random/random@0.2.3" "get-random-u64" (func (result i64))) ${RUN})`,
  );
  expect(refusal(await changed)).toMatchObject({
    code: "ADMIT_IMPORT",
    message: expect.stringContaining('wasi:random/random@0.2.3 with the function "get-random-u64"'),
  });
});

test.each([
  ["wasi:sockets/tcp@0.2.3", "package wasi:sockets@0.2.3 {\n interface tcp { start: func(); }\n}\n"],
  ["wasi:random/random@0.3.0", "package wasi:random@0.3.0 {\n interface random { start: func(); }\n}\n"],
  ["wasi:cli/run@0.2.4", "package wasi:cli@0.2.4 {\n interface run { start: func(); }\n}\n"],
])("%s is refused by name", async (name, text) => {
  const bytes = await command(text, `  import ${name};`, `(module (import "${name}" "start" (func)) ${RUN})`);
  expect(refusal(bytes)).toMatchObject({ code: "ADMIT_WASI_IMPORT", message: expect.stringContaining(name) });
});

test("a component of both worlds is refused, and so is one whose `run` is another", async () => {
  const other = await command("", "", `(module ${RUN})`);
  expect(inspect(other).plan.run.world).toBe("command");
  expect(refusal(patched(other, "wasi:cli/run@0.2.3", "wasi:cli/fun@0.2.3"))).toMatchObject({ code: "ADMIT_EXPORT" });
  expect(ours.size).toBeGreaterThan(15);
});
