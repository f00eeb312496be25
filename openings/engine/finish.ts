/** The end of a run: its artifacts, whether it succeeded, and the hash by which two runs are compared. */
import { blake3, type Digest } from "#core/digest.js";
import type { MetaOf, RunEventDraft } from "#core/events.js";
import { canonicalJson, isJsonObject, type Json } from "#core/json.js";
import type { Message } from "#core/values.js";
import { holds } from "../language/expression.js";
import type { Expression, PortRef } from "../ir.js";
import type { Load } from "./attempt.js";
import type { Journal } from "./world.js";
import { storeOutputs } from "./report.js";
import { activeAt, endedByPolicy, failedForGood, finalStatus, NODE_TIMED_OUT_BY, timedOut } from "./select.js";
import { attemptsOf, nodeState, outputsOn, type NodeState, type RunState, type StoredMessage } from "./state.js";

type Finished = MetaOf<"run.finished">;

/**
 * BLAKE3(JCS([[node, status, [[port, type, body], …]], …])), nodes in file order, outputs in the agent's order: no times, ids,
 * attempts, fuel or labels.
 */
export function finalHash(state: RunState, load: Load): Digest {
  const rows = state.nodes.map((its) =>
    // One row at a time, so that large values are in memory once and not twice.
    canonicalJson([its.node.id, finalStatus(its), its.outputs.map(({ port, type, body }) => [port, type, load(body)])]),
  );
  return blake3(`[${rows.join(",")}]`);
}

/** A line holds at most 1 MiB: the nodes of a run beyond this many (about 200 bytes each) stand in a blob. */
const NODES_INLINE = 4000;

export type Values = Pick<Journal, "load" | "store" | "keep">;

export function runFinished(state: RunState, nowMs: number, values: Values): RunEventDraft {
  const load: Load = (stored) => values.load(stored);
  const verdict = judgeRun(state, load);
  const nodes = state.nodes.map((its): Finished["nodes"][number] => ({
    attempts: attemptsOf(its),
    duration_ms: its.durationMs,
    node: its.node.id,
    outputs_hash: its.outputsHash,
    status: finalStatus(its),
  }));
  const meta: Finished = {
    ...verdict,
    ...(state.cancelled?.by === NODE_TIMED_OUT_BY && { timed_out: true as const }),
    duration_ms: activeAt(state, nowMs),
    ...(nodes.length <= NODES_INLINE ? { nodes } : { nodes: [], nodes_blob: values.keep(nodes) }),
    final_hash: finalHash(state, load),
    ...(state.graph.opening.outputs && handedBack(state, values)),
    totals: state.spending.totals(),
  };
  const why = verdict.reason === undefined ? "" : `: ${verdict.reason}`;
  const message = `${state.graph.opening.name} ${verdict.status}${why}`;
  return { kind: "run.finished", level: verdict.status === "error" ? "error" : "info", message, meta };
}

/** Messages beyond this many stand in a blob: a line holds at most 1 MiB. */
const OUTPUTS_INLINE = 1000;

/** What the opening hands back: the messages on the ports that its `outputs` name, in the order of their names. */
function handedBack(state: RunState, values: Values): Pick<Finished, "outputs" | "outputs_blob"> {
  const messages = Object.entries(state.graph.opening.outputs ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, ref]) =>
      messagesAt(state, ref).map(({ type, labels, body }): Message => ({ port: name, type, labels, body: values.load(body) })),
    );
  const outputs = storeOutputs(messages, values);
  if (outputs.length <= OUTPUTS_INLINE) return { outputs };
  return { outputs: [], outputs_blob: values.keep(outputs as unknown as Json) };
}

type Verdict = Pick<Finished, "status" | "success" | "retryable"> & { readonly reason?: string };

