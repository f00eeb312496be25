/** Many simulated runs of one opening, each with a seed of its own: how they ended, what they put to use, and what they broke. */
import type { RunEvent, RunStatus } from "#core/events.js";
import { innerTraceId, type TraceId } from "#core/ids.js";
import { buildGraph, invocationOf, type Graph } from "../engine/graph.js";
import type { Opening } from "../ir.js";
import { actor, decisionOf, type Playing } from "./actor.js";
import type { OpenBudgets } from "./budgets.js";
import { SimClock } from "./clock.js";
import { Coverage, type Covered } from "./coverage.js";
import type { SimExecutor } from "./executor.js";
import { brokenIn } from "./invariants.js";
import { Crash, eventsOn, logOf, logsOf, newDisk, ROOT, SimProcess, type Disk } from "./journal.js";
import { Random } from "./random.js";
import { replaySim, simulateRun, type PortsOf, type SimEnd } from "./run.js";

export interface Campaign extends Playing {
  readonly opening: Opening;
  readonly budgets?: OpenBudgets;
  /** The first; run `i` has the seed `seed + i`. */
  readonly seed: number;
  readonly seeds: number;
  readonly maxParallel: number;
  readonly signal?: AbortSignal;
}

/** A run that broke what must hold of every run. */
export interface Broken {
  readonly seed: number;
  readonly what: string;
}

export interface CampaignReport {
  readonly runs: number;
  readonly ended: Readonly<Record<RunStatus, number>>;
  /** How many of them died on the way and were resumed. */
  readonly crashed: number;
  /** The first of each way to fail, as `run.finished` says it, with how often. */
  readonly reasons: readonly { readonly reason: string; readonly times: number; readonly seed: number }[];
  readonly coverage: readonly Covered[];
  readonly broken: readonly Broken[];
}

const EPOCH_MS = 1_700_000_000_000;
const MOST_BROKEN = 20;

/** Rejects with the signal's reason where that aborts between two runs. */
export async function campaign(its: Campaign): Promise<CampaignReport> {
  const portsOf: PortsOf = (node) => its.agentOf(usedAs(node))?.inputs ?? {};
  const graph = buildGraph(its.opening, portsOf);
  const coverage = new Coverage(its.opening);
  const ended: Record<RunStatus, number> = { ok: 0, error: 0, cancelled: 0 };
  const reasons = new Map<string, { reason: string; times: number; seed: number }>();
  const broken: Broken[] = [];
  let crashed = 0;
  let runs = 0;
  for (let seed = its.seed; seed < its.seed + its.seeds; seed++) {
    its.signal?.throwIfAborted();
    const { disk, end, died, wrong } = await oneRun(its, graph, portsOf, seed);
    runs++;
    if (died) crashed++;
    const { status, reason } = end.outcome;
    if (status !== "parked") ended[status]++;
    if (reason !== null) {
      const known = reasons.get(reason);
      if (known) known.times++;
      else if (reasons.size < 100) reasons.set(reason, { reason, times: 1, seed });
    }
    eachLog(graph, portsOf, disk, (its, around, log) => coverage.add(its, around, log));
    for (const what of wrong) if (broken.length < MOST_BROKEN) broken.push({ seed, what });
  }
  const often = [...reasons.values()].sort((a, b) => b.times - a.times);
  return { runs, ended, crashed, reasons: often, coverage: coverage.rows(), broken };
}

const usedAs = ({ agent, variant }: { readonly agent: string; readonly variant: string | null }): string =>
  variant === null ? agent : `${agent}@${variant}`;

interface OneRun {
  readonly disk: Disk;
  readonly end: SimEnd;
  readonly died: boolean;
  readonly wrong: readonly string[];
}

