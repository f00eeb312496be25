import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "#core/json.js";
import { flatSignature, flatten, layout } from "#host/component/flat.js";
import type { WasmMemory } from "#host/component/meter/engine.js";
import type { Encoding } from "#host/component/plan.js";
import type { WitFunction, WitType } from "#host/component/type.js";
import { interfaces, invocationType, run } from "#host/component/wit.js";
import { jsonForm, nativeForm, type Form } from "#host/sandbox/abi/form.js";
import { Handles } from "#host/sandbox/abi/handles.js";
import { LiftBudget, Lifting, lifts, LiftTooLarge } from "#host/sandbox/abi/lift.js";
import { Lowering, lowers, type CoreValue } from "#host/sandbox/abi/lower.js";
import { GuestMemory } from "#host/sandbox/abi/memory.js";
import { signatures } from "#host/sandbox/abi/signature.js";
import { GuestTrap } from "#host/sandbox/inside/ends.js";
import { anyType, jsonOf, nativeOf, Thing, THING } from "./values.js";

const Memory = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number; maximum?: number }) => WasmMemory & { grow(pages: number): number } };
  }
).WebAssembly.Memory;

/** A memory with an allocator that grows it every few allocations, so that a view that is kept too long is found out. */
function guest<V>(encoding: Encoding, form: Form<V>) {
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
  const lowering = new Lowering(guestMemory, allocate, handles);
  const lifting = (limit = 1 << 24): Lifting => new Lifting(guestMemory, new LiftBudget(limit), handles);
  const lift = lifts(form);
  const lower = lowers(form);
  return {
    memory,
    guestMemory,
    handles,
    allocate,
    store: (type: WitType, value: V, at: number) => lower(type).store(lowering, value, at),
    load: (type: WitType, at: number, limit?: number): V => lift(type).load(lifting(limit), at),
    lowerFlat: (type: WitType, value: V): CoreValue[] => {
      const values: CoreValue[] = [];
      lower(type).flat(lowering, value, values);
      return values;
    },
    liftFlat: (type: WitType, values: readonly unknown[]): V => lift(type).flat(lifting(), values, 0),
  };
}

const types = (from: typeof interfaces): [string, WitType][] =>
  Object.entries(from).flatMap(([name, { functions }]) =>
    Object.entries(functions).flatMap(([func, { params, result }]) => [
      ...(result ? [[`${name}.${func}`, result] as [string, WitType]] : []),
      ...params.map(([param, type]): [string, WitType] => [`${name}.${func} ${param}`, type]),
    ]),
  );
const lent = ({ kind }: WitType): boolean => kind === "borrow";

test.each<[string, WitType]>([
  ...types(interfaces).filter(([, type]) => !lent(type)),
  ["the invocation", invocationType],
  ["the result of run", run.result!],
])("what is lowered as JSON is lifted again, in memory and flat: %s", (_, type) => {
  for (const encoding of ["utf8", "utf16", "latin1+utf16"] as const)
    fc.assert(
      fc.property(jsonOf(type), (value) => {
        const { store, load, lowerFlat, liftFlat, allocate } = guest(encoding, jsonForm);
        const { size, align } = layout(type);
        const at = allocate(align, size);
        store(type, value, at);
        expect(load(type, at)).toEqual(value);
        expect(liftFlat(type, lowerFlat(type, value))).toEqual(value);
      }),
      { numRuns: 10 },
    );
});

test("what is lowered is lifted again, for values of any type, in both forms, in memory and flat", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Encoding>("utf8", "utf16", "latin1+utf16"),
      anyType.chain((type) => fc.tuple(fc.constant(type), jsonOf(type), nativeOf(type))),
      (encoding, [type, json, native]) => {
        const { size, align } = layout(type);
        const one = guest(encoding, jsonForm);
        const at = one.allocate(align, size);
        one.store(type, json, at);
        expect(one.load(type, at)).toEqual(json);
        expect(one.liftFlat(type, one.lowerFlat(type, json))).toEqual(json);
        const other = guest(encoding, nativeForm);
        const there = other.allocate(align, size);
        other.store(type, native, there);
        expect(other.load(type, there)).toEqual(native);
        const flat = other.lowerFlat(type, native);
        expect(flat.map((one) => (typeof one === "bigint" ? "i64" : "number"))).toEqual(
          flatten(type).map((one) => (one === "i64" ? "i64" : "number")),
        );
        expect(other.liftFlat(type, flat)).toEqual(native);
      },
    ),
    { numRuns: 300 },
  );
});

