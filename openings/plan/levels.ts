/** The levels of a DAG: a node stands one level below the lowest of those that it waits for. */
import type { Links } from "./links.js";

/** Places in the file: levels from the top, nodes of each in the order of the file. The opening has no cycles: the checks have seen to that. */
export function levelsOf({ next }: Links): readonly (readonly number[])[] {
  const waiting = new Uint32Array(next.length);
  for (const targets of next) for (const target of targets) waiting[target]!++;
  const levels: number[][] = [];
  let level = [...next.keys()].filter((node) => waiting[node] === 0);
  while (level.length > 0) {
    levels.push(level.sort((a, b) => a - b));
    const below: number[] = [];
    for (const node of level) for (const target of next[node]!) if (--waiting[target]! === 0) below.push(target);
    level = below;
  }
  return levels;
}
