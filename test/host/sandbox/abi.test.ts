import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "#core/json.js";
import { layout } from "#host/component/flat.js";
import { interfaces, invocationType, run, type WitType } from "#host/component/wit.js";
import { Handles } from "#host/sandbox/abi/handles.js";
import { LiftBudget, Lifter, LiftTooLarge, memberName } from "#host/sandbox/abi/lift.js";
import { Lowerer } from "#host/sandbox/abi/lower.js";
import { GuestMemory, type WasmMemory } from "#host/sandbox/abi/memory.js";
import { GuestTrap } from "#host/sandbox/inside/ends.js";

const Memory = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number; maximum?: number }) => WasmMemory & { grow(pages: number): number } };
  }
).WebAssembly.Memory;

/** A memory with an allocator that grows it every few allocations, so that a view that is kept too long is found out. */
function guest(encoding: "utf8" | "utf16") {
  const memory = new Memory({ initial: 1 });
  let next = 8;
  let allocations = 0;
  const allocate = (align: number, size: number): number => {
    const at = Math.ceil(next / align) * align;
    next = at + size;
    if (next > memory.buffer.byteLength || ++allocations % 7 === 0)
      memory.grow(1 + Math.ceil(Math.max(0, next - memory.buffer.byteLength) / 65_536));
    return at;
  };
  const guestMemory = new GuestMemory(memory, encoding);
  const handles = new Handles(() => {});
  return {
    memory,
    guestMemory,
    allocate,
    lowerer: new Lowerer(guestMemory, allocate, handles),
    lifter: (limit = 1 << 24) => new Lifter(guestMemory, new LiftBudget(limit), handles),
  };
}

const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.toWellFormed());
const unsigned = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });

function valueOf(type: WitType): fc.Arbitrary<Json> {
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "u8":
      return unsigned(8);
    case "u16":
      return unsigned(16);
    case "u32":
      return unsigned(32);
    case "u64":
      return fc
        .bigInt({ min: 0n, max: (1n << 64n) - 1n })
        .map((value) => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : `${value}`));
    case "f32":
      return fc.float().map((value) => (Number.isFinite(value) ? value + 0 : String(value)));
    case "f64":
      return fc.double().map((value) => (Number.isFinite(value) ? value + 0 : String(value)));
    case "string":
      return text;
    case "list":
      return type.of.kind === "u8"
        ? fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes).toString("base64"))
        : fc.array(valueOf(type.of), { maxLength: 5 });
    case "option":
      return fc.option(valueOf(type.of));
    case "record":
      return fc.record(
        Object.fromEntries(type.fields.map(([name, field]) => [memberName(name), valueOf(field)])),
      ) as fc.Arbitrary<Json>;
    case "tuple":
      return fc.tuple(...type.items.map(valueOf)) as fc.Arbitrary<Json>;
    case "enum":
      return fc.constantFrom(...type.names);
    case "variant":
      return fc.oneof(
        ...type.cases.map(([tag, payload]) => (payload ? valueOf(payload) : fc.constant(null)).map((val) => ({ tag, val }))),
      );
    case "result":
      return fc.oneof(
        (type.ok ? valueOf(type.ok) : fc.constant(null)).map((ok) => ({ ok })),
        (type.err ? valueOf(type.err) : fc.constant(null)).map((err) => ({ err })),
      );
    case "own":
    case "borrow":
      return fc.string();
  }
}

const results = Object.entries(interfaces).flatMap(([name, { functions }]) =>
  Object.entries(functions).flatMap(([func, { result }]): [string, WitType][] => (result ? [[`${name}.${func}`, result]] : [])),
);

test.each<[string, WitType]>([
  ...results,
  ["the invocation", invocationType],
  ["the result of run", run.result!],
  ["an http request", interfaces["http"]!.functions["fetch"]!.params[0]![1]],
])("what is lowered is lifted again: %s", (_, type) => {
  for (const encoding of ["utf8", "utf16"] as const)
    fc.assert(
      fc.property(valueOf(type), (value) => {
        const { lowerer, lifter, allocate } = guest(encoding);
        const { size, align } = layout(type);
        const at = allocate(align, size);
        lowerer.store(type, value, at);
        expect(lifter().load(type, at)).toEqual(value);
      }),
      { numRuns: 25 },
    );
});

test("lone surrogates, which no encoding of a guest has, become U+FFFD", () => {
  for (const encoding of ["utf8", "utf16"] as const) {
    const { lowerer, lifter, allocate } = guest(encoding);
    const at = allocate(4, 8);
    lowerer.store({ kind: "string" }, "a\ud800b", at);
    expect(lifter().load({ kind: "string" }, at)).toBe("a\ufffdb");
  }
});

test("layouts are those of the canonical ABI", () => {
  const of = (type: WitType) => Object.values(layout(type));
  expect(of(invocationType)).toEqual([28, 4]);
  expect(of({ kind: "result", ok: { kind: "u64" }, err: { kind: "u8" } })).toEqual([16, 8]);
  expect(of({ kind: "option", of: { kind: "u8" } })).toEqual([2, 1]);
  expect(
    of({
      kind: "record",
      fields: [
        ["a", { kind: "u8" }],
        ["b", { kind: "u32" }],
        ["c", { kind: "u16" }],
      ],
    }),
  ).toEqual([12, 4]);
  expect(of(interfaces["model"]!.types["completion-options"]!)).toEqual([32, 8]);
});

test("a list's size is charged before anything is made of it", () => {
  const { guestMemory, lifter, memory } = guest("utf8");
  memory.grow(64);
  const list: WitType = { kind: "list", of: { kind: "string" } };
  guestMemory.view.setUint32(8, 64, true);
  guestMemory.view.setUint32(12, 500_000, true);
  expect(() => lifter(1 << 20).load(list, 8)).toThrow(LiftTooLarge);
  guestMemory.view.setUint32(12, 0xffff_ffff, true);
  expect(() => lifter(1 << 20).load(list, 8)).toThrow(GuestTrap);
});

test.each<[string, WitType, unknown]>([
  ["text where a number belongs", { kind: "u32" }, "7"],
  ["a number too large", { kind: "u16" }, 65_536],
  ["a negative number", { kind: "u64" }, -1],
  ["a u64 beyond its range", { kind: "u64" }, "18446744073709551616"],
  ["a record without a field", { kind: "record", fields: [["a-b", { kind: "u8" }]] }, { "a-b": 1 }],
  ["a case that is not there", { kind: "variant", cases: [["a", null]] }, { tag: "b" }],
  ["an enum's name that is not there", { kind: "enum", names: ["a"] }, "b"],
  ["a tuple that is too short", { kind: "tuple", items: [{ kind: "u8" }, { kind: "u8" }] }, [1]],
  ["no list", { kind: "list", of: { kind: "u32" } }, {}],
])("an answer of ours that does not fit is our mistake, not a guest's: %s", (_, type, value) => {
  const { lowerer } = guest("utf8");
  expect(() => lowerer.store(type, value as Json, 8)).toThrow(TypeError);
});
