/** A run as a person follows it: a fold over its events, and nothing else. */
import type { Digest } from "#core/digest.js";
import type { MetaOf, RunEvent } from "#core/events.js";
import type { NodeId, TraceId } from "#core/ids.js";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import { usedName, type Opening } from "#openings/ir.js";
import { asOutermost, outermost, wayOf, type Ways } from "./inner.js";
import type { StoredValue } from "#core/values.js";
import type { Shown } from "../terminal/state.js";

export interface NodeView {
  readonly id: string;
  readonly agent: string;
  readonly state: Shown;
  readonly attempt: number;
  /** Of the present attempt; null before the first. */
  readonly startedMs: number | null;
  /** Of all attempts, once the node has ended. */
  readonly durationMs: number | null;
  readonly calls: number;
  /** What it does, waits for, or ended with. */
  readonly note: string;
}

export interface SavedArtifact {
  readonly kind: string;
  readonly digest: Digest;
  readonly summary: string | null;
  readonly source: string | null;
}
export interface SentMail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly artifact: Digest;
  readonly path: string | null;
}
export interface Draft {
  readonly node: string;
  readonly type: string;
  readonly body: StoredValue;
}

export interface RunView {
  readonly name: string;
  readonly traceId: TraceId | null;
  readonly state: Shown;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  /** Time in which it was at work, as its last end says: not what passed while it was parked, or a person thought. */
  readonly activeMs: number | null;
  readonly seed: number | null;
  readonly reason: string | null;
  readonly nodes: ReadonlyMap<string, NodeView>;
  /** Nodes that may send mail: a skip of one of them reads "not sent". */
  readonly senders: ReadonlySet<string>;
  readonly artifacts: readonly SavedArtifact[];
  readonly mails: readonly SentMail[];
  /** Actions that were turned down: a run that has one did not do what it was asked for. */
  readonly rejected: number;
  /** Proposal → the node that made it. */
  readonly proposals: ReadonlyMap<string, NodeId>;
  /** The last draft that each node gave. */
  readonly drafts: readonly Draft[];
  /** Runs inside of this one. */
  readonly ways: Ways;
  /** In a fork: nodes of which nothing is executed. */
  readonly reused: ReadonlySet<string>;
  /** What was turned down, cut or dropped: shown at the end, so that nothing of it goes unseen. */
  readonly remarks: readonly string[];
}

/** Before the first event: every node is pending. */
export function viewOf(opening: Pick<Opening, "name" | "nodes">): RunView {
  const nodes = opening.nodes.map((node): [string, NodeView] => [node.id, pending(node.id, usedName(node))]);
  return { ...nothing, name: opening.name, nodes: new Map(nodes) };
}

export const nothing: RunView = {
  name: "",
  traceId: null,
  state: "pending",
  startedMs: null,
  endedMs: null,
  activeMs: null,
  seed: null,
  reason: null,
  nodes: new Map(),
  senders: new Set(),
  artifacts: [],
  mails: [],
  rejected: 0,
  proposals: new Map(),
  drafts: [],
  ways: new Map(),
  reused: new Set(),
  remarks: [],
};

function pending(id: string, agent: string): NodeView {
  return { id, agent, state: "pending", attempt: 0, startedMs: null, durationMs: null, calls: 0, note: "" };
}

/** The view after one more event. */
export function follow(view: RunView, told: RunEvent): RunView {
  const ways = wayOf(view.ways, told);
  if (ways) return { ...view, ways };
  const inner = view.ways.has(told.trace_id);
  const event = asOutermost(view, told);
  if (!event) return view;
  return followOne(inner ? view : { ...view, traceId: event.trace_id }, event);
}

function followOne(view: RunView, event: RunEvent): RunView {
  const at = { ...view, startedMs: view.startedMs ?? event.ts_ms };
  switch (event.kind) {
    case "run.started":
      return {
        ...at,
        name: event.meta.opening_name,
        seed: event.meta.seed,
        state: "running",
        startedMs: event.ts_ms,
        senders: sendersOf(event.meta.grants),
        remarks: [...at.remarks, ...(event.meta.limits_lowered ?? []).map(loweredText)],
      };
    case "run.resumed":
      return { ...at, state: "running", endedMs: null, activeMs: null, reason: null };
    case "run.parked":
      return { ...at, state: "parked", endedMs: event.ts_ms, activeMs: event.meta.active_ms, reason: event.meta.why };
    case "run.cancelled":
      return { ...at, state: "cancelled", endedMs: event.ts_ms, activeMs: event.meta.active_ms, reason: event.meta.why };
    case "run.finished":
      return {
        ...at,
        state: event.meta.status,
        endedMs: event.ts_ms,
        activeMs: event.meta.duration_ms,
        reason: event.meta.reason ?? view.reason,
      };
    case "artifact.created": {
      const { kind, digest, summary, node, port } = event.meta;
      const source = node === undefined ? null : `${node}.${port ?? "?"}`;
      return { ...at, artifacts: [...at.artifacts, { kind, digest, summary: summary ?? null, source }] };
    }
    case "email.sent": {
      const { to, subject, artifact, path } = event.meta;
      return { ...at, mails: [...at.mails, { to, subject, artifact, path: path ?? null }] };
    }
    case "action.proposed":
      return { ...at, proposals: new Map(at.proposals).set(event.meta.proposal_id, event.meta.node) };
    case "action.decided":
      return followNode({ ...at, rejected: at.rejected + (event.meta.decision === "rejected" ? 1 : 0) }, event);
    case "cap.denied": {
      const { agent, cap, op, target, reason } = event.meta;
      return { ...at, remarks: [...at.remarks, `${event.meta.node ?? agent} was denied ${cap} (${op} ${target}): ${reason}`] };
    }
    case "node.started": {
      const { node, reused_from, not_reused: why } = event.meta;
      const reused = reused_from === undefined ? at.reused : new Set(at.reused).add(node);
      const remarks = why === undefined ? at.remarks : [...at.remarks, `${node} is executed anew, and not reused: ${why}`];
      return followNode({ ...at, reused, remarks }, event);
    }
    case "limit.hit":
      return {
        ...at,
        remarks: [...at.remarks, `${event.meta.node} met its limit of ${event.meta.limit} (${event.meta.ceiling})`],
      };
    case "budget.exhausted":
      return {
        ...at,
        remarks: [...at.remarks, `the budget of ${event.meta.scope} is used up: ${event.meta.left} ${event.meta.unit} left`],
      };
    case "value.truncated":
      return {
        ...at,
        remarks: [...at.remarks, `${event.meta.where} was cut: ${event.meta.dropped} dropped, ${event.meta.kept} kept`],
      };
    default:
      return followNode(at, event);
  }
}

