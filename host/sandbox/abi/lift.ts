/**
 * Lifting: a guest's values become ours (canonical ABI, "Loading" and "Flat Lifting"). For each type the way is built once, as a
 * pair of closures, one for values in memory and one for flat values. Sizes are charged against a budget before anything is
 * allocated, since 64 MiB of guest memory can spell gigabytes by pointing at the same bytes many times.
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
import { common, memberName, type Form } from "./form.js";
import type { Handles } from "./handles.js";
import { NO_MEMORY, type GuestMemory } from "./memory.js";

/** What one lifting may take: bytes of strings and 16 for each value. */
export class LiftBudget {
  used = 0;
  private readonly limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  take(amount: number): void {
    this.used += amount;
    if (this.used > this.limit) throw new LiftTooLarge(this.limit, this.used);
  }
}
export class LiftTooLarge extends Error {
  readonly limit: number;
  /** As much as had been asked for when it was too much. */
  readonly used: number;
  constructor(limit: number, used: number) {
    super(`more than ${limit} bytes`);
    this.limit = limit;
    this.used = used;
  }
}

export const VALUE_COST = 16;

/** One lifting: nothing of the guest runs meanwhile. */
export class Lifting {
  readonly memory: GuestMemory;
  readonly view: DataView;
  readonly budget: LiftBudget;
  readonly handles: Handles;
  constructor(memory: GuestMemory | null, budget: LiftBudget, handles: Handles) {
    this.memory = memory ?? NO_MEMORY;
    this.view = this.memory.view;
    this.budget = budget;
    this.handles = handles;
  }
}

export interface Lift<V> {
  /** From memory. Whoever calls it has checked that a value of the type lies within bounds and is aligned. */
  readonly load: (from: Lifting, pointer: number) => V;
  /** From flat values, the first of which is number `at`. */
  readonly flat: (from: Lifting, values: readonly unknown[], at: number) => V;
}

