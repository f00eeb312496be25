/**
 * Lowering: our values become a guest's (canonical ABI, "Storing" and "Flat Lowering"). For each type the way is built once, as a
 * pair of closures, as in `lift.ts`.
 */
import {
  cases,
  discriminantSize,
  flatten,
  layout,
  offsets,
  payloadOffset,
  type Choice,
  type Flat,
} from "../../component/flat.js";
import { remembered } from "../../component/remembered.js";
import type { WitType } from "../../component/type.js";
import { GuestTrap } from "../inside/ends.js";
import { memberName, type Form } from "./form.js";
import type { Handles } from "./handles.js";
import { NO_MEMORY, type GuestMemory } from "./memory.js";

export type CoreValue = number | bigint;

/** One lowering. Strings and lists allocate, and allocation may grow the memory: the view is asked for after it, each time. */
export class Lowering {
  /** Bytes written, for the account. */
  written = 0;
  readonly memory: GuestMemory;
  readonly handles: Handles;
  /** `cabi_realloc(0, 0, align, size)`. */
  private readonly allocate: (align: number, size: number) => number;
  constructor(memory: GuestMemory | null, allocate: (align: number, size: number) => number, handles: Handles) {
    this.memory = memory ?? NO_MEMORY;
    this.allocate = allocate;
    this.handles = handles;
  }

  reserve(align: number, size: number): number {
    if (size >= 2 ** 31) throw new GuestTrap("canonical ABI: a value of 2 GiB or more");
    const pointer = this.allocate(align, size) >>> 0;
    this.memory.check(pointer, size, align);
    return pointer;
  }

  place(bytes: Uint8Array, align: number): number {
    const pointer = this.reserve(align, bytes.length);
    this.memory.write(pointer, bytes);
    this.written += bytes.length;
    return pointer;
  }
}

export interface Lower<V> {
  /** Into memory. Whoever calls it has checked that a value of the type fits there and is aligned. */
  readonly store: (into: Lowering, value: V, pointer: number) => void;
  /** Appends flat values. */
  readonly flat: (into: Lowering, value: V, values: CoreValue[]) => void;
}

