/** The whole look at a component before anything is done with it. */
import type { LinkPlan } from "../plan.js";
import { readComponent } from "./component.js";
import { conform } from "./conform.js";
import { direct } from "./direct.js";
import { linkPlan, moduleName } from "./link.js";

export interface Inspected {
  /** Names of interfaces that it takes functions from, versions as it names them, sorted. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly modules: readonly { readonly name: string; readonly bytes: Uint8Array; readonly functions: number }[];
  readonly plan: LinkPlan;
}

/** Throws a `Refusal` that says what is wrong. Takes time and memory in proportion to the bytes. */
export function inspect(bytes: Uint8Array): Inspected {
  const component = readComponent(bytes);
  const { imports, exports, world, run } = conform(component);
  const linked = linkPlan(component, world, run);
  const modules = new Map(component.modules.map((module, index) => [moduleName(index), module]));
  const plan = direct(linked, modules);
  // Those that the plan goes round, and no others: what nothing instantiates is looked at like the rest.
  const used = (given: LinkPlan, name: string): boolean => given.instances.some(({ module }) => module === name);
  for (const name of modules.keys()) if (used(linked, name) && !used(plan, name)) modules.delete(name);
  return {
    imports,
    exports,
    modules: Array.from(modules, ([name, { bytes, functions }]) => ({ name, bytes, functions })),
    plan,
  };
}
