/** How events name edges. Each end's name is one string, however many edges have it: it is hashed once, and no two are ever joined. */
import type { NodeId } from "#core/ids.js";
import type { OpeningEdge } from "../ir.js";
import type { GraphEdge } from "./graph.js";

export class EdgeNames {
  readonly #ends = new Map<NodeId, Map<string, string>>();
  readonly #edges = new Map<string, Map<string, GraphEdge[]>>();

  /** `review.ok==true` */
  from({ from, guard }: OpeningEdge): string {
    return this.#end(from.node, guard ? `${from.port}${guard.op}${JSON.stringify(guard.literal)}` : from.port);
  }

  /** `send.in` */
  to({ to }: OpeningEdge): string {
    return this.#end(to.node, to.port);
  }

  add(edge: GraphEdge): void {
    let leaving = this.#edges.get(edge.from);
    if (!leaving) this.#edges.set(edge.from, (leaving = new Map()));
    const same = leaving.get(edge.to);
    if (same) same.push(edge);
    else leaving.set(edge.to, [edge]);
  }

  get(from: string, to: string): readonly GraphEdge[] {
    return this.#edges.get(from)?.get(to) ?? [];
  }

  #end(node: NodeId, port: string): string {
    let ends = this.#ends.get(node);
    if (!ends) this.#ends.set(node, (ends = new Map()));
    let name = ends.get(port);
    if (name === undefined) ends.set(port, (name = `${node}.${port}`));
    return name;
  }
}
