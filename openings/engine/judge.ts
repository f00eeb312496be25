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
  const doomed = node.inbound.find((edge) => nodeState(state, edge.source).doomed);
  if (doomed) return { runs: false, reason: whyWithheld(state, doomed), doomed: true };

  const recovery = node.inbound.filter((edge) => edge.recovers !== null);
  const [first] = recovery;
  if (first && !recovery.some((edge) => state.edges[edge.index]?.is === "delivered")) {
    const nobody = recovery.map(({ source }) => source.id).join(" nor ");
    return { runs: false, reason: recovery.length === 1 ? whyWithheld(state, first) : `neither ${nobody} failed`, doomed: false };
  }

  const closed = node.inbound.find((edge) => edge.spec.guard && state.edges[edge.index]?.is === "withheld");
  if (closed) return { runs: false, reason: whyWithheld(state, closed), doomed: false };

  for (const port of node.required) {
    if (node.given.some((message) => message.port === port)) continue;
    const edges = node.inbound.filter((edge) => !edge.spec.guard && edge.spec.to.port === port);
    if (edges.some((edge) => state.edges[edge.index]?.is === "delivered")) continue;
    const reason = edges[0] ? whyWithheld(state, edges[0]) : `required input ${port} has no value`;
    return { runs: false, reason, doomed: false };
  }
  return { runs: true };
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