/** Gives the way of lowering of each type, built when it is first asked for. */
export function lowers<V>(form: Form<V>): (type: WitType) => Lower<V> {
  const lower = remembered((type: WitType): Lower<V> => {
    switch (type.kind) {
      case "bool":
        return int(1, (value) => (value === true ? 1 : 0));
      case "u8":
        return int(1, (value) => whole(value, 0, 2 ** 8));
      case "s8":
        return int(1, (value) => whole(value, -(2 ** 7), 2 ** 7));
      case "u16":
        return int(2, (value) => whole(value, 0, 2 ** 16));
      case "s16":
        return int(2, (value) => whole(value, -(2 ** 15), 2 ** 15));
      case "u32":
        return int(4, (value) => whole(value, 0, 2 ** 32));
      case "s32":
        return int(4, (value) => whole(value, -(2 ** 31), 2 ** 31));
      case "char":
        return int(4, scalarValue);
      case "u64":
        return int64((value) => within(form.toInteger(value), 0n, 1n << 64n));
      case "s64":
        return int64((value) => within(form.toInteger(value), -(1n << 63n), 1n << 63n));
      case "f32":
        return {
          store: (into, value, pointer) => {
            into.written += 4;
            into.memory.view.setFloat32(pointer, form.toFloat(value), true);
          },
          flat: (_, value, values) => void values.push(Math.fround(form.toFloat(value))),
        };
      case "f64":
        return {
          store: (into, value, pointer) => {
            into.written += 8;
            into.memory.view.setFloat64(pointer, form.toFloat(value), true);
          },
          flat: (_, value, values) => void values.push(form.toFloat(value)),
        };
      case "own":
        return int(4, (value, { handles }) => handles.add(type.resource, form.toHeld(value, type.resource)));
      case "borrow":
        return int(4, () => {
          throw new TypeError("the host lends nothing");
        });
      case "string":
        return sequence((into, value) => {
          const { bytes, length, align } = into.memory.encode(text(value));
          return [into.place(bytes, align), length];
        });
      case "list":
        return sequence(list(type.of));
      case "record":
        return record(type.fields);
      case "tuple":
        return tuple(type.items);
      case "enum":
        return int(discriminantSize(type.names.length), (value) => {
          const index = type.names.indexOf(text(value));
          if (index < 0) throw new TypeError(`${text(value)} is none of ${type.names.join(", ")}`);
          return index;
        });
      case "flags":
        return flags(type.names);
      case "variant":
      case "option":
      case "result":
        return choice(type);
    }
  });

  const int = (size: number, bits: (value: V, into: Lowering) => number): Lower<V> => {
    const set = storeBits(size);
    return {
      store: (into, value, pointer) => {
        into.written += size;
        set(into.memory.view, pointer, bits(value, into));
      },
      flat: (into, value, values) => void values.push(bits(value, into)),
    };
  };

  const int64 = (bits: (value: V) => bigint): Lower<V> => ({
    store: (into, value, pointer) => {
      into.written += 8;
      into.memory.view.setBigUint64(pointer, BigInt.asUintN(64, bits(value)), true);
    },
    flat: (_, value, values) => void values.push(bits(value)),
  });

  const sequence = (place: (into: Lowering, value: V) => readonly [pointer: number, length: number]): Lower<V> => ({
    store: (into, value, pointer) => {
      into.written += 8;
      const [at, length] = place(into, value);
      into.memory.view.setUint32(pointer, at, true);
      into.memory.view.setUint32(pointer + 4, length, true);
    },
    flat: (into, value, values) => void values.push(...place(into, value)),
  });

  const list = (of: WitType) => {
    const { size, align } = layout(of);
    const item = lower(of);
    return (into: Lowering, value: V): readonly [number, number] => {
      const bytes = of.kind === "u8" ? form.toBytes(value) : null;
      if (bytes) return [into.place(bytes, 1), bytes.length];
      const items = array(value);
      const pointer = into.reserve(align, size * items.length);
      for (let index = 0; index < items.length; index++) item.store(into, items[index]!, pointer + index * size);
      return [pointer, items.length];
    };
  };

  const record = (fields: readonly (readonly [string, WitType])[]): Lower<V> => {
    const types = fields.map(([, type]) => type);
    const names = fields.map(([name]) => memberName(name));
    const inner = types.map(lower);
    const { memory } = offsets(types);
    const { size } = layout({ kind: "record", fields });
    return {
      store: (into, value, pointer) => {
        into.written += size;
        const from = object(value, names);
        for (let index = 0; index < names.length; index++)
          inner[index]!.store(into, from[names[index]!]!, pointer + memory[index]!);
      },
      flat: (into, value, values) => {
        const from = object(value, names);
        for (let index = 0; index < names.length; index++) inner[index]!.flat(into, from[names[index]!]!, values);
      },
    };
  };

  const tuple = (types: readonly WitType[]): Lower<V> => {
    const inner = types.map(lower);
    const { memory } = offsets(types);
    const { size } = layout({ kind: "tuple", items: types });
    const parts = (value: V): readonly V[] => {
      const items = array(value);
      if (items.length !== types.length) throw new TypeError(`not a tuple of ${types.length}`);
      return items;
    };
    return {
      store: (into, value, pointer) => {
        into.written += size;
        const items = parts(value);
        for (let index = 0; index < inner.length; index++) inner[index]!.store(into, items[index]!, pointer + memory[index]!);
      },
      flat: (into, value, values) => {
        const items = parts(value);
        for (let index = 0; index < inner.length; index++) inner[index]!.flat(into, items[index]!, values);
      },
    };
  };

  const flags = (names: readonly string[]): Lower<V> => {
    const members = names.map(memberName);
    return int(layout({ kind: "flags", names }).size, (value) => {
      const from = object(value, members);
      return members.reduce((all, member, index) => (from[member] === true ? all | (1 << index) : all), 0) >>> 0;
    });
  };

  const choice = (type: Choice): Lower<V> => {
    const payloads = cases(type);
    const inner = payloads.map((payload) => (payload ? lower(payload) : null));
    const offset = payloadOffset(type);
    const { size } = layout(type);
    const set = storeBits(discriminantSize(payloads.length));
    const have = flatten(type).slice(1);
    const widen = payloads.map((payload) => widening(payload ? flatten(payload) : [], have));
    const choose = choosing(type);
    return {
      store: (into, value, pointer) => {
        into.written += size;
        const [index, payload] = choose(value);
        set(into.memory.view, pointer, index);
        inner[index]?.store(into, payload, pointer + offset);
      },
      flat: (into, value, values) => {
        const [index, payload] = choose(value);
        const own: CoreValue[] = [];
        inner[index]?.flat(into, payload, own);
        values.push(index, ...widen[index]!(own));
      },
    };
  };

  const NOTHING = null as unknown as V;
  const choosing = (type: Choice): ((value: V) => readonly [index: number, payload: V]) => {
    if (type.kind === "option") return (value) => (value === null ? [0, NOTHING] : [1, value]);
    if (type.kind === "result")
      return (value) => {
        const from = isObject(value);
        return Object.hasOwn(from, "ok") ? [0, from["ok"] ?? NOTHING] : [1, from["err"] ?? NOTHING];
      };
    const indices = new Map<unknown, number>(type.cases.map(([name], index) => [name, index]));
    return (value) => {
      const from = isObject(value);
      const index = indices.get(from["tag"]);
      if (index === undefined) throw new TypeError(`${String(from["tag"])} is no case of a variant`);
      return [index, from["val"] ?? NOTHING];
    };
  };

  const isObject = (value: V): Readonly<Record<string, V>> => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not an object");
    return value as Readonly<Record<string, V>>;
  };

  const object = (value: V, names: readonly string[]): Readonly<Record<string, V>> => {
    const from = isObject(value);
    for (const name of names) if (!Object.hasOwn(from, name)) throw new TypeError(`a record without \`${name}\``);
    return from;
  };

  const array = (value: V): readonly V[] => {
    if (!Array.isArray(value)) throw new TypeError("not a list");
    return value as readonly V[];
  };

  return lower;
}

