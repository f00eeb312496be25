/** What an attempt is given, from the state of the run: the same state gives the same specification. */
import type { Json, JsonObject } from "#core/json.js";
import { isJsonObject } from "#core/json.js";
import type { Message, StoredValue } from "#core/values.js";
import type { Retry } from "../ir.js";
import { inputsHash } from "../journal/hash.js";
import { attemptSeed, fraction } from "../journal/seed.js";
import { EngineError } from "./error.js";
import type { GraphEdge, GraphNode } from "./graph.js";
import { messagesOn, nodeState, type RunState, type StoredMessage } from "./state.js";
import type { AttemptSpec, RecordedAttempt } from "./world.js";

export type Load = (stored: StoredValue) => Json;

/** What `with` supplies, then what the edges brought, in the order of the edges in the file (E4). */
export function gatherInputs(
  node: GraphNode,
  delivered: (edge: GraphEdge) => readonly StoredMessage[],
  load: Load,
): readonly Message[] {
  const brought = node.inbound
    .filter((edge) => !edge.spec.guard)
    .flatMap((edge) =>
      delivered(edge).map(({ type, labels, body }) => ({ port: edge.spec.to.port, type, body: load(body), labels })),
    );
  return [...node.given, ...brought];
}

export function attemptSpec(
  state: RunState,
  node: GraphNode,
  attempt: number,
  recorded: RecordedAttempt,
  load: Load,
): AttemptSpec {
  if (!state.started) throw new EngineError("ENGINE_FINISHED", "the run has not begun");
  const { seed, epoch_ms } = state.started;
  const inputs = gatherInputs(node, (edge) => (state.edges[edge.index]?.is === "delivered" ? messagesOn(state, edge) : []), load);
  return {
    node: node.id,
    agent: agentName(node),
    attempt,
    with: node.spec.with,
    inputs,
    inputsHash: inputsHash(inputs, node.spec.with),
    seed: attemptSeed(seed, node.id, attempt, "attempt"),
    epochMs: epoch_ms,
    state: loadStore(nodeState(state, node).store, load),
    timeoutMs: node.spec.timeout_ms,
    recorded,
  };
}

/** `name` or `name@variant`, as the opening's `use` names it. */
export function agentName({ spec }: GraphNode): string {
  return spec.variant === null ? spec.agent : `${spec.agent}@${spec.variant}`;
}

export function loadStore(store: StoredValue | null, load: Load): JsonObject {
  const value = store && load(store);
  return isJsonObject(value) ? value : {};
}

/**
 * The pause after a failed attempt, in whole milliseconds. It grows by `multiplier` from attempt to attempt; the jitter comes from
 * the run's seed; the result is never more than `max_backoff_ms`.
 */
export function backoffMs(retry: Retry, runSeed: number, node: GraphNode, attempt: number): number {
  if (retry.backoff_ms === 0) return 0;
  const grown = Math.min(retry.max_backoff_ms, retry.backoff_ms * retry.multiplier ** (attempt - 1));
  const swing = retry.jitter * (2 * fraction(attemptSeed(runSeed, node.id, attempt, "retry")) - 1);
  return Math.round(Math.max(0, Math.min(retry.max_backoff_ms, grown * (1 + swing))));
}
