/**
 * Reads a component (component-model, Binary.md) into plain data. Components inside are instantiated right away, by reading them
 * with what they are given in place of imports, so that one flat set of modules, instances and functions is left. What no agent
 * needs is refused by name: own resources, calls from one component inside to another, component-level start functions and
 * values, async, futures, streams.
 */
import type { Encoding } from "../plan.js";
import { functionOf, interfaceKey } from "../interfaces.js";
import { MODULE_LOADER } from "../snapshot.js";
import type { WitFunction } from "../type.js";
import { Assembly, CoreSpace, type Lowered } from "./core-space.js";
import type { CoreModule } from "./core.js";
import type { CanonOptions, CoreItem, Func, Instance, Item, ModuleInstance } from "./items.js";
import { limits } from "./limits.js";
import { accept, instanceItem, Unused } from "./match.js";
import { borderName, checkLabelled, shown } from "./names.js";
import { Reader } from "./reader.js";
import { Refusal } from "./refusal.js";
import { sameFunction } from "./same.js";
import { TypeDecoder, unique, type InstanceType, type TypeEntry } from "./types.js";

export interface Component {
  readonly modules: readonly CoreModule[];
  /** In order of instantiation. */
  readonly instances: readonly ModuleInstance[];
  readonly importedInstances: ReadonlyMap<string, InstanceType>;
  readonly importedTypes: ReadonlyMap<string, TypeEntry>;
  readonly exports: ReadonlyMap<string, Item>;
  readonly lowered: readonly Lowered[];
  /** Whether it was built by a snapshot (snapshot.ts). */
  readonly snapshot: boolean;
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
  const all = new Assembly();
  const outermost = new ComponentReader(new Reader(bytes, 8), all, null, 0);
  const exports = outermost.read();
  // A module that is instantiated twice has two, one that never is none; of neither more than the limit is ever of use.
  const defined = all.modules.reduce((sum, module) => sum + module.memories, 0);
  const made = all.instances.reduce((sum, { module }) => sum + module.memories, 0);
  const memories = Math.max(defined, made);
  if (memories > limits.memories)
    throw new Refusal("ADMIT_LIMIT", `${memories} linear memories, where ${limits.memories} is the limit`);
  const { modules, instances, lowered, snapshot } = all;
  const { importedInstances, importedTypes } = outermost;
  return { modules, instances, lowered, snapshot, importedInstances, importedTypes, exports };
}

/** A component inside, as bytes: it is read when it is instantiated, as often as it is. */
interface Inner {
  readonly bytes: Reader;
}

class ComponentReader {
  readonly importedInstances = new Map<string, InstanceType>();
  readonly importedTypes = new Map<string, TypeEntry>();
  private readonly reader: Reader;
  private readonly all: Assembly;
  /** What is given for the imports; null for the outermost component, whose imports are the host's to give. */
  private readonly args: ReadonlyMap<string, Item> | null;
  private readonly depth: number;
  private readonly types: TypeDecoder;
  private readonly core: CoreSpace;
  private readonly funcs: Func[] = [];
  private readonly instances: Instance[] = [];
  private readonly inner: Inner[] = [];
  private readonly exports = new Map<string, Item>();

  constructor(reader: Reader, all: Assembly, args: ReadonlyMap<string, Item> | null, depth: number) {
    this.reader = reader;
    this.all = all;
    this.args = args;
    this.depth = depth;
    this.types = new TypeDecoder(all.quota);
    this.core = new CoreSpace(all);
  }

  read(): ReadonlyMap<string, Item> {
    for (let sections = 0; !this.reader.done; sections++) {
      if (sections > limits.sections) throw new Refusal("ADMIT_LIMIT", `more than ${limits.sections} sections`);
      const id = this.reader.byte();
      const section = this.reader.part(this.reader.u32());
      this.section(id, section);
    }
    return this.exports;
  }

  private section(id: number, section: Reader): void {
    switch (id) {
      case 0: // custom: names and notes for tools, which nothing here reads
        return;
      case 1:
        return this.core.module(section);
      case 2:
        return this.each(section, "core instances", () => this.core.instance(section));
      case 3:
        throw new Refusal("ADMIT_LIMIT", "the component uses core types of its own");
      case 4:
        return this.component(section);
      case 5:
        return this.each(section, "instances", () => this.instances.push(this.instance(section)));
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
      this.all.quota.take();
      one();
    }
    if (!section.done) throw section.malformed(`there is more in a section than its ${what}`);
  }

  private component(section: Reader): void {
    this.all.quota.take();
    for (const byte of PREAMBLE) section.expect(byte, "a component's first bytes");
    this.inner.push({ bytes: section });
  }

