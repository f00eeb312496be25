/** A generated world as tests run it: from its beginning, after a crash, and again and again until it has ended. */
import { expect } from "vitest";
import type { RunEvent, RunEventOf } from "#core/events.js";
import { innerTraceId, type ProposalId, type TraceId } from "#core/ids.js";
import { jsonDigest, type Json } from "#core/json.js";
import { buildGraph, invocationOf, type Graph } from "#openings/engine/graph.js";
import { brokenIn } from "#openings/sim/invariants.js";
import { Crash, logsOf, newDisk, ROOT, type Disk } from "#openings/sim/journal.js";
import { Random } from "#openings/sim/random.js";
import { agentOf, type Case } from "./generate.js";
import { replayed, simulate, type Ran, type Setup } from "./world.js";

const agents = (its: Case): Setup["agents"] => {
  const made = new Map([...its.profiles].map(([id, profile]) => [id, agentOf(profile)]));
  return (_, spec) => made.get(spec.agent) ?? (() => ({ ok: [] }));
};

/** By the node's agent, wherever it stands. */
const answerOf = (its: Case, agent: string): "approved" | "rejected" =>
  its.profiles.get(agent)?.approved ? "approved" : "rejected";

export function setup(its: Case, latencySeed: number, more: Partial<Setup> = {}): Setup {
  const random = new Random(latencySeed);
  return {
    graph: its.graph,
    portsOf: its.portsOf,
    agents: agents(its),
    seed: its.runSeed,
    maxParallel: its.maxParallel,
    latency: () => random.below(40),
    diskLatency: () => (random.chance(0.5) ? 0 : random.below(10)),
    decide: (_, spec) => answerOf(its, spec.agent),
    ...more,
  };
}

export const replayOf = (its: Case, disk: Disk, more: Pick<Setup, "fuelOf"> = {}) =>
  replayed(its.graph, agents(its), disk, { portsOf: its.portsOf, ...(more.fuelOf && { fuelOf: more.fuelOf }) });

