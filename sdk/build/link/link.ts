/**
 * Makes one core module of several that share a memory and a table, with only those functions that can be reached. What comes out
 * uses no more of WebAssembly than its parts, without tail calls and computed constants.
 */
import { Cursor, Output, unexpected } from "./bytes.js";
import { constantValue, copyCode, type Indices } from "./instructions.js";
import { Kind, type CoreModule, type Import } from "./module.js";

/** Where an import leads: to another part's export, out of the module, or to a function that stands in. */
export type Target =
  | { readonly part: string; readonly name: string }
  | { readonly host: true }
  | { readonly standIn: "nothing" | "trap" };

export interface Parts {
  readonly modules: ReadonlyMap<string, CoreModule>;
  /** The part that defines memory, table and data. */
  readonly base: string;
  resolve(part: string, imported: Import): Target;
  /** Names of the new module's functions, and which function each is. */
  readonly exports: readonly { readonly name: string; readonly part: string; readonly export: string }[];
  /** Whether a part's element segment belongs to the shared table. */
  keepsElements(part: string, table: number): boolean;
}

/** A function of one part, or an import, or a stand-in; equal keys, equal functions. */
type Func =
  | { readonly kind: "own"; readonly part: string; readonly index: number }
  | { readonly kind: "host"; readonly module: string; readonly name: string; readonly type: number }
  | { readonly kind: "standIn"; readonly traps: boolean; readonly type: number };
type Global = { readonly part: string; readonly index: number };

/** How the type is written. */
const I32 = 0x7f;

const keyOf = (func: Func): string => JSON.stringify(func);

export function link(parts: Parts): Uint8Array {
  return new Linker(parts).link();
}

class Linker {
  private readonly types = new Map<string, { readonly index: number; readonly bytes: Uint8Array }>();
  private readonly reached = new Map<string, Func>();
  private readonly waiting: Func[] = [];
  private readonly functionNumbers = new Map<string, number>();
  private readonly globalNumbers = new Map<string, number>();
  private readonly globals: Global[] = [];

  constructor(private readonly parts: Parts) {}

  link(): Uint8Array {
    const { base, exports, modules } = this.parts;
    // The snapshot was taken after they ran, and took them out.
    if ([...modules.values()].some(({ starts }) => starts)) throw unexpected("a start function");
    for (const { part, export: name } of exports) this.reach(this.exported(part, name));
    const elements = [...this.parts.modules].flatMap(([part, module]) =>
      module.elements
        .filter(({ table }) => this.parts.keepsElements(part, table))
        .map(({ offset, functions }) => ({
          at: constantValue(new Cursor(offset.bytes, offset.at, offset.end), (index) => this.constant(part, index)),
          functions: functions.map((index) => this.reach(this.functionOf(part, index))),
        })),
    );
    for (let next = this.waiting.pop(); next; next = this.waiting.pop()) this.scan(next);

    const host = [...this.reached.values()].filter((func) => func.kind === "host");
    const own = [...this.reached.values()].filter((func) => func.kind !== "host").sort(this.inOrder);
    [...host.sort((a, b) => (`${a.module} ${a.name}` < `${b.module} ${b.name}` ? -1 : 1)), ...own].forEach((func, index) =>
      this.functionNumbers.set(keyOf(func), index),
    );
    const memory = this.module(base).memory;
    const table = this.module(base).table;
    if (!memory || !table) throw unexpected("no memory or no table");
    const bodies = own.map((func) => this.body(func));
    const number = (func: Func): number => this.functionNumbers.get(keyOf(func)) as number;

    const out = new Output().raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const imports = host.map((func) => new Output().name(func.module).name(func.name).byte(Kind.func).u32(func.type));
    const types = own.map((func) => new Output().u32(this.typeOf(func)));
    section(
      out,
      1,
      [...this.types.values()].map(({ bytes }) => new Output().raw(bytes)),
    );
    section(out, 2, imports);
    section(out, 3, types);
    section(out, 4, [new Output().raw(table)]);
    section(out, 5, [new Output().raw(memory)]);
    section(
      out,
      6,
      this.globals.map(({ part, index }) => {
        const { type, mutable, value } = this.definedGlobal(part, index);
        const out = new Output().byte(type, mutable ? 1 : 0);
        if (type !== I32) return out.raw(value);
        const settled = constantValue(new Cursor(value), (inner) => this.constant(part, inner));
        return out.byte(0x41).s32(settled).byte(0x0b);
      }),
    );
    section(out, 7, [
      new Output().name("memory").byte(Kind.memory).u32(0),
      ...exports.map(({ name, part, export: from }) =>
        new Output()
          .name(name)
          .byte(Kind.func)
          .u32(number(this.exported(part, from))),
      ),
    ]);
    section(
      out,
      9,
      elements.map(({ at, functions }) => {
        const segment = new Output().u32(0).byte(0x41).s32(at).byte(0x0b).u32(functions.length);
        for (const func of functions) segment.u32(number(func));
        return segment;
      }),
    );
    section(
      out,
      10,
      bodies.map((body) => new Output().sized(body)),
    );
    section(
      out,
      11,
      this.module(base).data.map((data) => new Output().raw(data)),
    );
    return out.view().slice();
  }

