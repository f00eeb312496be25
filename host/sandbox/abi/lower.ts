/**
 * Lowering: JSON becomes a guest's values (canonical ABI, "Storing" and "Flat Lowering"); the forms are those of `lift.ts`. The
 * JSON comes from the control process and fits by its construction; a `TypeError` here is a mistake of ours, not of the guest.
 */
import { alignTo, cases, layout, payloadOffset, type Choice } from "../../component/flat.js";
import type { WitType } from "../../component/wit.js";
import { isObject, type Json } from "./json.js";
import { GuestTrap } from "../inside/ends.js";
import type { Handles } from "./handles.js";
import { memberName } from "./lift.js";
import type { GuestMemory } from "./memory.js";

export class Lowerer {
  /** Bytes written, for the account. */
  written = 0;
  private readonly memory: GuestMemory;
  /** `cabi_realloc(0, 0, align, size)`. */
  private readonly allocate: (align: number, size: number) => number;
  private readonly handles: Handles;
  constructor(memory: GuestMemory, allocate: (align: number, size: number) => number, handles: Handles) {
    this.memory = memory;
    this.allocate = allocate;
    this.handles = handles;
  }

  /** Flat core values of a parameter. */
  flat(type: WitType, value: Json): (number | bigint)[] {
    switch (type.kind) {
      case "string": {
        return this.string(text(value));
      }
      case "list":
        return this.list(type.of, value);
      case "record": {
        const object = members(type, value);
        return type.fields.flatMap(([name, field]) => this.flat(field, object[memberName(name)]!));
      }
      case "u32":
        return [integer(value, 2 ** 32)];
      case "bool":
        return [value === true ? 1 : 0];
      default:
        throw new TypeError(`no parameter of ours is a flat ${type.kind}`);
    }
  }

  store(type: WitType, value: Json, pointer: number): void {
    // Strings and lists allocate, and allocation may grow the memory: the view is asked for after it, each time.
    const view = (): DataView => this.memory.view;
    const { size, align } = layout(type);
    this.memory.check(pointer, size, align);
    this.written += size;
    switch (type.kind) {
      case "bool":
        return view().setUint8(pointer, value === true ? 1 : 0);
      case "u8":
        return view().setUint8(pointer, integer(value, 2 ** 8));
      case "u16":
        return view().setUint16(pointer, integer(value, 2 ** 16), true);
      case "u32":
        return view().setUint32(pointer, integer(value, 2 ** 32), true);
      case "u64":
        return view().setBigUint64(pointer, u64(value), true);
      case "f32":
        return view().setFloat32(pointer, float(value), true);
      case "f64":
        return view().setFloat64(pointer, float(value), true);
      case "enum": {
        const index = type.names.indexOf(text(value));
        if (index < 0) throw new TypeError(`${JSON.stringify(value)} is none of ${type.names.join(", ")}`);
        return view().setUint8(pointer, index);
      }
      case "own":
        return view().setUint32(pointer, this.handles.add(type.resource, value), true);
      case "borrow":
        throw new TypeError("the host lends nothing");
      case "string":
      case "list": {
        const [at, length] = type.kind === "string" ? this.string(text(value)) : this.list(type.of, value);
        view().setUint32(pointer, at, true);
        view().setUint32(pointer + 4, length, true);
        return;
      }
      case "record": {
        const object = members(type, value);
        let at = pointer;
        for (const [name, field] of type.fields) {
          at = this.storeAt(field, object[memberName(name)]!, at);
        }
        return;
      }
      case "tuple": {
        if (!Array.isArray(value) || value.length !== type.items.length)
          throw new TypeError(`not a tuple of ${type.items.length}`);
        let at = pointer;
        for (const [index, item] of type.items.entries()) at = this.storeAt(item, (value as Json[])[index]!, at);
        return;
      }
      case "variant":
      case "option":
      case "result": {
        const [index, payload] = choose(type, value);
        view().setUint8(pointer, index);
        const payloadType = cases(type)[index];
        if (payloadType) this.store(payloadType, payload, pointer + payloadOffset(type));
      }
    }
  }

  private storeAt(type: WitType, value: Json, from: number): number {
    const { size, align } = layout(type);
    const at = alignTo(from, align);
    this.store(type, value, at);
    return at + size;
  }

  private string(value: string): [pointer: number, units: number] {
    const { bytes, units, align } = this.memory.encode(value);
    const pointer = this.reserve(align, bytes.length);
    this.memory.write(pointer, bytes);
    this.written += bytes.length;
    return [pointer, units];
  }

  private list(of: WitType, value: Json): [pointer: number, length: number] {
    if (of.kind === "u8" && typeof value === "string") {
      const bytes = Buffer.from(value, "base64");
      const pointer = this.reserve(1, bytes.length);
      this.memory.write(pointer, bytes);
      this.written += bytes.length;
      return [pointer, bytes.length];
    }
    if (!Array.isArray(value)) throw new TypeError("not a list");
    const { size, align } = layout(of);
    const pointer = this.reserve(align, size * value.length);
    for (const [index, item] of (value as Json[]).entries()) this.store(of, item, pointer + index * size);
    return [pointer, value.length];
  }

  private reserve(align: number, size: number): number {
    if (size >= 2 ** 31) throw new GuestTrap("canonical ABI: a value of 2 GiB or more");
    const pointer = this.allocate(align, size) >>> 0;
    this.memory.check(pointer, size, align);
    return pointer;
  }
}

function choose(type: Choice, value: Json): [index: number, payload: Json] {
  if (type.kind === "option") return value === null ? [0, null] : [1, value];
  if (!isObject(value)) throw new TypeError(`not a ${type.kind}`);
  if (type.kind === "result") return Object.hasOwn(value, "ok") ? [0, value["ok"] ?? null] : [1, value["err"] ?? null];
  const index = type.cases.findIndex(([name]) => name === value["tag"]);
  if (index < 0) throw new TypeError(`${JSON.stringify(value["tag"])} is no case of a variant`);
  return [index, value["val"] ?? null];
}

function members(type: Extract<WitType, { kind: "record" }>, value: Json): Readonly<Record<string, Json>> {
  if (!isObject(value)) throw new TypeError("not a record");
  for (const [name] of type.fields)
    if (!Object.hasOwn(value, memberName(name))) throw new TypeError(`a record without \`${memberName(name)}\``);
  return value;
}

function text(value: Json): string {
  if (typeof value !== "string") throw new TypeError("not text");
  return value;
}

function integer(value: Json, below: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= below)
    throw new TypeError(`not an integer below ${below}`);
  return value;
}

function u64(value: Json): bigint {
  if (
    (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) ||
    (typeof value === "string" && /^[0-9]{1,20}$/.test(value))
  ) {
    const big = BigInt(value);
    if (big < 1n << 64n) return big;
  }
  throw new TypeError("not a u64");
}

function float(value: Json): number {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  throw new TypeError("not a number");
}