test("lone surrogates, which no encoding of a guest has, become U+FFFD", () => {
  for (const encoding of ["utf8", "utf16", "latin1+utf16"] as const) {
    const { store, load, allocate } = guest(encoding, jsonForm);
    const at = allocate(4, 8);
    store({ kind: "string" }, "a\ud800b", at);
    expect(load({ kind: "string" }, at)).toBe("a\ufffdb");
  }
});

test("compact text is Latin-1 where that is enough, and says so in its length where it is not", () => {
  const { lowerFlat, liftFlat, guestMemory } = guest("latin1+utf16", jsonForm);
  const type: WitType = { kind: "string" };
  const [narrow, length] = lowerFlat(type, "caf\u00e9\u0080") as [number, number];
  expect(length).toBe(5);
  expect([...new Uint8Array(guestMemory.view.buffer, narrow, 5)]).toEqual([0x63, 0x61, 0x66, 0xe9, 0x80]);
  expect(liftFlat(type, [narrow, length])).toBe("caf\u00e9\u0080");
  const [wide, tagged] = lowerFlat(type, "\u20ac") as [number, number];
  expect(tagged).toBe(2 ** 31 + 1);
  expect(liftFlat(type, [wide, tagged | 0])).toBe("\u20ac");
  // Aligned to two either way, and within bounds by its real length.
  expect(() => liftFlat(type, [9, 1])).toThrow(/aligned to 2/);
  expect(() => liftFlat(type, [65_534, 2 ** 31 + 2])).toThrow(/outside/);
  guestMemory.write(16, new Uint8Array([0x00, 0xd8]));
  expect(() => liftFlat(type, [16, 2 ** 31 + 1])).toThrow(/UTF-16/);
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
  const { guestMemory, load, memory } = guest("utf8", jsonForm);
  memory.grow(64);
  const list: WitType = { kind: "list", of: { kind: "string" } };
  guestMemory.view.setUint32(8, 64, true);
  guestMemory.view.setUint32(12, 500_000, true);
  expect(() => load(list, 8, 1 << 20)).toThrow(LiftTooLarge);
  guestMemory.view.setUint32(12, 0xffff_ffff, true);
  expect(() => load(list, 8, 1 << 20)).toThrow(GuestTrap);
});

const choiceOf300: WitType = { kind: "variant", cases: Array.from({ length: 300 }, (_, index) => [`n-${index}`, null]) };

test.each<[string, WitType, bytes: readonly number[], flat: readonly number[], RegExp]>([
  ["a case that a variant does not have", { kind: "variant", cases: [["a", null]] }, [1], [1], /case 1 of a variant/],
  ["a case of two bytes", choiceOf300, [0x2c, 0x01], [300], /case 300 of a variant/],
  ["a case that an option does not have", { kind: "option", of: { kind: "u8" } }, [2], [2, 0], /case 2 of an option/],
  ["a case that a result does not have", { kind: "result", ok: null, err: null }, [255], [255], /case 255/],
  ["a case far beyond", { kind: "result", ok: null, err: null }, [2], [-1], /case (2|4294967295)/],
  ["a name that an enum does not have", { kind: "enum", names: ["a", "b"] }, [2], [2], /case 2 of an enum/],
  ["a surrogate as a char", { kind: "char" }, [0x00, 0xd8, 0, 0], [0xd800], /0xd800/],
  ["a char beyond Unicode", { kind: "char" }, [0, 0, 0x11, 0], [0x11_0000], /0x110000/],
  ["text that is not UTF-8", { kind: "string" }, [16, 0, 0, 0, 1, 0, 0, 0, 0xff], [16, 1], /UTF-8/],
  ["text outside of the memory", { kind: "string" }, [0xff, 0xff, 0, 0, 2, 0, 0, 0], [0xffff, 2], /outside/],
  ["text of 4 GiB", { kind: "string" }, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], [0, -1], /outside/],
  ["a list that is not aligned", { kind: "list", of: { kind: "u64" } }, [4, 0, 0, 0, 0, 0, 0, 0], [4, 0], /aligned to 8/],
  ["a handle that was never given", { kind: "own", resource: THING }, [1, 0, 0, 0], [1], /1 is no handle of/],
  ["the handle 0", { kind: "borrow", resource: THING }, [0, 0, 0, 0], [0], /0 is no handle of/],
])("a trap in memory and flat: %s", (_, type, bytes, flat, message) => {
  const { guestMemory, load, liftFlat } = guest("utf8", nativeForm);
  guestMemory.write(8, new Uint8Array(bytes));
  for (const look of [() => load(type, 8), () => liftFlat(type, flat)]) {
    expect(look).toThrow(GuestTrap);
    expect(look).toThrow(message);
  }
});

