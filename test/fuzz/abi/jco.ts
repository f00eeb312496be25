/** The same values as jco's generated glue has them. */
import { cases, flatten } from "#host/component/flat.js";
import type { WitType } from "#host/component/type.js";
import type { Native } from "#host/sandbox/inside/wasi/contract.js";

/**
 * Types that jco's glue (0.15.0) does not carry as the specification says: where cases share a place of 64 bits, it extends
 * 32 bits with their highest, and expects integers so; the specification writes it with zeros and takes the low half.
 */
export function carried(type: WitType): boolean {
  switch (type.kind) {
    case "list":
      return carried(type.of);
    case "record":
      return type.fields.every(([, field]) => carried(field));
    case "tuple":
      return type.items.every(carried);
    case "option":
    case "result":
    case "variant": {
      const wide = flatten(type).slice(1);
      return cases(type).every(
        (payload) =>
          payload === null || (carried(payload) && negative(payload).every((can, index) => !can || wide[index] !== "i64")),
      );
    }
    default:
      return true;
  }
}

/** For each flat value of a type: whether it is one of 32 bits, the highest of which can be set. */
function negative(type: WitType): boolean[] {
  switch (type.kind) {
    case "s8":
    case "s16":
    case "s32":
    case "f32":
      return [true];
    case "flags":
      return [type.names.length === 32];
    case "record":
      return type.fields.flatMap(([, field]) => negative(field));
    case "tuple":
      return type.items.flatMap(negative);
    case "option":
    case "result":
    case "variant": {
      const inner = cases(type).map((payload) => (payload ? negative(payload) : []));
      return [
        false,
        ...flatten(type)
          .slice(1)
          .map((_, index) => inner.some((one) => one[index] === true)),
      ];
    }
    default:
      return flatten(type).map(() => false);
  }
}

type Members = Readonly<Record<string, Native>>;
const ours = (name: string): string => name.replaceAll("-", "_");
const theirs = (name: string): string => name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

export function toJco(type: WitType, value: Native): unknown {
  switch (type.kind) {
    case "list":
      return type.of.kind === "u8" ? value : (value as readonly Native[]).map((item) => toJco(type.of, item));
    case "option":
      return value === null ? undefined : toJco(type.of, value);
    case "record":
      return Object.fromEntries(
        type.fields.map(([name, field]) => [theirs(name), toJco(field, (value as Members)[ours(name)] as Native)]),
      );
    case "tuple":
      return type.items.map((item, index) => toJco(item, (value as readonly Native[])[index] as Native));
    case "flags":
      return Object.fromEntries(type.names.map((name) => [theirs(name), (value as Members)[ours(name)]]));
    case "variant": {
      const { tag, val } = value as { tag: string; val: Native };
      const payload = type.cases.find(([name]) => name === tag)?.[1] ?? null;
      return payload ? { tag, val: toJco(payload, val) } : { tag };
    }
    case "result": {
      const made = value as Members;
      const [tag, payload] = "ok" in made ? (["ok", type.ok] as const) : (["err", type.err] as const);
      return { tag, val: payload ? toJco(payload, made[tag] as Native) : undefined };
    }
    default:
      return value;
  }
}

export function fromJco(type: WitType, value: unknown): Native {
  switch (type.kind) {
    case "list":
      return type.of.kind === "u8"
        ? Uint8Array.from(value as Iterable<number>)
        : Array.from(value as Iterable<unknown>, (item) => fromJco(type.of, item));
    case "option":
      return value === undefined || value === null ? null : fromJco(type.of, value);
    case "record":
      return Object.fromEntries(
        type.fields.map(([name, field]) => [ours(name), fromJco(field, (value as Record<string, unknown>)[theirs(name)])]),
      );
    case "tuple":
      return type.items.map((item, index) => fromJco(item, (value as readonly unknown[])[index]));
    case "flags":
      return Object.fromEntries(
        type.names.map((name) => [ours(name), (value as Record<string, boolean>)[theirs(name)] as boolean]),
      );
    case "variant": {
      const { tag, val } = value as { tag: string; val: unknown };
      const payload = type.cases.find(([name]) => name === tag)?.[1] ?? null;
      return { tag, val: payload ? fromJco(payload, val) : null };
    }
    case "result": {
      const { tag, val } = value as { tag: "ok" | "err"; val: unknown };
      const payload = type[tag];
      return { [tag]: payload ? fromJco(payload, val) : null };
    }
    default:
      return value as Native;
  }
}

/** Text that two values share if they are the same, NaN and the two zeros included. */
export function shown(value: Native): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === "bigint") return `${inner}n`;
    if (typeof inner === "number") return Object.is(inner, -0) ? "-0" : String(inner);
    return inner instanceof Uint8Array ? `bytes ${inner.join()}` : inner;
  });
}
