/**
 * Reads one function and says what is to be written into it: an edit list in the order of the code. What an edit costs, and
 * whether a float is replaced, is known only at the end (regions and origins), so edits carry numbers to ask with.
 */
import { BY_LENGTH, costOf, ENTRY_COST, IMPORT_COST, type ByLength } from "./costs.js";
import { Instructions } from "./instruction.js";
import type { MeterLimits } from "./limits.js";
import { floatRole, Origins, Value } from "./nan.js";
import { Operands } from "./operands.js";
import type { Reader } from "./reader.js";
import { MeterError } from "./refusal.js";
import { Regions, type Region } from "./regions.js";
import type { Shape } from "./shape.js";
import { isFloat, readValueType, slotsOfAll, ValueType, type FunctionType } from "./types.js";

export type Lanes = "f32" | "f64" | "f32x4" | "f64x2";

/** `at` is where it goes in; `until` is where the guest's code goes on (beyond `at` where an index is replaced). */
export type Edit = { readonly at: number; readonly until: number } & (
  | { readonly kind: "charge"; readonly region: Region; readonly checkpoint: boolean }
  /** In front of a call, and behind it. `callee` is null for a call through a table. */
  | { readonly kind: "call"; readonly call: CallSite }
  | { readonly kind: "called"; readonly call: CallSite }
  | { readonly kind: "length"; readonly charge: ByLength }
  | { readonly kind: "function"; readonly index: number }
  | { readonly kind: "global"; readonly index: number }
  | { readonly kind: "canonical"; readonly lanes: Lanes; readonly origin: number }
);

/** A call that can be reached. `callee` is null for a call through a table. */
export interface CallSite {
  readonly region: Region;
  readonly callee: number | null;
  /** False if a trap stands right behind it. */
  readonly returns: boolean;
}

export interface BodyPlan {
  readonly edits: readonly Edit[];
  readonly regions: Regions;
  readonly origins: Origins;
  /** Types of parameters and locals. */
  readonly locals: readonly number[];
  /** Declared groups of locals, and where the declarations and the code begin. */
  readonly localGroups: number;
  readonly localsAt: number;
  readonly codeAt: number;
  readonly end: number;
  readonly calls: readonly CallSite[];
  readonly loops: boolean;
  /** Slots of eight bytes of its frame: parameters, locals and the highest operand stack. */
  readonly slots: number;
}

/** Operand of a replacement that is not an origin: always done. */
export const ALWAYS = -1;

export function planBody(reader: Reader, type: FunctionType, shape: Shape, limits: MeterLimits): BodyPlan {
  return new Planner(reader, type, shape, limits).plan();
}

class Planner {
  readonly #reader: Reader;
  readonly #type: FunctionType;
  readonly #shape: Shape;
  readonly #limits: MeterLimits;
  readonly #edits: Edit[] = [];
  readonly #locals: number[];
  readonly #regions = new Regions(ENTRY_COST);
  readonly #origins: Origins;
  readonly #operands: Operands;
  readonly #instruction: Instructions;
  readonly #localGroups: number;
  readonly #localsAt: number;
  readonly #codeAt: number;
  readonly #localSlots: number;
  readonly #calls: CallSite[] = [];
  #loops = false;
  #branches = 0;
  #merges = 0;

  constructor(reader: Reader, type: FunctionType, shape: Shape, limits: MeterLimits) {
    this.#reader = reader;
    this.#type = type;
    this.#shape = shape;
    this.#limits = limits;
    this.#localGroups = reader.count("groups of locals", limits.locals);
    this.#localsAt = reader.at;
    this.#locals = this.#readLocals();
    this.#codeAt = reader.at;
    this.#localSlots = slotsOfAll(this.#locals);
    this.#origins = new Origins(this.#locals, type.params.length);
    this.#operands = new Operands(this.#origins, type.results);
    this.#instruction = new Instructions(reader, limits.branches);
  }

  plan(): BodyPlan {
    const reader = this.#reader;
    this.#charge(this.#codeAt, this.#regions.current, true);
    while (this.#regions.depth > 0) {
      this.#instruction.next();
      this.#step();
    }
    reader.expectEnd("a function body");
    this.#origins.settle();
    return {
      edits: this.#edits,
      regions: this.#regions,
      origins: this.#origins,
      locals: this.#locals,
      localGroups: this.#localGroups,
      localsAt: this.#localsAt,
      codeAt: this.#codeAt,
      end: reader.end,
      calls: this.#calls,
      loops: this.#loops,
      slots: this.#localSlots + this.#operands.mostSlots,
    };
  }