/** Gives the way of lifting of each type, built when it is first asked for. */
export function lifts<V>(form: Form<V>): (type: WitType) => Lift<V> {
  const lift = remembered((type: WitType): Lift<V> => {
    switch (type.kind) {
      case "bool":
        return int8((value) => common(value !== 0));
      case "u8":
        return int8((value) => common(value & 0xff));
      case "s8":
        return int8((value) => common((value << 24) >> 24));
      case "u16":
        return int16((value) => common(value & 0xffff));
      case "s16":
        return int16((value) => common((value << 16) >> 16));
      case "u32":
        return int32((value) => common(value >>> 0));
      case "s32":
        return int32((value) => common(value | 0));
      case "char":
        return int32((value) => common(scalarValue(value >>> 0)));
      case "u64":
        return int64((value) => form.integer(BigInt.asUintN(64, value)));
      case "s64":
        return int64((value) => form.integer(BigInt.asIntN(64, value)));
      case "f32":
        return {
          load: ({ budget, view }, pointer) => (budget.take(VALUE_COST), form.float(view.getFloat32(pointer, true))),
          flat: ({ budget }, values, at) => (budget.take(VALUE_COST), form.float(number(values, at))),
        };
      case "f64":
        return {
          load: ({ budget, view }, pointer) => (budget.take(VALUE_COST), form.float(view.getFloat64(pointer, true))),
          flat: ({ budget }, values, at) => (budget.take(VALUE_COST), form.float(number(values, at))),
        };
      case "own":
        return handle(({ handles }, value) => form.handle(handles.take(type.resource, value)));
      case "borrow":
        return handle(({ handles }, value) => form.handle(handles.lend(type.resource, value)));
      case "string":
        return sequence(({ memory, budget }, pointer, length) => {
          const bytes = memory.stringBytes(length);
          memory.check(pointer, bytes, memory.stringAlign);
          budget.take(bytes);
          return common(memory.readString(pointer, length));
        });
      case "list":
        return sequence(list(type.of));
      case "record":
        return record(type.fields);
      case "tuple":
        return tuple(type.items);
      case "enum":
        return enumeration(type.names);
      case "flags":
        return flags(type.names);
      case "variant":
      case "option":
      case "result":
        return choice(type);
    }
  });

  /** Through an i32 that holds any bits: those beyond the type are taken away by `value`. */
  const int = (read: (view: DataView, pointer: number) => number, value: (bits: number) => V): Lift<V> => ({
    load: ({ budget, view }, pointer) => (budget.take(VALUE_COST), value(read(view, pointer))),
    flat: ({ budget }, values, at) => (budget.take(VALUE_COST), value(number(values, at))),
  });
  const int8 = (value: (bits: number) => V): Lift<V> => int((view, pointer) => view.getUint8(pointer), value);
  const int16 = (value: (bits: number) => V): Lift<V> => int((view, pointer) => view.getUint16(pointer, true), value);
  const int32 = (value: (bits: number) => V): Lift<V> => int((view, pointer) => view.getUint32(pointer, true), value);
  const sized = { 1: int8, 2: int16, 4: int32 } as const;
  const int64 = (value: (bits: bigint) => V): Lift<V> => ({
    load: ({ budget, view }, pointer) => (budget.take(VALUE_COST), value(view.getBigUint64(pointer, true))),
    flat: ({ budget }, values, at) => {
      budget.take(VALUE_COST);
      const bits = values[at];
      if (typeof bits !== "bigint") throw wrongCore();
      return value(bits);
    },
  });

  const handle = (value: (from: Lifting, handle: number) => V): Lift<V> => ({
    load: (from, pointer) => (from.budget.take(VALUE_COST), value(from, from.view.getUint32(pointer, true))),
    flat: (from, values, at) => (from.budget.take(VALUE_COST), value(from, number(values, at) >>> 0)),
  });

  const sequence = (value: (from: Lifting, pointer: number, length: number) => V): Lift<V> => ({
    load: (from, pointer) => {
      from.budget.take(VALUE_COST);
      return value(from, from.view.getUint32(pointer, true), from.view.getUint32(pointer + 4, true));
    },
    flat: (from, values, at) => {
      from.budget.take(VALUE_COST);
      return value(from, number(values, at) >>> 0, number(values, at + 1) >>> 0);
    },
  });

  const list = (of: WitType): ((from: Lifting, pointer: number, length: number) => V) => {
    const { size, align } = layout(of);
    if (of.kind === "u8")
      return ({ memory, view, budget }, pointer, length) => {
        memory.check(pointer, length, 1);
        budget.take(length);
        return form.bytes(new Uint8Array(view.buffer, pointer, length));
      };
    const { load } = lift(of);
    return (from, pointer, length) => {
      from.memory.check(pointer, length * size, align);
      from.budget.take(length * VALUE_COST);
      const items: V[] = [];
      for (let index = 0; index < length; index++) items.push(load(from, pointer + index * size));
      return common(items);
    };
  };

  const record = (fields: readonly (readonly [string, WitType])[]): Lift<V> => {
    const types = fields.map(([, type]) => type);
    const names = fields.map(([name]) => memberName(name));
    const inner = types.map(lift);
    const { memory, flat } = offsets(types);
    const object = (member: (index: number) => V): V => {
      const made: Record<string, V> = {};
      for (let index = 0; index < names.length; index++) made[names[index]!] = member(index);
      return common(made);
    };
    return {
      load: (from, pointer) => {
        from.budget.take(VALUE_COST);
        return object((index) => inner[index]!.load(from, pointer + memory[index]!));
      },
      flat: (from, values, at) => {
        from.budget.take(VALUE_COST);
        return object((index) => inner[index]!.flat(from, values, at + flat[index]!));
      },
    };
  };

  const tuple = (types: readonly WitType[]): Lift<V> => {
    const inner = types.map(lift);
    const { memory, flat } = offsets(types);
    return {
      load: (from, pointer) => {
        from.budget.take(VALUE_COST);
        return common(inner.map((item, index) => item.load(from, pointer + memory[index]!)));
      },
      flat: (from, values, at) => {
        from.budget.take(VALUE_COST);
        return common(inner.map((item, index) => item.flat(from, values, at + flat[index]!)));
      },
    };
  };

  const enumeration = (names: readonly string[]): Lift<V> =>
    sized[discriminantSize(names.length)]((bits) => {
      const name = names[bits >>> 0];
      if (name === undefined) throw noCase(bits, "enum", names.length);
      return common(name);
    });

  /** Bits that no flag has are taken no notice of. */
  const flags = (names: readonly string[]): Lift<V> => {
    const members = names.map(memberName);
    return int(loadBits(layout({ kind: "flags", names }).size), (bits) => {
      const made: Record<string, V> = {};
      for (let index = 0; index < members.length; index++) made[members[index]!] = common((bits & (1 << index)) !== 0);
      return common(made);
    });
  };

  const choice = (type: Choice): Lift<V> => {
    const payloads = cases(type);
    const inner = payloads.map((payload) => (payload ? lift(payload) : null));
    const offset = payloadOffset(type);
    const read = loadBits(discriminantSize(payloads.length));
    const have = flatten(type).slice(1);
    const narrow = payloads.map((payload) => narrowing(have, payload ? flatten(payload) : []));
    const wrap = wrapping(type);
    const checked = (index: number): number => {
      if (index >= payloads.length) throw noCase(index, type.kind, payloads.length);
      return index;
    };
    return {
      load: (from, pointer) => {
        from.budget.take(VALUE_COST);
        const index = checked(read(from.view, pointer));
        return wrap(index, inner[index]?.load(from, pointer + offset) ?? common<V>(null));
      },
      flat: (from, values, at) => {
        from.budget.take(VALUE_COST);
        const index = checked(number(values, at) >>> 0);
        const payload = inner[index];
        if (!payload) return wrap(index, common<V>(null));
        const narrowed = narrow[index];
        return wrap(index, narrowed ? payload.flat(from, narrowed(values, at + 1), 0) : payload.flat(from, values, at + 1));
      },
    };
  };

  const wrapping = (type: Choice): ((index: number, payload: V) => V) => {
    if (type.kind === "option") return (_, payload) => payload;
    if (type.kind === "result") return (index, payload) => common(index === 0 ? { ok: payload } : { err: payload });
    return (index, payload) => common({ tag: common<V>(type.cases[index]![0]), val: payload });
  };

  return lift;
}

