/** Openings in a few lines, for tests. */
import { jsonDigest } from "#core/json.js";
import type { MetaOf } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import type { Port } from "#openings/agent.js";
import { buildGraph, type Graph } from "#openings/engine/graph.js";
import type { Opening, OpeningEdge, OpeningNode, Retry } from "#openings/ir.js";
import { parseEdgeSource, parseExpression, parsePortRef, type Parsed } from "#openings/language/expression.js";

export type Inputs = Readonly<Record<string, Port>>;
export const port = (required: boolean, types: readonly string[] = ["any"]): Port => ({ types, required });

export const once: Retry = { max_attempts: 1, backoff_ms: 100, multiplier: 2, max_backoff_ms: 30_000, jitter: 0.2 };

export interface Sketch {
  /** In the order of the file. */
  readonly nodes: Readonly<Record<string, Partial<Omit<OpeningNode, "id">> & { readonly inputs?: Inputs }>>;
  /** `a.out -> b.in`, `a.ok==true -> b.in` */
  readonly edges?: readonly string[];
  readonly policy?: Partial<Opening["policy"]>;
  readonly success?: { readonly mode: "any_of" | "all_of"; readonly of: readonly string[] };
  readonly save?: readonly string[];
}

export function sketch(from: Sketch): Graph {
  const faces = new Map<string, Inputs>();
  const nodes = Object.entries(from.nodes).map(([id, { inputs = {}, ...given }]): OpeningNode => {
    faces.set(id, inputs);
    const defaults = { agent: id, variant: null, with: {}, retry: once, timeout_ms: null, budget_tokens: null, tags: [] };
    return { id: id as NodeId, ...defaults, ...given };
  });
  const opening: Opening = {
    version: 0,
    name: "test",
    goals: [],
    params: {},
    policy: { budget_tokens: null, timeout_ms: null, confirm_external: true, max_parallel: null, ...from.policy },
    nodes,
    edges: (from.edges ?? []).map(edge),
    success: from.success ? { mode: from.success.mode, of: from.success.of.map((text) => read(parseExpression(text))) } : null,
    artifacts: { save: (from.save ?? []).map((text) => read(parsePortRef(text))) },
  };
  return buildGraph(opening, ({ id }) => faces.get(id) ?? {});
}

function edge(text: string): OpeningEdge {
  const [source, target] = text.split(" -> ");
  const { ref, guard } = read(parseEdgeSource(source ?? ""));
  return { from: ref, to: read(parsePortRef(target ?? "")), guard };
}

function read<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.value;
}

export function beginning(graph: Graph, seed = 7): MetaOf<"run.started"> {
  return {
    opening_name: graph.opening.name,
    opening: jsonDigest(graph.opening),
    params: {},
    seed,
    epoch_ms: 1_700_000_000_000,
    kb_watermark: 0,
    components: {},
    grants: {},
    budgets: { tokens: graph.opening.policy.budget_tokens },
    host: { rlp: "test", node: "test", isolation: "none", fuel_table: 1 },
  };
}