  #readLocals(): number[] {
    const locals = [...this.#type.params];
    for (let group = 0; group < this.#localGroups; group++) {
      const count = this.#reader.u32();
      const type = readValueType(this.#reader);
      for (let index = 0; index < count; index++) locals.push(type);
    }
    return locals;
  }

  #charge(at: number, region: Region, checkpoint: boolean): void {
    this.#edits.push({ at, until: at, kind: "charge", region, checkpoint });
  }

  /** A branch or a merge, of which the optimising compiler keeps a copy of every slot. */
  #merge(count: number): void {
    this.#branches += count;
    this.#merges += count * (this.#localSlots + this.#operands.slots);
    if (this.#branches > this.#limits.branches)
      throw new MeterError(
        "METER_TOO_LARGE",
        `more than ${this.#limits.branches} branches in one function`,
        this.#instruction.start,
      );
    if (this.#merges > this.#limits.merges)
      throw new MeterError("METER_TOO_LARGE", "too many branches over too many locals in one function", this.#instruction.start);
  }

  #step(): void {
    const { opcode, start, end, a } = this.#instruction;
    if (this.#regions.live) {
      const charge = BY_LENGTH[opcode.name];
      if (charge) this.#edits.push({ at: start, until: start, kind: "length", charge });
      if (opcode.name === "call" || opcode.name === "call_indirect") {
        const callee = opcode.name === "call" ? a : null;
        const call = { region: this.#regions.current, callee, returns: this.#reader.bytes[end] !== 0x00 };
        this.#calls.push(call);
        this.#edits.push({ at: start, until: start, kind: "call", call });
      }
    }
    this.#move();
    this.#regions.spend(costOf(opcode));
    if (this.#control()) return;
    if (!this.#regions.live) return;
    if (opcode.takes === null || opcode.gives === null) return this.#bespoke();
    this.#plain(opcode.takes, opcode.gives, end);
  }

  /** Indices of functions and globals move up, in code that cannot be reached as well. */
  #move(): void {
    const { opcode, immediate, a, end } = this.#instruction;
    if (opcode.immediate === "func") this.#edits.push({ at: immediate, until: end, kind: "function", index: a });
    if (opcode.immediate === "global") this.#edits.push({ at: immediate, until: end, kind: "global", index: a });
  }

  #control(): boolean {
    const instruction = this.#instruction;
    const regions = this.#regions;
    const operands = this.#operands;
    const { live } = regions;
    switch (instruction.opcode.name) {
      case "unreachable":
        regions.die();
        return true;
      case "block":
      case "loop":
      case "if":
        this.#enter(instruction.opcode.name, live);
        return true;
      case "else":
        operands.else(live);
        regions.else();
        if (regions.live) this.#charge(instruction.end, regions.current, false);
        return true;
      case "end":
        if (regions.depth > 0) operands.end(live);
        if (regions.end()) this.#charge(instruction.end, regions.current, false);
        if (regions.depth > 0) this.#merge(1);
        return true;
      case "br":
      case "br_if":
      case "br_table":
        this.#branch(live);
        return true;
      case "return":
        if (live) operands.leaveFunction();
        regions.leaveFunction();
        regions.die();
        return true;
      default:
        return false;
    }
  }

  #enter(kind: "block" | "loop" | "if", live: boolean): void {
    if (kind !== "block") this.#merge(1);
    if (kind === "loop" && live) this.#loops = true;
    const { params, results } = this.#blockType();
    if (kind === "if" && live) this.#operands.pop();
    this.#operands.enter(params, results, kind === "loop", live);
    this.#regions.enter(kind);
    if (kind !== "block" && live) this.#charge(this.#instruction.end, this.#regions.current, kind === "loop");
  }

  #blockType(): FunctionType {
    const { blockType } = this.#instruction;
    if (blockType === null) return { params: [], results: [] };
    if (blockType > 0) return { params: [], results: [blockType] };
    return this.#shape.types[-1 - blockType] ?? this.#reader.fail("no such type");
  }

