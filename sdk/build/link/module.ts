/** A core module's sections as data, and the core modules of a component. */
import { Cursor, unexpected } from "./bytes.js";
import { constantValue } from "./instructions.js";

export const Kind = { func: 0, table: 1, memory: 2, global: 3 } as const;

export interface Import {
  readonly module: string;
  readonly name: string;
  readonly kind: number;
  /** Of a function: its type. */
  readonly type: number;
  /** Whether a global can be set. */
  readonly mutable: boolean;
}
export interface Segment {
  /** Constant expression of its offset. */
  readonly offset: Cursor;
  readonly table: number;
  readonly functions: readonly number[];
}
export interface CoreModule {
  /** Whether it has a start function. */
  readonly starts: boolean;
  /** Each type as it is written. */
  readonly types: readonly Uint8Array[];
  readonly imports: readonly Import[];
  readonly exports: ReadonlyMap<string, { readonly kind: number; readonly index: number }>;
  /** Type of each function that it defines. */
  readonly functions: readonly number[];
  readonly bodies: readonly Uint8Array[];
  /** Globals that it defines: type, mutability and the constant expression, as written. */
  readonly globals: readonly { readonly type: number; readonly mutable: boolean; readonly value: Uint8Array }[];
  /** The definition of its table and of its memory, as written; null where they are imported. */
  readonly table: Uint8Array | null;
  readonly memory: Uint8Array | null;
  readonly elements: readonly Segment[];
  readonly data: readonly Uint8Array[];
}

const CORE_MODULE = 1;
const COMPONENT = 4;

/** The core modules of a component and of those inside it, each with the component that it stands in. */
export function coreModules(component: Uint8Array, path = ""): readonly { readonly path: string; readonly module: CoreModule }[] {
  const cursor = new Cursor(component, 8);
  const found: { path: string; module: CoreModule }[] = [];
  for (let count = 0; !cursor.done; count++) {
    const id = cursor.byte();
    const content = cursor.take(cursor.u32());
    if (id === CORE_MODULE) found.push({ path, module: readModule(content) });
    if (id === COMPONENT) found.push(...coreModules(content, `${path}/${count}`));
  }
  return found;
}

export function sectionsOf(module: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const cursor = new Cursor(module, 8);
  const sections = new Map<number, Uint8Array>();
  while (!cursor.done) sections.set(cursor.byte(), cursor.take(cursor.u32()));
  return sections;
}

export function readImports(module: Uint8Array): readonly Import[] {
  const cursor = new Cursor(sectionsOf(module).get(2) ?? new Uint8Array(1));
  return Array.from({ length: cursor.u32() }, () => readImport(cursor));
}

export function readModule(module: Uint8Array): CoreModule {
  const sections = sectionsOf(module);
  const list = <T>(id: number, read: (cursor: Cursor) => T): T[] => {
    const cursor = new Cursor(sections.get(id) ?? new Uint8Array(1));
    return Array.from({ length: cursor.u32() }, () => read(cursor));
  };
  const tables = list(4, (cursor) => written(cursor, skipTable));
  const memories = list(5, (cursor) => written(cursor, skipLimits));
  return {
    starts: sections.has(8),
    types: list(1, (cursor) => written(cursor, skipFunctionType)),
    imports: readImports(module),
    functions: list(3, (cursor) => cursor.u32()),
    table: tables[0] ?? null,
    memory: memories[0] ?? null,
    globals: list(6, (cursor) => ({
      type: cursor.byte(),
      mutable: cursor.byte() === 1,
      value: written(cursor, skipConstant),
    })),
    exports: new Map(list(7, (cursor) => [cursor.name(), { kind: cursor.byte(), index: cursor.u32() }] as const)),
    elements: list(9, readSegment),
    bodies: list(10, (cursor) => cursor.take(cursor.u32())),
    data: list(11, readData).filter((data) => data !== null),
  };
}

function written(cursor: Cursor, skip: (cursor: Cursor) => void): Uint8Array {
  const start = cursor.at;
  skip(cursor);
  return cursor.bytes.subarray(start, cursor.at);
}

function skipFunctionType(cursor: Cursor): void {
  if (cursor.byte() !== 0x60) throw unexpected("a type that is no function's");
  cursor.take(cursor.u32());
  cursor.take(cursor.u32());
}

function skipLimits(cursor: Cursor): void {
  const flags = cursor.byte();
  cursor.skipNumber();
  if ((flags & 1) !== 0) cursor.skipNumber();
}

function skipTable(cursor: Cursor): void {
  cursor.take(1);
  skipLimits(cursor);
}

/** Constants of numbers may hold the byte that ends an expression, so it is read, not searched for. */
function skipConstant(cursor: Cursor): void {
  for (let opcode = cursor.byte(); opcode !== 0x0b; opcode = cursor.byte())
    if (opcode === 0x41 || opcode === 0x42 || opcode === 0x23) cursor.skipNumber();
    else if (opcode === 0x44) cursor.take(8);
    else if (opcode === 0x43) cursor.take(4);
    else if (opcode !== 0x6a) throw unexpected(`the opcode 0x${opcode.toString(16)} in a constant`);
}

function readImport(cursor: Cursor): Import {
  const [module, name, kind] = [cursor.name(), cursor.name(), cursor.byte()];
  if (kind === Kind.func) return { module, name, kind, type: cursor.u32(), mutable: false };
  if (kind === Kind.global) {
    cursor.take(1);
    return { module, name, kind, type: 0, mutable: cursor.byte() === 1 };
  }
  if (kind === Kind.table) cursor.take(1);
  skipLimits(cursor);
  return { module, name, kind, type: 0, mutable: false };
}

/** Active segments of functions, in their two forms. */
function readSegment(cursor: Cursor): Segment {
  const flags = cursor.u32();
  if (flags !== 0 && flags !== 2) throw unexpected(`an element segment of kind ${flags}`);
  const table = flags === 2 ? cursor.u32() : 0;
  const from = cursor.at;
  constantValue(cursor, () => 0);
  const offset = new Cursor(cursor.bytes, from, cursor.at);
  if (flags === 2) cursor.take(1);
  return { offset, table, functions: Array.from({ length: cursor.u32() }, () => cursor.u32()) };
}

/** Active segments as written. The snapshot leaves passive ones behind, emptied: null. */
function readData(cursor: Cursor): Uint8Array | null {
  const start = cursor.at;
  const flags = cursor.u32();
  if (flags > 1) throw unexpected(`a data segment of kind ${flags}`);
  if (flags === 0)
    constantValue(cursor, () => {
      throw unexpected("a data segment whose place is not known");
    });
  const { length } = cursor.take(cursor.u32());
  if (flags === 1 && length > 0) throw unexpected("a data segment without a place");
  return flags === 1 ? null : cursor.bytes.subarray(start, cursor.at);
}
