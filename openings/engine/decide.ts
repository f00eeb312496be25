/**
 * What to do next. Asked again after each answer has become events, until it has nothing more to say: then the run waits for an
 * attempt to end, for a timer, or for a signal.
 */
import type { ProposalId } from "#core/ids.js";
import type { Failure } from "#core/values.js";
import { EngineError } from "./error.js";
import type { GraphNode } from "./graph.js";
import { deadline, describeTimeout } from "./select.js";
import { nodeState, type RunState } from "./state.js";

export type Command =
  /** Resolve the outbound edges of a node that has ended. */
  | { readonly do: "settle"; readonly node: GraphNode }
  | { readonly do: "skip"; readonly node: GraphNode; readonly reason: string }
  /** Announce the next attempt of a node whose attempt failed. */
  | { readonly do: "retry"; readonly node: GraphNode; readonly attempt: number; readonly failure: Failure }
  | { readonly do: "start"; readonly node: GraphNode; readonly attempt: number }
  /** Begin a `for_each`: its invocations are known from now on. */
  | { readonly do: "expand"; readonly node: GraphNode }
  /** All invocations of a `for_each` have ended. */
  | { readonly do: "collect"; readonly node: GraphNode }
  /** Take up an attempt that was interrupted: the same attempt, from its journal. */
  | { readonly do: "continue"; readonly node: GraphNode; readonly attempt: number }
  /** The time of the whole run is used up. */
  | { readonly do: "expire"; readonly why: string }
  /** `on_failure: stop`, and something has failed for good. */
  | { readonly do: "stop"; readonly why: string }
  | { readonly do: "park"; readonly waiting: readonly ProposalId[] }
  | { readonly do: "finish" };

export interface Present {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Attempts that are being executed. */
  readonly live: number;
  /** How many may be. */
  readonly maxLive: number;
}

/**
 * Pure but for dropping queue entries that no longer apply. Starts come one at a time, so that what a start brings about is known
 * before the next one is chosen (E4).
 */
export function decide(state: RunState, present: Present): readonly Command[] {
  if (!state.started || state.parked || state.finished) return [];
  if (state.cancelled) return present.live === 0 ? [{ do: "finish" }] : [];
  if (state.unended > 0 && present.nowMs >= deadline(state)) return [{ do: "expire", why: describeTimeout(state) }];

  if (state.fatal && state.unended > 0 && state.graph.opening.policy.on_failure === "stop")
    return [{ do: "stop", why: `${state.fatal.node} failed: ${state.fatal.failure.code}` }];

  const due = consequences(state);
  if (due.length > 0) return due;

  const start = nextStart(state, present.nowMs);
  if (start) return start.do === "expand" || present.live < present.maxLive ? [start] : [];
  if (present.live > 0 || state.retries.peek()) return [];
  if (state.unended === 0) return [{ do: "finish" }];
  if (state.waiting.size > 0) return [{ do: "park", waiting: [...state.waiting.keys()].sort() }];
  throw new EngineError("ENGINE_STUCK", `${state.unended} nodes are left and none of them can start`);
}

/** When `decide` may have something new to say although nothing has happened; Infinity = never. */
export function nextTimer(state: RunState): number {
  if (state.cancelled) return Infinity;
  return Math.min(deadline(state), state.retries.peek()?.dueMs ?? Infinity);
}

/** What follows at once from what has happened already. */
function consequences(state: RunState): readonly Command[] {
  const due: Command[] = [];
  for (const node of state.settling) due.push({ do: "settle", node });
  for (const node of state.unwanted) {
    const { phase } = nodeState(state, node);
    if (phase.is === "unwanted") due.push({ do: "skip", node, reason: phase.reason });
  }
  for (const node of state.failed) {
    const { phase, attempt } = nodeState(state, node);
    if (phase.is === "failed") due.push({ do: "retry", node, attempt, failure: phase.failure });
  }
  for (const node of state.collecting) due.push({ do: "collect", node });
  return due;
}

function nextStart(state: RunState, nowMs: number): Command | null {
  for (let next = state.retries.peek(); next; next = state.retries.peek()) {
    // What a fork has taken over brings its retries along: nobody waits for those.
    const isDue = next.its.phase.is === "retrying";
    if (isDue && next.dueMs > nowMs) break;
    state.retries.pop();
    if (isDue) state.ready.push(next.its);
  }
  for (let its = state.ready.peek(); its; its = state.ready.peek()) {
    // The entry of an earlier attempt may still be here while the node waits for its next one.
    const startable = its.phase.is === "ready" || (its.phase.is === "retrying" && its.phase.dueMs <= nowMs);
    if (startable && its.node.each && !its.of) return { do: "expand", node: its.node };
    if (startable) return { do: "start", node: its.node, attempt: its.attempt + 1 };
    if (its.phase.is === "interrupted") return { do: "continue", node: its.node, attempt: its.attempt };
    state.ready.pop();
  }
  return null;
}
