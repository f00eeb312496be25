/** Functions across the border: parameters and results, built once per function. */
import { flatten, layout, MAX_FLAT_PARAMS } from "../../component/flat.js";
import { remembered } from "../../component/remembered.js";
import type { WitFunction } from "../../component/type.js";
import { GuestTrap } from "../inside/ends.js";
import type { Form } from "./form.js";
import { lifts, type Lifting } from "./lift.js";
import { lowers, type CoreValue, type Lowering } from "./lower.js";

/** A function that a guest calls. */
export interface HostFunction<V> {
  /** Takes the flat values of one call, without the one that says where the result goes. */
  readonly params: (from: Lifting, flat: readonly unknown[]) => V[];
  /** Whether a last flat value says where the result goes. */
  readonly resultInMemory: boolean;
  /** Gives the core result, if there is one. */
  readonly result: (into: Lowering, value: V, at: number) => CoreValue | undefined;
}
/** A function of a guest. */
export interface GuestFunction<V> {
  readonly params: (into: Lowering, values: readonly V[]) => CoreValue[];
  readonly result: (from: Lifting, core: unknown) => V | null;
}

export interface Signatures<V> {
  readonly host: (type: WitFunction) => HostFunction<V>;
  readonly guest: (type: WitFunction) => GuestFunction<V>;
}

export function signatures<V>(form: Form<V>): Signatures<V> {
  const lift = lifts(form);
  const lower = lowers(form);
  return { host: remembered(host), guest: remembered(guest) };

  function host(type: WitFunction): HostFunction<V> {
    const types = type.params.map(([, param]) => param);
    const count = types.flatMap(flatten).length;
    const expected = count > MAX_FLAT_PARAMS ? 1 : count;
    const resultInMemory = type.result !== null && flatten(type.result).length > 1;
    const all = lift({ kind: "tuple", items: types });
    const each = types.map(lift);
    const starts = types.map((_, index) => types.slice(0, index).flatMap(flatten).length);
    const spilled = layout({ kind: "tuple", items: types });
    const returned = type.result && lower(type.result);
    const room = type.result && layout(type.result);
    return {
      resultInMemory,
      params: (from, flat) => {
        if (flat.length !== expected) throw new GuestTrap("canonical ABI: another number of core values");
        if (count <= MAX_FLAT_PARAMS) return each.map((param, index) => param.flat(from, flat, starts[index]!));
        const pointer = Number(flat[0]) >>> 0;
        from.memory.check(pointer, spilled.size, spilled.align);
        return all.load(from, pointer) as unknown as V[];
      },
      result: (into, value, at) => {
        if (!returned || !room) return undefined;
        if (resultInMemory) {
          into.memory.check(at, room.size, room.align);
          returned.store(into, value, at);
          return undefined;
        }
        const flat: CoreValue[] = [];
        returned.flat(into, value, flat);
        return flat[0];
      },
    };
  }

  function guest(type: WitFunction): GuestFunction<V> {
    const types = type.params.map(([, param]) => param);
    const spilled = types.flatMap(flatten).length > MAX_FLAT_PARAMS;
    const each = types.map(lower);
    const all = lower({ kind: "tuple", items: types });
    const room = layout({ kind: "tuple", items: types });
    const result = type.result;
    const inMemory = result !== null && flatten(result).length > 1;
    const returned = result && lift(result);
    const place = result && layout(result);
    return {
      params: (into, values) => {
        if (spilled) {
          const pointer = into.reserve(room.align, room.size);
          all.store(into, values as unknown as V, pointer);
          return [pointer];
        }
        const flat: CoreValue[] = [];
        for (const [index, param] of each.entries()) param.flat(into, values[index]!, flat);
        return flat;
      },
      result: (from, core) => {
        if (!returned || !place) return null;
        if (!inMemory) return returned.flat(from, [core], 0);
        const pointer = Number(core) >>> 0;
        from.memory.check(pointer, place.size, place.align);
        return returned.load(from, pointer);
      },
    };
  }
}
