import { expect, test } from "vitest";
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { flatSignature } from "#host/component/flat.js";
import { readComponent } from "#host/component/inspect/component.js";
import { sameFunction, sameType } from "#host/component/inspect/same.js";
import { interfaces, run, versionedName, worldTypes } from "#host/component/wit.js";
import { wit } from "./guest.js";

/** A component that imports all of the world `agent`, made from the SDK's WIT. */
const everything = readComponent(
  await componentNew(await componentEmbed({ dummy: true, witSource: wit, world: "agent", stringEncoding: "utf8" }), []),
);

test("the table of interfaces says what the SDK's WIT says, no more and no less", () => {
  expect([...everything.importedInstances.keys()].sort()).toEqual(Object.keys(interfaces).map(versionedName).sort());
  for (const [short, ours] of Object.entries(interfaces)) {
    const decoded = everything.importedInstances.get(versionedName(short))!;
    expect([...decoded.functions.keys()].sort(), short).toEqual(Object.keys(ours.functions).sort());
    expect([...decoded.types.keys()].sort(), short).toEqual(Object.keys(ours.types).sort());
    expect([...decoded.resources.keys()], short).toEqual(ours.resources ?? []);
    for (const [name, type] of decoded.functions)
      expect(sameFunction(type, ours.functions[name]!), `${short}.${name}`).toBe(true);
    for (const [name, type] of decoded.types) expect(sameType(type, ours.types[name]!), `${short}.${name}`).toBe(true);
  }
  expect([...everything.importedTypes.keys()].sort()).toEqual(Object.keys(worldTypes).sort());
  const exported = everything.exports.get("run");
  expect(exported?.sort === "func" && sameFunction(exported.func.type, run)).toBe(true);
});

test("our flattening of every function is the one that the toolchain lowered it to", () => {
  const sources = new Map<string, { params: readonly string[]; results: readonly string[] } | null>();
  for (const module of everything.modules)
    for (const { module: from, name, signature } of module.imports) {
      // Dummy modules use the build targets' mangled names: `cm32p2|runloop:agent/kb@0.1`.
      const short = /^cm32p2\|runloop:agent\/([a-z]+)@0\.1$/.exec(from)?.[1];
      if (short !== undefined) sources.set(`${versionedName(short)}#${name}`, signature);
    }
  expect(sources.size).toBeGreaterThan(20);
  for (const [short, { functions }] of Object.entries(interfaces))
    for (const [name, type] of Object.entries(functions))
      expect(sources.get(`${versionedName(short)}#${name}`), `${short}.${name}`).toEqual(flatSignature(type, "lower"));
  const main = everything.modules.find((module) => module.exports.has("cm32p2||run"));
  expect(main?.exports.get("cm32p2||run")?.signature).toEqual(flatSignature(run, "lift"));
});

test("types are equal by structure, and every kind of difference is one", () => {
  const u32 = { kind: "u32" } as const;
  const text = { kind: "string" } as const;
  const record = (fields: [string, typeof u32 | typeof text][]) => ({ kind: "record", fields }) as const;
  expect(sameType(record([["a", u32]]), record([["a", { kind: "u32" }]]))).toBe(true);
  const different = [
    [u32, text],
    [u32, null],
    [record([["a", u32]]), record([["b", u32]])],
    [record([["a", u32]]), record([["a", text]])],
    [
      record([
        ["a", u32],
        ["b", text],
      ]),
      record([
        ["b", text],
        ["a", u32],
      ]),
    ],
    [
      record([["a", u32]]),
      record([
        ["a", u32],
        ["b", u32],
      ]),
    ],
    [
      { kind: "list", of: u32 },
      { kind: "option", of: u32 },
    ],
    [
      { kind: "list", of: u32 },
      { kind: "list", of: text },
    ],
    [
      { kind: "tuple", items: [u32] },
      { kind: "tuple", items: [u32, u32] },
    ],
    [
      { kind: "enum", names: ["a", "b"] },
      { kind: "enum", names: ["b", "a"] },
    ],
    [
      { kind: "variant", cases: [["a", null]] },
      { kind: "variant", cases: [["a", u32]] },
    ],
    [
      { kind: "result", ok: u32, err: null },
      { kind: "result", ok: null, err: u32 },
    ],
    [
      { kind: "own", resource: "x" },
      { kind: "borrow", resource: "x" },
    ],
    [
      { kind: "own", resource: "x" },
      { kind: "own", resource: "y" },
    ],
    [
      { kind: "foreign", name: "s8" },
      { kind: "foreign", name: "s8" },
    ],
  ] as never as [never, never][];
  for (const [a, b] of different) expect(sameType(a, structuredClone(b)), JSON.stringify([a, b])).toBe(false);
});
