/**
 * The pair of modules by which toolchains close a circle: a module needs host functions before it is there, and those need its memory.
 * *Trampolines* stand in for them, each a call through a table that is empty at first; a *filler* puts the real ones into the table.
 * Both are recognised by every byte that means something, or not at all: what was recognised is never compiled.
 */
import { costOf, ENTRY_COST } from "../meter/costs.js";
import { OPCODES } from "../meter/opcodes.js";
import type { CoreModule } from "./core.js";
import { Reader } from "./reader.js";
import { Refusal } from "./refusal.js";

export interface Trampolines {
  /** The name under which the table is exported. */
  readonly table: string;
  /** By the names of the exported functions: where in the table each one's callee stands, and what it costs to get there. */
  readonly functions: ReadonlyMap<string, { readonly slot: number; readonly fuel: number }>;
}
export interface Filler {
  /** What is put into the table, from its beginning on. */
  readonly slots: readonly { readonly module: string; readonly name: string }[];
}

const FUNC = 0;
const TABLE = 1;

export const readTrampolines = (module: CoreModule): Trampolines | null => recognised(() => trampolines(module));
export const readFiller = (module: CoreModule): Filler | null => recognised(() => filler(module));

function recognised<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function trampolines(module: CoreModule): Trampolines | null {
  const sections = sectionsOf(module, [1, 3, 4, 7, 10]);
  if (!sections || module.imports.length > 0) return null;
  const [types, functions, tables, exports, bodies] = sections as readonly [Reader, Reader, Reader, Reader, Reader];
  const arities = list(types, () => {
    types.expect(0x60, "a function's type");
    const arity = types.u32();
    types.skip(arity);
    types.skip(types.u32());
    return arity;
  });
  const typeOf = list(functions, () => functions.u32());
  const size = list(tables, () => {
    tables.expect(0x70, "a table of functions");
    const flags = tables.byte();
    const least = tables.u32();
    if (flags > 1 || (flags === 1 && tables.u32() < least)) throw tables.malformed("a table's limits");
    return least;
  });
  const slots = list(bodies, (index) => {
    const body = bodies.part(bodies.u32());
    const type = typeOf[index]!;
    return { slot: throughTable(body, type, arities[type]!), fuel: fuelOf(arities[type]!) };
  });
  if (size.length !== 1 || slots.length !== typeOf.length || slots.some(({ slot }) => slot < 0 || slot >= size[0]!)) return null;
  const found = new Map<string, { slot: number; fuel: number }>();
  const named: string[] = [];
  list(exports, () => {
    const name = exports.name();
    const sort = exports.byte();
    const index = exports.u32();
    if (sort === TABLE) named.push(name);
    else if (sort === FUNC) found.set(name, slots[index]!);
    else throw exports.malformed("neither a table nor a function");
  });
  return named.length === 1 && done(sections) ? { table: named[0]!, functions: found } : null;
}

/** The slot that a function calls with its own parameters, which is all that it does; -1 where it does anything else. */
function throughTable(body: Reader, type: number, arity: number): number {
  if (body.u32() !== 0) return -1; // locals
  for (let index = 0; index < arity; index++) if (body.byte() !== 0x20 || body.u32() !== index) return -1;
  if (body.byte() !== 0x41) return -1;
  const slot = constant(body);
  return body.byte() === 0x11 && body.u32() === type && body.u32() === 0 && body.byte() === 0x0b && body.done ? slot : -1;
}

/** What metering would have charged for such a function. */
const fuelOf = (arity: number): number => ENTRY_COST + arity * cost("local.get") + cost("i32.const") + cost("call_indirect");

const cost = (name: string): number => costOf(OPCODES.find((opcode) => opcode.name === name)!);

function filler(module: CoreModule): Filler | null {
  const sections = sectionsOf(module, [1, 2, 9]);
  const { imports } = module;
  if (!sections || imports.some(({ sort }) => sort !== "func" && sort !== "table")) return null;
  const given = imports.filter(({ sort }) => sort === "func");
  if (imports.length !== given.length + 1) return null;
  const segments = sections[2]!;
  const filled = list(segments, () => {
    for (const byte of [0x00, 0x41, 0x00, 0x0b]) segments.expect(byte, "a segment at the beginning of the table");
    return list(segments, () => segments.u32());
  });
  const [indices = []] = filled;
  if (filled.length !== 1 || !segments.done || indices.some((index) => index >= given.length)) return null;
  return { slots: indices.map((index) => given[index]!) };
}

/** The sections with these ids, each once, in their order, where there are no others but custom ones. */
function sectionsOf({ bytes }: CoreModule, ids: readonly number[]): readonly Reader[] | null {
  const reader = new Reader(bytes, 8);
  const found: Reader[] = [];
  while (!reader.done) {
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === 0) continue;
    if (id !== ids[found.length]) return null;
    found.push(section);
  }
  return found.length === ids.length ? found : null;
}

const done = (sections: readonly Reader[]): boolean => sections.every((section) => section.done);

function list<T>(reader: Reader, read: (index: number) => T): T[] {
  return Array.from({ length: reader.count("entries", 1000) }, (_, index) => read(index));
}

/** An `i32.const`'s number; -1 for a negative one. */
function constant(reader: Reader): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = reader.byte();
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return (byte & 0x40) !== 0 ? -1 : value;
    if (shift > 28) throw reader.malformed("a number of more than 32 bits");
  }
}