  private instance(reader: Reader): Instance {
    const form = reader.byte();
    if (form === 0x00) return this.instantiate(reader);
    if (form !== 0x01) throw reader.malformed("unknown form of an instance");
    const items = new Map<string, Item>();
    for (let left = reader.count("exports", limits.definitions); left > 0; left--) {
      this.all.quota.take();
      const name = borderName(reader);
      unique(items.has(name), name);
      items.set(name, this.item(reader));
    }
    return { kind: "made", items };
  }

  private instantiate(reader: Reader): Instance {
    const inner = this.inner[reader.u32()];
    if (!inner) throw reader.malformed("there is no such component inside");
    const args = new Map<string, Item>();
    for (let left = reader.count("arguments", limits.definitions); left > 0; left--) {
      this.all.quota.take();
      const name = checkLabelled(reader.name());
      unique(args.has(name), name);
      args.set(name, this.item(reader));
    }
    if (++this.all.inner > limits.innerComponents)
      throw new Refusal("ADMIT_LIMIT", `more than ${limits.innerComponents} instances of components inside`);
    if (this.depth >= limits.componentDepth)
      throw new Refusal("ADMIT_LIMIT", `components inside each other, more than ${limits.componentDepth} deep`);
    const { bytes, at, end } = inner.bytes;
    const read = (): ReadonlyMap<string, Item> =>
      new ComponentReader(new Reader(bytes, at, end), this.all, args, this.depth + 1).read();
    // One that is given nothing can do nothing but be used: it is not made before it is.
    return args.size === 0 ? new Unused(read) : { kind: "made", items: read() };
  }

  /** A `sortidx` of what a component may be given or hand on. */
  private item(reader: Reader): Item {
    const sort = reader.byte();
    const index = reader.u32();
    switch (sort) {
      case 0x01:
        return { sort: "func", func: this.funcAt(reader, index) };
      case 0x03:
        return { sort: "type", entry: this.types.at(reader, index) };
      case 0x05:
        return { sort: "instance", instance: this.instanceAt(reader, index) };
      default:
        throw new Refusal("ADMIT_LIMIT", "the component hands on something that is no function, type or instance");
    }
  }

  private funcAt(reader: Reader, index: number): Func {
    const found = this.funcs[index];
    if (!found) throw reader.malformed(`there is no function ${index}`);
    return found;
  }

  private instanceAt(reader: Reader, index: number): Instance {
    const found = this.instances[index];
    if (!found) throw reader.malformed(`there is no instance ${index}`);
    return found;
  }

  /** Gives an item the next index of its sort. */
  private push(item: Item): void {
    if (item.sort === "func") this.funcs.push(item.func);
    else if (item.sort === "instance") this.instances.push(item.instance);
    else this.types.space.push(item.entry);
  }

  private alias(reader: Reader): void {
    const sort = reader.byte();
    const coreSort = sort === 0x00 ? this.core.sort(reader) : null;
    const target = reader.byte();
    if (coreSort && target === 0x01) this.core.alias(reader, coreSort);
    else if (!coreSort && target === 0x00) {
      const instance = this.instanceAt(reader, reader.u32());
      const name = checkLabelled(reader.name());
      if (instance instanceof Unused && sort === 0x05) {
        this.instances.push(instance.inner(name));
        return;
      }
      const item = instanceItem(instance, name);
      if (!item || item.sort !== SORTS[sort])
        throw reader.malformed(`an alias of ${shown(name)}, which an instance does not have, or as something else`);
      this.push(item);
    } else throw new Refusal("ADMIT_LIMIT", "the component uses aliases of an outer component");
  }

