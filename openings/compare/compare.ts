/**
 * Two runs side by side, from their records alone: nothing is executed. Times, ids, labels and the order of arrival are no differences;
 * what a run was made from, what its nodes got, asked, gave and took are.
 */
import type { MetaOf, NodeStatus, RunEvent } from "#core/events.js";
import { canonicalJson, type Json, type JsonObject } from "#core/json.js";
import type { Load } from "../engine/attempt.js";
import { invocationOf } from "../engine/graph.js";
import type { StoredMessage } from "../engine/state.js";
import { usedName, type Opening, type OpeningNode } from "../ir.js";
import { comparableFailure } from "../journal/hash.js";
import { Recordings, type AttemptRecord } from "../journal/recorded.js";
import type { Difference, NodeAspect, NodeDifference, RunAspect, RunDifference } from "./difference.js";

export interface ComparedRun {
  readonly opening: Opening;
  readonly events: readonly RunEvent[];
  readonly load: Load;
}

export function compareRuns(first: ComparedRun, second: ComparedRun): RunDifference {
  const [a, b] = [new Side(first), new Side(second)];
  const order = [...new Set([...a.nodes(), ...b.nodes()])];
  const all = order.map((node) => compareNodes(node, a, b));
  const nodes = all.filter(({ only, differences }) => only !== undefined || differences.length > 0);
  const run = compareGround(a, b);
  return {
    same: run.length === 0 && nodes.length === 0,
    parts: nodes[0]?.node ?? null,
    run,
    nodes,
    equal: all.length - nodes.length,
  };
}

/** A run as a comparison looks at it. */
class Side {
  readonly started: MetaOf<"run.started">;
  readonly finished: MetaOf<"run.finished"> | null;
  readonly opening: Opening;
  readonly load: Load;
  readonly #recordings: Recordings;
  readonly #skipped = new Map<string, string>();
  readonly #collected = new Map<string, MetaOf<"node.collected">>();

  constructor({ opening, events, load }: ComparedRun) {
    this.opening = opening;
    this.load = load;
    const [begun] = events;
    if (begun?.kind !== "run.started") throw new TypeError("a run begins with run.started");
    this.started = begun.meta;
    let finished: MetaOf<"run.finished"> | null = null;
    for (const { kind, meta } of events) {
      if (kind === "node.skipped") this.#skipped.set(meta.node, meta.reason);
      if (kind === "node.collected") this.#collected.set(meta.node, meta);
      if (kind === "run.finished") finished = meta;
    }
    this.finished = finished;
    this.#recordings = new Recordings(events);
  }