function sendersOf(grants: JsonObject): ReadonlySet<string> {
  const sends = (grant: Json): boolean =>
    isJsonObject(grant) && Array.isArray(grant["actions"]) && grant["actions"].includes("email.send");
  return new Set(Object.keys(grants).filter((node) => sends(grants[node] ?? null)));
}

function followNode(view: RunView, event: RunEvent): RunView {
  const change = nodeChange(view, event);
  if (!change) return view;
  const { node: top, rest } = outermost(change.node);
  // What goes on inside of a node is its note.
  if (rest !== "") return noteInside(view, top, rest, change.to);
  const before = view.nodes.get(change.node) ?? pending(change.node, "");
  const nodes = new Map(view.nodes).set(change.node, { ...before, ...change.to });
  if (event.kind !== "node.finished" || event.meta.status !== "ok") return { ...view, nodes };
  const drafts = event.meta.outputs
    .filter(({ type }) => type.startsWith("artifact."))
    .map(({ type, body }): Draft => ({ node: event.meta.node, type, body }));
  return { ...view, nodes, drafts: [...view.drafts.filter(({ node }) => node !== event.meta.node), ...drafts] };
}

function noteInside(view: RunView, node: NodeId, rest: string, { note, state, calls }: Partial<NodeView>): RunView {
  const before = view.nodes.get(node) ?? pending(node, "");
  const to = { note: `${rest} ${note || state || ""}`.trimEnd(), ...(calls !== undefined && { calls: before.calls + 1 }) };
  return { ...view, nodes: new Map(view.nodes).set(node, { ...before, ...to }) };
}

function nodeChange(view: RunView, event: RunEvent): { readonly node: NodeId; readonly to: Partial<NodeView> } | null {
  switch (event.kind) {
    case "node.started": {
      const { node, agent, attempt, reused_from } = event.meta;
      const note = reused_from === undefined ? "" : "reused";
      return { node, to: { agent, attempt, state: "running", startedMs: event.ts_ms, durationMs: null, note } };
    }
    case "node.retrying": {
      const { node, attempt, reason, backoff_ms } = event.meta;
      return { node, to: { attempt, state: "retrying", note: `${reason.message}; again in ${Math.round(backoff_ms)} ms` } };
    }
    case "node.expanded": {
      const { node, agent, items } = event.meta;
      return { node, to: { agent, state: "running", startedMs: event.ts_ms, durationMs: null, note: `${items} elements` } };
    }
    case "node.collected": {
      const { node, status, duration_ms, items, error } = event.meta;
      return { node, to: { state: status, durationMs: duration_ms, note: error ? error.message : `${items} elements` } };
    }
    case "node.continued":
      return { node: event.meta.node, to: { state: "running", note: "" } };
    case "node.waiting":
      return { node: event.meta.node, to: { state: "waiting", note: "waits for a decision" } };
    case "action.decided": {
      const { proposal_id, decision, by, reason } = event.meta;
      const node = view.proposals.get(proposal_id);
      return node === undefined
        ? null
        : { node, to: { state: "running", note: `${decision} by ${by}${reason ? `: ${reason}` : ""}` } };
    }
    case "node.skipped":
      return { node: event.meta.node, to: { state: "skipped", note: event.meta.reason } };
    case "node.finished": {
      const { node, attempt, status, error } = event.meta;
      const started = view.nodes.get(node)?.startedMs ?? event.ts_ms;
      const isReused = view.reused.has(node);
      const durationMs = isReused ? 0 : Math.max(event.meta.duration_ms, event.ts_ms - started);
      return { node, to: { attempt, state: status, durationMs, note: error ? error.message : isReused ? "reused" : "" } };
    }
    case "call.started":
      return { node: event.meta.node, to: { note: callName(event.meta) } };
    case "call.finished": {
      const { node, decision } = event.meta;
      const calls = (view.nodes.get(node)?.calls ?? 0) + 1;
      return { node, to: { calls, note: decision === "denied" ? `${callName(event.meta)} was denied` : callName(event.meta) } };
    }
    case "log":
    case "node.stdout":
    case "node.stderr":
      return { node: event.meta.node, to: { note: event.message } };
    default:
      return null;
  }
}

/** `kb.search`, whatever version the interface is. */
export function callName(call: { readonly interface: string; readonly function: string }): string {
  const short = call.interface.replace(/^.*\//, "").replace(/@.*$/, "");
  return `${short}.${call.function}`;
}

type Lowered = NonNullable<MetaOf<"run.started">["limits_lowered"]>[number];

/** What the operator's ceiling took from an agent. */
export function loweredText({ agent, limit, asked, ceiling }: Lowered): string {
  return `${agent} asks for ${limit} = ${asked} and gets ${ceiling}, the operator's ceiling (limits.${limit})`;
}
