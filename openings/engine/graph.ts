/** An opening prepared for running: nodes and edges by their place in the file, with the edges of each node at hand. */
import type { Json } from "#core/json.js";
import type { NodeId } from "#core/ids.js";
import type { Message } from "#core/values.js";
import type { Port } from "../agent.js";
import { innerPorts } from "../inner.js";
import { ERROR_PORT, ERROR_TYPE, INPUTS, type Opening, type OpeningEdge, type OpeningNode } from "../ir.js";
import { EdgeNames } from "./edge-names.js";
import { EngineError } from "./error.js";

export interface GraphNode {
  /** Place in the file, from 0; of the opening's own inputs -1. */
  readonly index: number;
  /** Which invocation of a `for_each` it is, from 0; null: it is a node of the file. */
  readonly item: number | null;
  /** The input that it is invoked for each element of, with the types that it takes. */
  readonly each: { readonly port: string; readonly types: readonly string[] } | null;
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
  /** From a node that failed to the one that its `on_error` names: the type under which the failure arrives. */
  readonly recovers: string | null;
  /** As events name the edge: `review.ok==true`, `send.in`. */
  readonly from: string;
  readonly to: string;
}

export interface Graph {
  readonly opening: Opening;
  readonly nodes: readonly GraphNode[];
  /** Those of the file in its order, then one for each `on_error`. */
  readonly edges: readonly GraphEdge[];
  /** What edges from `inputs.<name>` come from; null where the opening has no inputs. */
  readonly inputs: GraphNode | null;
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
  const ports = new Map<string, Readonly<Record<string, Port>>>();
  const nodes = opening.nodes.map((spec, index) => {
    const its = spec.opening ? innerPorts(spec.opening.inputs) : inputsOf(spec);
    ports.set(spec.id, its);
    const node = prepare(spec, index, its);
    byId.set(spec.id, node);
    return node;
  });
  const inputs = opening.inputs ? prepare(ownInputs, -1, {}) : null;
  if (inputs) byId.set(INPUTS, inputs);
  const node = (id: NodeId): Building => {
    const found = byId.get(id);
    if (!found) throw new EngineError("ENGINE_NO_NODE", `the opening \`${opening.name}\` has no node \`${id}\``);
    return found;
  };

  const names = new EdgeNames();
  const join = (spec: OpeningEdge, index: number, recovers: string | null): GraphEdge => {
    const source = node(spec.from.node);
    const target = node(spec.to.node);
    const edge: GraphEdge = { index, spec, source, target, recovers, from: names.from(spec), to: names.to(spec) };
    source.outbound.push(edge);
    target.inbound.push(edge);
    names.add(edge);
    return edge;
  };
  const edges = opening.edges.map((spec, index) => join(spec, index, null));
  for (const { id, on_error: by } of opening.nodes)
    if (by !== undefined) {
      const takes = ports.get(by)?.[ERROR_PORT]?.types ?? [];
      edges.push(join(recoveryEdge(id, by), edges.length, takes.includes(ERROR_TYPE) ? ERROR_TYPE : (takes[0] ?? ERROR_TYPE)));
    }
  const find = (id: string): GraphNode | undefined => (id === INPUTS && inputs ? undefined : byId.get(id));
  return { opening, nodes, edges, inputs, node, find, named: (from, to) => names.get(from, to) };
}

type Building = GraphNode & { readonly inbound: GraphEdge[]; readonly outbound: GraphEdge[] };

function prepare(spec: OpeningNode, index: number, ports: Readonly<Record<string, Port>>): Building {
  const names = Object.keys(ports).sort();
  const given = names
    .filter((port) => Object.hasOwn(spec.with, port))
    // A port that accepts several types takes a `with` value as its first.
    .map((port): Message => ({ port, type: ports[port]?.types[0] ?? "any", body: spec.with[port] as Json, labels: [] }));
  const required = names.filter((port) => ports[port]?.required);
  const each = spec.for_each === undefined ? null : { port: spec.for_each, types: ports[spec.for_each]?.types ?? [] };
  return { index, item: null, each, id: spec.id, spec, required, given, inbound: [], outbound: [] };
}

/** The source of an opening's own inputs is no node of it: nothing runs. */
const ownInputs: OpeningNode = {
  id: INPUTS,
  agent: "",
  variant: null,
  with: {},
  retry: { max_attempts: 1, backoff_ms: 0, multiplier: 1, max_backoff_ms: 0, jitter: 0 },
  timeout_ms: null,
  budget_tokens: null,
  tags: [],
};

/** No port is called so: an event's `a.error!` is never an output of `a`. */
const FAILURE_PORT = "error!";

function recoveryEdge(from: NodeId, to: NodeId): OpeningEdge {
  return { from: { node: from, port: FAILURE_PORT }, to: { node: to, port: ERROR_PORT }, guard: null };
}

/** The invocation of a `for_each` for its element `item`. */
export function invocation(node: GraphNode, item: number): GraphNode {
  return { ...node, item, id: `${node.id}[${item}]` as NodeId, outbound: [] };
}

/** `node[3]` taken apart; null where it is no invocation. */
export function invocationOf(id: string): { readonly node: NodeId; readonly item: number } | null {
  const [, node, item] = /^([^[]*)\[(0|[1-9][0-9]{0,5})\]$/.exec(id) ?? [];
  return node === undefined ? null : { node: node as NodeId, item: Number(item) };
}
