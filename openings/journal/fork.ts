/**
 * A fork begins with what another run had come to. Each reused node stands in the new run whole, with every call and its answer, as
 * if it had gone there: so the new run replays, resumes, is exported and explained by itself. What had an effect outside is told by the
 * proposal, the decision and the answer; the effect itself (`call.started`, mails, what was charged) was the other run's and is not
 * this one's.
 *
 * A node is reused if nothing that decides its result has changed: it lies before the fork, it ended well there, and component, grant,
 * limits, seed, epoch, `with` and inputs are the same.
 */
import type { MetaOf, RunEvent, RunEventDraft, RunKind } from "#core/events.js";
import type { NodeId, ProposalId, TraceId } from "#core/ids.js";
import { canonicalJson, type Json } from "#core/json.js";
import { invocationOf, type Graph, type GraphNode } from "../engine/graph.js";
import type { Reuse, Reused } from "../engine/reuse.js";
import type { AttemptSpec } from "../engine/world.js";
import { usedName, type Opening } from "../ir.js";
import { Recordings } from "./recorded.js";

export interface Fork {
  readonly origin: {
    readonly traceId: TraceId;
    readonly opening: Opening;
    readonly events: readonly RunEvent[];
  };
  /** Of the new run. */
  readonly begun: MetaOf<"run.started">;
  readonly graph: Graph;
  /** From this node on everything is executed: it, and what depends on it. null: nothing has to be, in a run inside of a fork. */
  readonly from: NodeId | null;
  /** The id that a proposal has in the new run. */
  readonly proposalId: (at: { readonly node: NodeId; readonly attempt: number; readonly seq: number }) => ProposalId;
}

/** Kinds of an attempt that a reused one brings along. */
const COPIED: ReadonlySet<RunKind> = new Set<RunKind>([
  "node.started",
  "node.retrying",
  "node.finished",
  "call.finished",
  "cap.denied",
  "limit.hit",
  "log",
  "node.stdout",
  "node.stderr",
  "action.proposed",
  "action.decided",
  "action.finished",
]);

export function reuseOf(fork: Fork): Reuse {
  const { origin, begun, graph, from } = fork;
  const first = origin.events[0];
  const before = first?.kind === "run.started" ? first.meta : null;
  const recordings = new Recordings(origin.events);
  const after = from === null ? new Set<GraphNode>() : dependents(graph, from);
  const copies = copiesByNode(fork);

  const unchanged = (node: GraphNode, spec: AttemptSpec): string | null => {
    const agent = usedName(node.spec);
    const there = origin.opening.nodes.find(({ id }) => id === node.id);
    const record = recordings.find(spec.node, 1);
    const last = lastOf(recordings, spec.node);
    if (!before || !there || !record) return "it did not run there";
    if (last?.status !== "ok") return `it ended as ${last?.status ?? "interrupted"} there`;
    const ground: readonly (readonly [string, Json | undefined, Json | undefined])[] = [
      ["seed", before.seed, begun.seed],
      ["epoch", before.epoch_ms, begun.epoch_ms],
      ["component", before.components[agent], begun.components[agent]],
      ["grant", before.grants[node.id], begun.grants[node.id]],
      ["limits", before.limits?.[agent], begun.limits?.[agent]],
      // The pauses between attempts stand in the record.
      ...(last.attempt > 1 ? [["retry", there.retry as unknown as Json, node.spec.retry as unknown as Json] as const] : []),
    ];
    const other = ground.find(([, a, b]) => canonicalJson(a ?? null) !== canonicalJson(b ?? null));
    if (other) return `its ${other[0]} is another`;
    if (canonicalJson(there.with) !== canonicalJson(node.spec.with)) return "its `with` is another";
    return record.started.meta.inputs_hash === spec.inputsHash ? null : "its inputs are others";
  };

  return {
    of(spec): Reused | null {
      const node = graph.node(invocationOf(spec.node)?.node ?? spec.node);
      // A run inside of this one is a fork of its own, and says itself what it takes over.
      if (after.has(node) || spec.opening) return null;
      const why = unchanged(node, spec);
      return why === null ? { drafts: copies.get(spec.node) ?? [] } : { why };
    },
  };
}

/** A node and all that depends on it. */
export function dependents(graph: Graph, from: NodeId): ReadonlySet<GraphNode> {
  const found = new Set<GraphNode>([graph.node(from)]);
  for (const node of found) for (const { target } of node.outbound) found.add(target);
  return found;
}

function lastOf(recordings: Recordings, node: NodeId): MetaOf<"node.finished"> | null {
  let last: MetaOf<"node.finished"> | null = null;
  for (let record = recordings.find(node, 1); record; record = recordings.find(node, record.attempt + 1))
    last = record.finished?.meta ?? null;
  return last;
}

function copiesByNode({ origin, proposalId }: Fork): ReadonlyMap<NodeId, readonly RunEventDraft[]> {
  const copies = new Map<NodeId, RunEventDraft[]>();
  /** Proposal there → whose it is, and what it is called here. */
  const proposals = new Map<ProposalId, { readonly node: NodeId; readonly id: ProposalId }>();
  for (const event of origin.events) {
    if (!COPIED.has(event.kind)) continue;
    if (event.kind === "action.proposed") {
      const { node, attempt, call_seq: seq, proposal_id } = event.meta;
      proposals.set(proposal_id, { node, id: proposalId({ node, attempt, seq }) });
    }
    const proposal = "proposal_id" in event.meta ? proposals.get(event.meta.proposal_id) : undefined;
    const node = proposal?.node ?? ("node" in event.meta ? event.meta.node : undefined);
    if (node === undefined) continue;
    const list = copies.get(node) ?? [];
    copies.set(node, list);
    list.push(copyOf(event, origin.traceId, proposal?.id));
  }
  return copies;
}

function copyOf({ kind, level, message, meta }: RunEvent, trace: TraceId, proposal: ProposalId | undefined): RunEventDraft {
  const copied: Record<string, unknown> = { ...meta };
  if (kind === "node.started") {
    delete copied["not_reused"];
    copied["reused_from"] = trace;
  }
  if (proposal !== undefined) copied["proposal_id"] = proposal;
  return { kind, level, message, meta: copied, provenance: { trace } } as unknown as RunEventDraft;
}
