/**
 * Lifting: a guest's values become JSON (canonical ABI, "Loading" and "Flat Lifting"). Sizes are charged against a budget before
 * anything is allocated, since 64 MiB of guest memory can spell gigabytes by pointing at the same bytes many times.
 *
 * JSON forms: integers and floats are numbers (a `u64` beyond 2^53 − 1 a decimal string, NaN and infinities the strings `NaN`,
 * `Infinity`, `-Infinity`), `list<u8>` base64 text, records objects with `snake_case` members, tuples arrays, enums their name,
 * options the value or null, variants `{tag, val}`, results `{ok}` or `{err}`, handles whatever the host called the resource.
 */
import { alignTo, cases, flatten, layout, payloadOffset, type Choice, type Flat } from "../../component/flat.js";
import type { WitType } from "../../component/wit.js";
import type { Json } from "#core/json.js";
import { GuestTrap } from "../inside/ends.js";
import type { GuestMemory } from "./memory.js";
import type { Handles } from "./handles.js";

/** What one lifting may take: bytes of strings and 16 for each value. */
export class LiftBudget {
  used = 0;
  private readonly limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  take(amount: number): void {
    this.used += amount;
    if (this.used > this.limit) throw new LiftTooLarge(this.limit);
  }
}
export class LiftTooLarge extends Error {
  readonly limit: number;
  constructor(limit: number) {
    super(`more than ${limit} bytes`);
    this.limit = limit;
  }
}

const VALUE_COST = 16;

/** `kebab-case` as JSON has it. */
export const memberName = (name: string): string => name.replaceAll("-", "_");

export class Lifter {
  private readonly memory: GuestMemory | null;
  private readonly budget: LiftBudget;
  private readonly handles: Handles;
  constructor(memory: GuestMemory | null, budget: LiftBudget, handles: Handles) {
    this.memory = memory;
    this.budget = budget;
    this.handles = handles;
  }

  /** Parameters from flat core values. */
  params(types: readonly WitType[], flat: readonly unknown[]): Json[] {
    const values = new FlatValues(flat);
    const lifted = types.map((type) => this.flat(type, values));
    values.end();
    return lifted;
  }

  private flat(type: WitType, values: FlatValues): Json {
    this.budget.take(VALUE_COST);
    switch (type.kind) {
      case "u64":
        return u64(values.take("i64"));
      case "f32":
      case "f64":
        return float(values.take(type.kind));
      case "string":
      case "list": {
        const pointer = values.u32();
        return this.sequence(type, pointer, values.u32());
      }
      case "record":
        return Object.fromEntries(type.fields.map(([name, field]) => [memberName(name), this.flat(field, values)]));
      case "tuple":
        return type.items.map((item) => this.flat(item, values));
      case "variant":
      case "option":
      case "result":
        // No parameter of ours is flattened through a variant; what is needed is in memory, inside a list.
        throw new GuestTrap(`canonical ABI: a flat ${type.kind} (${flatten(type).length} values)`);
      default:
        return this.integer(type, values.u32());
    }
  }

  load(type: WitType, pointer: number): Json {
    this.budget.take(VALUE_COST);
    const { view } = this.at();
    switch (type.kind) {
      case "bool":
      case "u8":
      case "enum":
        return this.integer(type, view.getUint8(pointer));
      case "u16":
        return view.getUint16(pointer, true);
      case "u32":
      case "own":
      case "borrow":
        return this.integer(type, view.getUint32(pointer, true));
      case "u64":
        return u64(view.getBigUint64(pointer, true));
      case "f32":
        return float(view.getFloat32(pointer, true));
      case "f64":
        return float(view.getFloat64(pointer, true));
      case "string":
      case "list":
        return this.sequence(type, view.getUint32(pointer, true), view.getUint32(pointer + 4, true));
      case "record": {
        let at = pointer;
        return Object.fromEntries(
          type.fields.map(([name, field]) => {
            const { size, align } = layout(field);
            at = alignTo(at, align);
            const value = this.load(field, at);
            at += size;
            return [memberName(name), value];
          }),
        );
      }
      case "tuple": {
        let at = pointer;
        return type.items.map((item) => {
          const { size, align } = layout(item);
          at = alignTo(at, align);
          const value = this.load(item, at);
          at += size;
          return value;
        });
      }
      case "variant":
      case "option":
      case "result":
        return this.choice(type, pointer);
    }
  }

  private choice(type: Choice, pointer: number): Json {
    const index = this.at().view.getUint8(pointer);
    const payloads = cases(type);
    if (index >= payloads.length) throw new GuestTrap(`canonical ABI: case ${index} of a ${type.kind} with ${payloads.length}`);
    const payload = payloads[index] ?? null;
    const value = payload ? this.load(payload, pointer + payloadOffset(type)) : null;
    if (type.kind === "option") return value;
    if (type.kind === "result") return index === 0 ? { ok: value } : { err: value };
    return { tag: type.cases[index]![0], val: value };
  }

  private sequence(type: Extract<WitType, { kind: "string" | "list" }>, pointer: number, length: number): Json {
    const memory = this.at();
    if (type.kind === "string") {
      const bytes = memory.stringBytes(length);
      memory.check(pointer, bytes, memory.encoding === "utf8" ? 1 : 2);
      this.budget.take(bytes);
      return memory.readString(pointer, length);
    }
    const { size, align } = layout(type.of);
    memory.check(pointer, length * size, align);
    if (type.of.kind === "u8") {
      this.budget.take(length);
      return Buffer.from(memory.view.buffer, pointer, length).toString("base64");
    }
    this.budget.take(length * VALUE_COST);
    return Array.from({ length }, (_, index) => this.load(type.of, pointer + index * size));
  }

  private integer(type: WitType, value: number): Json {
    switch (type.kind) {
      case "bool":
        return value !== 0;
      case "u8":
        return value & 0xff;
      case "u16":
        return value & 0xffff;
      case "enum": {
        const name = type.names[value];
        if (name === undefined) throw new GuestTrap(`canonical ABI: case ${value} of an enum with ${type.names.length}`);
        return name;
      }
      case "own":
        return this.handles.take(type.resource, value);
      case "borrow":
        return this.handles.get(type.resource, value);
      default:
        return value;
    }
  }

  private at(): GuestMemory {
    if (!this.memory) throw new GuestTrap("canonical ABI: a value in memory, and no memory was named");
    return this.memory;
  }
}

/** Core values as they came from the engine. Which ones come follows from checked signatures; still nothing is believed. */
class FlatValues {
  private readonly values: readonly unknown[];
  private at = 0;
  constructor(values: readonly unknown[]) {
    this.values = values;
  }
  take(flat: Exclude<Flat, "i32">): number | bigint {
    const value = this.values[this.at++];
    if (typeof value !== (flat === "i64" ? "bigint" : "number"))
      throw new GuestTrap("canonical ABI: a core value of another type");
    return value as number | bigint;
  }
  u32(): number {
    const value = this.values[this.at++];
    if (typeof value !== "number") throw new GuestTrap("canonical ABI: a core value of another type");
    return value >>> 0;
  }
  end(): void {
    if (this.at !== this.values.length) throw new GuestTrap("canonical ABI: another number of core values");
  }
}

function u64(value: number | bigint): Json {
  const unsigned = BigInt.asUintN(64, BigInt(value));
  return unsigned <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(unsigned) : unsigned.toString();
}

function float(value: number | bigint): Json {
  const number = Number(value);
  // RFC 8785 knows one zero.
  return Number.isFinite(number) ? number + 0 : String(number);
}
