/**
 * What a component keeps from being built by componentize-qjs (0.4): its JavaScript is evaluated once, at build time, and the state of
 * the engine is stored as the initial memory. What that took is still there: an export `init`, which evaluates a script, and an
 * import that finds modules, for which the builder puts in a component that traps. Neither is of use afterwards, and the first
 * would let whoever calls it replace the program. So `init` is never called, and the import is never given anything but a trap.
 */
import { bool, func, option, result, string, type WitFunction, type WitInterface } from "./type.js";

export const MODULE_LOADER = "local:init/module-loader";

const found = result(string, string);

export const snapshot: Readonly<Record<string, WitInterface>> = {
  [MODULE_LOADER]: {
    types: {},
    functions: { resolve: func({ referrer: string, specifier: string }, found), load: func({ path: string }, found) },
  },
};

/** The export that only such a component may have beside its `run`. */
export const INIT = "init";
export const init: WitFunction = func(
  { shim: string, script: string, "entry-path": option(string), "disable-gc": bool },
  result(null, string),
);