async function oneRun(its: Campaign, graph: Graph, portsOf: PortsOf, seed: number): Promise<OneRun> {
  const whole = await live(its, graph, portsOf, seed, newDisk(), 0);
  const wrong = [...inspect(graph, portsOf, whole.disk)];
  const replay = await replaySim(runOf(its, graph, portsOf), whole.disk);
  if (!replay.agrees) wrong.push(`a replay parts from the run: ${replay.divergence.what} of ${replay.divergence.node}`);
  if (!its.faults.includes("crash")) return { ...whole, died: false, wrong };

  const random = new Random(seed);
  const disk = newDisk();
  const dieAfter = 1 + random.below(Math.max(1, eventsOn(whole.disk) - 1));
  try {
    await live(its, graph, portsOf, seed, disk, 0, dieAfter);
    return { ...whole, died: false, wrong };
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
  const pauseMs = Math.max(...logsOf(disk).map((log) => log.at(-1)?.ts_ms ?? EPOCH_MS)) - EPOCH_MS + random.below(60_000);
  const resumed = await live(its, graph, portsOf, seed, disk, pauseMs);
  wrong.push(...inspect(graph, portsOf, disk));
  // Where time or a budget decided, it may have decided otherwise: that is on record, and no fault.
  const decided = [whole.disk, disk].some((each) => logsOf(each).some((log) => log.some(decidedByTime)));
  if (!decided && resumed.end.outcome.finalHash !== whole.end.outcome.finalHash)
    wrong.push(`killed after ${dieAfter} events and resumed, it ended with another final_hash`);
  return { ...resumed, died: true, wrong };
}

const decidedByTime = ({ kind }: RunEvent): boolean => kind === "run.cancelled" || kind === "budget.exhausted";

function runOf(its: Campaign, graph: Graph, portsOf: PortsOf) {
  const agents: ConstructorParameters<typeof SimExecutor>[0] = (node, _, around) => actor(its, `${around}${node}`);
  const fuelOf = ({ agent }: { readonly agent: string }): number => its.agentOf(agent)?.limits.fuel ?? Infinity;
  return { graph, portsOf, agents, fuelOf };
}

async function live(
  its: Campaign,
  graph: Graph,
  portsOf: PortsOf,
  seed: number,
  disk: Disk,
  pauseMs: number,
  dieAfter = Infinity,
): Promise<{ readonly disk: Disk; readonly end: SimEnd }> {
  const clock = new SimClock(EPOCH_MS + pauseMs);
  const process = new SimProcess(disk, clock, { dieAfter, checked: false });
  const end = await simulateRun({
    ...runOf(its, graph, portsOf),
    budgets: its.budgets,
    seed,
    clock,
    process,
    effects: new Map(),
    decide: (path, spec) => decisionOf(its, path, spec),
    latency: () => 5,
    maxParallel: its.maxParallel,
  });
  return { disk, end };
}

function* inspect(graph: Graph, portsOf: PortsOf, disk: Disk): Iterable<string> {
  const found: string[] = [];
  const cancelled = logsOf(disk).some((log) => log.some(({ kind }) => kind === "run.cancelled"));
  eachLog(graph, portsOf, disk, (its, around, log) => {
    for (const what of brokenIn(its, log, around === "" || !cancelled)) found.push(around === "" ? what : `${around} ${what}`);
  });
  yield* found;
}

/** The run and those inside of it, with the nodes around them. */
function eachLog(
  graph: Graph,
  portsOf: PortsOf,
  disk: Disk,
  look: (graph: Graph, around: string, log: readonly RunEvent[]) => void,
): void {
  const visit = (trace: TraceId, its: Graph, around: string): void => {
    const log = logOf(disk, trace);
    look(its, around, log);
    for (const { kind, meta } of log) {
      if (kind !== "node.started") continue;
      const node = invocationOf(meta.node)?.node ?? meta.node;
      const opening = its.find(node)?.spec.opening;
      const inner = innerTraceId(trace, meta.node, meta.attempt);
      if (opening && disk.inner.has(inner)) visit(inner, buildGraph(opening, portsOf), `${around}${node}/`);
    }
  };
  visit(ROOT, graph, "");
}