const loadBits = (size: number): ((view: DataView, pointer: number) => number) =>
  size === 1
    ? (view, pointer) => view.getUint8(pointer)
    : size === 2
      ? (view, pointer) => view.getUint16(pointer, true)
      : (view, pointer) => view.getUint32(pointer, true);

/** A core value as it came from the engine. Which ones come follows from checked signatures; still nothing is believed. */
function number(values: readonly unknown[], at: number): number {
  const value = values[at];
  if (typeof value !== "number") throw wrongCore();
  return value;
}

const wrongCore = (): GuestTrap => new GuestTrap("canonical ABI: a core value of another type");
const noCase = (index: number, kind: string, count: number): GuestTrap =>
  new GuestTrap(`canonical ABI: case ${index >>> 0} of ${/^[eo]/.test(kind) ? "an" : "a"} ${kind} with ${count}`);

function scalarValue(value: number): string {
  if (value >= 0x11_0000 || (value >= 0xd800 && value <= 0xdfff))
    throw new GuestTrap(`canonical ABI: 0x${value.toString(16)} is no Unicode scalar value`);
  return String.fromCodePoint(value);
}

const bits = new DataView(new ArrayBuffer(8));
const f32Of = (value: number): number => (bits.setUint32(0, value >>> 0), bits.getFloat32(0));
const f64Of = (value: bigint): number => (bits.setBigUint64(0, BigInt.asUintN(64, value)), bits.getFloat64(0));

/** A case's flat values travel in places wide enough for all cases; null where they are what they are. */
function narrowing(have: readonly Flat[], want: readonly Flat[]): ((values: readonly unknown[], at: number) => unknown[]) | null {
  if (want.every((flat, index) => flat === have[index])) return null;
  return (values, at) =>
    want.map((flat, index) => {
      const value = values[at + index];
      const from = have[index];
      if (from === flat) return value;
      if (from === "i32") {
        if (typeof value !== "number") throw wrongCore();
        return f32Of(value);
      }
      if (typeof value !== "bigint") throw wrongCore();
      if (flat === "f64") return f64Of(value);
      const low = Number(BigInt.asUintN(32, value));
      return flat === "f32" ? f32Of(low) : low;
    });
}