const storeBits = (size: number): ((view: DataView, pointer: number, bits: number) => void) =>
  size === 1
    ? (view, pointer, bits) => view.setUint8(pointer, bits)
    : size === 2
      ? (view, pointer, bits) => view.setUint16(pointer, bits, true)
      : (view, pointer, bits) => view.setUint32(pointer, bits, true);

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("not text");
  return value;
}

function whole(value: unknown, from: number, below: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < from || value >= below)
    throw new TypeError(`not an integer from ${from} to ${below - 1}`);
  return value;
}

function within(value: bigint, from: bigint, below: bigint): bigint {
  if (value < from || value >= below) throw new TypeError(`not an integer from ${from} to ${below - 1n}`);
  return value;
}

function scalarValue(value: unknown): number {
  const point = typeof value === "string" ? value.codePointAt(0) : undefined;
  if (point === undefined || String.fromCodePoint(point) !== value || (point >= 0xd800 && point <= 0xdfff))
    throw new TypeError("not one Unicode scalar value");
  return point;
}

const bits = new DataView(new ArrayBuffer(8));
const f32Bits = (value: number): number => (bits.setFloat32(0, value), bits.getInt32(0));
const f64Bits = (value: number): bigint => (bits.setFloat64(0, value), bits.getBigInt64(0));

/** A case's flat values in places wide enough for all cases, with zeros where it has none. */
function widening(own: readonly Flat[], have: readonly Flat[]): (values: readonly CoreValue[]) => CoreValue[] {
  const each = have.map((wide, index): ((value: CoreValue | undefined) => CoreValue) => {
    const narrow = own[index];
    if (narrow === undefined) return () => (wide === "i64" ? 0n : 0);
    if (narrow === wide) return (value) => value!;
    if (wide === "i32") return (value) => f32Bits(value as number);
    if (narrow === "f64") return (value) => f64Bits(value as number);
    return narrow === "f32" ? (value) => BigInt(f32Bits(value as number) >>> 0) : (value) => BigInt((value as number) >>> 0);
  });
  return (values) => each.map((convert, index) => convert(values[index]));
}