/** All that two runs must agree on: how each attempt of each run ended, and what it adds up to. */
export function essence(its: Case, { outcome, disk }: Pick<Ran, "outcome" | "disk">) {
  const { status, success, reason, finalHash, totals } = outcome;
  const logs = [...graphsOf(its, disk)].map(([trace]) => {
    const log = trace === ROOT ? disk.events : (disk.inner.get(trace) ?? []);
    const ends = log.flatMap(({ kind, meta }) => (kind === "node.finished" || kind === "run.finished" ? [timeless(meta)] : []));
    return [trace, ends.map((end) => jsonDigest(end)).sort()] as const;
  });
  return {
    status,
    success,
    reason,
    finalHash,
    totals,
    nodes: outcome.nodes.map(({ node, status, attempts, outputs_hash }) => ({ node, status, attempts, outputs_hash })),
    logs: logs.sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

function timeless(value: unknown): Json {
  return JSON.parse(JSON.stringify(value, (key, each: unknown) => (key === "duration_ms" ? undefined : each))) as Json;
}

/** The run and those inside of it that have begun, by trace, with their graphs. */
export function graphsOf(its: Case, disk: Disk): ReadonlyMap<TraceId, Graph> {
  const found = new Map<TraceId, Graph>();
  const visit = (trace: TraceId, graph: Graph, log: readonly RunEvent[]): void => {
    found.set(trace, graph);
    for (const { kind, meta } of log) {
      if (kind !== "node.started") continue;
      const opening = graph.find(invocationOf(meta.node)?.node ?? meta.node)?.spec.opening;
      const inner = opening && innerTraceId(trace, meta.node, meta.attempt);
      const innerLog = inner && disk.inner.get(inner);
      if (opening && inner && innerLog) visit(inner, buildGraph(opening, its.portsOf), innerLog);
    }
  };
  visit(ROOT, its.graph, disk.events);
  return found;
}

/** Every invariant in the log of every run, and between them. */
export function checkDisk(its: Case, disk: Disk): void {
  const graphs = graphsOf(its, disk);
  expect(
    // The process may have died before anything of it, or of what began it, was written.
    [...disk.inner].flatMap(([trace, log]) => (log.length > 0 && !graphs.has(trace) ? [trace] : [])),
    "runs that are nobody's attempt",
  ).toEqual([]);
  const cancelled = logsOf(disk).some((log) => log.some(({ kind }) => kind === "run.cancelled"));
  for (const [trace, graph] of graphs) {
    const log = trace === ROOT ? disk.events : (disk.inner.get(trace) ?? []);
    // An inner run that its outer one was cancelled in front of may never have been taken up again.
    expect(brokenIn(graph, log, trace === ROOT || !cancelled), `of ${trace}`).toEqual([]);
  }
}

export async function undisturbed(its: Case, seed: number, more: Partial<Setup> = {}): Promise<Ran> {
  return simulate(setup(its, seed, more));
}

/** Dies after `died` events, and is resumed until it ends: it may die again, and may find nobody to ask. */
export async function crashed(its: Case, world: number, died: number, more: Partial<Setup> = {}): Promise<Ran> {
  const random = new Random(world * 1000 + died);
  const disk = newDisk();
  const effects = new Map<string, number>();
  await expect(simulate(setup(its, world, { ...more, disk, effects, dieAfter: died }))).rejects.toThrow(Crash);
  return resumed(its, disk, effects, random, more);
}

export async function resumed(
  its: Case,
  disk: Disk,
  effects: Map<string, number>,
  random: Random,
  more: Partial<Setup> = {},
): Promise<Ran> {
  for (let round = 1; ; round++) {
    const size = logsOf(disk).reduce((sum, log) => sum + log.length, 0);
    const dieAfter = random.chance(0.3) ? size + 1 + random.below(10) : Infinity;
    const lastMs = Math.max(0, ...logsOf(disk).map((log) => log.at(-1)?.ts_ms ?? 0));
    const startMs = lastMs + random.below(100_000);
    const nobody = random.chance(0.3) && { decide: () => null };
    try {
      const ran = await simulate(setup(its, random.below(1e9), { ...more, disk, effects, dieAfter, startMs, ...nobody }));
      if (ran.outcome.status !== "parked") return ran;
      decideFromOutside(its, disk, random);
    } catch (error) {
      if (!(error instanceof Crash) || round > 40) throw error;
      if (disk.events.at(-1)?.kind === "run.finished") throw new Error("died after its end", { cause: error });
    }
  }
}

/** Somebody decides some of what waits, in any order, while no process runs. */
export function decideFromOutside(its: Case, disk: Disk, random: Random): void {
  const graphs = graphsOf(its, disk);
  const nowMs = Math.max(0, ...logsOf(disk).map((log) => log.at(-1)?.ts_ms ?? 0));
  const waiting = logsOf(disk).flatMap((log) => {
    const decided = new Set(log.flatMap(({ kind, meta }) => (kind === "action.decided" ? [meta.proposal_id as ProposalId] : [])));
    const proposed = log.filter((event): event is RunEventOf<"action.proposed"> => event.kind === "action.proposed");
    const open = ({ meta }: RunEventOf<"action.proposed">): boolean =>
      !decided.has(meta.proposal_id) && (meta.expires_at_ms === null || nowMs < meta.expires_at_ms);
    return proposed.filter(open).map((event) => ({ log, event }));
  });
  if (waiting.length === 0) return; // it was interrupted, and nobody is waited for; or what it waits for has expired
  for (const { log, event } of random.shuffle(waiting).slice(0, 1 + random.below(waiting.length))) {
    const { proposal_id, args_hash, node } = event.meta;
    const spec = graphs.get(event.trace_id)?.find(invocationOf(node)?.node ?? node)?.spec;
    const meta = { proposal_id, args_hash, decision: answerOf(its, spec?.agent ?? ""), by: "user" };
    const last = log.at(-1) as RunEvent;
    (log as RunEvent[]).push({ ...last, seq: log.length, kind: "action.decided", message: "decided", meta } as RunEvent);
  }
}

/** Which worlds a test file runs: `RLP_WORLD=7`, or `RLP_SEEDS=10000` from `RLP_FIRST` on. */
export function worlds(usual: number): readonly number[] {
  const { RLP_WORLD: only, RLP_SEEDS: count, RLP_FIRST: first } = process.env;
  if (only !== undefined) return [Number(only)];
  return Array.from({ length: Number(count ?? usual) }, (_, i) => Number(first ?? 0) + i);
}

/** A failing world says how to repeat it. */
export function repeating(file: string) {
  const how = (world: number, more = ""): string => `${more}RLP_WORLD=${world} npx vitest run ${file}`;
  return async (world: number, check: () => Promise<void> | void, more = ""): Promise<void> => {
    try {
      await check();
    } catch (error) {
      if (error instanceof Error) error.message = `${how(world, more && `${more}; `)}\n${error.message}`;
      throw error;
    }
  };
}

export function chunks(all: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
