/**
 * Reads a component (component-model, Binary.md) into index spaces of plain data. What an agent of ours does not need is refused
 * by name: nested components, own resources, component-level start functions and values, async, futures, streams.
 */
import type { Encoding } from "../plan.js";
import { CORE_SORTS, inspectModule, type CoreModule, type CoreSort } from "./core.js";
import { limits } from "./limits.js";
import { checkCore, checkFunction, checkLabel, shown } from "./names.js";
import { Reader } from "./reader.js";
import { Refusal } from "./refusal.js";
import { borderName, Quota, TypeDecoder, unique, type InstanceType, type TypeEntry } from "./types.js";
import type { WitFunction } from "../wit.js";

export interface CanonOptions {
  readonly encoding: Encoding;
  readonly memory: CoreItem | null;
  readonly realloc: CoreItem | null;
  readonly postReturn: CoreItem | null;
}
/** Something in a core index space. */
export type CoreItem =
  | { readonly kind: "export"; readonly instance: CoreInstance; readonly name: string; readonly sort: CoreSort }
  | { readonly kind: "lower"; readonly func: ImportedFunction; readonly options: CanonOptions }
  | { readonly kind: "drop"; readonly interface: string; readonly resource: string };
export type CoreInstance =
  | { readonly kind: "module"; readonly module: number; readonly args: ReadonlyMap<string, CoreInstance> }
  | { readonly kind: "bundle"; readonly items: ReadonlyMap<string, { readonly sort: CoreSort; readonly item: CoreItem }> };

export interface ImportedFunction {
  readonly kind: "import";
  /** The interface as it is imported, version included. */
  readonly interface: string;
  readonly name: string;
  readonly type: WitFunction;
}
export interface LiftedFunction {
  readonly kind: "lift";
  readonly core: CoreItem;
  readonly options: CanonOptions;
  readonly type: WitFunction;
}
type Func = ImportedFunction | LiftedFunction;

export interface Component {
  readonly modules: readonly CoreModule[];
  /** In order of instantiation, bundles left out. */
  readonly instances: readonly Extract<CoreInstance, { kind: "module" }>[];
  readonly importedInstances: ReadonlyMap<string, InstanceType>;
  readonly importedTypes: ReadonlyMap<string, TypeEntry>;
  readonly exports: ReadonlyMap<string, Func>;
  readonly lowered: readonly Extract<CoreItem, { kind: "lower" }>[];
}

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

export function readComponent(bytes: Uint8Array): Component {
  if (bytes.length > limits.bytes)
    throw new Refusal("ADMIT_TOO_LARGE", `${bytes.length} bytes, where ${limits.bytes} are the limit`, "strip debug sections");
  if (bytes.length >= 8 && [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00].every((byte, at) => bytes[at] === byte))
    throw new Refusal(
      "ADMIT_MALFORMED",
      "this is a core WebAssembly module, not a component",
      "`rlp agent build` makes a component of it",
    );
  if (bytes.length < 8 || PREAMBLE.some((byte, at) => bytes[at] !== byte))
    throw new Refusal("ADMIT_MALFORMED", "this is not a WebAssembly component: its first bytes are something else");
  return new ComponentReader(bytes).read();
}

class ComponentReader {
  private readonly reader: Reader;
  private readonly quota = new Quota();
  private readonly types = new TypeDecoder(this.quota);
  private readonly modules: CoreModule[] = [];
  private readonly coreInstances: CoreInstance[] = [];
  private readonly instantiated: Extract<CoreInstance, { kind: "module" }>[] = [];
  private bundles = 0;
  private readonly core: Record<CoreSort, CoreItem[]> = { func: [], table: [], memory: [], global: [], tag: [] };
  private readonly funcs: Func[] = [];
  /** Imported instances; no others can be. */
  private readonly instances: { readonly name: string; readonly type: InstanceType }[] = [];
  private readonly importedTypes = new Map<string, TypeEntry>();
  private readonly exports = new Map<string, Func>();
  private readonly lowered: Extract<CoreItem, { kind: "lower" }>[] = [];
  /** Which interface a resource type came from. */
  private readonly resourceHome = new Map<TypeEntry, string>();