/** A person's cancel is `cancelled`, a time-out an error; else `success` decides, and where there is none, whether a node failed. */
function judgeRun(state: RunState, load: Load): Verdict {
  if (state.cancelled) {
    const status = endedByPolicy(state) ? "error" : "cancelled";
    const again = timedOut(state) || state.fatal?.failure.retryable === true;
    return { status, success: false, reason: state.cancelled.why, ...(status === "error" && again && { retryable: true }) };
  }
  const failed = state.nodes.filter((its) => failedForGood(state, its));
  const { success } = state.graph.opening;
  const unmet = success && !successHolds(success, state, load) ? unmetReason(success) : null;
  if (success ? unmet === null : failed.length === 0) return { status: "ok", success: true };
  const retryable = failed.length > 0 && failed.every(({ failure }) => failure?.retryable === true);
  return {
    status: "error",
    success: false,
    ...(retryable && { retryable }),
    reason: [...blame(failed), ...(unmet === null ? [] : [unmet])].join("; "),
  };
}

/** Each event of a failure says all of it; here some of the first few are enough. */
function blame(failed: readonly NodeState[]): readonly string[] {
  const shown = failed.slice(0, 5).map(({ node, failure }) => {
    return failure ? `${node.id} failed: ${failure.code}: ${clip(failure.message)}` : `${node.id} was cancelled`;
  });
  return failed.length > shown.length ? [...shown, `and ${failed.length - shown.length} more`] : shown;
}

const clip = (text: string): string => (text.length <= 300 ? text : `${text.slice(0, 299).toWellFormed()}…`);

type Success = NonNullable<RunState["graph"]["opening"]["success"]>;

function successHolds(success: Success, state: RunState, load: Load): boolean {
  const on = (ref: PortRef): readonly Json[] => messagesAt(state, ref).map(({ body }) => load(body));
  const held = (expression: Expression) => holds(expression, on);
  return success.mode === "any_of" ? success.of.some(held) : success.of.every(held);
}

function unmetReason({ mode, of }: Success): string {
  return `success did not hold: ${mode === "any_of" ? "none" : "not all"} of ${of.map(show).join(", ")}`;
}

function show(expression: Expression): string {
  const ref = `${expression.ref.node}.${expression.ref.port}`;
  return expression.kind === "exists" ? `exists(${ref})` : `${ref}${expression.op}${JSON.stringify(expression.literal)}`;
}

function messagesAt(state: RunState, ref: PortRef): readonly StoredMessage[] {
  return outputsOn(nodeState(state, state.graph.node(ref.node)), ref.port);
}

/** `artifacts.save`, in the order of the file, but for what an interrupted end of this run has already created. */
export function artifacts(state: RunState, load: Load, keep: (value: Json) => Digest): readonly RunEventDraft[] {
  const created = new Set(state.artifacts);
  return state.graph.opening.artifacts.save.flatMap((ref) =>
    messagesAt(state, ref).flatMap(({ type, body: stored }): readonly RunEventDraft[] => {
      const body = load(stored);
      const digest = keep(body);
      const name = `${ref.node}.${ref.port} ${digest}`;
      if (created.has(name)) return [];
      created.add(name);
      return [artifactCreated(state, ref, type, digest, body)];
    }),
  );
}

function artifactCreated(state: RunState, ref: PortRef, type: string, digest: Digest, body: Json): RunEventDraft {
  const { node, port } = ref;
  const summary = headline(body) ?? `${type} from ${node}.${port}`;
  return {
    kind: "artifact.created",
    level: "info",
    message: `artifact ${type} from ${node}.${port}`,
    meta: { kind: type, digest, media_type: "application/json", summary, node, port },
    provenance: { node, attempt: nodeState(state, state.graph.node(node)).attempt },
  };
}

/** A value's own short description: its text, or what it calls its summary, subject or title. */
function headline(body: Json): string | undefined {
  const candidates = isJsonObject(body) ? [body["summary"], body["subject"], body["title"]] : [body];
  const text = candidates.find((value) => typeof value === "string" && value !== "");
  if (typeof text !== "string") return undefined;
  return clip(text);
}
