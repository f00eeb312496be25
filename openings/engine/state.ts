/**
 * A run as a fold of its events: `apply` (apply.ts) takes in one event, `decide` (decide.ts) says what to do next, `driveRun`
 * (drive.ts) does it. Nothing here touches the world.
 *
 * Invariants. Comments elsewhere name them by number.
 *
 *  E1  The state is a function of the events and of nothing else. Live, resumed and replayed runs fold the same events.
 *  E2  Every change is an event first. The one exception: taking up an interrupted attempt, because the log says already that it runs.
 *  E3  A node is judged once, when its last inbound edge is resolved. The judgement looks at edges and sources only, never at time
 *      or at who ended first.
 *  E4  Inputs stand in the order of the edges in the file; among the ready the first in the file starts first.
 *  E5  An attempt ends once (`node.finished`). A retry follows only from a retryable end, and says so (`node.retrying`).
 *  E6  A failure stops what depends on it and nothing else (docs/decisions/003). So which nodes run
 *      does not depend on when one of them failed.
 *  E7  After `run.cancelled` nothing starts; after `run.finished` nothing changes.
 *  E8  Work is proportional to nodes + edges: every queue entry is made once for each event that calls for it, and nothing is scanned.
 *  E9  An event that does not follow from the state is refused, live as in a history (`HISTORY_ORDER`).
 *  E10 An invocation of a `for_each` is a node of its own: attempts, retries, seed. The node ends when all of them have, whatever
 *      became of each, and gives what they gave in the order of the elements: never in that of their ends.
 *  E11 A failure that a node's `on_error` takes up dooms nobody: its edges bring nothing, and the recovering node judges the run.
 */
import type { Digest } from "#core/digest.js";
import type { MetaOf, NodeStatus } from "#core/events.js";
import type { NodeId, ProposalId } from "#core/ids.js";
import type { Failure, Labels, StoredValue } from "#core/values.js";
import { ERROR_TYPE } from "../ir.js";
import { invocation, invocationOf, type Graph, type GraphEdge, type GraphNode } from "./graph.js";
import { Heap } from "./heap.js";
import { Spending } from "./spending.js";

export type Phase =
  /** Some inbound edge is open. */
  | { readonly is: "pending" }
  /** Judged: will be skipped. */
  | { readonly is: "unwanted"; readonly reason: string }
  /** Judged: will run. */
  | { readonly is: "ready" }
  | { readonly is: "running" }
  /** A `for_each`: its invocations run, or have all ended and are to be collected. */
  | { readonly is: "expanded" }
  /** For a decision; an executor may hold the attempt or may have parked it. */
  | { readonly is: "waiting"; readonly proposal: ProposalId }
  /** The log says that it runs, and the process that ran it is gone. */
  | { readonly is: "interrupted" }
  /** The attempt failed and another one is due. */
  | { readonly is: "failed"; readonly failure: Failure }
  | { readonly is: "retrying"; readonly dueMs: number }
  | { readonly is: "ended"; readonly status: NodeStatus };

/** A message as `node.finished` carries it. */
export interface StoredMessage {
  readonly port: string;
  readonly type: string;
  readonly labels: Labels;
  readonly body: StoredValue;
}

/** The invocations of a `for_each`, in the order of the elements. */
export interface Items {
  readonly states: readonly NodeState[];
  /** How many have been let into the queue: at most `max_parallel` of them have not ended. */
  begun: number;
  ended: number;
}

export interface NodeState {
  readonly node: GraphNode;
  /** Whose invocation it is. */
  readonly of: NodeState | null;
  items: Items | null;
  phase: Phase;
  /** The attempt that was started last; 0 before the first. */
  attempt: number;
  /** Inbound edges that are open. */
  unresolved: number;
  /** Outbound edges that are open. */
  unsettled: number;
  /** It failed, was cancelled, or depends on a node that did (E6). */
  doomed: boolean;
  /** What a failed attempt had read. */
  failureLabels: Labels;
  /** Of an attempt that ended ok, in the agent's order. */
  outputs: readonly StoredMessage[];
  /** The same by port, where there are several. */
  byPort: ReadonlyMap<string, readonly StoredMessage[]> | null;
  outputsHash: Digest | null;
  failure: Failure | null;
  /** The agent's `state` store after the last attempt. */
  store: StoredValue | null;
  startedMs: number;
  /** Sum over the attempts. */
  durationMs: number;
}

export interface EdgeState {
  is: "open" | "delivered" | "withheld";
  /** Messages delivered so far: a port may hold several. */
  carried: number;
}