  constructor(bytes: Uint8Array) {
    this.reader = new Reader(bytes, 8);
  }

  read(): Component {
    for (let sections = 0; !this.reader.done; sections++) {
      if (sections > limits.sections) throw new Refusal("ADMIT_LIMIT", `more than ${limits.sections} sections`);
      const id = this.reader.byte();
      const section = this.reader.part(this.reader.u32());
      this.section(id, section);
    }
    const memories = this.modules.reduce((sum, module) => sum + module.memories, 0);
    if (memories > limits.memories)
      throw new Refusal("ADMIT_LIMIT", `${memories} linear memories, where ${limits.memories} is the limit`);
    return {
      modules: this.modules,
      instances: this.instantiated,
      importedInstances: new Map(this.instances.map(({ name, type }) => [name, type])),
      importedTypes: this.importedTypes,
      exports: this.exports,
      lowered: this.lowered,
    };
  }

  private section(id: number, section: Reader): void {
    switch (id) {
      case 0: // custom: names and notes for tools, which nothing here reads
        return;
      case 1:
        if (this.modules.length >= limits.coreModules)
          throw new Refusal("ADMIT_LIMIT", `more than ${limits.coreModules} core modules`);
        this.modules.push(inspectModule(section));
        return;
      case 2:
        return this.each(section, "core instances", () => this.coreInstance(section));
      case 3:
        throw new Refusal("ADMIT_LIMIT", "the component uses core types of its own");
      case 4:
        throw new Refusal("ADMIT_LIMIT", "the component holds other components", "link the parts into one component first");
      case 5:
        return this.each(section, "instances", () => {
          throw new Refusal(
            "ADMIT_LIMIT",
            "the component makes instances of interfaces",
            "the world `agent` exports nothing but `run`",
          );
        });
      case 6:
        return this.each(section, "aliases", () => this.alias(section));
      case 7:
        return this.each(section, "types", () => this.types.define(section));
      case 8:
        return this.each(section, "canonical functions", () => this.canon(section));
      case 9:
        throw new Refusal("ADMIT_LIMIT", "the component has a start function", "do the work in `run`");
      case 10:
        return this.each(section, "imports", () => this.import(section));
      case 11:
        return this.each(section, "exports", () => this.export(section));
      default:
        throw section.malformed(`unknown section ${id}`);
    }
  }

  private each(section: Reader, what: string, one: () => void): void {
    for (let left = section.count(what, limits.definitions); left > 0; left--) {
      this.quota.take();
      one();
    }
    if (!section.done) throw section.malformed(`there is more in a section than its ${what}`);
  }

  private coreInstance(reader: Reader): void {
    const form = reader.byte();
    if (form === 0x00) {
      const module = reader.u32();
      if (module >= this.modules.length) throw reader.malformed(`there is no core module ${module}`);
      if (this.instantiated.length >= limits.coreInstances)
        throw new Refusal("ADMIT_LIMIT", `more than ${limits.coreInstances} instances of core modules`);
      const args = new Map<string, CoreInstance>();
      for (let left = reader.count("arguments", limits.definitions); left > 0; left--) {
        this.quota.take();
        const name = checkCore(reader.name());
        unique(args.has(name), name);
        reader.expect(0x12, "an argument of a core module");
        args.set(name, this.coreInstanceAt(reader));
      }
      const made = { kind: "module", module, args } as const;
      this.instantiated.push(made);
      this.coreInstances.push(made);
    } else if (form === 0x01) {
      if (++this.bundles > limits.exportBundles)
        throw new Refusal("ADMIT_LIMIT", `more than ${limits.exportBundles} bundles of core exports`);
      const items = new Map<string, { sort: CoreSort; item: CoreItem }>();
      for (let left = reader.count("exports", limits.definitions); left > 0; left--) {
        this.quota.take();
        const name = checkCore(reader.name());
        unique(items.has(name), name);
        const sort = this.coreSort(reader);
        items.set(name, { sort, item: this.coreItem(reader, sort) });
      }
      this.coreInstances.push({ kind: "bundle", items });
    } else throw reader.malformed("unknown form of a core instance");
  }

