/** Structural equality of types: names, order and shape of everything, down to the primitives. */
import type { WitFunction, WitType } from "../type.js";

export function sameType(a: WitType | null, b: WitType | null): boolean {
  if (a === b) return true;
  if (!a || !b || a.kind !== b.kind) return false;
  switch (a.kind) {
    case "list":
    case "option":
      return sameType(a.of, (b as typeof a).of);
    case "record":
      return samePairs(a.fields, (b as typeof a).fields);
    case "variant":
      return samePairs(a.cases, (b as typeof a).cases);
    case "tuple": {
      const items = (b as typeof a).items;
      return a.items.length === items.length && a.items.every((item, index) => sameType(item, items[index] ?? null));
    }
    case "enum":
    case "flags": {
      const names = (b as typeof a).names;
      return a.names.length === names.length && a.names.every((name, index) => name === names[index]);
    }
    case "result":
      return sameType(a.ok, (b as typeof a).ok) && sameType(a.err, (b as typeof a).err);
    case "own":
    case "borrow":
      return a.resource === (b as typeof a).resource;
    default:
      // What is foreign to our interfaces equals nothing of ours; primitives are told apart by their kind alone.
      return (a.kind as string) !== "foreign";
  }
}

type Pairs = readonly (readonly [string, WitType | null])[];
const samePairs = (a: Pairs, b: Pairs): boolean =>
  a.length === b.length && a.every(([name, type], index) => name === b[index]?.[0] && sameType(type, b[index]?.[1] ?? null));

export const sameFunction = (a: WitFunction, b: WitFunction): boolean =>
  samePairs(a.params, b.params) && sameType(a.result, b.result);
