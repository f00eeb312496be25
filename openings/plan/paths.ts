/** The ways through an opening: from a node that waits for nothing to one that nothing waits for. */
import type { Links } from "./links.js";

/** Nodes on all paths together that are told of. */
const NODES = 20_000;

export interface Ways {
  /** The first ones in the order of the file, as places in it. */
  readonly paths: readonly (readonly number[])[];
  /** All of them; beyond 2^53 no longer exact. */
  readonly count: number;
}

/** `order`: every node behind those that it waits for. */
export function waysThrough({ next }: Links, order: readonly number[], most: number): Ways {
  const ways = new Float64Array(next.length);
  const isTarget = new Uint8Array(next.length);
  for (const node of order.toReversed()) {
    const targets = next[node]!;
    let sum = targets.length === 0 ? 1 : 0;
    for (const target of targets) {
      sum += ways[target]!;
      isTarget[target] = 1;
    }
    ways[node] = sum;
  }
  const starts = order.filter((node) => isTarget[node] === 0);
  const paths: number[][] = [];
  let told = 0;
  // Each frame is one node of the way and the next of its targets to go on to.
  const frames: { readonly node: number; at: number }[] = [];
  for (const start of starts) {
    frames.push({ node: start, at: 0 });
    while (frames.length > 0 && paths.length < most && told < NODES) {
      const frame = frames[frames.length - 1];
      if (!frame) break;
      const after = next[frame.node]!;
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
  return { paths, count: starts.reduce((sum, node) => sum + ways[node]!, 0) };
}