  /** In the order in which values flow, then those that are no nodes of the opening itself (elements of a list). */
  *nodes(): Iterable<string> {
    yield* flow(this.opening);
    for (const { node } of this.#recordings.all()) yield node;
  }

  has(node: string): boolean {
    return this.attempts(node).length > 0 || (this.spec(node) !== undefined && !invocationOf(node));
  }

  spec(node: string): OpeningNode | undefined {
    const id = invocationOf(node)?.node ?? node;
    return this.opening.nodes.find((each) => each.id === id);
  }

  attempts(node: string): readonly AttemptRecord[] {
    const found: AttemptRecord[] = [];
    const id = node as AttemptRecord["node"];
    for (let record = this.#recordings.find(id, 1); record; record = this.#recordings.find(id, record.attempt + 1))
      found.push(record);
    return found;
  }

  /** The end of a `for_each`: what its invocations gave stands in their own ends. */
  collected(node: string): MetaOf<"node.collected"> | null {
    return this.#collected.get(node) ?? null;
  }

  skipped(node: string): string | null {
    return this.#skipped.get(node) ?? null;
  }
}

/** Sources before what they feed; among equals as in the file. */
function flow({ nodes, edges }: Opening): readonly string[] {
  const open = new Map<string, number>(nodes.map(({ id }) => [id, 0]));
  for (const { to } of edges) open.set(to.node, (open.get(to.node) ?? 0) + 1);
  const order = nodes.flatMap(({ id }) => (open.get(id) === 0 ? [id as string] : []));
  for (const id of order)
    for (const { from, to } of edges) {
      if (from.node !== id) continue;
      const left = (open.get(to.node) ?? 0) - 1;
      open.set(to.node, left);
      if (left === 0) order.push(to.node);
    }
  return order;
}

function compareGround(a: Side, b: Side): readonly Difference<RunAspect>[] {
  const shape = ({ opening }: Side): Json =>
    ({
      name: opening.name,
      nodes: opening.nodes.map((node) => [node.id, usedName(node)]),
      edges: opening.edges,
      success: opening.success,
    }) as unknown as Json;
  const end = (side: Side, key: "status" | "success" | "reason" | "final_hash"): Json => side.finished?.[key] ?? null;
  return [
    ...differ("opening", shape(a), shape(b)),
    ...differParams(a.started.params, b.started.params),
    ...differ("policy", { ...a.opening.policy }, { ...b.opening.policy }),
    ...differ("seed", a.started.seed, b.started.seed),
    ...differ("epoch", a.started.epoch_ms, b.started.epoch_ms),
    ...differ("status", end(a, "status"), end(b, "status")),
    ...differ("success", end(a, "success"), end(b, "success")),
    ...differ("reason", end(a, "reason"), end(b, "reason")),
    ...differ("final_hash", end(a, "final_hash"), end(b, "final_hash")),
  ];
}

function differParams(a: JsonObject, b: JsonObject): readonly Difference<RunAspect>[] {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return keys.flatMap((key) => differ<RunAspect>("params", a[key] ?? null, b[key] ?? null, key));
}

function compareNodes(node: string, a: Side, b: Side): NodeDifference {
  if (!a.has(node) || !b.has(node)) return { node, only: a.has(node) ? "a" : "b", differences: [] };
  const [before, now] = [a.attempts(node), b.attempts(node)];
  return {
    node,
    differences: [
      ...differGround(node, a, b),
      ...differInputs(before[0], now[0], a.spec(node), b.spec(node)),
      ...differCalls(before, now, a, b),
      ...differEnd(node, before, now, a, b),
    ],
  };
}

function differGround(node: string, a: Side, b: Side): readonly Difference<NodeAspect>[] {
  const [before, now] = [a.spec(node), b.spec(node)];
  if (!before || !now || invocationOf(node)) return [];
  const name = usedName;
  const of = ({ started }: Side, spec: OpeningNode): Record<"component" | "limits", Json> => ({
    component: started.components[name(spec)] ?? null,
    limits: started.limits?.[name(spec)] ?? null,
  });
  const [there, here] = [of(a, before), of(b, now)];
  return [
    ...differ<NodeAspect>("agent", name(before), name(now)),
    ...differ<NodeAspect>("component", there.component, here.component),
    ...differ<NodeAspect>("grant", a.started.grants[node] ?? null, b.started.grants[node] ?? null),
    ...differ<NodeAspect>("limits", there.limits, here.limits),
    ...differ<NodeAspect>("with", before.with, now.with),
  ];
}

/** The values themselves are told where they come from. The digest is over `with`, too: where that differs it says nothing of them. */
function differInputs(
  a: AttemptRecord | undefined,
  b: AttemptRecord | undefined,
  before: OpeningNode | undefined,
  now: OpeningNode | undefined,
): readonly Difference<NodeAspect>[] {
  if (!a || !b || canonicalJson(before?.with ?? null) !== canonicalJson(now?.with ?? null)) return [];
  return differ<NodeAspect>("inputs", a.started.meta.inputs_hash, b.started.meta.inputs_hash);
}

function differCalls(
  a: readonly AttemptRecord[],
  b: readonly AttemptRecord[],
  from: Side,
  to: Side,
): readonly Difference<NodeAspect>[] {
  const flat = (records: readonly AttemptRecord[]) =>
    records.flatMap(({ attempt, recorded }) => recorded.calls.map(({ meta }) => ({ attempt, meta })));
  const [before, now] = [flat(a), flat(b)];
  for (let i = 0; i < Math.max(before.length, now.length); i++) {
    const [there, here] = [before[i], now[i]];
    const of = there ?? here;
    if (!of) break;
    const at = `call ${of.meta.call_seq} ${of.meta.interface}.${of.meta.function}${of.attempt > 1 ? `, attempt ${of.attempt}` : ""}`;
    const asked = (call: typeof there): Json => (call ? [call.meta.interface, call.meta.function, call.meta.request_hash] : null);
    const request = differ<NodeAspect>("request", asked(there), asked(here), at);
    if (request.length > 0) return request;
    if (there && here && there.meta.response_hash !== here.meta.response_hash)
      return differ<NodeAspect>("answer", from.load(there.meta.response), to.load(here.meta.response), at);
  }
  return [];
}

function differEnd(
  node: string,
  before: readonly AttemptRecord[],
  now: readonly AttemptRecord[],
  a: Side,
  b: Side,
): readonly Difference<NodeAspect>[] {
  const end = (records: readonly AttemptRecord[]): MetaOf<"node.finished"> | null => records.at(-1)?.finished?.meta ?? null;
  const [there, here] = [end(before), end(now)];
  const [all, each] = [a.collected(node), b.collected(node)];
  const status = (side: Side, ended: Pick<MetaOf<"node.finished">, "status"> | null): NodeStatus | null =>
    ended?.status ?? (side.skipped(node) === null ? null : "skipped");
  const failure = (ended: Pick<MetaOf<"node.finished">, "error"> | null): Json =>
    ended?.error ? { ...comparableFailure(ended.error) } : null;
  const fuel = (records: readonly AttemptRecord[]): number =>
    records.reduce((sum, { finished }) => sum + (finished?.meta.fuel ?? 0), 0);
  const calls = (records: readonly AttemptRecord[]): number =>
    records.reduce((sum, { recorded }) => sum + recorded.calls.length, 0);
  return [
    ...differ<NodeAspect>("status", status(a, there ?? all), status(b, here ?? each)),
    ...differ<NodeAspect>("reason", a.skipped(node), b.skipped(node)),
    ...differ<NodeAspect>("failure", failure(there ?? all), failure(here ?? each)),
    ...differ<NodeAspect>("items", all?.items ?? null, each?.items ?? null),
    ...differ<NodeAspect>("attempts", before.length, now.length),
    ...differOutputs(there?.outputs ?? [], here?.outputs ?? [], a.load, b.load),
    // What an inner run took is told there, and may be less where it is a fork.
    ...(a.spec(node)?.opening
      ? []
      : [...differ<NodeAspect>("fuel", fuel(before), fuel(now)), ...differ<NodeAspect>("calls", calls(before), calls(now))]),
  ];
}

function differOutputs(
  a: readonly StoredMessage[],
  b: readonly StoredMessage[],
  from: Load,
  to: Load,
): readonly Difference<NodeAspect>[] {
  const ports = [...new Set([...a, ...b].map(({ port }) => port))];
  return ports.flatMap((port) => {
    const on = (all: typeof a): typeof a => all.filter((message) => message.port === port);
    const [there, here] = [on(a), on(b)];
    const most = Math.max(there.length, here.length);
    return Array.from({ length: most }, (_, i) => {
      const value = (message: StoredMessage | undefined, load: Load): Json => (message ? load(message.body) : null);
      const types = differ<NodeAspect>("output", there[i]?.type ?? null, here[i]?.type ?? null, `${port}, type`);
      const at = most > 1 ? `${port}, ${i + 1} of ${most}` : port;
      return [...types, ...differ<NodeAspect>("output", value(there[i], from), value(here[i], to), at)];
    }).flat();
  });
}

function differ<Aspect extends RunAspect | NodeAspect>(
  what: Aspect,
  a: Json,
  b: Json,
  at?: string,
): readonly Difference<Aspect>[] {
  if (canonicalJson(a) === canonicalJson(b)) return [];
  return [{ what, ...(at !== undefined && { at }), a, b }];
}