  #branch(live: boolean): void {
    const { opcode, a, labels, start, end } = this.#instruction;
    const depths = opcode.name === "br_table" ? labels : [a];
    for (const depth of depths) if (depth >= this.#regions.depth) this.#reader.fail("no such label", start);
    this.#merge(depths.length);
    if (!live) return;
    if (opcode.name !== "br") this.#operands.pop();
    for (const depth of new Set(depths)) this.#operands.branch(depth);
    this.#regions.branch(depths, opcode.name !== "br");
    if (opcode.name === "br_if") {
      this.#regions.fork();
      this.#charge(end, this.#regions.current, false);
    } else this.#regions.die();
  }

  /** Instructions whose types stand in their immediates or on the stack. */
  #bespoke(): void {
    const { opcode, a, b, end } = this.#instruction;
    const operands = this.#operands;
    switch (opcode.name) {
      case "call": {
        const type = this.#shape.functions[a] ?? this.#reader.fail("no such function");
        if (a < this.#shape.importedFunctions) this.#regions.spend(IMPORT_COST);
        return this.#call(type, a);
      }
      case "call_indirect": {
        const type = this.#shape.types[a] ?? this.#reader.fail("no such type");
        if (b >= this.#shape.tables.length) this.#reader.fail("no such table");
        operands.pop();
        return this.#call(type, null);
      }
      case "drop":
        operands.pop();
        return;
      case "select":
      case "select_t": {
        operands.pop();
        const [one, other] = [operands.observe(), operands.observe()];
        operands.push(one === other && one < 3 ? one : one === Value.vector ? Value.vector : Value.own);
        return;
      }
      case "local.get":
        operands.push(this.#localValue(a, end));
        return;
      case "local.set":
        this.#origins.written(operands.pop(), a);
        return;
      case "local.tee": {
        const value = operands.pop();
        this.#origins.written(value, a);
        operands.push(value);
        return;
      }
      case "global.get":
        operands.push(this.#shape.globals[a] === ValueType.v128 ? Value.vector : Value.own);
        return;
      case "global.set":
        operands.observe();
        return;
      default:
        throw new MeterError("METER_UNSUPPORTED", opcode.name, this.#instruction.start);
    }
  }

  #localValue(local: number, end: number): number {
    const type = this.#locals[local] ?? this.#reader.fail("no such local");
    if (type === ValueType.v128) return Value.vector;
    const value = this.#origins.read(local);
    if (value >= 3) this.#canonical(type === ValueType.f32 ? "f32" : "f64", value, end);
    return value;
  }

  #canonical(lanes: Lanes, origin: number, at: number): void {
    this.#edits.push({ at, until: at, kind: "canonical", lanes, origin });
  }

  #call({ params, results }: FunctionType, callee: number | null): void {
    const { end } = this.#instruction;
    const imported = callee !== null && callee < this.#shape.importedFunctions;
    this.#operands.observeAll(params);
    const [only] = results;
    if (imported && only !== undefined && isFloat(only)) {
      const origin = this.#origins.made();
      this.#canonical(only === ValueType.f32 ? "f32" : "f64", origin, end);
      this.#operands.push(origin);
    } else this.#operands.pushTypes(results);
    this.#edits.push({ at: end, until: end, kind: "called", call: this.#calls.at(-1) as CallSite });
  }

  #plain(takes: string, gives: string, end: number): void {
    const role = floatRole(this.#instruction.opcode);
    for (let index = takes.length; index > 0; index--) {
      if (role.absorbs) this.#operands.pop();
      else this.#operands.observe();
    }
    if (role.lanes) this.#canonical(role.lanes, ALWAYS, end);
    if (role.result === "arithmetic") {
      const origin = this.#origins.made();
      this.#canonical(gives === "f" ? "f32" : "f64", origin, end);
      this.#operands.push(origin);
    } else if (gives !== "") this.#operands.push(this.#given(gives, role.result === "number"));
  }

  #given(gives: string, number: boolean): number {
    if (gives === "v") return Value.vector;
    return number || this.#isNumber() ? Value.number : Value.own;
  }

  /** A float constant that is not a NaN. */
  #isNumber(): boolean {
    const { opcode, immediate } = this.#instruction;
    const { bytes } = this.#reader;
    if (opcode.name === "f32.const")
      return !Number.isNaN(new DataView(bytes.buffer, bytes.byteOffset + immediate).getFloat32(0, true));
    if (opcode.name === "f64.const")
      return !Number.isNaN(new DataView(bytes.buffer, bytes.byteOffset + immediate).getFloat64(0, true));
    return false;
  }
}
