/** The levels of a DAG: a node stands one level below the lowest of those that it waits for. */
import type { NodeId } from "#core/ids.js";
import type { Opening } from "../ir.js";
import { nextOf } from "./paths.js";

/** Levels from the top, nodes of each in the order of the file. The opening has no cycles: the checks have seen to that. */
export function levelsOf(opening: Opening, next = nextOf(opening)): readonly (readonly NodeId[])[] {
  const waiting = new Map<NodeId, number>(opening.nodes.map((node) => [node.id, 0]));
  for (const targets of next.values()) for (const target of targets) waiting.set(target, (waiting.get(target) ?? 0) + 1);
  const order = new Map(opening.nodes.map((node, index) => [node.id, index]));
  const levels: NodeId[][] = [];
  let level = opening.nodes.map((node) => node.id).filter((id) => waiting.get(id) === 0);
  while (level.length > 0) {
    levels.push(level.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)));
    const below: NodeId[] = [];
    for (const id of level)
      for (const target of next.get(id) ?? []) {
        const left = (waiting.get(target) ?? 0) - 1;
        waiting.set(target, left);
        if (left === 0) below.push(target);
      }
    level = below;
  }
  return levels;
}