  private canon(reader: Reader): void {
    const form = reader.byte();
    if (form === 0x00) {
      reader.expect(0x00, "a lifted function");
      const core = this.core.item(reader, "func");
      const options = this.options(reader);
      const type = this.types.at(reader, reader.u32());
      if (type.sort !== "function") throw reader.malformed("a lifted function's type is not a function's");
      this.funcs.push({ kind: "lift", core, options, type: type.type });
    } else if (form === 0x01) {
      reader.expect(0x00, "a lowered function");
      const func = this.funcAt(reader, reader.u32());
      if (func.kind !== "import")
        throw new Refusal("ADMIT_LIMIT", "one component inside calls another", "link the parts into one component first");
      this.core.lower(func, this.options(reader));
    } else if (form === 0x03) {
      const type = this.types.at(reader, reader.u32());
      if (type.sort !== "resource" || !type.type.settled)
        throw reader.malformed("a drop of something that is not an imported resource");
      this.core.drop(type.type.id);
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
      else if (option === 0x02) encoding = "latin1+utf16";
      else if (option === 0x03) given.memory = this.core.item(reader, "memory");
      else if (option === 0x04) given.realloc = this.core.item(reader, "func");
      else if (option === 0x05) given.postReturn = this.core.item(reader, "func");
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
    if (name === MODULE_LOADER) return this.moduleLoader(reader, name);
    if (this.args) return this.given(reader, name, sort, this.args.get(name));
    if (sort === 0x05) {
      const type = this.instanceType(reader, name);
      unique(this.importedInstances.has(name), name);
      for (const resource of type.defined)
        if (!resource.settle(interfaceKey(name) ?? name))
          throw new Refusal("ADMIT_IMPORT", `the import ${shown(name)} shares its resources with another import`);
      this.importedInstances.set(name, type);
      this.instances.push({ kind: "import", name, type });
    } else if (sort === 0x03) {
      unique(this.importedTypes.has(name), name);
      this.importedTypes.set(name, this.types.bound(reader, name).entry);
    } else {
      throw new Refusal(
        "ADMIT_IMPORT",
        `the import ${shown(name)} is neither an interface nor a type`,
        "components of agents import interfaces only",
      );
    }
  }

  /** Whatever is given for it: nothing of it is used. */
  private moduleLoader(reader: Reader, name: string): void {
    const type = this.instanceType(reader, name);
    if (type.resources.size > 0 || [...type.functions].some(([func, value]) => !isFunction(value, functionOf(name, func))))
      throw new Refusal("ADMIT_IMPORT", `it imports ${name} in a form that no toolchain gives it`);
    this.all.snapshot = true;
    this.instances.push({ kind: "import", name, type });
  }

  /** An import of a component inside: `item` takes its place if it is what the import says. */
  private given(reader: Reader, name: string, sort: number, item: Item | undefined): void {
    if (!item) throw reader.malformed(`nothing is given for the import ${shown(name)} of a component inside`);
    let fits: boolean;
    if (sort === 0x01) fits = accept.func(this.functionType(reader, name), item);
    else if (sort === 0x05) fits = accept.instance(this.instanceType(reader, name), item);
    else if (sort === 0x03) {
      const { entry, fresh } = this.types.bound(reader, name);
      fits = accept.type(entry, fresh, item);
    } else throw new Refusal("ADMIT_LIMIT", `the import ${shown(name)} of a component inside is no function, type or instance`);
    if (!fits) throw reader.malformed(`what is given for the import ${shown(name)} of a component inside is something else`);
    // A type's bound has taken its index already, and stands for the same type.
    if (sort !== 0x03) this.push(item);
  }

  private instanceType(reader: Reader, name: string): InstanceType {
    const entry = this.types.at(reader, reader.u32());
    if (entry.sort !== "instance") throw reader.malformed(`${shown(name)} is not of an instance's type`);
    return entry.type;
  }

  private functionType(reader: Reader, name: string): Extract<TypeEntry, { sort: "function" }>["type"] {
    const entry = this.types.at(reader, reader.u32());
    if (entry.sort !== "function") throw reader.malformed(`${shown(name)} is not of a function's type`);
    return entry.type;
  }

  private export(reader: Reader): void {
    const name = borderName(reader);
    const item = this.item(reader);
    const ascribed = reader.byte();
    if (ascribed === 0x01) this.ascribed(reader, name, item);
    else if (ascribed !== 0x00) throw reader.malformed("neither there nor not there");
    unique(this.exports.has(name), name);
    this.exports.set(name, item);
    this.push(item);
  }

  /** The type that an export is said to have: it must be the one that it has. */
  private ascribed(reader: Reader, name: string, item: Item): void {
    const sort = reader.byte();
    if (sort === 0x01 && item.sort === "func" && accept.func(this.functionType(reader, name), item)) return;
    if (sort === 0x05 && item.sort === "instance") return void this.instanceType(reader, name);
    if (sort === 0x03 && item.sort === "type" && reader.byte() === 0x00) {
      const entry = this.types.at(reader, reader.u32());
      if (accept.type(entry, false, item)) return;
    }
    throw reader.malformed(`the export ${shown(name)} is said to have another type than it has`);
  }
}

const isFunction = (given: WitFunction, ours: WitFunction | undefined): boolean =>
  ours !== undefined && sameFunction(given, ours);

const SORTS: Readonly<Record<number, Item["sort"]>> = { 0x01: "func", 0x03: "type", 0x05: "instance" };
