/** Questions about a run's state. */
import type { NodeStatus } from "#core/events.js";
import type { NodeId, ProposalId } from "#core/ids.js";
import { unit } from "./spending.js";
import type { NodeState, RunState } from "./state.js";

export type ShownStatus = "pending" | "running" | "waiting" | NodeStatus;

/** The states that people see (reference: openings, "Execution"). */
export function shownStatus({ phase }: NodeState): ShownStatus {
  switch (phase.is) {
    case "pending":
    case "unwanted":
    case "ready":
      return "pending";
    case "running":
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

/** When the run's time is used up, as a moment of the clock; Infinity when it has no limit or does not run. */
export function deadline(state: RunState): number {
  const limit = state.graph.opening.policy.timeout_ms;
  if (limit === null || state.stretchMs === null) return Infinity;
  return state.stretchMs + limit - state.activeMs;
}

/** `by` of the `run.cancelled` that a time-out writes. */
export const TIMED_OUT_BY = "policy.timeout_ms";

export function describeTimeout(state: RunState): string {
  return `the run took longer than ${state.graph.opening.policy.timeout_ms} ms`;
}

export function timedOut(state: RunState): boolean {
  return state.cancelled?.by === TIMED_OUT_BY;
}

/** Proposals that wait for a decision. */
export function waitingFor(state: RunState): readonly ProposalId[] {
  return [...state.waiting.keys()].sort();
}

/** Tokens that a node may still reserve: the tighter of its own budget and the opening's. null = no budget. */
export function tokensLeft(state: RunState, node: NodeId): number | null {
  const { spending, graph } = state;
  const whole = graph.opening.policy.budget_tokens;
  const own = graph.node(node).spec.budget_tokens;
  const left = [
    ...(whole === null ? [] : [whole - spending.used(null, unit.tokens)]),
    ...(own === null ? [] : [own - spending.used(node, unit.tokens)]),
  ];
  return left.length === 0 ? null : Math.max(0, Math.min(...left));
}