test("bits that a flat integer has beyond its type are taken no notice of, nor flags that are not there", () => {
  const { liftFlat, guestMemory, load } = guest("utf8", nativeForm);
  expect(liftFlat({ kind: "u8" }, [-1])).toBe(255);
  expect(liftFlat({ kind: "s8" }, [0x180])).toBe(-128);
  expect(liftFlat({ kind: "u16" }, [0x1_0001])).toBe(1);
  expect(liftFlat({ kind: "s16" }, [0xffff])).toBe(-1);
  expect(liftFlat({ kind: "u32" }, [-1])).toBe(2 ** 32 - 1);
  expect(liftFlat({ kind: "s32" }, [-1])).toBe(-1);
  expect(liftFlat({ kind: "u64" }, [-1n])).toBe(2n ** 64n - 1n);
  expect(liftFlat({ kind: "s64" }, [-1n])).toBe(-1n);
  expect(liftFlat({ kind: "bool" }, [0x100])).toBe(true);
  const flags: WitType = { kind: "flags", names: ["a", "b-c"] };
  expect(liftFlat(flags, [-2])).toEqual({ a: false, b_c: true });
  guestMemory.write(8, new Uint8Array([0xfd]));
  expect(load(flags, 8)).toEqual({ a: true, b_c: false });
});

test("a case's flat values travel in wider places, and come out as what they are", () => {
  const { liftFlat, lowerFlat } = guest("utf8", nativeForm);
  const type: WitType = {
    kind: "variant",
    cases: [
      ["i", { kind: "u32" }],
      ["f", { kind: "f32" }],
      ["d", { kind: "f64" }],
      ["l", { kind: "u64" }],
      ["n", null],
    ],
  };
  expect(flatten(type)).toEqual(["i32", "i64"]);
  expect(lowerFlat(type, { tag: "f", val: 1 })).toEqual([1, 0x3f80_0000n]);
  expect(liftFlat(type, [1, 0xffff_ffff_3f80_0000n])).toEqual({ tag: "f", val: 1 });
  expect(liftFlat(type, [0, -1n])).toEqual({ tag: "i", val: 2 ** 32 - 1 });
  expect(liftFlat(type, [2, 0x3ff0_0000_0000_0000n])).toEqual({ tag: "d", val: 1 });
  expect(lowerFlat(type, { tag: "n", val: null })).toEqual([4, 0n]);
  const narrow: WitType = { kind: "result", ok: { kind: "u32" }, err: { kind: "f32" } };
  expect(flatten(narrow)).toEqual(["i32", "i32"]);
  expect(liftFlat(narrow, [1, 0x4000_0000])).toEqual({ err: 2 });
});

