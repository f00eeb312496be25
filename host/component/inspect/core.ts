/** The face of a core module: what it imports and exports, with the types of functions. Its code is for the metering to read. */
import { limits } from "./limits.js";
import { checkCore } from "./names.js";
import { Reader } from "./reader.js";
import { Refusal } from "./refusal.js";

export type CoreSort = "func" | "table" | "memory" | "global" | "tag";
export const CORE_SORTS: readonly CoreSort[] = ["func", "table", "memory", "global", "tag"];
/** Value types as they are written; `ref` stands for all references. */
export interface CoreSignature {
  readonly params: readonly string[];
  readonly results: readonly string[];
}
export interface CoreImport {
  readonly module: string;
  readonly name: string;
  readonly sort: CoreSort;
  readonly signature: CoreSignature | null;
}
export interface CoreExport {
  readonly sort: CoreSort;
  readonly signature: CoreSignature | null;
}
export interface CoreModule {
  readonly bytes: Uint8Array;
  readonly imports: readonly CoreImport[];
  readonly exports: ReadonlyMap<string, CoreExport>;
  /** Linear memories that it defines. */
  readonly memories: number;
  readonly functions: number;
}

const VALUES: Readonly<Record<number, string>> = {
  0x7f: "i32",
  0x7e: "i64",
  0x7d: "f32",
  0x7c: "f64",
  0x7b: "v128",
  0x70: "ref",
  0x6f: "ref",
};

export function inspectModule(whole: Reader): CoreModule {
  const bytes = whole.bytes.subarray(whole.at, whole.end);
  const reader = new Reader(bytes);
  for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) reader.expect(byte, "a core module's first bytes");
  const types: CoreSignature[] = [];
  const imports: CoreImport[] = [];
  const funcs: number[] = [];
  const exports = new Map<string, CoreExport>();
  let memories = 0;
  let functions = 0;
  for (let sections = 0; !reader.done; sections++) {
    if (sections > limits.sections) throw new Refusal("ADMIT_LIMIT", `a core module has more than ${limits.sections} sections`);
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === 1) for (let left = section.count("types", limits.moduleTypes); left > 0; left--) types.push(signature(section));
    else if (id === 2) {
      for (let left = section.count("imports of a core module", limits.moduleImports); left > 0; left--) {
        const module = checkCore(section.name());
        const name = checkCore(section.name());
        const sort = coreSort(section);
        let type: CoreSignature | null = null;
        if (sort === "func") {
          const index = section.u32();
          funcs.push(index);
          type = typeAt(section, types, index);
        } else skipType(section, sort);
        imports.push({ module, name, sort, signature: type });
      }
    } else if (id === 3) {
      functions = section.count("functions", limits.moduleFunctions);
      for (let left = functions; left > 0; left--) funcs.push(section.u32());
    } else if (id === 5) memories += section.count("memories", 16);
    else if (id === 7) {
      for (let left = section.count("exports of a core module", limits.moduleExports); left > 0; left--) {
        const name = checkCore(section.name());
        const sort = coreSort(section);
        const index = section.u32();
        if (exports.has(name)) throw section.malformed("a core module exports one name twice");
        exports.set(name, { sort, signature: sort === "func" ? typeAt(section, types, funcs[index] ?? -1) : null });
      }
    }
  }
  return { bytes, imports, exports, memories, functions };
}

function signature(reader: Reader): CoreSignature {
  if (reader.byte() !== 0x60)
    throw new Refusal(
      "ADMIT_METER",
      "a core module uses types of the garbage collection proposal",
      "compile for WebAssembly 2.0",
    );
  const params = values(reader);
  return { params, results: values(reader) };
}

function values(reader: Reader): string[] {
  const types: string[] = [];
  for (let left = reader.count("parameters or results", limits.arity); left > 0; left--) types.push(value(reader));
  return types;
}

function value(reader: Reader): string {
  const byte = reader.byte();
  const name = VALUES[byte];
  if (name) return name;
  throw new Refusal(
    "ADMIT_METER",
    `a core module uses the value type 0x${byte.toString(16)}, which is not metered`,
    "compile for WebAssembly 2.0",
  );
}

function coreSort(reader: Reader): CoreSort {
  const sort = CORE_SORTS[reader.byte()];
  if (!sort) throw reader.malformed("unknown kind of a core import or export");
  return sort;
}

function typeAt(reader: Reader, types: readonly CoreSignature[], index: number): CoreSignature {
  const type = types[index];
  if (!type) throw reader.malformed("a core function's type is not there");
  return type;
}

/** Limits and value types are for V8's validator to judge; here they are only stepped over. */
function skipType(reader: Reader, sort: Exclude<CoreSort, "func">): void {
  if (sort === "tag") throw new Refusal("ADMIT_METER", "a core module uses exceptions, which are not metered");
  if (sort === "table") value(reader);
  if (sort === "global") {
    value(reader);
    reader.byte();
    return;
  }
  const flags = reader.byte();
  reader.skipLeb();
  if (flags & 1) reader.skipLeb();
}
