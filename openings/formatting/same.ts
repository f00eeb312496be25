/** Whether two files say the same, whatever their form: maps by key, aliases by what they stand for. */
import type { Tree } from "../language/tree.js";

/** What aliases share is compared once for each partner, so the time is that of the files and not of what they expand to. */
export function sameTrees(a: Tree, b: Tree, known = new Map<Tree, Set<Tree>>()): boolean {
  const met = known.get(a);
  if (met?.has(b)) return true; // found the same before: a difference would have ended it all
  if (!sameHere(a, b, known)) return false;
  if (met) met.add(b);
  else known.set(a, new Set([b]));
  return true;
}

function sameHere(a: Tree, b: Tree, known: Map<Tree, Set<Tree>>): boolean {
  if (a.kind === "scalar") return b.kind === "scalar" && a.value === b.value;
  if (a.kind === "list")
    return (
      b.kind === "list" &&
      a.items.length === b.items.length &&
      a.items.every((item, index) => sameTrees(item, b.items[index] as Tree, known))
    );
  if (a.kind !== "map" || b.kind !== "map" || a.entries.length !== b.entries.length) return false;
  const values = new Map(b.entries.map(({ key, value }) => [key, value]));
  return a.entries.every(({ key, value }) => {
    const other = values.get(key);
    return other !== undefined && sameTrees(value, other, known);
  });
}
