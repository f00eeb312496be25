/** An opening prepared for running: nodes and edges by their place in the file, with the edges of each node at hand. */
import type { Json } from "#core/json.js";
import type { NodeId } from "#core/ids.js";
import type { Message } from "#core/values.js";
import type { Port } from "../agent.js";
import type { Opening, OpeningEdge, OpeningNode } from "../ir.js";
import { EngineError } from "./error.js";

export interface GraphNode {
  /** Place in the file, from 0. */
  readonly index: number;
  readonly id: NodeId;
  readonly spec: OpeningNode;
  /** Input ports without which the agent does not run. */
  readonly required: readonly string[];
  /** Messages that come from `with` values named like an input port, by port name. */
  readonly given: readonly Message[];
  /** Edges, in file order. */
  readonly inbound: readonly GraphEdge[];
  readonly outbound: readonly GraphEdge[];
}

export interface GraphEdge {
  readonly index: number;
  readonly spec: OpeningEdge;
  readonly source: GraphNode;
  readonly target: GraphNode;
  /** As events name the edge: `review.ok==true`, `send.in`. */
  readonly from: string;
  readonly to: string;
}

export interface Graph {
  readonly opening: Opening;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Throws `ENGINE_NO_NODE`. */
  node(id: NodeId): GraphNode;
  find(id: string): GraphNode | undefined;
  /** Edges that events name so: more than one where the file says the same edge twice. */
  named(from: string, to: string): readonly GraphEdge[];
}

/**
 * `inputsOf` gives the input ports of a node's agent, from its manifest. The opening has passed the checks: edges name nodes that
 * exist and make no cycle.
 */
export function buildGraph(opening: Opening, inputsOf: (node: OpeningNode) => Readonly<Record<string, Port>>): Graph {
  const byId = new Map<string, Building>();
  const nodes = opening.nodes.map((spec, index) => {
    const node = prepare(spec, index, inputsOf(spec));
    byId.set(spec.id, node);
    return node;
  });
  const find = (id: string): Building | undefined => byId.get(id);
  const node = (id: NodeId): Building => {
    const found = find(id);
    if (!found) throw new EngineError("ENGINE_NO_NODE", `the opening \`${opening.name}\` has no node \`${id}\``);
    return found;
  };

  const names = new Map<string, GraphEdge[]>();
  const edges = opening.edges.map((spec, index) => {
    const source = node(spec.from.node);
    const target = node(spec.to.node);
    const edge: GraphEdge = { index, spec, source, target, ...edgeName(spec) };
    source.outbound.push(edge);
    target.inbound.push(edge);
    const name = `${edge.from} ${edge.to}`;
    const same = names.get(name);
    if (same) same.push(edge);
    else names.set(name, [edge]);
    return edge;
  });
  return { opening, nodes, edges, node, find, named: (from, to) => names.get(`${from} ${to}`) ?? [] };
}

type Building = GraphNode & { readonly inbound: GraphEdge[]; readonly outbound: GraphEdge[] };

function prepare(spec: OpeningNode, index: number, ports: Readonly<Record<string, Port>>): Building {
  const names = Object.keys(ports).sort();
  const given = names
    .filter((port) => Object.hasOwn(spec.with, port))
    // A port that accepts several types takes a `with` value as its first.
    .map((port): Message => ({ port, type: ports[port]?.types[0] ?? "any", body: spec.with[port] as Json, labels: [] }));
  const required = names.filter((port) => ports[port]?.required);
  return { index, id: spec.id, spec, required, given, inbound: [], outbound: [] };
}

export function edgeName({ from, to, guard }: OpeningEdge): { readonly from: string; readonly to: string } {
  const test = guard ? `${guard.op}${JSON.stringify(guard.literal)}` : "";
  return { from: `${from.node}.${from.port}${test}`, to: `${to.node}.${to.port}` };
}