  private coreInstanceAt(reader: Reader): CoreInstance {
    const index = reader.u32();
    const found = this.coreInstances[index];
    if (!found) throw reader.malformed(`there is no core instance ${index}`);
    return found;
  }

  private coreSort(reader: Reader): CoreSort {
    const sort = CORE_SORTS[reader.byte()];
    if (!sort) throw new Refusal("ADMIT_LIMIT", "a core type, module or instance is handed on as a value");
    return sort;
  }

  private coreItem(reader: Reader, sort: CoreSort): CoreItem {
    const index = reader.u32();
    const found = this.core[sort][index];
    if (!found) throw reader.malformed(`there is no core ${sort} ${index}`);
    return found;
  }

  private alias(reader: Reader): void {
    const sort = reader.byte();
    const coreSort = sort === 0x00 ? this.coreSort(reader) : null;
    const target = reader.byte();
    if (coreSort && target === 0x01) {
      const instance = this.coreInstanceAt(reader);
      const name = checkCore(reader.name());
      this.core[coreSort].push(this.coreExport(reader, instance, name, coreSort));
    } else if (!coreSort && target === 0x00) {
      const instance = this.instances[reader.u32()];
      if (!instance) throw reader.malformed("an alias of an instance that is not there");
      const name = reader.name();
      if (sort === 0x01) this.aliasFunction(reader, instance, checkFunction(name));
      else if (sort === 0x03) this.aliasType(reader, instance, checkLabel(name));
      else throw reader.malformed("an alias of something that no interface holds");
    } else throw new Refusal("ADMIT_LIMIT", "the component uses aliases of an outer component");
  }

  private coreExport(reader: Reader, instance: CoreInstance, name: string, sort: CoreSort): CoreItem {
    if (instance.kind === "bundle") {
      const found = instance.items.get(name);
      if (found?.sort !== sort) throw reader.malformed(`an alias of the core ${sort} ${shown(name)}, which is not there`);
      return found.item;
    }
    if (this.modules[instance.module]?.exports.get(name)?.sort !== sort)
      throw reader.malformed(`an alias of the core ${sort} ${shown(name)}, which is not exported`);
    return { kind: "export", instance, name, sort };
  }

  private aliasFunction(reader: Reader, from: { name: string; type: InstanceType }, name: string): void {
    const type = from.type.functions.get(name);
    if (!type) throw reader.malformed(`${shown(from.name)} has no function ${shown(name)}`);
    this.funcs.push({ kind: "import", interface: from.name, name, type });
  }

  private aliasType(reader: Reader, from: { name: string; type: InstanceType }, name: string): void {
    const type = from.type.types.get(name);
    if (type) {
      this.types.space.push({ sort: "value", type, ...measured(type) });
      return;
    }
    if (!from.type.resources.has(name)) throw reader.malformed(`${shown(from.name)} has no type ${shown(name)}`);
    const entry: TypeEntry = { sort: "resource", name };
    this.resourceHome.set(entry, from.name);
    this.types.space.push(entry);
  }

