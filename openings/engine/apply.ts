/** Takes one event into the state. Refuses what does not follow from it (E9). */
import type { ProposalId } from "#core/ids.js";
import type { Fact, FactOf } from "./fact.js";
import { itemEnded, nodeCollected, nodeExpanded } from "./for-each.js";
import type { GraphEdge, GraphNode } from "./graph.js";
import { judge } from "./judge.js";
import { Premise } from "./premise.js";
import { giveOut, messagesOn, nodeState, type NodeState, type Phase, type RunState, type StoredMessage } from "./state.js";

/** `tsMs`: when the event happened, milliseconds since the epoch. `seq` is for the error only. Throws `HistoryError`. */
export function apply(state: RunState, fact: Fact, tsMs: number, seq: number | null = null): void {
  new Applier(state, tsMs, new Premise(state, seq)).apply(fact);
}

/** Takes up an attempt that the log already says is running (E2). */
export function takeUp(state: RunState, node: GraphNode, nowMs: number): void {
  const its = nodeState(state, node);
  its.phase = { is: "running" };
  its.startedMs = nowMs;
  state.live++;
}

class Applier {
  constructor(
    private readonly state: RunState,
    private readonly tsMs: number,
    private readonly must: Premise,
  ) {}

  apply(fact: Fact): void {
    this.#take(fact);
    this.#tellTime();
  }

