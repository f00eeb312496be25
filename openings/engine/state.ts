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
 */
import type { Digest } from "#core/digest.js";
import type { MetaOf, NodeStatus } from "#core/events.js";
import type { ProposalId } from "#core/ids.js";
import type { Failure, Labels, StoredValue } from "#core/values.js";
import type { Graph, GraphEdge, GraphNode } from "./graph.js";
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

export interface NodeState {
  readonly node: GraphNode;
  phase: Phase;
  /** The attempt that was started last; 0 before the first. */
  attempt: number;
  /** Inbound edges that are open. */
  unresolved: number;
  /** Outbound edges that are open. */
  unsettled: number;
  /** It failed, was cancelled, or depends on a node that did (E6). */
  doomed: boolean;
  /** Of an attempt that ended ok; by port, and all of them in the agent's order. */
  outputs: readonly StoredMessage[];
  byPort: ReadonlyMap<string, readonly StoredMessage[]>;
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
  /** Node indices that may start or be taken up; entries that no longer apply are dropped when they come up. */
  readonly ready: Heap<number>;
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
  readonly index: number;
}

const NO_PORTS: ReadonlyMap<string, readonly StoredMessage[]> = new Map();

export function newState(graph: Graph): RunState {
  return {
    graph,
    nodes: graph.nodes.map((node) => ({
      node,
      phase: { is: "pending" },
      attempt: 0,
      unresolved: node.inbound.length,
      unsettled: node.outbound.length,
      doomed: false,
      outputs: [],
      byPort: NO_PORTS,
      outputsHash: null,
      failure: null,
      store: null,
      startedMs: 0,
      durationMs: 0,
    })),
    edges: graph.edges.map(() => ({ is: "open", carried: 0 })),
    started: null,
    parked: false,
    cancelled: null,
    finished: null,
    unended: graph.nodes.length,
    settling: new Set(),
    unwanted: new Set(),
    failed: new Set(),
    ready: new Heap((a, b) => a < b),
    retries: new Heap((a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.index < b.index)),
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
  return state.nodes[node.index] as NodeState;
}

/** What an edge's source gave on its port. */
export function messagesOn(state: RunState, edge: GraphEdge): readonly StoredMessage[] {
  return nodeState(state, edge.source).byPort.get(edge.spec.from.port) ?? [];
}