test("core values of other types than the signature's, or another number of them, are a trap", () => {
  const { liftFlat, guestMemory, handles } = guest("utf8", nativeForm);
  for (const [type, value] of [
    [{ kind: "u32" }, 1n],
    [{ kind: "u64" }, 1],
    [{ kind: "f64" }, undefined],
  ] as const)
    expect(() => liftFlat(type, [value])).toThrow(GuestTrap);
  const { params } = signatures(nativeForm).host({ params: [["a", { kind: "u32" }]], result: null });
  const lifting = new Lifting(guestMemory, new LiftBudget(1000), handles);
  expect(params(lifting, [7])).toEqual([7]);
  for (const flat of [[], [1, 2]]) expect(() => params(lifting, flat)).toThrow(/another number/);
});

test("more than 16 flat parameters lie in memory, where they are aligned and within bounds", () => {
  const { guestMemory, handles } = guest("utf8", nativeForm);
  const many: WitFunction = {
    params: Array.from({ length: 17 }, (_, index) => [`n-${index}`, { kind: index === 16 ? "u64" : "u8" }]),
    result: null,
  };
  expect(flatSignature(many, "lower")).toEqual({ params: ["i32"], results: [] });
  const { params } = signatures(nativeForm).host(many);
  const lifting = (): Lifting => new Lifting(guestMemory, new LiftBudget(10_000), handles);
  for (let index = 0; index < 16; index++) guestMemory.view.setUint8(8 + index, index);
  guestMemory.view.setBigUint64(24, 99n, true);
  expect(params(lifting(), [8])).toEqual([...Array.from({ length: 16 }, (_, index) => index), 99n]);
  expect(() => params(lifting(), [12])).toThrow(/aligned to 8/);
  expect(() => params(lifting(), [65_536 - 16])).toThrow(/outside/);
});

test("an allocator's answer is not believed", () => {
  const type: WitType = { kind: "list", of: { kind: "u64" } };
  const memory = new Memory({ initial: 1 });
  for (const [answer, message] of [
    [4, /aligned to 8/],
    [65_536, /outside/],
    [-8, /outside/],
  ] as const) {
    const lowering = new Lowering(new GuestMemory(memory, "utf8"), () => answer, new Handles(() => {}));
    expect(() => lowers(nativeForm)(type).store(lowering, [1n, 2n], 8)).toThrow(message);
  }
});

test("handles belong to one resource, one owner and one moment", () => {
  const own: WitType = { kind: "own", resource: THING };
  const borrow: WitType = { kind: "borrow", resource: THING };
  const { lowerFlat, liftFlat, handles } = guest("utf8", nativeForm);
  const [one, two] = [new Thing(), new Thing()];
  const [first] = lowerFlat(own, one);
  const [second] = lowerFlat(own, two);
  expect(liftFlat(borrow, [first])).toBe(one);
  // As another resource it is nothing.
  expect(() => liftFlat({ kind: "borrow", resource: "wasi:test/others/thing" }, [first])).toThrow(GuestTrap);
  // Lent and given away by the same call.
  expect(() => liftFlat(own, [first])).toThrow(/lent/);
  handles.returnAll();
  expect(liftFlat(own, [first])).toBe(one);
  expect(one.dropped).toBe(0);
  for (const use of [own, borrow]) expect(() => liftFlat(use, [first])).toThrow(/no handle/);
  expect(() => handles.drop(THING, first as number)).toThrow(/no handle/);
  handles.drop(THING, second as number);
  expect(two.dropped).toBe(1);
  expect(() => handles.drop(THING, second as number)).toThrow(/no handle/);
  // Numbers are not used again.
  const third = new Thing();
  expect(lowerFlat(own, third)[0]).toBe(3);
  handles.end();
  handles.end();
  expect(third.dropped).toBe(1);
  expect(one.dropped).toBe(0);
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
  ["two chars for one", { kind: "char" }, "ab"],
  ["a surrogate for a char", { kind: "char" }, "\ud800"],
  ["a number below its range", { kind: "s8" }, -129],
  ["flags without one", { kind: "flags", names: ["a", "b"] }, { a: true }],
  ["something lent", { kind: "borrow", resource: THING }, "x"],
])("an answer of ours that does not fit is our mistake, not a guest's: %s", (_, type, value) => {
  const { store } = guest("utf8", jsonForm);
  expect(() => store(type, value as Json, 8)).toThrow(TypeError);
});
