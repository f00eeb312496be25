/** Who comes after whom in an opening, by place in the file: ids are looked up once for each edge and never again. */
import type { NodeId } from "#core/ids.js";
import { INPUTS, type Opening, type OpeningEdge } from "../ir.js";

export interface Links {
  /** Edges into each node. */
  readonly inbound: readonly (readonly OpeningEdge[])[];
  /** Nodes whose failure each node takes over. */
  readonly recovers: readonly (readonly NodeId[])[];
  /** What each node leads to, by an edge or after a failure; each target once. */
  readonly next: readonly (readonly number[])[];
}

/** The opening has passed the checks: edges name nodes that exist. */
export function linksOf({ nodes, edges }: Opening): Links {
  const places = new Map(nodes.map(({ id }, place) => [id, place]));
  const place = (id: NodeId): number => places.get(id) as number;
  const inbound = nodes.map((): OpeningEdge[] => []);
  const recovers = nodes.map((): NodeId[] => []);
  const next = nodes.map((): number[] => []);
  for (const edge of edges) {
    const to = place(edge.to.node);
    inbound[to]!.push(edge);
    if (edge.from.node !== INPUTS) next[place(edge.from.node)]!.push(to);
  }
  for (const [from, { id, on_error: by }] of nodes.entries())
    if (by !== undefined) {
      recovers[place(by)]!.push(id);
      next[from]!.push(place(by));
    }
  return { inbound, recovers, next: next.map(eachOnce) };
}

function eachOnce(places: readonly number[]): readonly number[] {
  return places.length < 2 ? places : [...new Set(places)];
}
