/** The outbound edges of a node that has ended become events: each message that crosses, each edge that brings nothing and why. */
import { blake3, type Digest } from "#core/digest.js";
import type { RunEventDraft } from "#core/events.js";
import { canonicalJson } from "#core/json.js";
import { evaluateGuard } from "../language/expression.js";
import type { Load } from "./attempt.js";
import type { GraphEdge, GraphNode } from "./graph.js";
import { whyWithheld } from "./judge.js";
import { messagesOn, type RunState, type StoredMessage } from "./state.js";

export function settle(state: RunState, node: GraphNode, load: Load): readonly RunEventDraft[] {
  // A value that leaves over many edges is measured once.
  const measured = new Map<StoredMessage, Measure>();
  const drafts: RunEventDraft[] = [];
  for (const edge of node.outbound) {
    const its = state.edges[edge.index];
    if (its?.is !== "open") continue;
    const crossing = passing(state, edge, load);
    if (crossing.length <= its.carried) drafts.push(withheld(edge, whyWithheld(state, edge)));
    for (let next = its.carried; next < crossing.length; next++) {
      const message = crossing[next] as StoredMessage;
      let size = measured.get(message);
      if (!size) measured.set(message, (size = measure(message, load)));
      drafts.push(delivered(edge, message, size));
    }
  }
  return drafts;
}

/** The messages that an edge delivers; for a guard the first that matches, because it only gates. */
function passing(state: RunState, edge: GraphEdge, load: Load): readonly StoredMessage[] {
  const messages = messagesOn(state, edge);
  const { guard } = edge.spec;
  if (!guard) return messages;
  const match = messages.find((message) => evaluateGuard(guard.op, guard.literal, load(message.body)));
  return match ? [match] : [];
}

interface Measure {
  readonly bytes: number;
  readonly hash: Digest;
}

function measure({ body }: StoredMessage, load: Load): Measure {
  if ("blob" in body) return { bytes: body.bytes, hash: body.blob };
  const text = canonicalJson(load(body));
  return { bytes: Buffer.byteLength(text), hash: blake3(text) };
}

function delivered(edge: GraphEdge, { type, labels }: StoredMessage, { bytes, hash }: Measure): RunEventDraft {
  const { from, to } = edge;
  const meta = { bytes, from, labels, to, type, value_hash: hash };
  return { kind: "edge.delivered", level: "info", message: `${from} -> ${to}`, meta };
}

function withheld({ from, to }: GraphEdge, reason: string): RunEventDraft {
  return { kind: "edge.withheld", level: "info", message: `${from} -> ${to} withheld: ${reason}`, meta: { from, to, reason } };
}
