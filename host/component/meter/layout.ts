/**
 * Where the added things stand in the index spaces. Imports are added behind the guest's imports, so everything that the guest
 * defines moves up by their number; types, functions and the counter are added behind the guest's.
 */
import { LENGTH_CHARGES, type ByLength } from "./costs.js";
import type { Shape } from "./shape.js";

export const ADDED_FUNCTION_IMPORTS = 3;
export const ADDED_GLOBAL_IMPORTS = 2;

export interface Layout {
  /** Types: () → (), () → i32, i32 → i32, in this order. */
  readonly plainType: number;
  readonly answerType: number;
  readonly lengthType: number;
  /** Imported functions. */
  readonly fuel: number;
  readonly pause: number;
  readonly deep: number;
  /** The imported globals, and the added one. */
  readonly depth: number;
  readonly refused: number;
  readonly left: number;
  /** Added functions: the slow half of a checkpoint, and one for each way to pay by length. */
  readonly refuel: number;
  readonly byLength: (charge: ByLength) => number;
  readonly moveFunction: (index: number) => number;
  readonly moveGlobal: (index: number) => number;
}

export function layoutOf(shape: Shape): Layout {
  const { importedFunctions, importedGlobals, functions } = shape;
  const types = shape.types.length;
  const refuel = functions.length + ADDED_FUNCTION_IMPORTS;
  return {
    plainType: types,
    answerType: types + 1,
    lengthType: types + 2,
    fuel: importedFunctions,
    pause: importedFunctions + 1,
    deep: importedFunctions + 2,
    depth: importedGlobals,
    refused: importedGlobals + 1,
    left: shape.globals.length + ADDED_GLOBAL_IMPORTS,
    refuel,
    byLength: (charge) => refuel + 1 + LENGTH_CHARGES.indexOf(charge),
    moveFunction: (index) => (index < importedFunctions ? index : index + ADDED_FUNCTION_IMPORTS),
    moveGlobal: (index) => (index < importedGlobals ? index : index + ADDED_GLOBAL_IMPORTS),
  };
}
