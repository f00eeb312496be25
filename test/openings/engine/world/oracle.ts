/**
 * What a run must come to, computed without any engine: each node is worked out by recursion over its sources, straight from the
 * reference, in no order of time.
 */
import { blake3 } from "#core/digest.js";
import type { Digest } from "#core/digest.js";
import { jsonDigest, type Json } from "#core/json.js";
import type { Message } from "#core/values.js";
import { evaluateGuard } from "#openings/language/expression.js";
import { requestHash } from "#openings/journal/hash.js";
import { attemptSeed } from "#openings/journal/seed.js";
import { result, type Case } from "./generate.js";

export interface Expected {
  readonly status: "ok" | "error" | "skipped";
  readonly doomed: boolean;
  readonly outputs: readonly Message[];
  readonly attempts: number;
}

export function expected({ graph, profiles, runSeed }: Case): {
  readonly nodes: readonly Expected[];
  readonly finalHash: Digest;
} {
  const known = new Map<string, Expected>();
  const of = (id: string): Expected => {
    let it = known.get(id);
    if (!it) known.set(id, (it = work(id)));
    return it;
  };

  function work(id: string): Expected {
    const node = graph.find(id);
    const profile = profiles.get(id);
    if (!node || !profile) throw new Error(id);
    const edges = graph.opening.edges.filter((edge) => edge.to.node === id);
    const not = (doomed: boolean): Expected => ({ status: "skipped", doomed, outputs: [], attempts: 0 });
    if (edges.some((edge) => of(edge.from.node).doomed)) return not(true);
    const carried = (edge: (typeof edges)[number]) =>
      of(edge.from.node).outputs.filter((message) => message.port === edge.from.port);
    for (const edge of edges) {
      const { guard } = edge;
      if (guard && !carried(edge).some(({ body }) => evaluateGuard(guard.op, guard.literal, body))) return not(false);
    }
    const given = ["extra", "in"].filter((port) => port in node.spec.with);
    const inputs = [
      ...given.map((port) => [port, "any", node.spec.with[port]]),
      ...edges.filter((edge) => !edge.guard).flatMap((edge) => carried(edge).map(({ type, body }) => [edge.to.port, type, body])),
    ];
    if (node.required.includes("in") && !inputs.some(([port]) => port === "in")) return not(false);

    for (let attempt = 1; ; attempt++) {
      const seed = attemptSeed(runSeed, node.id, attempt, "attempt");
      const answers = Array.from({ length: profile.calls }, (_, i) => ({
        ok: blake3(requestHash("runloop:agent/test", "ask", [seed, i])).slice(0, 16),
      }));
      const seen = [inputs, node.spec.with, seed, answers] as Json;
      const end = result(profile, seen, attempt, attempt - 1, profile.approved);
      if ("ok" in end) return { status: "ok", doomed: false, outputs: end.ok, attempts: attempt };
      if (!end.error.retryable || attempt === node.spec.retry.max_attempts)
        return { status: "error", doomed: true, outputs: [], attempts: attempt };
    }
  }

  const nodes = graph.nodes.map(({ id }) => of(id));
  const rows = graph.nodes.map(({ id }, i) => {
    const { status, outputs } = nodes[i] as Expected;
    return [id, status, outputs.map(({ port, type, body }) => [port, type, body])];
  });
  return { nodes, finalHash: jsonDigest(rows) };
}