  /** A person's time is not the run's: while all that is left waits for a decision, the run's clock stands still. */
  #tellTime(): void {
    const { state } = this;
    if (!state.started || state.parked || state.finished) return;
    const held = state.waiting.size > 0 && state.waiting.size === state.live && !state.retries.peek() && state.failed.size === 0;
    if (held && state.stretchMs !== null) {
      state.activeMs += Math.max(0, this.tsMs - state.stretchMs);
      state.stretchMs = null;
    } else if (!held && state.stretchMs === null) state.stretchMs = this.tsMs;
  }

  #take(fact: Fact): void {
    const { state } = this;
    if (state.finished && changes(fact)) this.must.refuse(`${fact.kind} after run.finished`);
    if (!state.started && fact.kind !== "run.started") this.must.refuse(`${fact.kind} before run.started`);
    state.spending.apply(fact);
    // Another process may write a decision long after this run's own process died: that is no time of the run.
    if (fact.kind !== "action.decided" && !state.finished) state.lastMs = Math.max(state.lastMs, this.tsMs);

    switch (fact.kind) {
      case "run.started":
        return this.#runStarted(fact);
      case "run.parked":
        this.must.isActive(fact);
        state.parked = true;
        state.activeMs = fact.meta.active_ms;
        state.stretchMs = null;
        return;
      case "run.resumed":
        return this.#runResumed(fact);
      case "run.cancelled":
        this.must.goesOn(fact);
        state.cancelled = fact.meta;
        return;
      case "run.finished":
        this.must.isActive(fact);
        if (!state.cancelled && state.unended > 0) this.must.refuse(`run.finished while ${state.unended} nodes have not ended`);
        state.finished = fact.meta;
        return;
      case "node.started":
        return this.#nodeStarted(fact);
      case "node.expanded":
        return nodeExpanded(this.must, fact, this.tsMs);
      case "node.collected":
        return this.#end(nodeCollected(this.must, fact), { is: "ended", status: fact.meta.status });
      case "node.waiting":
        return this.#nodeWaiting(fact);
      case "node.continued":
        return this.#nodeContinued(fact);
      case "action.decided":
        return this.#decided(fact.meta.proposal_id);
      case "node.finished":
        return this.#nodeFinished(fact);
      case "node.retrying":
        return this.#nodeRetrying(fact);
      case "node.skipped":
        return this.#nodeSkipped(fact);
      case "edge.delivered":
        return this.#edgeDelivered(fact);
      case "edge.withheld":
        return this.#edgeWithheld(fact);
      case "artifact.created":
        if (fact.meta.node !== undefined && fact.meta.port !== undefined)
          state.artifacts.add(`${fact.meta.node}.${fact.meta.port} ${fact.meta.digest}`);
    }
  }

  #runStarted(fact: FactOf<"run.started">): void {
    const { state } = this;
    if (state.started) this.must.refuse("run.started twice");
    state.started = fact.meta;
    state.stretchMs = this.tsMs;
    this.#handIn(fact.meta.inputs ?? []);
    for (const its of state.nodes) if (its.unresolved === 0) this.#judge(its);
  }

  /** The opening's own inputs are the outputs of a source that has ended. */
  #handIn(messages: readonly StoredMessage[]): void {
    const { inputs } = this.state;
    if (!inputs) return;
    giveOut(inputs, messages);
    if (inputs.unsettled > 0) this.state.settling.add(inputs.node);
  }

  #runResumed(fact: FactOf<"run.resumed">): void {
    const { state } = this;
    state.parked = false;
    state.activeMs = fact.meta.active_ms;
    state.stretchMs = this.tsMs;
    state.waiting.clear();
    state.live = 0;
    for (const whole of state.nodes)
      for (const its of whole.items?.states ?? [whole]) {
        if (its.phase.is !== "running" && its.phase.is !== "waiting") continue;
        its.phase = { is: "interrupted" };
        state.ready.push(its);
      }
  }

  #nodeStarted(fact: FactOf<"node.started">): void {
    this.must.goesOn(fact);
    const its = this.must.node(fact.meta.node);
    this.must.is(its, fact, "ready", "retrying");
    if (fact.meta.attempt !== its.attempt + 1)
      this.must.refuse(`node.started of ${its.node.id}: attempt ${fact.meta.attempt} after attempt ${its.attempt}`);
    its.phase = { is: "running" };
    this.state.live++;
    its.attempt = fact.meta.attempt;
    its.startedMs = this.tsMs;
  }

  #nodeContinued(fact: FactOf<"node.continued">): void {
    const its = this.must.node(fact.meta.node);
    this.must.is(its, fact, "waiting");
    this.#stopWaiting(its);
    its.phase = { is: "running" };
  }

  #nodeWaiting(fact: FactOf<"node.waiting">): void {
    const its = this.must.node(fact.meta.node);
    this.must.is(its, fact, "running", "waiting", "interrupted");
    this.#stopWaiting(its);
    if (its.phase.is === "interrupted") this.state.live++;
    its.phase = { is: "waiting", proposal: fact.meta.proposal_id };
    this.state.waiting.set(fact.meta.proposal_id, its);
  }

  /** The attempt goes on if somebody holds it; a parked run keeps waiting until it is resumed. */
  #decided(proposal: ProposalId): void {
    const its = this.state.waiting.get(proposal);
    if (!its || this.state.parked) return;
    this.#stopWaiting(its);
    its.phase = { is: "running" };
  }

  #nodeFinished(fact: FactOf<"node.finished">): void {
    const { meta } = fact;
    this.must.isActive(fact);
    const its = this.must.node(meta.node);
    this.must.is(its, fact, "running", "waiting", "interrupted");
    this.must.isAttempt(its, fact.kind, meta.attempt);
    this.#stopWaiting(its);
    if (its.phase.is !== "interrupted") this.state.live--;
    its.durationMs += meta.duration_ms;
    its.store = meta.state ?? null;
    its.failure = meta.error ?? null;
    its.failureLabels = meta.labels ?? [];
    switch (meta.status) {
      case "ok":
        giveOut(its, meta.outputs);
        its.outputsHash = meta.outputs_hash;
        return this.#end(its, { is: "ended", status: "ok" });
      case "error": {
        if (!meta.error) this.must.refuse(`node.finished of ${its.node.id}: an error without its reason`);
        const again = meta.error.retryable && meta.attempt < its.node.spec.retry.max_attempts && !this.state.cancelled;
        if (!again) return this.#end(its, { is: "ended", status: "error" });
        its.phase = { is: "failed", failure: meta.error };
        this.state.failed.add(its.node);
        return;
      }
      case "cancelled":
        return this.#end(its, { is: "ended", status: "cancelled" });
      case "skipped":
        this.must.refuse(`node.finished of ${its.node.id}: an attempt cannot end as skipped`);
    }
  }

  #nodeRetrying(fact: FactOf<"node.retrying">): void {
    this.must.goesOn(fact);
    const its = this.must.node(fact.meta.node);
    this.must.is(its, fact, "failed");
    this.must.isAttempt(its, fact.kind, fact.meta.attempt);
    this.state.failed.delete(its.node);
    const dueMs = this.tsMs + fact.meta.backoff_ms;
    its.phase = { is: "retrying", dueMs };
    this.state.retries.push({ dueMs, its });
  }

  #nodeSkipped(fact: FactOf<"node.skipped">): void {
    this.must.goesOn(fact);
    const its = this.must.node(fact.meta.node);
    this.must.is(its, fact, "unwanted");
    this.state.unwanted.delete(its.node);
    this.#end(its, { is: "ended", status: "skipped" });
    // What it was there to recover stays a failure.
    for (const edge of its.node.inbound) {
      const { failure, node } = nodeState(this.state, edge.source);
      if (edge.recovers !== null && failure) this.state.fatal ??= { node: node.id, failure };
    }
  }

  #edgeDelivered(fact: FactOf<"edge.delivered">): void {
    const edge = this.must.edge(fact);
    const messages = messagesOn(this.state, edge).length;
    if (messages === 0) this.must.refuse(`edge.delivered from ${edge.from}, which gave nothing`);
    const its = this.state.edges[edge.index];
    if (!its) return;
    its.carried++;
    // A guard lets through once, whatever lies on the port; an edge carries each message by itself.
    if (edge.spec.guard || its.carried === messages) this.#resolve(edge, "delivered");
  }

  #edgeWithheld(fact: FactOf<"edge.withheld">): void {
    const edge = this.must.edge(fact);
    if (!edge.spec.guard && messagesOn(this.state, edge).length > 0)
      this.must.refuse(`edge.withheld from ${edge.from}, which gave a value`);
    this.#resolve(edge, "withheld");
  }

  #resolve(edge: GraphEdge, as: "delivered" | "withheld"): void {
    const { state } = this;
    const its = state.edges[edge.index];
    if (its) its.is = as;
    if (--nodeState(state, edge.source).unsettled === 0) state.settling.delete(edge.source);
    const target = nodeState(state, edge.target);
    if (--target.unresolved === 0) this.#judge(target);
  }

  #judge(its: NodeState): void {
    const judgement = judge(this.state, its.node);
    if (judgement.runs) {
      its.phase = { is: "ready" };
      this.state.ready.push(its);
      return;
    }
    its.phase = { is: "unwanted", reason: judgement.reason };
    its.doomed = judgement.doomed;
    this.state.unwanted.add(its.node);
  }

  #end(its: NodeState, phase: Extract<Phase, { is: "ended" }>): void {
    its.phase = phase;
    const recovers = (its.of ?? its).node.spec.on_error !== undefined;
    if (phase.status === "error" && its.failure && !recovers) this.state.fatal ??= { node: its.node.id, failure: its.failure };
    if (its.of) return itemEnded(this.state, its.of);
    its.doomed ||= (phase.status === "error" && !recovers) || phase.status === "cancelled";
    this.state.unended--;
    if (its.unsettled > 0) this.state.settling.add(its.node);
  }

  #stopWaiting(its: NodeState): void {
    if (its.phase.is === "waiting") this.state.waiting.delete(its.phase.proposal);
  }
}

/** Kinds that move the run itself; the others (logs, late outcomes of actions) may trail behind its end. */
function changes({ kind }: Fact): boolean {
  return kind.startsWith("run.") || kind.startsWith("edge.") || NODE_KINDS.has(kind);
}
const NODE_KINDS: ReadonlySet<string> = new Set([
  "node.started",
  "node.expanded",
  "node.collected",
  "node.waiting",
  "node.continued",
  "node.finished",
  "node.retrying",
  "node.skipped",
]);