  private canon(reader: Reader): void {
    const form = reader.byte();
    if (form === 0x00) {
      reader.expect(0x00, "a lifted function");
      const core = this.coreItem(reader, "func");
      const options = this.options(reader);
      const type = this.types.at(reader, reader.u32());
      if (type.sort !== "function") throw reader.malformed("a lifted function's type is not a function's");
      this.funcs.push({ kind: "lift", core, options, type: type.type });
    } else if (form === 0x01) {
      reader.expect(0x00, "a lowered function");
      const func = this.funcs[reader.u32()];
      if (func?.kind !== "import") throw reader.malformed("a lowered function is not an imported one");
      const item = { kind: "lower", func, options: this.options(reader) } as const;
      this.lowered.push(item);
      this.core.func.push(item);
    } else if (form === 0x03) {
      const type = this.types.at(reader, reader.u32());
      const home = this.resourceHome.get(type);
      if (type.sort !== "resource" || home === undefined)
        throw reader.malformed("a drop of something that is not an imported resource");
      this.core.func.push({ kind: "drop", interface: home, resource: type.name });
    } else {
      throw new Refusal(
        "ADMIT_LIMIT",
        `the component uses the canonical built-in 0x${form.toString(16)}`,
        "only lift, lower and resource.drop are given to agents: no own resources, tasks, threads, futures or streams",
      );
    }
  }

  private options(reader: Reader): CanonOptions {
    let encoding: Encoding = "utf8";
    const given: { memory: CoreItem | null; realloc: CoreItem | null; postReturn: CoreItem | null } = {
      memory: null,
      realloc: null,
      postReturn: null,
    };
    for (let left = reader.count("options", 16); left > 0; left--) {
      const option = reader.byte();
      if (option === 0x00) encoding = "utf8";
      else if (option === 0x01) encoding = "utf16";
      else if (option === 0x03) given.memory = this.coreItem(reader, "memory");
      else if (option === 0x04) given.realloc = this.coreItem(reader, "func");
      else if (option === 0x05) given.postReturn = this.coreItem(reader, "func");
      else if (option === 0x02) throw new Refusal("ADMIT_LIMIT", "the component uses Latin-1 strings", "use UTF-8 or UTF-16");
      else
        throw new Refusal(
          "ADMIT_LIMIT",
          `the component uses the canonical option 0x${option.toString(16)}`,
          "async lifting and lowering are not given to agents",
        );
    }
    return { encoding, ...given };
  }

  private import(reader: Reader): void {
    const name = borderName(reader);
    const sort = reader.byte();
    if (sort === 0x05) {
      const entry = this.types.at(reader, reader.u32());
      if (entry.sort !== "instance") throw reader.malformed(`the import ${shown(name)} is not of an instance's type`);
      unique(
        this.instances.some((known) => known.name === name),
        name,
      );
      this.instances.push({ name, type: entry.type });
    } else if (sort === 0x03) {
      unique(this.importedTypes.has(name), name);
      this.importedTypes.set(name, this.types.bound(reader, name));
    } else {
      throw new Refusal(
        "ADMIT_IMPORT",
        `the import ${shown(name)} is neither an interface nor a type`,
        "the world `agent` imports interfaces only",
      );
    }
  }

  private export(reader: Reader): void {
    const name = borderName(reader);
    const sort = reader.byte();
    if (sort !== 0x01)
      throw new Refusal(
        "ADMIT_EXPORT",
        `the export ${shown(name)} is not a function`,
        "the world `agent` exports nothing but `run`",
      );
    const func = this.funcs[reader.u32()];
    if (!func) throw reader.malformed(`the export ${shown(name)} leads nowhere`);
    const ascribed = reader.byte();
    if (ascribed === 0x01) {
      reader.expect(0x01, "the type of an export");
      this.types.at(reader, reader.u32());
    } else if (ascribed !== 0x00) throw reader.malformed("neither there nor not there");
    unique(this.exports.has(name), name);
    this.exports.set(name, func);
    this.funcs.push(func);
  }
}

/** Sizes of a type that came through an interface: as many nodes and levels as it really has. */
function measured(type: unknown): { nodes: number; depth: number } {
  let nodes = 1;
  let depth = 0;
  const children = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("kind" in value) {
      const inner = measured(value);
      nodes += inner.nodes;
      depth = Math.max(depth, inner.depth);
    } else for (const item of Object.values(value)) children(item);
  };
  for (const value of Object.values(type as object)) children(value);
  return { nodes, depth: depth + 1 };
}
