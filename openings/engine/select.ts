/** Questions about a run's state. */
import type { MetaOf, NodeStatus } from "#core/events.js";
import type { NodeId, ProposalId } from "#core/ids.js";
import type { Opening, OpeningNode } from "../ir.js";
import { unit } from "./spending.js";
import { nodeState, type NodeState, type RunState } from "./state.js";

export type ShownStatus = "pending" | "running" | "waiting" | NodeStatus;

/** The states that people see (reference: openings, "Execution"). */
export function shownStatus({ phase }: NodeState): ShownStatus {
  switch (phase.is) {
    case "pending":
    case "unwanted":
    case "ready":
      return "pending";
    case "running":
    case "expanded":
    case "interrupted":
    case "failed":
    case "retrying":
      return "running";
    case "waiting":
      return "waiting";
    case "ended":
      return phase.status;
  }
}

/** How a node counts once its run has ended: what had not ended by then was cancelled. */
export function finalStatus({ phase }: NodeState): NodeStatus {
  return phase.is === "ended" ? phase.status : "cancelled";
}

/** Active time so far, in milliseconds: the time parked, and the time after a crash, does not count. */
export function activeAt(state: RunState, nowMs: number): number {
  return state.activeMs + (state.stretchMs === null ? 0 : Math.max(0, nowMs - state.stretchMs));
}

/** All that could go on waits for a person: the run's clock stands still. */
export function isHeld(state: RunState): boolean {
  return state.started !== null && state.stretchMs === null && !state.parked && !state.finished;
}

/** When the run's time is used up, as a moment of the clock; Infinity when it has no limit or does not run. */
export function deadline(state: RunState): number {
  if (state.stretchMs === null) return Infinity;
  return state.stretchMs + timeLimit(state).ms - state.activeMs;
}

/** The tighter of the opening's own limit and that of the node whose attempt the run is, in milliseconds of active time. */
export function timeLimit({ graph, started }: RunState): { readonly ms: number; readonly by: string } {
  const own = graph.opening.policy.timeout_ms ?? Infinity;
  const nodes = started?.parent?.timeout_ms ?? Infinity;
  return nodes < own ? { ms: nodes, by: NODE_TIMED_OUT_BY } : { ms: own, by: TIMED_OUT_BY };
}

/** `by` of the `run.cancelled` that a time-out writes: the opening's own, and that of the node which the run is an attempt of. */
const TIMED_OUT_BY = "policy.timeout_ms";
export const NODE_TIMED_OUT_BY = "node.timeout_ms";

export function describeTimeout(state: RunState): string {
  return `the run took longer than ${timeLimit(state).ms} ms`;
}

/** `by` of the `run.cancelled` that the first failure brings about. */
export const FAILED_BY = "policy.on_failure";

export function timedOut({ cancelled }: RunState): boolean {
  return cancelled?.by === TIMED_OUT_BY || cancelled?.by === NODE_TIMED_OUT_BY;
}

/** The policy ended the run, and not a person: that is an error. */
export function endedByPolicy(state: RunState): boolean {
  return timedOut(state) || state.cancelled?.by === FAILED_BY;
}

/** It failed, or was cancelled, and neither the node that recovers it nor one that recovers that one has made up for it. */
export function failedForGood(state: RunState, its: NodeState): boolean {
  const status = finalStatus(its);
  if (status === "cancelled") return true;
  if (status !== "error") return false;
  const { on_error: by } = its.node.spec;
  if (by === undefined) return true;
  const recovery = nodeState(state, state.graph.node(by));
  return finalStatus(recovery) !== "ok" && (finalStatus(recovery) !== "error" || failedForGood(state, recovery));
}

/** Proposals that wait for a decision. */
export function waitingFor(state: RunState): readonly ProposalId[] {
  return [...state.waiting.keys()].sort();
}

const policyKey = { tokens: "budget_tokens", microusd: "budget_microusd", fuel: "budget_fuel" } as const;

/** The opening's budget of a unit, and a node's own; null = none. */
export function budgetsOf(opening: Opening, of: keyof typeof unit, node: Pick<OpeningNode, BudgetKey> | undefined) {
  const key = policyKey[of];
  return { whole: opening.policy[key] ?? null, own: node?.[key] ?? null };
}
type BudgetKey = (typeof policyKey)[keyof typeof policyKey];

/** What a node may still reserve of a unit: the tighter of its own budget and the opening's. null = no budget. */
export function budgetLeft({ spending, graph }: RunState, node: NodeId, name: string): number | null {
  const of = (Object.keys(unit) as (keyof typeof unit)[]).find((each) => unit[each] === name);
  if (!of) return null;
  const { whole, own } = budgetsOf(graph.opening, of, graph.find(node)?.spec);
  const left = [
    ...(whole === null ? [] : [whole - spending.used(null, name)]),
    ...(own === null ? [] : [own - spending.used(node, name)]),
  ];
  return left.length === 0 ? null : Math.max(0, Math.min(...left));
}

/** As `run.started` says them. */
export function recordedBudgets(policy: Opening["policy"]): MetaOf<"run.started">["budgets"] {
  const { budget_tokens: tokens, budget_microusd: microusd, budget_fuel: fuel } = policy;
  return { tokens, ...(microusd !== undefined && { microusd }), ...(fuel !== undefined && { fuel }) };
}
