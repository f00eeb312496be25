/** The module, section by section, with what metering adds. */
import { Added } from "./added.js";
import { writeBody } from "./body.js";
import { branchHints } from "./branch-hints.js";
import { CallGraph } from "./calls.js";
import { LENGTH_CHARGES } from "./costs.js";
import { layoutOf, type Layout } from "./layout.js";
import type { MeterSettings } from "./limits.js";
import { planBody, type BodyPlan } from "./plan.js";
import { IMPORTS, LEFT_EXPORT, memoryImport, RESERVED_MODULE, START_EXPORT } from "./protocol.js";
import type { Reader } from "./reader.js";
import { MeterError } from "./refusal.js";
import { ExternKind, PREAMBLE, SECTION_ORDER, SectionId, type SectionName } from "./sections.js";
import { each, readConstant, type Shape } from "./shape.js";
import { FUNCTION_TYPE, readLimits, readRefType, readValueType, ValueType, type FunctionType, type Limits } from "./types.js";
import { Writer } from "./writer.js";

export interface Rewritten {
  readonly bytes: Uint8Array;
  readonly charges: number;
  readonly checkpoints: number;
}

export function rewrite(bytes: Uint8Array, shape: Shape, settings: MeterSettings): Rewritten {
  return new Rewriter(bytes, shape, settings).rewrite();
}

class Rewriter {
  readonly #shape: Shape;
  readonly #settings: MeterSettings;
  readonly #layout: Layout;
  readonly #added: Added;
  readonly #out: Writer;
  readonly #bytes: Uint8Array;
  /** Functions that something other than a direct call can reach: exports, elements, references, the start function. */
  readonly #escaping = new Set<number>();
  /** Exports and the start function. */
  readonly #exported = new Set<number>();
  #code = new Writer(0);
  #charges = 0;
  #checkpoints = 0;

  constructor(bytes: Uint8Array, shape: Shape, settings: MeterSettings) {
    this.#bytes = bytes;
    this.#shape = shape;
    this.#settings = settings;
    this.#layout = layoutOf(shape);
    this.#added = new Added(this.#layout, settings);
    this.#out = new Writer(64 * 1024);
  }

  rewrite(): Rewritten {
    this.#out.byte(...PREAMBLE);
    for (const name of SECTION_ORDER) this.#section(name);
    return { bytes: this.#out.finish(), charges: this.#charges, checkpoints: this.#checkpoints };
  }

  #put(id: number, content: Writer): void {
    this.#out.byte(id).sized(content);
  }

