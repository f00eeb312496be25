/**
 * Turns a component's index spaces into a plan. Every import of every module is given a source here, and every core signature that
 * our binder relies on is checked, so that nothing is left to be found out in a sandbox process.
 */
import { flatSignature } from "../flat.js";
import type { CoreRef, HostImport, ImportSource, LinkPlan } from "../plan.js";
import { interfaces, run as runType, shortName } from "../wit.js";
import type { Component, CoreInstance, CoreItem, CanonOptions } from "./component.js";
import type { CoreModule, CoreSignature, CoreSort } from "./core.js";
import { shown } from "./names.js";
import { Refusal } from "./refusal.js";

export const moduleName = (index: number): string => `core${index}`;

export function linkPlan(component: Component): LinkPlan {
  const position = new Map<CoreInstance, number>(component.instances.map((instance, index) => [instance, index]));
  const signatures = signatureReader(component.modules);

  const ref = (item: CoreItem | null, what: string, sort: CoreSort, expected?: CoreSignature): CoreRef | null => {
    if (item === null) return null;
    if (item.kind !== "export" || item.sort !== sort) throw malformed(`${what} is not an export of a core module`);
    if (expected && !sameSignature(signatures(item), expected))
      throw malformed(`${what} has another core type than it must have`);
    return { instance: position.get(item.instance)!, name: item.name };
  };
  const options = ({ memory, realloc }: CanonOptions) => ({
    memory: ref(memory, "a memory", "memory"),
    realloc: ref(realloc, "`cabi_realloc`", "func", REALLOC),
  });

  const host: HostImport[] = component.lowered.map(({ func, options: given }) => {
    if (given.postReturn) throw malformed("a lowered function has a post-return function");
    return { interface: shortName(func.interface)!, function: func.name, encoding: given.encoding, ...options(given) };
  });

  const source = (item: CoreItem, wanted: CoreSignature | null): ImportSource => {
    if (item.kind === "export") return { kind: "export", ref: { instance: position.get(item.instance)!, name: item.name } };
    if (item.kind === "drop") {
      if (!sameSignature(wanted, DROP)) throw malformed("`resource.drop` is imported with another core type");
      return { kind: "drop", interface: shortName(item.interface)!, resource: item.resource };
    }
    const type = interfaces[shortName(item.func.interface)!]!.functions[item.func.name]!;
    if (!sameSignature(wanted, flatSignature(type, "lower")))
      throw malformed(`${item.func.interface}#${item.func.name} is imported by a core module with another core type`);
    return { kind: "host", index: component.lowered.indexOf(item) };
  };

  const instances = component.instances.map((instance) => ({
    module: moduleName(instance.module),
    imports: component.modules[instance.module]!.imports.map(({ module, name, sort, signature }) => {
      const given = instance.args.get(module);
      const item = given && exported(component.modules, given, name, sort);
      if (!item) throw malformed(`nothing is given for the core import ${shown(module)} ${shown(name)}`);
      return { module, name, source: source(item, signature) };
    }),
  }));

  const run = component.exports.get("run");
  if (run?.kind !== "lift") throw malformed("`run` is not a lifted function");
  const core = ref(run.core, "`run`", "func", flatSignature(runType, "lift"));
  return {
    instances,
    host,
    run: {
      core: core!,
      encoding: run.options.encoding,
      postReturn: ref(run.options.postReturn, "the post-return function", "func", POST_RETURN),
      ...options(run.options),
    },
  };
}

const REALLOC: CoreSignature = { params: ["i32", "i32", "i32", "i32"], results: ["i32"] };
const POST_RETURN: CoreSignature = { params: ["i32"], results: [] };
const DROP: CoreSignature = { params: ["i32"], results: [] };

function exported(modules: readonly CoreModule[], instance: CoreInstance, name: string, sort: CoreSort): CoreItem | null {
  if (instance.kind === "bundle") {
    const found = instance.items.get(name);
    return found?.sort === sort ? found.item : null;
  }
  return modules[instance.module]?.exports.get(name)?.sort === sort ? { kind: "export", instance, name, sort } : null;
}

/** The core type of an exported function, through as many bundles as it was handed on by. */
function signatureReader(modules: readonly CoreModule[]) {
  return (item: CoreItem): CoreSignature | null =>
    item.kind === "export" && item.instance.kind === "module"
      ? (modules[item.instance.module]?.exports.get(item.name)?.signature ?? null)
      : null;
}

const sameSignature = (a: CoreSignature | null, b: CoreSignature): boolean =>
  a !== null && a.params.join() === b.params.join() && a.results.join() === b.results.join();

const malformed = (what: string): Refusal => new Refusal("ADMIT_MALFORMED", what);
