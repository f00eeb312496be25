/** What an attempt is given, from the state of the run: the same state gives the same specification. */
import type { MetaOf } from "#core/events.js";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
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

/** What a specification is made from. */
export interface AttemptGround {
  readonly begun: MetaOf<"run.started">;
  readonly node: GraphNode;
  readonly attempt: number;
  readonly delivered: (edge: GraphEdge) => readonly StoredMessage[];
  /** The `state` store as the attempt before left it. */
  readonly store: StoredValue | null;
  readonly recorded: RecordedAttempt;
}

export function buildSpec({ begun, node, attempt, delivered, store, recorded }: AttemptGround, load: Load): AttemptSpec {
  const inputs = gatherInputs(node, delivered, load);
  return {
    node: node.id,
    agent: agentName(node),
    attempt,
    with: node.spec.with,
    inputs,
    inputsHash: inputsHash(inputs, node.spec.with),
    seed: attemptSeed(begun.seed, node.id, attempt, "attempt"),
    epochMs: begun.epoch_ms,
    state: loadStore(store, load),
    timeoutMs: node.spec.timeout_ms,
    recorded,
  };
}

export function attemptSpec(
  state: RunState,
  node: GraphNode,
  attempt: number,
  recorded: RecordedAttempt,
  load: Load,
): AttemptSpec {
  const { started: begun } = state;
  if (!begun) throw new EngineError("ENGINE_NOT_BEGUN", "the run has not begun");
  const delivered = (edge: GraphEdge) => (state.edges[edge.index]?.is === "delivered" ? messagesOn(state, edge) : []);
  return buildSpec({ begun, node, attempt, delivered, store: nodeState(state, node).store, recorded }, load);
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