  #section(name: SectionName): void {
    const layout = this.#layout;
    switch (name) {
      case "type":
        return this.#extended(name, (reader, out) => this.#copy(reader, out, readFunctionTypeForm), [
          functionType({ params: [], results: [] }),
          functionType({ params: [], results: [ValueType.i32] }),
          functionType({ params: [ValueType.i32], results: [ValueType.i32] }),
        ]);
      case "import":
        return this.#extended(name, (reader, out) => this.#import(reader, out), this.#addedImports());
      case "function":
        return this.#extended(name, (reader, out) => out.u32(reader.u32()), [
          new Writer(5).u32(layout.plainType),
          ...LENGTH_CHARGES.map(() => new Writer(5).u32(layout.lengthType)),
        ]);
      case "table":
        return this.#extended(name, (reader, out) => this.#table(reader, out), []);
      case "memory":
        return; // it is an import now
      case "global":
        return this.#extended(name, (reader, out) => this.#global(reader, out), [this.#added.counter()]);
      case "export":
        return this.#extended(name, (reader, out) => this.#export(reader, out), [
          new Writer(32).name(LEFT_EXPORT).byte(ExternKind.global).u32(layout.left),
          ...this.#start(),
        ]);
      case "start":
        return; // it is an export now
      case "element":
        return this.#extended(name, (reader, out) => this.#element(reader, out), []);
      case "dataCount":
        // The engine heeds hints only in front of this section, so the code is rewritten here and written below.
        this.#code = this.#rewriteCode();
        return this.#verbatim(name);
      case "code":
        return this.#put(SectionId.code, this.#code);
      case "data":
        return this.#extended(name, (reader, out) => this.#data(reader, out), []);
      default:
        name satisfies never;
    }
  }

  /** A section that is a vector: the guest's entries, and what is added behind them. Left out where there is neither. */
  #extended(name: SectionName, entry: (reader: Reader, out: Writer) => unknown, added: readonly Writer[]): void {
    if (!this.#shape.sections.has(name) && added.length === 0) return;
    const entries = new Writer(1024);
    let count = 0;
    const segments = name === "element" || name === "data";
    each(this.#shape.sections, name, segments ? this.#settings.limits.segments : Infinity, (reader) => {
      entry(reader, entries);
      count++;
    });
    const content = new Writer(entries.length + 64).u32(count + added.length).raw(entries.view());
    for (const extra of added) content.raw(extra.view());
    this.#put(SectionId[name], content);
  }

  #verbatim(name: SectionName): void {
    const section = this.#shape.sections.get(name);
    if (section) this.#put(SectionId[name], new Writer(16).raw(section.bytes, section.from, section.end));
  }

  /** Copies what `read` goes through. */
  #copy(reader: Reader, out: Writer, read: (reader: Reader) => unknown): void {
    const at = reader.at;
    read(reader);
    out.raw(reader.bytes, at, reader.at);
  }

  #addedImports(): readonly Writer[] {
    const { answerType, plainType, lengthType } = this.#layout;
    const named = (name: string): Writer => new Writer(32).name(RESERVED_MODULE).name(name);
    const func = (name: string, type: number): Writer => named(name).byte(ExternKind.func).u32(type);
    return [
      func(IMPORTS.fuel, lengthType),
      func(IMPORTS.pause, answerType),
      func(IMPORTS.deep, plainType),
      named(IMPORTS.depth).byte(ExternKind.global, ValueType.i32, 1),
      named(IMPORTS.refused).byte(ExternKind.global, ValueType.i32, 1),
      ...this.#memory(),
    ];
  }

  /** The guest's own memory as an import: whoever links it says where it lies. Its index, the only one, stays. */
  #memory(): readonly Writer[] {
    const own = this.#shape.ownMemory;
    if (!own) return [];
    const maximum = this.#maximum(own, "memory");
    const name = memoryImport({ initial: own.min, maximum });
    return [new Writer(32).name(RESERVED_MODULE).name(name).byte(ExternKind.memory, 1).u32(own.min).u32(maximum)];
  }

  #import(reader: Reader, out: Writer): void {
    this.#copy(reader, out, () => {
      reader.name();
      reader.name();
    });
    const kind = reader.byte();
    out.byte(kind);
    if (kind === ExternKind.func) out.u32(reader.u32());
    else if (kind === ExternKind.table) this.#table(reader, out);
    else if (kind === ExternKind.memory) this.#limits(reader, out, "memory");
    else this.#copy(reader, out, readGlobalTypeForm);
  }

  #table(reader: Reader, out: Writer): void {
    out.byte(readRefType(reader));
    this.#limits(reader, out, "table");
  }

  /** A maximum for everything: the cap, or what is declared if that is less. Imports too, so that both sides of a link agree. */
  #limits(reader: Reader, out: Writer, what: "memory" | "table"): void {
    const limits = readLimits(reader, what);
    out.byte(1).u32(limits.min).u32(this.#maximum(limits, what));
  }

  #maximum({ max }: Limits, what: "memory" | "table"): number {
    const cap = what === "memory" ? this.#settings.memoryPages : this.#settings.tableElements;
    return Math.min(max ?? cap, cap);
  }

  /** The new index of a function that is reachable from elsewhere. */
  #escape(index: number): number {
    this.#escaping.add(index);
    return this.#layout.moveFunction(index);
  }

  #constant(reader: Reader, out: Writer): void {
    let from = reader.at;
    readConstant(reader, ({ opcode, immediate, a, end }) => {
      if (opcode.name !== "ref.func" && opcode.name !== "global.get") return;
      out.raw(reader.bytes, from, immediate);
      out.u32(opcode.name === "ref.func" ? this.#escape(a) : this.#layout.moveGlobal(a));
      from = end;
    });
    out.raw(reader.bytes, from, reader.at);
  }

  #global(reader: Reader, out: Writer): void {
    this.#copy(reader, out, readGlobalTypeForm);
    this.#constant(reader, out);
  }

  #export(reader: Reader, out: Writer): void {
    this.#copy(reader, out, () => reader.name());
    const at = reader.at;
    const kind = reader.byte();
    const index = reader.u32();
    out.byte(kind);
    if (kind === ExternKind.func) {
      this.#exported.add(index);
      out.u32(this.#escape(index));
    } else if (kind === ExternKind.global) out.u32(this.#layout.moveGlobal(index));
    else if (kind === ExternKind.table || kind === ExternKind.memory) out.u32(index);
    else throw new MeterError("METER_UNSUPPORTED", `an export of kind ${kind}`, at);
  }

  /** The guest's start function as an export, where it has one. */
  #start(): readonly Writer[] {
    const section = this.#shape.sections.get("start");
    if (!section) return [];
    const reader = section.again();
    const index = reader.u32();
    reader.expectEnd("the start section");
    this.#exported.add(index);
    return [new Writer(32).name(START_EXPORT).byte(ExternKind.func).u32(this.#escape(index))];
  }

  /** Section 5.5.12: eight forms by three bits: passive or declarative, explicit table or declared, expressions. */
  #element(reader: Reader, out: Writer): void {
    const at = reader.at;
    const form = reader.u32();
    if (form > 7) throw new MeterError("METER_UNSUPPORTED", `element segment of form ${form}`, at);
    const [active, explicit, expressions] = [(form & 1) === 0, (form & 2) !== 0, (form & 4) !== 0];
    out.u32(form);
    if (active && explicit) out.u32(reader.u32());
    if (active) this.#constant(reader, out);
    if (explicit || !active) {
      if (expressions) out.byte(readRefType(reader));
      else {
        if (reader.byte() !== 0) throw new MeterError("METER_UNSUPPORTED", "an element kind other than functions", reader.at - 1);
        out.byte(0);
      }
    }
    const count = reader.count("elements", this.#settings.tableElements);
    out.u32(count);
    for (let index = 0; index < count; index++) {
      if (expressions) this.#constant(reader, out);
      else out.u32(this.#escape(reader.u32()));
    }
  }

  /** Section 5.5.14: active in memory 0, passive, active in a named memory. */
  #data(reader: Reader, out: Writer): void {
    const at = reader.at;
    const form = reader.u32();
    if (form > 1)
      throw new MeterError("METER_UNSUPPORTED", form === 2 ? "multiple memories" : `data segment of form ${form}`, at);
    out.u32(form);
    if (form === 0) this.#constant(reader, out);
    const length = reader.u32();
    const from = reader.skip(length);
    out.u32(length).raw(reader.bytes, from, from + length);
  }

  #rewriteCode(): Writer {
    const { limits } = this.#settings;
    const shape = this.#shape;
    const plans: BodyPlan[] = [];
    each(shape.sections, "code", limits.functions, (reader, index) => {
      const type = shape.functions[shape.importedFunctions + index] ?? reader.fail("a body without a function");
      plans.push(planBody(reader.part(reader.u32()), type, shape, limits));
    });
    if (plans.length !== shape.bodies) throw new MeterError("METER_MALFORMED", "functions and bodies differ in number");
    const calls = new CallGraph(plans, shape, this.#escaping, this.#exported);
    const scene = { bytes: this.#bytes, added: this.#added, layout: this.#layout, calls, limits };
    const written = plans.map((plan, index) => writeBody(scene, index, plan));
    for (const { charges, checkpoints } of written) {
      this.#charges += charges;
      this.#checkpoints += checkpoints;
    }
    const bodies = written.map(({ body }) => body);
    const unlikely = written.map((body) => body.unlikely);
    bodies.push(this.#added.refuelBody(), ...this.#added.lengthBodies(shape.memories.length > 0));
    this.#put(SectionId.custom, branchHints(this.#layout.moveFunction(shape.importedFunctions), unlikely));
    const content = new Writer(bodies.reduce((sum, body) => sum + body.length + 5, 5)).u32(bodies.length);
    for (const body of bodies) content.sized(body);
    return content;
  }
}

function functionType({ params, results }: FunctionType): Writer {
  return new Writer(8)
    .byte(FUNCTION_TYPE)
    .u32(params.length)
    .byte(...params)
    .u32(results.length)
    .byte(...results);
}

/** These three go over what `readShape` has already checked. */
function readFunctionTypeForm(reader: Reader): void {
  reader.byte();
  for (let list = 0; list < 2; list++) reader.skip(reader.u32());
}
function readGlobalTypeForm(reader: Reader): void {
  readValueType(reader);
  reader.byte();
}
