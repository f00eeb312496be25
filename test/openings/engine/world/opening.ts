/** Openings in a few lines, for tests. */
import type { MetaOf } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import type { Port } from "#openings/agent.js";
import { buildGraph, type Graph } from "#openings/engine/graph.js";
import type { Opening, OpeningEdge, OpeningNode, Retry } from "#openings/ir.js";
import { beginning as begun } from "#openings/sim/run.js";
import { parseEdgeSource, parseExpression, parsePortRef, type Parsed } from "#openings/language/expression.js";

export type Inputs = Readonly<Record<string, Port>>;
export const port = (required: boolean, types: readonly string[] = ["any"]): Port => ({ types, required });

export const once: Retry = { max_attempts: 1, backoff_ms: 100, multiplier: 2, max_backoff_ms: 30_000, jitter: 0.2 };

export interface Sketch {
  readonly name?: string;
  /** In the order of the file. */
  readonly nodes: Readonly<Record<string, Partial<Omit<OpeningNode, "id">> & { readonly inputs?: Inputs }>>;
  /** `a.out -> b.in`, `a.ok==true -> b.in` */
  readonly edges?: readonly string[];
  readonly policy?: Partial<Opening["policy"]>;
  readonly success?: { readonly mode: "any_of" | "all_of"; readonly of: readonly string[] };
  readonly save?: readonly string[];
  readonly inputs?: NonNullable<Opening["inputs"]>;
  /** Name → `node.port`. */
  readonly outputs?: Readonly<Record<string, string>>;
}

export function sketch(from: Sketch): Graph {
  return buildGraph(opening(from), ({ id }) => from.nodes[id]?.inputs ?? {});
}

export function opening(from: Sketch): Opening {
  const nodes = Object.entries(from.nodes).map(([id, { inputs: ports, ...given }]): OpeningNode => {
    void ports; // of its agent, not of the node
    const defaults = { agent: id, variant: null, with: {}, retry: once, timeout_ms: null, budget_tokens: null, tags: [] };
    return { id: id as NodeId, ...defaults, ...given };
  });
  const outputs = Object.entries(from.outputs ?? {}).map(([name, text]) => [name, read(parsePortRef(text))] as const);
  return {
    version: 0,
    name: from.name ?? "test",
    goals: [],
    ...(from.inputs && { inputs: from.inputs }),
    ...(from.outputs && { outputs: Object.fromEntries(outputs) }),
    params: {},
    policy: { budget_tokens: null, timeout_ms: null, confirm_external: true, max_parallel: null, ...from.policy },
    nodes,
    edges: (from.edges ?? []).map(edge),
    success: from.success ? { mode: from.success.mode, of: from.success.of.map((text) => read(parseExpression(text))) } : null,
    artifacts: { save: (from.save ?? []).map((text) => read(parsePortRef(text))) },
  };
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

export const beginning = ({ opening }: Graph, seed = 7): MetaOf<"run.started"> => begun(opening, seed);
