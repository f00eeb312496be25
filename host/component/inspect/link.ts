/**
 * Turns a component's index spaces into a plan. Every import of every module is given a source here, and every core signature that
 * our binder relies on is checked, so that nothing is left to be found out in a sandbox process.
 */
import { flatSignature, inMemory } from "../flat.js";
import { entry, functionOf, interfaceKey, type World } from "../interfaces.js";
import type { CoreRef, HostImport, ImportSource, LinkPlan } from "../plan.js";
import { MODULE_LOADER } from "../snapshot.js";
import type { WitFunction } from "../type.js";
import type { Component } from "./component.js";
import { coreExport } from "./core-space.js";
import type { CoreSignature, CoreSort } from "./core.js";
import type { CanonOptions, CoreItem, ImportedFunction, LiftedFunction, ModuleInstance } from "./items.js";
import { shown } from "./names.js";
import { Refusal } from "./refusal.js";

export const moduleName = (index: number): string => `core${index}`;

export function linkPlan(component: Component, world: World, run: LiftedFunction): LinkPlan {
  const position = new Map<ModuleInstance, number>(component.instances.map((instance, index) => [instance, index]));

  /** Where an export of a module lies; bundles have been seen through when the item was read. */
  const at = (item: CoreItem, what: string): CoreRef => {
    if (item.kind !== "export" || item.instance.kind !== "module") throw malformed(`${what} is not an export of a core module`);
    return { instance: position.get(item.instance)!, name: item.name };
  };
  const ref = (item: CoreItem | null, what: string, sort: CoreSort, expected?: CoreSignature): CoreRef | null => {
    if (item === null) return null;
    const found = at(item, what);
    if (item.kind !== "export" || item.sort !== sort) throw malformed(`${what} is not a core ${sort}`);
    if (expected && !sameSignature(signature(item), expected)) throw malformed(`${what} has another core type than it must have`);
    return found;
  };
  const options = (given: CanonOptions, type: WitFunction, direction: "lower" | "lift") => {
    const needs = inMemory(type, direction);
    if (needs.memory && !given.memory) throw malformed("a function whose values lie in memory names none");
    if (needs.realloc && !given.realloc) throw malformed("a function whose values must be allocated names no `cabi_realloc`");
    return {
      memory: ref(given.memory, "a memory", "memory"),
      realloc: ref(given.realloc, "`cabi_realloc`", "func", REALLOC),
      encoding: given.encoding,
    };
  };

  const given = component.lowered.filter(({ func }) => func.interface !== MODULE_LOADER);
  const host: HostImport[] = given.map(({ func, options: given }) => {
    if (given.postReturn) throw malformed("a lowered function has a post-return function");
    return { interface: interfaceKey(func.interface)!, function: func.name, ...options(given, typeOf(func), "lower") };
  });
  const lowered = new Map<CoreItem, number>(given.map((item, index) => [item, index]));

  const source = (item: CoreItem, wanted: CoreSignature | null): ImportSource => {
    if (item.kind === "export") return { kind: "export", ref: at(item, "an import") };
    if (item.kind === "drop") {
      if (!sameSignature(wanted, DROP)) throw malformed("`resource.drop` is imported with another core type");
      return { kind: "drop", resource: item.resource };
    }
    if (!sameSignature(wanted, flatSignature(typeOf(item.func), "lower")))
      throw malformed(`${item.func.interface}#${item.func.name} is imported by a core module with another core type`);
    const index = lowered.get(item);
    return index === undefined ? { kind: "absent", name: item.func.name } : { kind: "host", index, toll: 0 };
  };

  const instances = component.instances.map((instance) => ({
    module: moduleName(component.modules.indexOf(instance.module)),
    imports: instance.module.imports.map(({ module, name, sort, signature: wanted }) => {
      const given = instance.args.get(module);
      const item = given && coreExport(given, name, sort);
      if (!item) throw malformed(`nothing is given for the core import ${shown(module)} ${shown(name)}`);
      return { module, name, source: source(item, wanted) };
    }),
  }));

  const type = entry[world];
  return {
    instances,
    host,
    memory: memoryOf(component),
    run: {
      world,
      core: ref(run.core, "`run`", "func", flatSignature(type, "lift"))!,
      postReturn: ref(run.options.postReturn, "the post-return function", "func", {
        params: flatSignature(type, "lift").results,
        results: [],
      }),
      ...options(run.options, type, "lift"),
    },
  };
}

const typeOf = (func: ImportedFunction): WitFunction => functionOf(interfaceKey(func.interface)!, func.name)!;

/** There is one memory at most; modules that import it export it again under names of their own. */
function memoryOf({ instances }: Component): CoreRef | null {
  const instance = instances.findIndex(({ module }) => module.memories > 0);
  const name = [...(instances[instance]?.module.exports ?? [])].find(([, { sort }]) => sort === "memory")?.[0];
  return name === undefined ? null : { instance, name };
}

const REALLOC: CoreSignature = { params: ["i32", "i32", "i32", "i32"], results: ["i32"] };
const DROP: CoreSignature = { params: ["i32"], results: [] };

/** The core type of an exported function. */
const signature = (item: CoreItem): CoreSignature | null =>
  item.kind === "export" && item.instance.kind === "module"
    ? (item.instance.module.exports.get(item.name)?.signature ?? null)
    : null;

const sameSignature = (a: CoreSignature | null, b: CoreSignature): boolean =>
  a !== null && a.params.join() === b.params.join() && a.results.join() === b.results.join();

const malformed = (what: string): Refusal => new Refusal("ADMIT_MALFORMED", what);
