/** Types of WIT, and values of a type in both forms. */
import * as fc from "fast-check";
import type { Json } from "#core/json.js";
import type { WitType } from "#host/component/type.js";
import { memberName } from "#host/sandbox/abi/form.js";
import { Resource, type Native } from "#host/sandbox/inside/wasi/contract.js";

export class Thing extends Resource {
  readonly resource = "thing";
  dropped = 0;
  override drop(): void {
    this.dropped++;
  }
}
export const THING = "wasi:test/things/thing";

const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.toWellFormed());
const scalar = fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).filter((value) => value.isWellFormed());

interface Kinds {
  readonly bytes: fc.Arbitrary<unknown>;
  readonly integer: (value: bigint) => unknown;
  readonly float: (value: number) => unknown;
  readonly handle: fc.Arbitrary<unknown>;
}
const json: Kinds = {
  bytes: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  integer: (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`),
  float: (value) => (Number.isFinite(value) ? value + 0 : String(value)),
  handle: fc.string(),
};
const native: Kinds = {
  bytes: fc.uint8Array({ maxLength: 50 }),
  integer: (value) => value,
  float: (value) => value,
  handle: fc.constant(0).map(() => new Thing()),
};

function value(type: WitType, kinds: Kinds): fc.Arbitrary<unknown> {
  const of = (inner: WitType | null): fc.Arbitrary<unknown> => (inner ? value(inner, kinds) : fc.constant(null));
  const int = (min: number, max: number) => fc.integer({ min, max });
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "u8":
    case "u16":
    case "u32":
      return int(0, 2 ** Number(type.kind.slice(1)) - 1);
    case "s8":
    case "s16":
    case "s32":
      return int(-(2 ** (Number(type.kind.slice(1)) - 1)), 2 ** (Number(type.kind.slice(1)) - 1) - 1);
    case "u64":
      return fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(kinds.integer);
    case "s64":
      return fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(kinds.integer);
    case "f32":
      return fc.float().map(kinds.float);
    case "f64":
      return fc.double().map(kinds.float);
    case "char":
      return scalar;
    case "string":
      return text;
    case "list":
      return type.of.kind === "u8" ? kinds.bytes : fc.array(of(type.of), { maxLength: 5 });
    case "option":
      return fc.option(of(type.of));
    case "record":
      return fc.record(Object.fromEntries(type.fields.map(([name, field]) => [memberName(name), of(field)])));
    case "tuple":
      return fc.tuple(...type.items.map(of));
    case "enum":
      return fc.constantFrom(...type.names);
    case "flags":
      return fc.record(Object.fromEntries(type.names.map((name) => [memberName(name), fc.boolean()])));
    case "variant":
      return fc.oneof(...type.cases.map(([tag, payload]) => of(payload).map((val) => ({ tag, val }))));
    case "result":
      return fc.oneof(
        of(type.ok).map((ok) => ({ ok })),
        of(type.err).map((err) => ({ err })),
      );
    case "own":
    case "borrow":
      return kinds.handle;
  }
}

export const jsonOf = (type: WitType): fc.Arbitrary<Json> => value(type, json) as fc.Arbitrary<Json>;
export const nativeOf = (type: WitType): fc.Arbitrary<Native> => value(type, native) as fc.Arbitrary<Native>;

const labels = (min: number, max: number): fc.Arbitrary<string[]> =>
  fc.integer({ min, max }).map((count) => Array.from({ length: count }, (_, index) => `n-${index}`));
const named = <T>(parts: readonly T[]): [string, T][] => parts.map((part, index) => [`n-${index}`, part]);

/** Any type without handles. An option of an option is left out: null stands for the outer one's nothing. */
export const anyType: fc.Arbitrary<WitType> = fc.letrec<{ type: WitType }>((tie) => {
  const inner = tie("type");
  const optional = fc.option(inner);
  return {
    type: fc.oneof(
      { maxDepth: 4, depthSize: "medium" },
      fc
        .constantFrom(
          ...(["bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char", "string"] as const),
        )
        .map((kind): WitType => ({ kind }) as WitType),
      labels(1, 300).map((names): WitType => ({ kind: "enum", names })),
      labels(1, 32).map((names): WitType => ({ kind: "flags", names })),
      inner.map((of): WitType => ({ kind: "list", of })),
      inner.filter(({ kind }) => kind !== "option").map((of): WitType => ({ kind: "option", of })),
      fc.array(inner, { minLength: 1, maxLength: 4 }).map((parts): WitType => ({ kind: "record", fields: named(parts) })),
      fc.array(inner, { minLength: 1, maxLength: 4 }).map((items): WitType => ({ kind: "tuple", items })),
      fc.array(optional, { minLength: 1, maxLength: 5 }).map((parts): WitType => ({ kind: "variant", cases: named(parts) })),
      fc.tuple(optional, optional).map(([ok, err]): WitType => ({ kind: "result", ok, err })),
    ),
  };
}).type;
