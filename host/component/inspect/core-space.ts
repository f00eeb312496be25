/** Core modules, their instances, and the index spaces of one component that hold what they export. */
import { CORE_SORTS, inspectModule, type CoreModule, type CoreSort } from "./core.js";
import type { CanonOptions, CoreInstance, CoreItem, ImportedFunction, ModuleInstance } from "./items.js";
import { limits } from "./limits.js";
import { checkCore, shown } from "./names.js";
import type { Reader } from "./reader.js";
import { Refusal } from "./refusal.js";
import { Quota, unique } from "./types.js";

export type Lowered = Extract<CoreItem, { kind: "lower" }>;

/** What a component and those inside it come to together. */
export class Assembly {
  readonly quota = new Quota();
  readonly modules: CoreModule[] = [];
  /** In order of instantiation. */
  readonly instances: ModuleInstance[] = [];
  readonly lowered: Lowered[] = [];
  bundles = 0;
  /** Whether it was built by a snapshot (snapshot.ts). */
  snapshot = false;
  /** Components inside that were instantiated. */
  inner = 0;
}

export class CoreSpace {
  private readonly all: Assembly;
  private readonly modules: CoreModule[] = [];
  private readonly instances: CoreInstance[] = [];
  private readonly items: Record<CoreSort, CoreItem[]> = { func: [], table: [], memory: [], global: [], tag: [] };

  constructor(all: Assembly) {
    this.all = all;
  }

  module(section: Reader): void {
    if (this.all.modules.length >= limits.coreModules)
      throw new Refusal("ADMIT_LIMIT", `more than ${limits.coreModules} core modules`);
    const module = inspectModule(section);
    this.modules.push(module);
    this.all.modules.push(module);
  }

  instance(reader: Reader): void {
    const form = reader.byte();
    if (form === 0x00) this.instances.push(this.instantiate(reader));
    else if (form === 0x01) this.instances.push(this.bundle(reader));
    else throw reader.malformed("unknown form of a core instance");
  }

  private instantiate(reader: Reader): ModuleInstance {
    const module = this.modules[reader.u32()];
    if (!module) throw reader.malformed("there is no such core module");
    if (this.all.instances.length >= limits.coreInstances)
      throw new Refusal("ADMIT_LIMIT", `more than ${limits.coreInstances} instances of core modules`);
    const args = new Map<string, CoreInstance>();
    for (let left = reader.count("arguments", limits.definitions); left > 0; left--) {
      this.all.quota.take();
      const name = checkCore(reader.name());
      unique(args.has(name), name);
      reader.expect(0x12, "an argument of a core module");
      args.set(name, this.instanceAt(reader));
    }
    const made = { kind: "module", module, args } as const;
    this.all.instances.push(made);
    return made;
  }

  private bundle(reader: Reader): CoreInstance {
    if (++this.all.bundles > limits.exportBundles)
      throw new Refusal("ADMIT_LIMIT", `more than ${limits.exportBundles} bundles of core exports`);
    const items = new Map<string, { sort: CoreSort; item: CoreItem }>();
    for (let left = reader.count("exports", limits.definitions); left > 0; left--) {
      this.all.quota.take();
      const name = checkCore(reader.name());
      unique(items.has(name), name);
      const sort = this.sort(reader);
      items.set(name, { sort, item: this.item(reader, sort) });
    }
    return { kind: "bundle", items };
  }

  private instanceAt(reader: Reader): CoreInstance {
    const index = reader.u32();
    const found = this.instances[index];
    if (!found) throw reader.malformed(`there is no core instance ${index}`);
    return found;
  }

  sort(reader: Reader): CoreSort {
    const sort = CORE_SORTS[reader.byte()];
    if (!sort) throw new Refusal("ADMIT_LIMIT", "a core type, module or instance is handed on as a value");
    return sort;
  }

  item(reader: Reader, sort: CoreSort): CoreItem {
    const index = reader.u32();
    const found = this.items[sort][index];
    if (!found) throw reader.malformed(`there is no core ${sort} ${index}`);
    return found;
  }

  /** An alias of a core instance's export, from its target on. */
  alias(reader: Reader, sort: CoreSort): void {
    const instance = this.instanceAt(reader);
    const name = checkCore(reader.name());
    const found = coreExport(instance, name, sort);
    if (!found) throw reader.malformed(`an alias of the core ${sort} ${shown(name)}, which is not there`);
    this.items[sort].push(found);
  }

  lower(func: ImportedFunction, options: CanonOptions): void {
    const item = { kind: "lower", func, options } as const;
    this.all.lowered.push(item);
    this.items.func.push(item);
  }

  drop(resource: string): void {
    this.items.func.push({ kind: "drop", resource });
  }
}

export function coreExport(instance: CoreInstance, name: string, sort: CoreSort): CoreItem | null {
  if (instance.kind === "bundle") {
    const found = instance.items.get(name);
    return found?.sort === sort ? found.item : null;
  }
  return instance.module.exports.get(name)?.sort === sort ? { kind: "export", instance, name, sort } : null;
}
