/** What the rewriter must know of a module before it reaches its code: index spaces, types, and that every count is within its cap. */
import { Instructions } from "./instruction.js";
import type { MeterSettings } from "./limits.js";
import { RESERVED_MODULE, RESERVED_PREFIX } from "./protocol.js";
import type { Reader } from "./reader.js";
import { MeterError } from "./refusal.js";
import { ExternKind, readSections, type SectionName } from "./sections.js";
import {
  FUNCTION_TYPE,
  isFloat,
  readLimits,
  readRefType,
  readValueType,
  ValueType,
  type FunctionType,
  type Limits,
} from "./types.js";

export interface Shape {
  readonly sections: ReadonlyMap<SectionName, Reader>;
  readonly types: readonly FunctionType[];
  readonly importedFunctions: number;
  readonly importedGlobals: number;
  /** Type of each function, imported ones first. */
  readonly functions: readonly FunctionType[];
  /** Functions with a body. */
  readonly bodies: number;
  /** Type of each global, imported ones first. */
  readonly globals: readonly number[];
  readonly memories: readonly Limits[];
  /** The one that it defines, if it does: `memories` has imported ones, too. */
  readonly ownMemory: Limits | null;
  readonly tables: readonly Limits[];
  /** References to functions may come in from outside, or a table be changed there. */
  readonly sharesReferences: boolean;
}

/** Reads every section but code, elements and data. Does not change the readers of `sections`. */
export function readShape(bytes: Uint8Array, settings: MeterSettings): Shape {
  const { limits } = settings;
  const sections = readSections(bytes);
  const types: FunctionType[] = [];
  const functions: FunctionType[] = [];
  const globals: number[] = [];
  const memories: Limits[] = [];
  const tables: Limits[] = [];
  let sharesReferences = false;
  let importedFunctions = 0;
  let importedGlobals = 0;

  each(sections, "type", limits.types, (reader) => {
    const type = readFunctionType(reader, limits.arity);
    types.push(type);
    sharesReferences ||= [...type.params, ...type.results].includes(ValueType.funcref);
  });
  const typeAt = (reader: Reader): FunctionType => types[reader.u32()] ?? reader.fail("no such type");

  each(sections, "import", limits.imports, (reader) => {
    const at = reader.at;
    const module = reader.name();
    const name = reader.name();
    refuseReserved(module === RESERVED_MODULE || module.startsWith(RESERVED_PREFIX), `imports from ${module}`, at);
    refuseReserved(name.startsWith(RESERVED_PREFIX), `imports ${name}`, at);
    const kind = reader.byte();
    if (kind === ExternKind.func) {
      const type = typeAt(reader);
      // A host's float may carry any NaN: a single one is canonicalised where it arrives (nan.ts).
      if (type.results.length > 1 && type.results.some(isFloat))
        throw new MeterError("METER_UNSUPPORTED", `${module} ${name} returns several values, one of them a float`, at);
      functions.push(type);
      importedFunctions++;
    } else if (kind === ExternKind.table) {
      tables.push(readTable(reader));
      sharesReferences = true;
    } else if (kind === ExternKind.memory) memories.push(readLimits(reader, "memory"));
    else if (kind === ExternKind.global) {
      globals.push(readGlobalType(reader));
      importedGlobals++;
    } else throw new MeterError("METER_UNSUPPORTED", `an import of kind ${kind}`, reader.at - 1);
  });
  each(sections, "function", limits.functions, (reader) => functions.push(typeAt(reader)));
  each(sections, "table", limits.tables, (reader) => tables.push(readTable(reader)));
  let ownMemory: Limits | null = null;
  each(sections, "memory", 100, (reader) => memories.push((ownMemory = readLimits(reader, "memory"))));
  each(sections, "global", limits.globals, (reader) => {
    globals.push(readGlobalType(reader));
    skipConstant(reader);
  });
  each(sections, "export", limits.exports, (reader) => {
    const at = reader.at;
    const name = reader.name();
    refuseReserved(name.startsWith(RESERVED_PREFIX), `exports ${name}`, at);
    const kind = reader.byte();
    sharesReferences ||= kind === ExternKind.table;
    reader.u32();
  });
  sharesReferences ||= globals.includes(ValueType.funcref);

  if (memories.length > 1) throw new MeterError("METER_UNSUPPORTED", `${memories.length} memories, one is allowed`);
  if (tables.length > limits.tables)
    throw new MeterError("METER_TABLE", `${tables.length} tables, at most ${limits.tables} are allowed`);
  for (const { min } of memories)
    if (min > settings.memoryPages)
      throw new MeterError("METER_MEMORY", `a memory of ${min} pages at the start, at most ${settings.memoryPages} are allowed`);
  for (const { min } of tables)
    if (min > settings.tableElements)
      throw new MeterError(
        "METER_TABLE",
        `a table of ${min} elements at the start, at most ${settings.tableElements} are allowed`,
      );
  const bodies = functions.length - importedFunctions;
  return {
    sections,
    types,
    importedFunctions,
    importedGlobals,
    functions,
    bodies,
    globals,
    memories,
    ownMemory,
    tables,
    sharesReferences,
  };
}

function refuseReserved(reserved: boolean, what: string, at: number): void {
  if (reserved) throw new MeterError("METER_RESERVED_NAME", `the module ${what.slice(0, 200)}, a name reserved for metering`, at);
}

/** Calls `entry` for each entry of a section that is a vector. */
export function each(
  sections: ReadonlyMap<SectionName, Reader>,
  name: SectionName,
  most: number,
  entry: (reader: Reader, index: number) => void,
): void {
  const section = sections.get(name);
  if (!section) return;
  const reader = section.again();
  const count = reader.count(`${name} entries`, most);
  for (let index = 0; index < count; index++) entry(reader, index);
  reader.expectEnd(`the ${name} section`);
}

function readFunctionType(reader: Reader, arity: number): FunctionType {
  const at = reader.at;
  const form = reader.byte();
  if (form !== FUNCTION_TYPE)
    throw new MeterError("METER_UNSUPPORTED", `garbage-collected types (type form 0x${form.toString(16)})`, at);
  const list = (what: string): number[] => Array.from({ length: reader.count(what, arity) }, () => readValueType(reader));
  return { params: list("parameters"), results: list("results") };
}

function readTable(reader: Reader): Limits {
  readRefType(reader);
  return readLimits(reader, "table");
}

function readGlobalType(reader: Reader): number {
  const type = readValueType(reader);
  const at = reader.at;
  if (reader.byte() > 1) throw new MeterError("METER_UNSUPPORTED", "a shared global", at);
  return type;
}

const CONSTANT: ReadonlySet<string> = new Set([
  "i32.const",
  "i64.const",
  "f32.const",
  "f64.const",
  "v128.const",
  "ref.null",
  "ref.func",
  "global.get",
  // Extended constants: where position-independent modules put their data, from a base that is imported.
  "i32.add",
  "i32.sub",
  "i32.mul",
  "i64.add",
  "i64.sub",
  "i64.mul",
]);

/** Goes through a constant expression and hands each of its instructions to `visit`. */
export function readConstant(reader: Reader, visit: (instruction: Instructions) => void): void {
  const instruction = new Instructions(reader, 0);
  for (;;) {
    const { name } = instruction.next();
    if (name === "end") return;
    if (!CONSTANT.has(name)) throw new MeterError("METER_UNSUPPORTED", `${name} in a constant expression`, instruction.start);
    visit(instruction);
  }
}

function skipConstant(reader: Reader): void {
  readConstant(reader, () => undefined);
}
