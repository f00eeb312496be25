/**
 * What a run must come to, computed without any engine: each node is worked out by recursion over its sources, each opening inside
 * of a node by recursion over that, straight from the reference, in no order of time.
 */
import { blake3, type Digest } from "#core/digest.js";
import { jsonDigest, type Json } from "#core/json.js";
import type { NodeId } from "#core/ids.js";
import { evaluateGuard, holds } from "#openings/language/expression.js";
import type { Opening, OpeningEdge, OpeningNode } from "#openings/ir.js";
import { requestHash } from "#openings/journal/hash.js";
import { attemptSeed } from "#openings/journal/seed.js";
import { fault, isFaulty, result, seenBody, type Case } from "./generate.js";

type Sent = readonly [port: string, type: string, body: Json];
interface Fault {
  readonly code: string;
  readonly retryable: boolean;
}

export interface Expected {
  readonly status: "ok" | "error" | "skipped";
  readonly doomed: boolean;
  readonly outputs: readonly Sent[];
  readonly attempts: number;
  readonly fault: Fault | null;
}

export interface ExpectedRun {
  readonly nodes: readonly Expected[];
  readonly finalHash: Digest;
  readonly success: boolean;
  readonly retryable: boolean;
  readonly outputs: readonly Sent[];
}

export function expected(its: Case): ExpectedRun {
  return new Oracle(its, its.graph.opening, its.runSeed, []).run();
}

class Oracle {
  readonly #known = new Map<string, Expected>();

  constructor(
    private readonly its: Case,
    private readonly opening: Opening,
    private readonly seed: number,
    private readonly handed: readonly Sent[],
  ) {}

  run(): ExpectedRun {
    const { opening } = this;
    const nodes = opening.nodes.map(({ id }) => this.#of(id));
    const rows = opening.nodes.map(({ id }, i) => [id, nodes[i]?.status, nodes[i]?.outputs]);
    const on = ({ node, port }: { readonly node: string; readonly port: string }): readonly Sent[] =>
      this.#of(node).outputs.filter(([name]) => name === port);
    const held = opening.success?.of.map((each) => holds(each, (ref) => on(ref).map(([, , body]) => body)));
    const failed = opening.nodes.filter(({ id }) => this.#failedForGood(id));
    const success = held ? (opening.success?.mode === "any_of" ? held.some(Boolean) : held.every(Boolean)) : failed.length === 0;
    const names = Object.keys(opening.outputs ?? {}).sort();
    const outputs = names.flatMap((name) => on(opening.outputs![name]!).map(([, type, body]): Sent => [name, type, body]));
    return {
      nodes,
      finalHash: jsonDigest(rows as Json),
      success,
      retryable: !success && failed.length > 0 && failed.every(({ id }) => this.#of(id).fault?.retryable === true),
      outputs,
    };
  }

  /** It failed, and neither the node that recovers it nor one that recovers that one has made up for it. */
  #failedForGood(id: string): boolean {
    if (this.#of(id).status !== "error") return false;
    const by = this.#node(id).on_error;
    return by === undefined || this.#of(by).status === "skipped" || this.#failedForGood(by);
  }

  #node(id: string): OpeningNode {
    return this.opening.nodes.find((node) => node.id === id)!;
  }

  #of(id: string): Expected {
    let it = this.#known.get(id);
    if (!it) this.#known.set(id, (it = this.#work(id)));
    return it;
  }

  #carried({ from }: OpeningEdge): readonly Sent[] {
    const outputs = from.node === "inputs" ? this.handed : this.#of(from.node).outputs;
    return outputs.filter(([port]) => port === from.port);
  }

  #work(id: string): Expected {
    const { opening, its } = this;
    const node = this.#node(id);
    const ports = node.opening
      ? Object.fromEntries(
          Object.entries(node.opening.inputs ?? {}).map(([name, { type, required }]) => [name, { types: [type], required }]),
        )
      : its.portsOf(node);
    const edges = opening.edges.filter((edge) => edge.to.node === id);
    const recovered = opening.nodes.filter(({ on_error }) => on_error === id);
    const not = (doomed: boolean): Expected => ({ status: "skipped", doomed, outputs: [], attempts: 0, fault: null });

