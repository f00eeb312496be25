/** The whole look at a component before anything is done with it. */
import type { LinkPlan } from "../plan.js";
import { readComponent } from "./component.js";
import { conform } from "./conform.js";
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
  const plan = linkPlan(component, world, run);
  return {
    imports,
    exports,
    modules: component.modules.map((module, index) => ({
      name: moduleName(index),
      bytes: module.bytes,
      functions: module.functions,
    })),
    plan,
  };
}
