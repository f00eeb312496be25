/** The same values as jco's generated glue has them. */
import type { WitType } from "#host/component/type.js";
import type { Native } from "#host/sandbox/inside/wasi/contract.js";

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
