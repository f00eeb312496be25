/** What an event says must follow from the state; what does not is refused (E9). */
import type { NodeId } from "#core/ids.js";
import { HistoryError } from "../journal/error.js";
import type { Fact, FactOf } from "./fact.js";
import type { GraphEdge } from "./graph.js";
import { findState, nodeState, type NodeState, type Phase, type RunState } from "./state.js";

export class Premise {
  constructor(
    readonly state: RunState,
    /** Of the event, for the error only. */
    private readonly seq: number | null,
  ) {}

  /** The node or invocation that an event names. */
  node(id: NodeId): NodeState {
    const its = findState(this.state, id);
    if (!its) throw HistoryError.at("HISTORY_UNKNOWN", this.seq, `the opening has no node \`${id}\``);
    return its;
  }

  /** The open edge that an event names. */
  edge(fact: FactOf<"edge.delivered"> | FactOf<"edge.withheld">): GraphEdge {
    this.goesOn(fact);
    const { from, to } = fact.meta;
    const named = this.state.graph.named(from, to);
    if (named.length === 0) throw HistoryError.at("HISTORY_UNKNOWN", this.seq, `the opening has no edge ${from} -> ${to}`);
    const edge = named.find(({ index }) => this.state.edges[index]?.is === "open");
    if (!edge) this.refuse(`${fact.kind}: ${from} -> ${to} was resolved before`);
    const source = nodeState(this.state, edge.source);
    if (source.phase.is !== "ended") this.refuse(`${fact.kind}: ${from} -> ${to} while ${edge.source.id} is ${source.phase.is}`);
    return edge;
  }

  is(its: NodeState, fact: Fact, ...phases: readonly Phase["is"][]): void {
    if (!phases.includes(its.phase.is)) this.refuse(`${fact.kind} of ${its.node.id}, which is ${describe(its)}`);
  }

  isAttempt(its: NodeState, kind: string, attempt: number): void {
    if (attempt !== its.attempt) this.refuse(`${kind} of ${its.node.id}: attempt ${attempt}, but attempt ${its.attempt} runs`);
  }

  isActive(fact: Fact): void {
    if (this.state.parked) this.refuse(`${fact.kind} while the run is parked`);
  }

  /** For what only happens in a run that goes on (E7). */
  goesOn(fact: Fact): void {
    this.isActive(fact);
    if (this.state.cancelled) this.refuse(`${fact.kind} after run.cancelled`);
  }

  refuse(message: string): never {
    throw HistoryError.at("HISTORY_ORDER", this.seq, message);
  }
}

function describe({ phase }: NodeState): string {
  return phase.is === "ended" ? phase.status : phase.is;
}
