/** Whether a node runs, once all its inbound edges are resolved (E3). */
import type { GraphEdge, GraphNode } from "./graph.js";
import { nodeState, type RunState } from "./state.js";

export type Judgement =
  | { readonly runs: true }
  | {
      readonly runs: false;
      readonly reason: string;
      /** It depends on a node that failed. */
      readonly doomed: boolean;
    };

/**
 * In this order: nothing that depends on a failure runs (E6), but for what recovers from it (E11), which runs for nothing else; a guard that did not deliver keeps the node from running, whatever
 * other edges brought; a required input needs a value. Otherwise it runs, with or without its optional inputs.
 */
export function judge(state: RunState, node: GraphNode): Judgement {
  let recovery: GraphEdge | undefined;
  let recovers = false;
  let closed: GraphEdge | undefined;
  for (const edge of node.inbound) {
    if (nodeState(state, edge.source).doomed) return { runs: false, reason: whyWithheld(state, edge), doomed: true };
    const delivered = state.edges[edge.index]?.is === "delivered";
    if (edge.recovers !== null) {
      recovery ??= edge;
      recovers ||= delivered;
    } else if (edge.spec.guard && !delivered) closed ??= edge;
  }
  if (recovery && !recovers) return { runs: false, reason: nobodyFailed(state, node, recovery), doomed: false };
  if (closed) return { runs: false, reason: whyWithheld(state, closed), doomed: false };
  for (const port of node.required) {
    const missing = whyMissing(state, node, port);
    if (missing !== null) return { runs: false, reason: missing, doomed: false };
  }
  return { runs: true };
}

function nobodyFailed(state: RunState, { inbound }: GraphNode, first: GraphEdge): string {
  const recovered = inbound.filter((edge) => edge.recovers !== null);
  if (recovered.length === 1) return whyWithheld(state, first);
  return `neither ${recovered.map(({ source }) => source.id).join(" nor ")} failed`;
}

/** Why a port has no value; null where it has one. */
function whyMissing(state: RunState, { given, inbound }: GraphNode, port: string): string | null {
  if (given.some((message) => message.port === port)) return null;
  let first: GraphEdge | undefined;
  for (const edge of inbound) {
    if (edge.spec.guard || edge.spec.to.port !== port) continue;
    if (state.edges[edge.index]?.is === "delivered") return null;
    first ??= edge;
  }
  return first ? whyWithheld(state, first) : `required input ${port} has no value`;
}

/** Why an edge brings nothing, from how its source ended. */
export function whyWithheld(state: RunState, edge: GraphEdge): string {
  const { phase } = nodeState(state, edge.source);
  const status = phase.is === "ended" ? phase.status : "cancelled";
  if (edge.recovers !== null) return `source ${edge.source.id} did not fail`;
  switch (status) {
    case "ok":
      return edge.spec.guard ? `guard ${edge.from} was false` : `${edge.from} gave nothing`;
    case "error":
      return `source ${edge.source.id} failed`;
    case "skipped":
    case "cancelled":
      return `source ${edge.source.id} was ${status}`;
  }
}