    const sources = [
      ...edges.map(({ from }) => from.node).filter((source) => source !== "inputs"),
      ...recovered.map((each) => each.id),
    ];
    if (sources.some((source) => this.#of(source).doomed)) return not(true);
    const failures = recovered.filter((each) => this.#of(each.id).status === "error");
    if (recovered.length > 0 && failures.length === 0) return not(false);
    for (const edge of edges) {
      const { guard } = edge;
      if (guard && !this.#carried(edge).some(([, , body]) => evaluateGuard(guard.op, guard.literal, body))) return not(false);
    }
    const given = Object.keys(ports)
      .sort()
      .filter((port) => Object.hasOwn(node.with, port))
      .map((port): Sent => [port, ports[port]?.types[0] ?? "any", node.with[port] as Json]);
    const errorTypes = ports["error"]?.types ?? [];
    const errorType = errorTypes.includes("node.error.v1") ? "node.error.v1" : (errorTypes[0] ?? "node.error.v1");
    const inputs: Sent[] = [
      ...given,
      ...edges
        .filter((edge) => !edge.guard)
        .flatMap((edge) => this.#carried(edge).map(([, type, body]): Sent => [edge.to.port, type, body])),
      ...failures.map((each): Sent => {
        const { fault, attempts } = this.#of(each.id);
        return ["error", errorType, { node: each.id, reason: { ...fault }, attempts }];
      }),
    ];
    if (Object.keys(ports).some((port) => ports[port]?.required && !inputs.some(([name]) => name === port))) return not(false);
    if (node.for_each === undefined) return this.#attempts(node, node.id, inputs);

    const [first = "any", ...others] = ports[node.for_each]?.types ?? [];
    const elements = inputs
      .filter(([port]) => port === node.for_each)
      .flatMap(([port, type, body]): readonly Sent[] => {
        if (Array.isArray(body)) return body.map((element): Sent => [port, first, element]);
        return [[port, [first, ...others].includes(type) ? type : first, body]];
      });
    const rest = inputs.filter(([port]) => port !== node.for_each);
    const all = elements.map((element, i) => this.#attempts(node, `${node.id}[${i}]` as NodeId, [element, ...rest]));
    const attempts = all.reduce((sum, each) => sum + each.attempts, 0);
    if (all.every(({ status }) => status === "ok"))
      return { status: "ok", doomed: false, outputs: all.flatMap(({ outputs }) => outputs), attempts, fault: null };
    return this.#failed(node, attempts, { code: "host.elements-failed", retryable: false });
  }

  #failed(node: OpeningNode, attempts: number, fault: Fault): Expected {
    return { status: "error", doomed: node.on_error === undefined, outputs: [], attempts, fault };
  }

  #attempts(node: OpeningNode, id: NodeId, inputs: readonly Sent[]): Expected {
    for (let attempt = 1; ; attempt++) {
      const end = node.opening ? this.#inside(node.opening, id, attempt, inputs) : this.#once(node, id, attempt, inputs);
      if ("ok" in end) return { status: "ok", doomed: false, outputs: end.ok, attempts: attempt, fault: null };
      if (!end.fault.retryable || attempt === node.retry.max_attempts) return this.#failed(node, attempt, end.fault);
    }
  }

  #inside(opening: Opening, id: NodeId, attempt: number, inputs: readonly Sent[]) {
    const seed = parseInt(attemptSeed(this.seed, id, attempt, "attempt").slice(0, 13), 16);
    const { success, retryable, outputs } = new Oracle(this.its, opening, seed, inputs).run();
    return success ? { ok: outputs } : { fault: { code: "host.opening-failed", retryable } };
  }

  #once(node: OpeningNode, id: NodeId, attempt: number, inputs: readonly Sent[]): { ok: readonly Sent[] } | { fault: Fault } {
    const profile = this.its.profiles.get(node.agent)!;
    const seed = attemptSeed(this.seed, id, attempt, "attempt");
    const answers = Array.from({ length: profile.calls }, (_, i) =>
      isFaulty(profile, id, i) ? fault : { ok: blake3(requestHash("runloop:agent/test", "ask", [seed, i])).slice(0, 16) },
    );
    if (profile.kind === "slow") return { fault: { code: "host.timeout", retryable: true } };
    const seen = [inputs.map(([port, type, body]) => [port, type, seenBody(body)]), node.with, seed, answers] as Json;
    const end = result(profile, seen, attempt, attempt - 1, profile.approved);
    return "ok" in end ? { ok: end.ok.map(({ port, type, body }): Sent => [port, type, body]) } : { fault: end.error };
  }
}
