/** What the index spaces of a component hold. */
import type { Encoding } from "../plan.js";
import type { WitFunction } from "../type.js";
import type { CoreModule, CoreSort } from "./core.js";
import type { InstanceType, TypeEntry } from "./types.js";

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
  | { readonly kind: "drop"; readonly resource: string };
export type ModuleInstance = {
  readonly kind: "module";
  readonly module: CoreModule;
  readonly args: ReadonlyMap<string, CoreInstance>;
};
export type CoreInstance =
  | ModuleInstance
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
export type Func = ImportedFunction | LiftedFunction;

export interface ImportedInstance {
  readonly kind: "import";
  readonly name: string;
  readonly type: InstanceType;
}
export type Instance = ImportedInstance | { readonly kind: "made"; readonly items: ReadonlyMap<string, Item> };
/** What a component exports, and what an inner one is given. */
export type Item =
  | { readonly sort: "func"; readonly func: Func }
  | { readonly sort: "instance"; readonly instance: Instance }
  | { readonly sort: "type"; readonly entry: TypeEntry };
