import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { inspect } from "#host/component/inspect/inspect.js";
import { limits } from "#host/component/inspect/limits.js";
import { Refusal } from "#host/component/inspect/refusal.js";
import { COMPLETE, component, componentOf, imports, moduleText, ok, patched, textAt, wit, type Guest } from "./guest.js";

const asking: Guest = { imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` };
let good: Uint8Array;
beforeAll(async () => {
  good = await component(asking);
});

function refusal(bytes: Uint8Array): Refusal {
  try {
    inspect(bytes);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("it was admitted");
}
const uleb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...uleb(Math.floor(value / 128))]);
const vec = (...items: number[][]): number[] => [...uleb(items.length), ...items.flat()];
const name = (text: string): number[] => [...uleb(Buffer.byteLength(text)), ...Buffer.from(text)];
const section = (id: number, content: number[]): number[] => [id, ...uleb(content.length), ...content];
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const CORE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const bytes = (...sections: number[][]): Uint8Array => new Uint8Array([...PREAMBLE, ...sections.flat()]);
const wat = (text: string): Promise<Uint8Array> => parse(text);

test("a plan names every module's imports, and where `run` lies", () => {
  const { imports: names, exports, plan, modules } = inspect(good);
  expect(names).toEqual(["runloop:agent/model@0.1.0"]);
  expect(exports).toEqual(["run"]);
  expect(plan.host).toMatchObject([{ interface: "model", function: "complete", encoding: "utf8" }]);
  const main = plan.run.core.instance;
  expect(plan.run).toMatchObject({
    core: { name: "run" },
    memory: { instance: main, name: "memory" },
    realloc: { name: "cabi_realloc" },
  });
  expect(plan.instances[main]?.imports).toMatchObject([
    { module: "runloop:agent/model@0.1.0", name: "complete", source: { kind: "host", index: 0 } },
  ]);
  for (const { module } of plan.instances) expect(modules.map((one) => one.name)).toContain(module);
});

test("every truncation is refused, none with a crash", () => {
  for (let length = 0; length < good.length; length += length < 600 ? 1 : 7)
    expect(refusal(good.slice(0, length)), `${length}`).toBeInstanceOf(Refusal);
});

test("random bytes, and a component with random bytes in it, are refused or admitted: nothing else happens", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      (tail) => refusal(new Uint8Array([...PREAMBLE, ...tail, 0xff])) instanceof Refusal,
    ),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
      (edits) => {
        const copy = good.slice();
        for (const [at, byte] of edits) copy[at] = byte;
        try {
          inspect(copy);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      },
    ),
    { numRuns: 300 },
  );
});

const HOSTILE = [
  "wr'te",
  'wr"te',
  "wr`te",
  "wr\\te",
  "wr\nte",
  "wr te",
  "[v2] ",
  " [v2]",
  "w [2]",
  "w\u2028e",
  "w\u2029e",
  "*/'`;",
  "w//e;",
  "wr(te",
  "wr${e",
  "wr\0te",
  "w\u202ee",
];

test.each(HOSTILE)("a core import's or export's name %j is refused before anything is made of it", async (hostile) => {
  const core = {
    ...asking,
    imports: [imports.complete, imports.log],
    run: `(call $log.write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) ${asking.run}`,
  };
  // The name of the function in the core module and in the interface alike.
  expect(refusal(patched(await component(core), "write", hostile))).toMatchObject({ code: "ADMIT_NAME" });
  const exporting = await component({ ...asking, fields: '(func (export "write"))' });
  const refused = refusal(patched(exporting, "write", hostile));
  expect(refused).toMatchObject({ code: "ADMIT_NAME", message: expect.stringContaining("core module") });
  // And the message itself is harmless.
  expect(refused.message).not.toMatch(/[\u0000-\u001f\u2028-\u202e]/);
});

test.each([
  "m'del",
  'm"del',
  "m`del",
  "m\\del",
  "m\ndel",
  "m del",
  "*/`;/",
  "m\u2028l",
  "Model",
  "mod_l",
  "m--el",
  "-odel",
  "m@del",
])("an import named runloop:agent/%j is refused", (hostile) => {
  expect(refusal(patched(good, "model", hostile))).toMatchObject({ code: "ADMIT_NAME" });
});

test.each(["then", "constructor", "__proto__", "toString", "hasOwnProperty", "prototype"])(
  "the name %s is nobody's",
  async (reserved) => {
    const core = await wat(`(module (func (export "${reserved}")))`);
    expect(refusal(bytes(section(1, [...core])))).toMatchObject({ code: "ADMIT_NAME" });
    const imported = await wat(`(module (import "${reserved}" "x" (func)))`);
    expect(refusal(bytes(section(1, [...imported])))).toMatchObject({ code: "ADMIT_NAME" });
    if (/^[a-z]+$/.test(reserved)) {
      const record = [0x72, ...vec([...name(reserved), 0x73])];
      expect(refusal(bytes(section(7, vec(record))))).toMatchObject({ code: "ADMIT_NAME" });
    }
  },
);

