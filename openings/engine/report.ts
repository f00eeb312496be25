/** The events that the engine writes about nodes and attempts. */
import type { RunEventDraft, RunEventOf } from "#core/events.js";
import { canonicalJson } from "#core/json.js";
import type { Failure, Message } from "#core/values.js";
import { outputsHash } from "../journal/hash.js";
import type { GraphNode } from "./graph.js";
import type { AttemptEnd, AttemptSpec, Journal } from "./world.js";

/** Inline values of one event together, in bytes: the rest go to blobs, because no event may be longer than a line. */
const INLINE_TOGETHER = 256 << 10;

type Values = Pick<Journal, "store" | "keep">;
type Finished = RunEventOf<"node.finished">["meta"];
export type EndedAttempt = Exclude<AttemptEnd, { readonly status: "parked" }>;

export function nodeStarted(spec: AttemptSpec): RunEventDraft {
  const { node, agent, attempt, inputsHash } = spec;
  const again = attempt === 1 ? "" : `, attempt ${attempt}`;
  const meta = { node, agent, attempt, inputs_hash: inputsHash };
  return { kind: "node.started", level: "info", message: `${node} started${again}`, meta };
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
    node,
    attempt,
    status: end.status,
    duration_ms: durationMs,
    fuel: end.fuel,
    peak_memory_bytes: end.peakMemoryBytes,
    outputs: storeOutputs(outputs, values),
    outputs_hash: end.status === "ok" ? outputsHash(outputs) : null,
    journal_hash: end.journalHash,
    local_hash: end.localHash,
    ...(Object.keys(end.state).length > 0 && { state: values.store(end.state) }),
    ...(end.status === "error" && { error: end.failure }),
  };
  const level = end.status === "error" ? "error" : "info";
  const why = end.status === "error" ? `: ${end.failure.code}: ${end.failure.message}` : "";
  return { kind: "node.finished", level, message: `${node} ${end.status} in ${Math.round(durationMs)} ms${why}`, meta };
}

function storeOutputs(outputs: readonly Message[], values: Values): Finished["outputs"] {
  let inline = 0;
  return outputs.map(({ port, type, labels, body: value }) => {
    let body = values.store(value);
    if ("value" in body) {
      const bytes = Buffer.byteLength(canonicalJson(value));
      if (inline + bytes > INLINE_TOGETHER) body = { blob: values.keep(value), bytes };
      else inline += bytes;
    }
    return { port, type, labels: [...labels], body };
  });
}
