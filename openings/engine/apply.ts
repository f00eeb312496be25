/** Takes one event into the state. Refuses what does not follow from it (E9). */
import type { Digest } from "#core/digest.js";
import type { NodeId, ProposalId } from "#core/ids.js";
import { joinLabels } from "#core/values.js";
import { HistoryError } from "../journal/error.js";
import type { Fact, FactOf } from "./fact.js";
import type { GraphEdge, GraphNode } from "./graph.js";
import { judge } from "./judge.js";
import {
  findState,
  messagesOn,
  newItems,
  nodeState,
  type Items,
  type NodeState,
  type Phase,
  type RunState,
  type StoredMessage,
} from "./state.js";

/** `tsMs`: when the event happened, milliseconds since the epoch. `seq` is for the error only. Throws `HistoryError`. */
export function apply(state: RunState, fact: Fact, tsMs: number, seq: number | null = null): void {
  new Applier(state, tsMs, seq).apply(fact);
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
    private readonly seq: number | null,
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
    if (state.finished && changes(fact)) this.#refuse(`${fact.kind} after run.finished`);
    if (!state.started && fact.kind !== "run.started") this.#refuse(`${fact.kind} before run.started`);
    state.spending.apply(fact);
    // Another process may write a decision long after this run's own process died: that is no time of the run.
    if (fact.kind !== "action.decided" && !state.finished) state.lastMs = Math.max(state.lastMs, this.tsMs);

    switch (fact.kind) {
      case "run.started":
        return this.#runStarted(fact);
      case "run.parked":
        this.#mustBeActive(fact);
        state.parked = true;
        state.activeMs = fact.meta.active_ms;
        state.stretchMs = null;
        return;
      case "run.resumed":
        return this.#runResumed(fact);
      case "run.cancelled":
        this.#mustGoOn(fact);
        state.cancelled = fact.meta;
        return;
      case "run.finished":
        this.#mustBeActive(fact);
        if (!state.cancelled && state.unended > 0) this.#refuse(`run.finished while ${state.unended} nodes have not ended`);
        state.finished = fact.meta;
        return;
      case "node.started":
        return this.#nodeStarted(fact);
      case "node.expanded":
        return this.#nodeExpanded(fact);
      case "node.collected":
        return this.#nodeCollected(fact);
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
    if (state.started) this.#refuse("run.started twice");
    state.started = fact.meta;
    state.stretchMs = this.tsMs;
    this.#handIn(fact.meta.inputs ?? []);
    for (const its of state.nodes) if (its.unresolved === 0) this.#judge(its);
  }

  /** The opening's own inputs are the outputs of a source that has ended. */
  #handIn(messages: readonly StoredMessage[]): void {
    const { inputs } = this.state;
    if (!inputs) return;
    inputs.outputs = messages;
    inputs.byPort = Map.groupBy(messages, (message) => message.port);
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
    this.#mustGoOn(fact);
    const its = this.#node(fact.meta.node);
    this.#mustBe(its, fact, "ready", "retrying");
    if (fact.meta.attempt !== its.attempt + 1)
      this.#refuse(`node.started of ${its.node.id}: attempt ${fact.meta.attempt} after attempt ${its.attempt}`);
    its.phase = { is: "running" };
    this.state.live++;
    its.attempt = fact.meta.attempt;
    its.startedMs = this.tsMs;
  }

  #nodeExpanded(fact: FactOf<"node.expanded">): void {
    this.#mustGoOn(fact);
    const its = this.#node(fact.meta.node);
    this.#mustBe(its, fact, "ready");
    if (!its.node.each) this.#refuse(`node.expanded of ${its.node.id}, which has no for_each`);
    its.phase = { is: "expanded" };
    its.startedMs = this.tsMs;
    its.items = newItems(its, fact.meta.items);
    for (let slots = its.node.spec.max_parallel ?? Infinity; slots > 0 && this.#beginItem(its.items); slots--);
    if (fact.meta.items === 0) this.state.collecting.add(its.node);
  }

  /** Lets the next invocation into the queue; false where all are in it. */
  #beginItem(items: Items): boolean {
    const next = items.states[items.begun];
    if (!next) return false;
    items.begun++;
    this.state.ready.push(next);
    return true;
  }

  #nodeCollected(fact: FactOf<"node.collected">): void {
    const { meta } = fact;
    this.#mustGoOn(fact);
    const its = this.#node(meta.node);
    const { items } = its;
    // What has too many elements ends without a single invocation.
    this.#mustBe(its, fact, ...(meta.items === 0 && meta.status === "error" ? ["ready" as const] : ["expanded" as const]));
    if (items && (items.ended < items.states.length || items.states.length !== meta.items))
      this.#refuse(`node.collected of ${its.node.id}: ${items.ended} of ${items.states.length} invocations have ended`);
    this.state.collecting.delete(its.node);
    its.durationMs = meta.duration_ms;
    its.failure = meta.error ?? null;
    if (meta.status === "error") {
      its.failureLabels = joinLabels(...(items?.states ?? []).map((each) => each.failureLabels));
      return this.#end(its, { is: "ended", status: "error" });
    }
    this.#giveOut(its, items?.states.flatMap((each) => each.outputs) ?? [], meta.outputs_hash);
    this.#end(its, { is: "ended", status: "ok" });
  }

  #giveOut(its: NodeState, outputs: readonly StoredMessage[], hash: Digest | null): void {
    its.outputs = outputs;
    its.byPort = Map.groupBy(outputs, (message) => message.port);
    its.outputsHash = hash;
  }

  #nodeContinued(fact: FactOf<"node.continued">): void {
    const its = this.#node(fact.meta.node);
    this.#mustBe(its, fact, "waiting");
    this.#stopWaiting(its);
    its.phase = { is: "running" };
  }

  #nodeWaiting(fact: FactOf<"node.waiting">): void {
    const its = this.#node(fact.meta.node);
    this.#mustBe(its, fact, "running", "waiting", "interrupted");
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
    this.#mustBeActive(fact);
    const its = this.#node(meta.node);
    this.#mustBe(its, fact, "running", "waiting", "interrupted");
    this.#mustBeAttempt(its, fact.kind, meta.attempt);
    this.#stopWaiting(its);
    if (its.phase.is !== "interrupted") this.state.live--;
    its.durationMs += meta.duration_ms;
    its.store = meta.state ?? null;
    its.failure = meta.error ?? null;
    its.failureLabels = meta.labels ?? [];
    switch (meta.status) {
      case "ok":
        this.#giveOut(its, meta.outputs, meta.outputs_hash);
        return this.#end(its, { is: "ended", status: "ok" });
      case "error": {
        if (!meta.error) this.#refuse(`node.finished of ${its.node.id}: an error without its reason`);
        const again = meta.error.retryable && meta.attempt < its.node.spec.retry.max_attempts && !this.state.cancelled;
        if (!again) return this.#end(its, { is: "ended", status: "error" });
        its.phase = { is: "failed", failure: meta.error };
        this.state.failed.add(its.node);
        return;
      }
      case "cancelled":
        return this.#end(its, { is: "ended", status: "cancelled" });
      case "skipped":
        this.#refuse(`node.finished of ${its.node.id}: an attempt cannot end as skipped`);
    }
  }

  #nodeRetrying(fact: FactOf<"node.retrying">): void {
    this.#mustGoOn(fact);
    const its = this.#node(fact.meta.node);
    this.#mustBe(its, fact, "failed");
    this.#mustBeAttempt(its, fact.kind, fact.meta.attempt);
    this.state.failed.delete(its.node);
    const dueMs = this.tsMs + fact.meta.backoff_ms;
    its.phase = { is: "retrying", dueMs };
    this.state.retries.push({ dueMs, its });
  }

  #nodeSkipped(fact: FactOf<"node.skipped">): void {
    this.#mustGoOn(fact);
    const its = this.#node(fact.meta.node);
    this.#mustBe(its, fact, "unwanted");
    this.state.unwanted.delete(its.node);
    this.#end(its, { is: "ended", status: "skipped" });
    // What it was there to recover stays a failure.
    for (const edge of its.node.inbound) {
      const { failure, node } = nodeState(this.state, edge.source);
      if (edge.recovers !== null && failure) this.state.fatal ??= { node: node.id, failure };
    }
  }

  #edgeDelivered(fact: FactOf<"edge.delivered">): void {
    const edge = this.#edge(fact);
    const messages = messagesOn(this.state, edge).length;
    if (messages === 0) this.#refuse(`edge.delivered from ${edge.from}, which gave nothing`);
    const its = this.state.edges[edge.index];
    if (!its) return;
    its.carried++;
    // A guard lets through once, whatever lies on the port; an edge carries each message by itself.
    if (edge.spec.guard || its.carried === messages) this.#resolve(edge, "delivered");
  }

  #edgeWithheld(fact: FactOf<"edge.withheld">): void {
    const edge = this.#edge(fact);
    if (!edge.spec.guard && messagesOn(this.state, edge).length > 0)
      this.#refuse(`edge.withheld from ${edge.from}, which gave a value`);
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
    if (its.of) return this.#itemEnded(its.of);
    its.doomed ||= (phase.status === "error" && !recovers) || phase.status === "cancelled";
    this.state.unended--;
    if (its.unsettled > 0) this.state.settling.add(its.node);
  }

  #itemEnded({ node, items }: NodeState): void {
    if (!items) return;
    items.ended++;
    if (items.ended === items.states.length) this.state.collecting.add(node);
    else this.#beginItem(items);
  }

  #stopWaiting(its: NodeState): void {
    if (its.phase.is === "waiting") this.state.waiting.delete(its.phase.proposal);
  }

  #node(id: NodeId): NodeState {
    const its = findState(this.state, id);
    if (!its) throw HistoryError.at("HISTORY_UNKNOWN", this.seq, `the opening has no node \`${id}\``);
    return its;
  }

  #edge(fact: FactOf<"edge.delivered"> | FactOf<"edge.withheld">): GraphEdge {
    this.#mustGoOn(fact);
    const { from, to } = fact.meta;
    const named = this.state.graph.named(from, to);
    if (named.length === 0) throw HistoryError.at("HISTORY_UNKNOWN", this.seq, `the opening has no edge ${from} -> ${to}`);
    const edge = named.find(({ index }) => this.state.edges[index]?.is === "open");
    if (!edge) this.#refuse(`${fact.kind}: ${from} -> ${to} was resolved before`);
    const source = nodeState(this.state, edge.source);
    if (source.phase.is !== "ended") this.#refuse(`${fact.kind}: ${from} -> ${to} while ${edge.source.id} is ${source.phase.is}`);
    return edge;
  }

  #mustBe(its: NodeState, fact: Fact, ...phases: readonly Phase["is"][]): void {
    if (!phases.includes(its.phase.is)) this.#refuse(`${fact.kind} of ${its.node.id}, which is ${describe(its)}`);
  }

  #mustBeAttempt(its: NodeState, kind: string, attempt: number): void {
    if (attempt !== its.attempt) this.#refuse(`${kind} of ${its.node.id}: attempt ${attempt}, but attempt ${its.attempt} runs`);
  }

  #mustBeActive(fact: Fact): void {
    if (this.state.parked) this.#refuse(`${fact.kind} while the run is parked`);
  }

  /** For what only happens in a run that goes on (E7). */
  #mustGoOn(fact: Fact): void {
    this.#mustBeActive(fact);
    if (this.state.cancelled) this.#refuse(`${fact.kind} after run.cancelled`);
  }

  #refuse(message: string): never {
    throw HistoryError.at("HISTORY_ORDER", this.seq, message);
  }
}

function describe({ phase }: NodeState): string {
  return phase.is === "ended" ? phase.status : phase.is;
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