test("names are bounded, and must be UTF-8", () => {
  expect(refusal(bytes(section(10, vec([0, ...name("a".repeat(200))]))))).toMatchObject({ code: "ADMIT_NAME" });
  expect(refusal(bytes(section(10, vec([0, 2, 0xc3, 0x28]))))).toMatchObject({
    code: "ADMIT_NAME",
    message: expect.stringContaining("UTF-8"),
  });
});

const types = (...defs: number[][]): number[] => section(7, vec(...defs));
const U8 = 0x7d;

test.each<[string, () => Uint8Array | Promise<Uint8Array>, string, RegExp]>([
  ["nothing", () => new Uint8Array(0), "ADMIT_MALFORMED", /not a WebAssembly component/],
  ["text", () => Buffer.from("#!/bin/sh\necho hello\n"), "ADMIT_MALFORMED", /not a WebAssembly component/],
  ["a core module", () => wat(moduleText({ run: "(unreachable)" })), "ADMIT_MALFORMED", /core WebAssembly module/],
  ["a component with nothing in it", () => bytes(), "ADMIT_EXPORT", /exports neither `run`/],
  ["too many bytes", () => new Uint8Array(limits.bytes + 1), "ADMIT_TOO_LARGE", /16777217 bytes/],
  ["a core module where a component belongs", () => bytes(section(4, CORE)), "ADMIT_MALFORMED", /component's first bytes/],
  ["an instance of nothing", () => bytes(section(5, vec([0, 0, 0]))), "ADMIT_MALFORMED", /no such component/],
  ["a component's start function", () => bytes(section(9, [0, 0, 0])), "ADMIT_LIMIT", /start function/],
  ["a value section", () => bytes(section(12, [0])), "ADMIT_MALFORMED", /section 12/],
  ["an own resource", () => bytes(types([0x3f, 0x7f, 0])), "ADMIT_LIMIT", /resource of its own/],
  ["a component type", () => bytes(types([0x41, 0])), "ADMIT_LIMIT", /component types/],
  ["an async function", () => bytes(types([0x43, 0, 1, 0])), "ADMIT_LIMIT", /async/],
  ["a future", () => bytes(types([0x65, 0])), "ADMIT_LIMIT", /futures or streams/],
  ["a stream", () => bytes(types([0x66, 0])), "ADMIT_LIMIT", /futures or streams/],
  ["an unknown built-in", () => bytes(section(8, vec([0x07, 0]))), "ADMIT_LIMIT", /built-in 0x7/],
  ["resource.new", () => bytes(section(8, vec([0x02, 0]))), "ADMIT_LIMIT", /built-in 0x2/],
  [
    "an alias of nothing, of a sort that there is not",
    () => bytes(section(5, vec([1, 0])), section(6, vec([2, 0, 0, ...name("a")]))),
    "ADMIT_MALFORMED",
    /alias of "a"/,
  ],
  ["an alias of an outer component", () => bytes(section(6, vec([3, 2, 1, 0]))), "ADMIT_LIMIT", /outer component/],
  ["a number that has no end", () => bytes([7, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]), "ADMIT_MALFORMED", /32 bits/],
  ["a section longer than the file", () => bytes([7, ...uleb(1000)]), "ADMIT_MALFORMED", /longer than what holds it/],
  ["a count that cannot be there", () => bytes(section(7, uleb(5000))), "ADMIT_MALFORMED", /5000 types/],
  ["a count beyond the limit", () => bytes(section(7, uleb(0xffff_ffff))), "ADMIT_LIMIT", /4294967295 types/],
  [
    "types that double",
    () => bytes(types([0x70, U8], ...Array.from({ length: 40 }, (_, i) => [0x6f, ...vec([i], [i])]))),
    "ADMIT_LIMIT",
    /more than 2000 parts/,
  ],
  [
    "types nested without end",
    () => bytes(types([0x70, U8], ...Array.from({ length: 40 }, (_, i) => [0x70, i]))),
    "ADMIT_LIMIT",
    /nested deeper/,
  ],
  ["a type that refers to itself", () => bytes(types([0x70, 0])), "ADMIT_MALFORMED", /no type 0/],
  [
    "too many definitions",
    () => bytes(...Array.from({ length: 300 }, () => types(...Array.from({ length: 32 }, () => [0x70, U8])))),
    "ADMIT_LIMIT",
    /8192 definitions/,
  ],
  ["too many sections", () => bytes(...Array.from({ length: 1100 }, () => section(7, [0]))), "ADMIT_LIMIT", /1024 sections/],
  ["too many core modules", () => bytes(...Array.from({ length: 17 }, () => section(1, CORE))), "ADMIT_LIMIT", /16 core modules/],
  [
    "instances that double",
    () => bytes(section(1, CORE), section(2, vec(...Array.from({ length: 20 }, () => [0, 0, 0])))),
    "ADMIT_LIMIT",
    /16 instances/,
  ],
  [
    "two memories",
    () => bytes(...[1, 2].map(() => section(1, [...CORE, ...section(5, vec([0, 1]))]))),
    "ADMIT_LIMIT",
    /2 linear memories/,
  ],
  [
    "a memory that is made twice",
    () => bytes(section(1, [...CORE, ...section(5, vec([0, 1]))]), section(2, vec([0, 0, 0], [0, 0, 0]))),
    "ADMIT_LIMIT",
    /2 linear memories/,
  ],
  ["a core module that is cut off", () => bytes(section(1, [...CORE, 1, 9])), "ADMIT_MALFORMED", /longer than what holds it/],
  [
    "types of the garbage collector",
    () => bytes(section(1, [...CORE, ...section(1, vec([0x5f, 0]))])),
    "ADMIT_METER",
    /garbage collection/,
  ],
])("refused: %s", async (_, make, code, message) => {
  expect(refusal(await make())).toMatchObject({ code, message: expect.stringMatching(message) });
});

test("WASI that no agent is given is refused, and the interface named", async () => {
  const source = `package test:one;\nworld agent {\n  import wasi:clocks/timezone@0.2.0;\n}\npackage wasi:clocks@0.2.0 {\n  interface timezone { now: func() -> u64; }\n}\n`;
  const core = await wat('(module (import "wasi:clocks/timezone@0.2.0" "now" (func (result i64))))');
  expect(refusal(await componentOf(core, "utf8", "agent", source))).toMatchObject({
    code: "ADMIT_WASI_IMPORT",
    message: expect.stringContaining("wasi:clocks/timezone@0.2.0"),
    hint: expect.stringContaining("runloop:agent"),
  });
});

test.each<[string, (wit: string) => string, string, RegExp]>([
  [
    "another version of the interfaces",
    (text) => text.replaceAll("runloop:agent@0.1.0", "runloop:agent@0.2.0"),
    "ADMIT_IMPORT",
    /@0\.2\.0/,
  ],
  [
    "another parameter's type",
    (text) => text.replace("max-tokens: u32", "max-tokens: s32"),
    "ADMIT_IMPORT",
    /completion-options/,
  ],
  [
    "another parameter's name",
    (text) => text.replace("complete: func(prompt:", "complete: func(question:"),
    "ADMIT_IMPORT",
    /complete/,
  ],
  [
    "fields in another order",
    (text) =>
      text
        .replace("port: string,\n    /// Port type name", "/// Port type name")
        .replace("    /// JSON text.\n    body: string,\n    /// Where", "    body: string,\n    port: string,\n    /// Where"),
    "ADMIT_IMPORT",
    /input-message|invocation/,
  ],
  ["another case of the error", (text) => text.replace("denied(string)", "refused(string)"), "ADMIT_IMPORT", /error/],
  [
    "another result of `run`",
    (text) => text.replace("retryable: bool,", "retryable: bool, extra: bool,"),
    "ADMIT_IMPORT",
    /failure/,
  ],
])("a component made for %s is refused", async (_, change, code, message) => {
  const changed = change(wit);
  expect(changed).not.toBe(wit);
  const version = changed.includes("runloop:agent@0.2.0") ? "0.2.0" : "0.1.0";
  const core = await wat(moduleText(asking).replaceAll("@0.1.0", `@${version}`));
  expect(refusal(await componentOf(core, "utf8", "agent", changed))).toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});

test("exports beside `run` are refused by name", async () => {
  const source = wit.replace("export run: func", "export also: func();\n  export run: func");
  const core = await wat(moduleText({ ...asking, fields: '(func (export "also"))' }));
  expect(refusal(await componentOf(core, "utf8", "agent", source))).toMatchObject({
    code: "ADMIT_EXPORT",
    message: expect.stringContaining('"also"'),
  });
});

test("a core module that takes a host function for one of another type is refused", async () => {
  // The shim's import of the lowered function: its type is edited from (i32 …) to begin with an i64.
  const copy = Buffer.from(good);
  const lowered = Buffer.from([0x60, 9, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7c, 0x7f, 0x7f, 0x7f, 0]);
  let edits = 0;
  for (let at = copy.indexOf(lowered); at >= 0; at = copy.indexOf(lowered, at + 1), edits++) copy[at + 2] = 0x7e;
  expect(edits).toBeGreaterThan(1);
  expect(refusal(copy)).toMatchObject({ code: "ADMIT_MALFORMED", message: expect.stringContaining("another core type") });
});
