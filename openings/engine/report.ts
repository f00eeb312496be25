/**
 * The events that the engine writes about nodes and attempts. Those of which a run has many have their members in the order of canonical
 * JSON: the ledger then writes them as they stand.
 */
import type { RunEventDraft, RunEventOf } from "#core/events.js";
import { canonicalJson, hasMembers } from "#core/json.js";
import { hostFailure, type Failure, type Message } from "#core/values.js";
import { inputsHash, outputsHash } from "../journal/hash.js";
import { elementsOf, type Load } from "./attempt.js";
import { usedName } from "../ir.js";
import type { GraphNode } from "./graph.js";
import type { NodeState } from "./state.js";
import type { AttemptEnd, AttemptSpec, Journal } from "./world.js";

/** Inline values of one event together, in bytes: the rest go to blobs, because no event may be longer than a line. */
const INLINE_TOGETHER = 256 << 10;

type Values = Pick<Journal, "store" | "keep">;
type Finished = RunEventOf<"node.finished">["meta"];
export type EndedAttempt = Exclude<AttemptEnd, { readonly status: "parked" }>;

/** `notReused`: in a fork, why a node before it is executed all the same. */
export function nodeStarted(spec: AttemptSpec, notReused?: string): RunEventDraft {
  const { node, agent, attempt, inputsHash: inputs_hash } = spec;
  const again = attempt === 1 ? "" : `, attempt ${attempt}`;
  const why = notReused === undefined ? "" : `, not reused: ${notReused}`;
  const meta = { agent, attempt, inputs_hash, node, ...(notReused !== undefined && { not_reused: notReused }) };
  return { kind: "node.started", level: "info", message: `${node} started${again}${why}`, meta };
}

/** Elements that one node may be invoked for. */
export const MOST_ELEMENTS = 10_000;

export function nodeExpanded(node: GraphNode, inputs: readonly Message[]): RunEventDraft {
  const items = elementsOf(node, inputs).length;
  if (items > MOST_ELEMENTS) {
    const message = `${items} elements; a node may be invoked for ${MOST_ELEMENTS} at most`;
    const error = hostFailure("host.elements-exhausted", message);
    return collected(node, { node: node.id, items: 0, status: "error", duration_ms: 0, outputs_hash: null, error });
  }
  const meta = { node: node.id, agent: usedName(node.spec), items, inputs_hash: inputsHash(inputs, node.spec.with) };
  return { kind: "node.expanded", level: "info", message: `${node.id}: ${items} invocations`, meta };
}

type Collected = RunEventOf<"node.collected">["meta"];

/** A failed invocation fails the node, after all of them have ended. */
export function nodeCollected({ node, items, startedMs }: NodeState, nowMs: number, load: Load): RunEventDraft {
  const states = items?.states ?? [];
  const failed = states.filter(({ phase }) => phase.is === "ended" && phase.status !== "ok");
  const common = { node: node.id, items: states.length, duration_ms: Math.max(0, nowMs - startedMs) };
  if (failed.length === 0) {
    const outputs = states.flatMap((its) => its.outputs).map(({ body, ...message }) => ({ ...message, body: load(body) }));
    return collected(node, { ...common, status: "ok", outputs_hash: outputsHash(outputs) });
  }
  const [first] = failed;
  const why = first?.failure ? `${first.node.id}: ${first.failure.code}: ${first.failure.message}` : "one was cancelled";
  const error = hostFailure("host.elements-failed", `${failed.length} of ${states.length} invocations failed; ${why}`);
  return collected(node, { ...common, status: "error", outputs_hash: null, error });
}

function collected({ id }: GraphNode, meta: Collected): RunEventDraft {
  const level = meta.status === "error" ? "error" : "info";
  const why = meta.error ? `: ${meta.error.code}: ${meta.error.message}` : "";
  return { kind: "node.collected", level, message: `${id} ${meta.status}, ${meta.items} invocations${why}`, meta };
}

export function nodeSkipped(node: GraphNode, reason: string): RunEventDraft {
  return { kind: "node.skipped", level: "info", message: `${node.id} skipped: ${reason}`, meta: { node: node.id, reason } };
}

export function nodeRetrying(node: GraphNode, attempt: number, reason: Failure, backoff: number): RunEventDraft {
  const message = `${node.id} failed (${reason.code}), another attempt in ${backoff} ms`;
  return { kind: "node.retrying", level: "warn", message, meta: { node: node.id, attempt, reason, backoff_ms: backoff } };
}

export function nodeFinished(spec: AttemptSpec, end: EndedAttempt, durationMs: number, values: Values): RunEventDraft {
  const { node, attempt } = spec;
  const outputs = end.status === "ok" ? end.outputs : [];
  const meta: Finished = {
    attempt,
    ...(spec.opening && { calls: end.calls }),
    duration_ms: durationMs,
    ...(end.status === "error" && { error: end.failure }),
    fuel: end.fuel,
    journal_hash: end.journalHash,
    ...(end.status === "error" && end.labels && end.labels.length > 0 && { labels: end.labels }),
    local_hash: end.localHash,
    node,
    outputs: storeOutputs(outputs, values),
    outputs_hash: end.status === "ok" ? end.outputsHash : null,
    peak_memory_bytes: end.peakMemoryBytes,
    ...(hasMembers(end.state) && { state: values.store(end.state) }),
    status: end.status,
  };
  const level = end.status === "error" ? "error" : "info";
  const why = end.status === "error" ? `: ${end.failure.code}: ${end.failure.message}` : "";
  return { kind: "node.finished", level, message: `${node} ${end.status} in ${Math.round(durationMs)} ms${why}`, meta };
}

/** At most so much of it inline that an event stays shorter than a line. */
export function storeOutputs(outputs: readonly Message[], values: Values): Finished["outputs"] {
  let inline = 0;
  return outputs.map(({ port, type, labels, body: value }) => {
    let body = values.store(value);
    if ("value" in body) {
      const bytes = Buffer.byteLength(canonicalJson(value));
      if (inline + bytes > INLINE_TOGETHER) body = { blob: values.keep(value), bytes };
      else inline += bytes;
    }
    return { body, labels, port, type };
  });
}