/** Mutable, and changed by `apply` alone. Outside of the engine read it through the functions of select.ts. */
export interface RunState {
  readonly graph: Graph;
  readonly nodes: readonly NodeState[];
  readonly edges: readonly EdgeState[];
  started: MetaOf<"run.started"> | null;
  parked: boolean;
  cancelled: MetaOf<"run.cancelled"> | null;
  finished: MetaOf<"run.finished"> | null;
  /** Nodes that have not ended. */
  unended: number;
  /** Ended nodes with open outbound edges. */
  readonly settling: Set<GraphNode>;
  readonly unwanted: Set<GraphNode>;
  readonly failed: Set<GraphNode>;
  /** `for_each` nodes whose invocations have all ended. */
  readonly collecting: Set<GraphNode>;
  /** What the opening's own inputs hand out; null where it has none. */
  readonly inputs: NodeState | null;
  /** The first failure that nothing recovers from. */
  fatal: { readonly node: NodeId; readonly failure: Failure } | null;
  /** Nodes that may start or be taken up; entries that no longer apply are dropped when they come up. */
  readonly ready: Heap<NodeState>;
  readonly retries: Heap<Retrying>;
  readonly waiting: Map<ProposalId, NodeState>;
  /** `node.port digest` of artifacts already created. */
  readonly artifacts: Set<string>;
  readonly spending: Spending;
  /** Attempts that run or wait for a decision. */
  live: number;
  /** Active time before the present stretch, and when that began (null: parked, or everything that could go on waits for a person). */
  activeMs: number;
  stretchMs: number | null;
  lastMs: number;
}

export interface Retrying {
  readonly dueMs: number;
  readonly its: NodeState;
}

/** In the order of the file; invocations of one node in the order of its elements. */
function precedes({ node: a }: NodeState, { node: b }: NodeState): boolean {
  return a.index < b.index || (a.index === b.index && (a.item ?? -1) < (b.item ?? -1));
}

function newNode(node: GraphNode, phase: Phase, of: NodeState | null = null): NodeState {
  return {
    node,
    of,
    items: null,
    phase,
    attempt: 0,
    unresolved: of ? 0 : node.inbound.length,
    unsettled: node.outbound.length,
    doomed: false,
    outputs: [],
    byPort: null,
    outputsHash: null,
    failure: null,
    failureLabels: [],
    store: null,
    startedMs: 0,
    durationMs: 0,
  };
}

export function newItems(of: NodeState, count: number): Items {
  const states = Array.from({ length: count }, (_, item) => newNode(invocation(of.node, item), { is: "ready" }, of));
  return { states, begun: 0, ended: 0 };
}

export function newState(graph: Graph): RunState {
  return {
    graph,
    nodes: graph.nodes.map((node) => newNode(node, { is: "pending" })),
    inputs: graph.inputs && newNode(graph.inputs, { is: "ended", status: "ok" }),
    edges: graph.edges.map(() => ({ is: "open", carried: 0 })),
    started: null,
    parked: false,
    cancelled: null,
    finished: null,
    unended: graph.nodes.length,
    settling: new Set(),
    unwanted: new Set(),
    failed: new Set(),
    collecting: new Set(),
    fatal: null,
    ready: new Heap(precedes),
    retries: new Heap((a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && precedes(a.its, b.its))),
    waiting: new Map(),
    artifacts: new Set(),
    spending: new Spending(),
    live: 0,
    activeMs: 0,
    stretchMs: null,
    lastMs: 0,
  };
}

export function nodeState(state: RunState, node: GraphNode): NodeState {
  if (node === state.graph.inputs) return state.inputs as NodeState;
  const its = state.nodes[node.index] as NodeState;
  return node.item === null ? its : (its.items?.states[node.item] as NodeState);
}

/** The node of the file or the invocation (`node[3]`) that events call so. */
export function findState(state: RunState, id: string): NodeState | undefined {
  const node = state.graph.find(id);
  if (node) return nodeState(state, node);
  const its = invocationOf(id);
  const whole = its ? state.graph.find(its.node) : undefined;
  return its && whole ? nodeState(state, whole).items?.states[its.item] : undefined;
}

export function giveOut(its: NodeState, outputs: readonly StoredMessage[]): void {
  its.outputs = outputs;
  its.byPort = outputs.length > 1 ? Map.groupBy(outputs, (message) => message.port) : null;
}

const NOTHING: readonly StoredMessage[] = [];

export function outputsOn({ outputs, byPort }: NodeState, port: string): readonly StoredMessage[] {
  if (byPort) return byPort.get(port) ?? NOTHING;
  return outputs[0]?.port === port ? outputs : NOTHING;
}

/** What an edge's source gave on its port; of an edge to a recovering node the failure, where there was one. */
export function messagesOn(state: RunState, edge: GraphEdge): readonly StoredMessage[] {
  const its = nodeState(state, edge.source);
  if (edge.recovers === null) return outputsOn(its, edge.spec.from.port);
  return its.failure && its.phase.is === "ended" && its.phase.status === "error" ? [failureMessage(edge, its)] : NOTHING;
}

export function failureMessage(
  { source, spec, recovers }: GraphEdge,
  { failure, failureLabels: labels, ...its }: Pick<NodeState, "failure" | "failureLabels" | "attempt" | "items">,
): StoredMessage {
  const { code = "", message = "", retryable = false } = failure ?? {};
  const value = { node: source.id, reason: { code, message, retryable }, attempts: attemptsOf(its) };
  return { port: spec.from.port, type: recovers ?? ERROR_TYPE, labels, body: { value } };
}

/** Attempts of a node, or of all invocations of a `for_each` together. */
export function attemptsOf({ attempt, items }: Pick<NodeState, "attempt" | "items">): number {
  return items ? items.states.reduce((sum, each) => sum + each.attempt, 0) : attempt;
}