  private module(part: string): CoreModule {
    const module = this.parts.modules.get(part);
    if (!module) throw unexpected(`no part \`${part}\``);
    return module;
  }

  /** By part and place, stand-ins last, so that the order does not depend on how a function was reached. */
  private readonly inOrder = (a: Func, b: Func): number => this.rank(a) - this.rank(b);

  private rank(func: Func): number {
    if (func.kind !== "own") return 2 ** 40 + (func.kind === "standIn" ? func.type * 2 + Number(func.traps) : 0);
    return [...this.parts.modules.keys()].indexOf(func.part) * 2 ** 32 + func.index;
  }

  private reach(func: Func): Func {
    const key = keyOf(func);
    const known = this.reached.get(key);
    if (known) return known;
    this.reached.set(key, func);
    this.waiting.push(func);
    return func;
  }

  private exported(part: string, name: string): Func {
    const found = this.module(part).exports.get(name);
    if (found?.kind !== Kind.func) throw unexpected(`no function \`${name}\``);
    return this.functionOf(part, found.index);
  }

  private functionOf(part: string, index: number): Func {
    const module = this.module(part);
    const imported = importAt(module, Kind.func, index);
    if (typeof imported === "number") return { kind: "own", part, index: imported };
    const target = this.parts.resolve(part, imported);
    if ("part" in target) return this.exported(target.part, target.name);
    const type = this.typeNumber(module, imported.type);
    if ("host" in target) return { kind: "host", module: imported.module, name: imported.name, type };
    return { kind: "standIn", traps: target.standIn === "trap", type };
  }

  private globalOf(part: string, index: number): Global {
    const imported = importAt(this.module(part), Kind.global, index);
    if (typeof imported === "number") return { part, index: imported };
    const target = this.parts.resolve(part, imported);
    const found = "part" in target ? this.module(target.part).exports.get(target.name) : undefined;
    if (!("part" in target) || found?.kind !== Kind.global) throw unexpected(`no global \`${imported.name}\``);
    return this.globalOf(target.part, found.index);
  }

  private definedGlobal(part: string, index: number): CoreModule["globals"][number] {
    const found = this.module(part).globals[index];
    if (!found) throw unexpected("a global that is not there");
    return found;
  }

  private constant(part: string, index: number): number {
    const global = this.globalOf(part, index);
    const { mutable, value } = this.definedGlobal(global.part, global.index);
    if (mutable) throw unexpected("a place that can change");
    return constantValue(new Cursor(value), (inner) => this.constant(global.part, inner));
  }

  private typeNumber(module: CoreModule, index: number): number {
    const bytes = module.types[index];
    if (!bytes) throw unexpected("a type that is not there");
    const key = Buffer.from(bytes).toString("hex");
    const known = this.types.get(key) ?? { index: this.types.size, bytes };
    this.types.set(key, known);
    return known.index;
  }

  private typeOf(func: Func): number {
    if (func.kind !== "own") return func.type;
    const module = this.module(func.part);
    return this.typeNumber(module, module.functions[func.index] as number);
  }

  /** Finds what a function reaches; the copy is thrown away, since the numbers are not known yet. */
  private scan(func: Func): void {
    if (func.kind !== "own") return;
    this.typeOf(func);
    this.copy(func.part, func.index, (index) => {
      this.reach(this.functionOf(func.part, index));
      return 0;
    });
  }

  private body(func: Func): Output {
    if (func.kind === "standIn") return func.traps ? new Output().byte(0, 0x00, 0x0b) : new Output().byte(0, 0x0b);
    if (func.kind === "host") throw unexpected("a body of an import");
    return this.copy(
      func.part,
      func.index,
      (index) => this.functionNumbers.get(keyOf(this.functionOf(func.part, index))) as number,
    );
  }

  private copy(part: string, index: number, func: Indices["func"]): Output {
    const module = this.module(part);
    const body = new Cursor(module.bodies[index] as Uint8Array);
    for (let left = body.u32(); left > 0; left--) {
      body.skipNumber();
      body.take(1);
    }
    const out = new Output().raw(body.bytes.subarray(0, body.at));
    copyCode(body, out, {
      func,
      type: (type) => this.typeNumber(module, type),
      global: (global) => this.globalTarget(part, global),
    });
    return out;
  }

  private globalTarget(part: string, index: number): ReturnType<Indices["global"]> {
    const global = this.globalOf(part, index);
    const { mutable, type } = this.definedGlobal(global.part, global.index);
    if (!mutable && type === I32) return { constant: this.constant(part, index) };
    const key = JSON.stringify(global);
    const known = this.globalNumbers.get(key);
    if (known !== undefined) return { index: known };
    this.globalNumbers.set(key, this.globals.length);
    return { index: this.globals.push(global) - 1 };
  }
}

/** The import that an index means, or the index among what the module defines itself. */
function importAt(module: CoreModule, kind: number, index: number): Import | number {
  const imports = module.imports.filter((each) => each.kind === kind);
  return imports[index] ?? index - imports.length;
}

function section(out: Output, id: number, items: readonly Output[]): void {
  if (items.length === 0) return;
  const content = new Output().u32(items.length);
  for (const item of items) content.raw(item.view());
  out.byte(id).sized(content);
}
