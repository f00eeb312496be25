/** What an attempt is given, from the state of the run: the same state gives the same specification. */
import type { MetaOf } from "#core/events.js";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { Message, StoredValue } from "#core/values.js";
import { usedName, type Retry } from "../ir.js";
import { inputsHash } from "../journal/hash.js";
import { attemptSeed, fraction } from "../journal/seed.js";
import { EngineError } from "./error.js";
import type { GraphEdge, GraphNode } from "./graph.js";
import { messagesOn, nodeState, type RunState, type StoredMessage } from "./state.js";
import type { AttemptSpec, RecordedAttempt } from "./world.js";

export type Load = (stored: StoredValue) => Json;

export type Delivered = (edge: GraphEdge) => readonly StoredMessage[];

/** What `with` supplies, then what the edges brought, in the order of the edges in the file (E4). */
export function gatherInputs(node: GraphNode, delivered: Delivered, load: Load): readonly Message[] {
  const inputs = [...node.given];
  for (const edge of node.inbound) {
    if (edge.spec.guard) continue;
    const { port } = edge.spec.to;
    for (const { type, labels, body } of delivered(edge)) inputs.push({ port, type, body: load(body), labels });
  }
  return inputs;
}

/** One message for each invocation of a `for_each`: lists give their elements, anything else is one. */
export function elementsOf({ each }: GraphNode, inputs: readonly Message[]): readonly Message[] {
  if (!each) return [];
  const [first = "any"] = each.types;
  return inputs
    .filter(({ port }) => port === each.port)
    .flatMap((message) => {
      const { body, type } = message;
      if (Array.isArray(body)) return body.map((element) => ({ ...message, type: first, body: element }));
      return [each.types.includes(type) ? message : { ...message, type: first }];
    });
}

/** The inputs of each invocation: its element, and what comes in on the other ports. */
export function invocationInputs(node: GraphNode, inputs: readonly Message[]): readonly (readonly Message[])[] {
  const others = inputs.filter(({ port }) => port !== node.each?.port);
  return elementsOf(node, inputs).map((element) => [element, ...others]);
}

/** What a specification is made from. */
export interface AttemptGround {
  readonly begun: MetaOf<"run.started">;
  readonly node: GraphNode;
  readonly attempt: number;
  readonly inputs: readonly Message[];
  /** The `state` store as the attempt before left it. */
  readonly store: StoredValue | null;
  readonly recorded: RecordedAttempt;
}

export function buildSpec({ begun, node, attempt, inputs, store, recorded }: AttemptGround, load: Load): AttemptSpec {
  return {
    node: node.id,
    agent: usedName(node.spec),
    opening: node.spec.opening ?? null,
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
  const inputs = node.item === null ? inputsOf(state, node, load) : invocationsOf(state, node, load)[node.item];
  return buildSpec({ begun, node, attempt, inputs: inputs ?? [], store: nodeState(state, node).store, recorded }, load);
}

/** What has been brought to a node; it is known once the node is ready. */
export function inputsOf(state: RunState, node: GraphNode, load: Load): readonly Message[] {
  const delivered: Delivered = (edge) => (state.edges[edge.index]?.is === "delivered" ? messagesOn(state, edge) : []);
  return gatherInputs(node, delivered, load);
}

const invocations = new WeakMap<RunState, Map<number, readonly (readonly Message[])[]>>();

/** The inputs of a `for_each`'s invocations. A list is taken apart once for all of them; it is dropped with the last one's end. */
function invocationsOf(state: RunState, { index }: GraphNode, load: Load): readonly (readonly Message[])[] {
  let known = invocations.get(state);
  if (!known) invocations.set(state, (known = new Map()));
  let made = known.get(index);
  if (!made) {
    const node = state.graph.nodes[index] as GraphNode;
    known.set(index, (made = invocationInputs(node, inputsOf(state, node, load))));
  }
  return made;
}

export function forgetInvocations(state: RunState, node: GraphNode): void {
  invocations.get(state)?.delete(node.index);
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
