/** The ways through an opening: from a node that waits for nothing to one that nothing waits for. */
import type { NodeId } from "#core/ids.js";
import { INPUTS, type Opening } from "../ir.js";

/** Nodes on all paths together that are told of. */
const NODES = 20_000;

export interface Ways {
  /** The first ones in the order of the file. */
  readonly paths: readonly (readonly NodeId[])[];
  /** All of them; beyond 2^53 no longer exact. */
  readonly count: number;
}

/** What each node leads to, by an edge or after a failure; each target once. */
export function nextOf(opening: Opening): ReadonlyMap<NodeId, readonly NodeId[]> {
  const next = new Map<NodeId, Set<NodeId>>(opening.nodes.map(({ id }) => [id, new Set()]));
  for (const { from, to } of opening.edges) if (from.node !== INPUTS) next.get(from.node)?.add(to.node);
  for (const { id, on_error: target } of opening.nodes) if (target !== undefined) next.get(id)?.add(target);
  return new Map([...next].map(([id, targets]) => [id, [...targets]]));
}

/** `order`: every node behind those that it waits for. */
export function waysThrough(next: ReadonlyMap<NodeId, readonly NodeId[]>, order: readonly NodeId[], most: number): Ways {
  const ways = new Map<NodeId, number>();
  for (const id of order.toReversed()) {
    const targets = next.get(id) ?? [];
    ways.set(id, targets.length === 0 ? 1 : targets.reduce((sum, target) => sum + (ways.get(target) ?? 0), 0));
  }
  const targets = new Set([...next.values()].flat());
  const starts = order.filter((id) => !targets.has(id));
  const paths: NodeId[][] = [];
  let told = 0;
  // Each frame is one node of the way and the next of its targets to go on to.
  const frames: { readonly node: NodeId; at: number }[] = [];
  for (const start of starts) {
    frames.push({ node: start, at: 0 });
    while (frames.length > 0 && paths.length < most && told < NODES) {
      const frame = frames[frames.length - 1];
      if (!frame) break;
      const after = next.get(frame.node) ?? [];
      if (after.length === 0) {
        paths.push(frames.map(({ node }) => node));
        told += frames.length;
      }
      const target = after[frame.at++];
      if (target === undefined) frames.pop();
      else frames.push({ node: target, at: 0 });
    }
    frames.length = 0;
  }
  return { paths, count: starts.reduce((sum, id) => sum + (ways.get(id) ?? 0), 0) };
}
