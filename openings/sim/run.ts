/** A whole run in the simulated world, with the runs inside of it: begun, or taken up from what a dead process left on its disk. */
import type { MetaOf } from "#core/events.js";
import { innerTraceId, type TraceId } from "#core/ids.js";
import { jsonDigest, type Json } from "#core/json.js";
import { driveRun, type Drive, type RunOutcome } from "../engine/drive.js";
import type { Port } from "../agent.js";
import { buildGraph, type Graph } from "../engine/graph.js";
import { endOfInner, innerSeed, parentOf, runInner } from "../engine/inner-run.js";
import { storeOutputs } from "../engine/report.js";
import { recordedBudgets } from "../engine/select.js";
import type { AttemptEnd, AttemptSpec, Journal } from "../engine/world.js";
import { openingDocument } from "../document.js";
import type { Opening, OpeningNode } from "../ir.js";
import { openRun } from "../journal/open.js";
import type { Replayed, ReplayExecutor } from "../replay/executor.js";
import { replayRun } from "../replay/replay.js";
import { Diverged, type ReplayVerdict } from "../replay/verdict.js";
import type { OpenBudgets, SimBudgets } from "./budgets.js";
import type { SimClock } from "./clock.js";
import { SimExecutor, SimReplayer, type AgentOf, type FuelOf } from "./executor.js";
import type { Decider, Effects } from "./guest.js";
import { loadFrom, logOf, ROOT, type Disk, type SimProcess } from "./journal.js";

/** The input ports of a node's agent. */
export type PortsOf = (node: OpeningNode) => Readonly<Record<string, Port>>;

export interface SimRun {
  readonly graph: Graph;
  /** Of the nodes of openings inside of this one. */
  readonly portsOf?: PortsOf;
  readonly agents: AgentOf;
  readonly fuelOf?: FuelOf | undefined;
  readonly budgets?: OpenBudgets | undefined;
  readonly seed: number;
  readonly clock: SimClock;
  readonly process: SimProcess;
  readonly effects: Effects;
  readonly decide: Decider;
  readonly latency: () => number;
  readonly maxParallel: number;
  readonly signals?: Drive["signals"] | undefined;
  /** Of a fork: what its beginning says besides, and what it takes over. */
  readonly begun?: Partial<MetaOf<"run.started">> | undefined;
  readonly reuse?: Drive["reuse"];
}

export interface SimEnd {
  readonly outcome: RunOutcome;
  /** Of the run itself; those inside of it have their own. */
  readonly executor: SimExecutor;
}

/** Rejects with `Crash` where the process dies. */
export async function simulateRun(run: SimRun): Promise<SimEnd> {
  const { graph, process, clock, signals } = run;
  const log = logOf(process.disk, ROOT);
  const made: { executor?: SimExecutor } = {};
  const driven = driveRun({
    graph,
    run:
      log.length === 0
        ? { begin: { ...beginning(graph.opening, run.seed), ...run.begun } }
        : { resume: openRun(graph, log), why: "the process died", by: "test" },
    journal: process.journal(ROOT),
    clock,
    executor: executorOf(run, graph.opening, ROOT, null, (executor) => (made.executor ??= executor)),
    ...(signals && { signals }),
    reuse: run.reuse,
    maxParallel: run.maxParallel,
  });
  const outcome = await clock.run(driven);
  if (!made.executor) throw new Error("no executor was made");
  return { outcome, executor: made.executor };
}

/** The attempt of another run that a run is. */
interface Parent {
  readonly budgets: SimBudgets | undefined;
  readonly spec: AttemptSpec;
  readonly journal: Journal;
  /** The nodes around its run. */
  readonly around: string;
}

/** The place of what runs inside of an attempt, from the place of the attempt. */
const inside = (around: string, { node }: Pick<AttemptSpec, "node">): string => `${around}${node.replace(/\[.*/, "")}/`;

function executorOf(
  run: SimRun,
  opening: Opening,
  trace: TraceId,
  parent: Parent | null,
  onMade?: (executor: SimExecutor) => void,
): Drive["executor"] {
  return ({ journal, state }) => {
    const budgets = parent
      ? parent.budgets?.inside(opening, state.spending, parent.spec.node, parent.journal)
      : run.budgets?.(opening, state.spending);
    const { clock, effects, decide, latency } = run;
    const around = parent ? inside(parent.around, parent.spec) : "";
    const decideHere: Decider = (node, spec) => decide(`${around}${node}`, spec);
    const world = { trace, clock, journal, effects, decide: decideHere, latency, budgets };
    const guests = new SimExecutor(run.agents, world, run.fuelOf, around);
    onMade?.(guests);
    return {
      execute: (spec, signal) =>
        spec.opening
          ? runInside(run, trace, { budgets, spec, journal, around }, spec.opening, signal)
          : guests.execute(spec, signal),
    };
  };
}

async function runInside(
  run: SimRun,
  outerTrace: TraceId,
  parent: Parent,
  opening: Opening,
  signal: AbortSignal,
): Promise<AttemptEnd> {
  const { process, clock } = run;
  const { spec, journal: outer } = parent;
  const trace = innerTraceId(outerTrace, spec.node, spec.attempt);
  const log = logOf(process.disk, trace);
  const journal = process.journal(trace);
  const finished = endOf(log);
  if (finished) return runInner(spec, { drive: { finished, journal }, outer }, signal);
  const graph = innerGraph(run, opening);
  const begin = (): MetaOf<"run.started"> => ({
    ...beginning(opening, innerSeed(spec)),
    inputs: storeOutputs(spec.inputs, journal),
    parent: parentOf(outerTrace, spec),
  });
  const drive = {
    graph,
    run: log.length === 0 ? { begin: begin() } : { resume: openRun(graph, log), why: "with its run", by: "host" },
    journal,
    clock,
    executor: executorOf(run, opening, trace, parent),
    maxParallel: run.maxParallel,
  };
  return runInner(spec, { drive, outer }, signal);
}

const innerGraph = ({ portsOf = () => ({}) }: Pick<SimRun, "portsOf">, opening: Opening): Graph => buildGraph(opening, portsOf);

function endOf(log: readonly { readonly kind: string; readonly meta: unknown }[]): MetaOf<"run.finished"> | undefined {
  return log.find(({ kind }) => kind === "run.finished")?.meta as MetaOf<"run.finished"> | undefined;
}

const EPOCH_MS = 1_700_000_000_000;

export function beginning(opening: Opening, seed: number): MetaOf<"run.started"> {
  return {
    opening_name: opening.name,
    opening: openingDocument(opening).digest,
    params: opening.params,
    seed,
    epoch_ms: EPOCH_MS,
    kb_watermark: 0,
    components: {},
    grants: {},
    budgets: recordedBudgets(opening.policy),
    host: { rlp: "sim", node: "sim", isolation: "none", fuel_table: 1 },
  };
}

export type Replaying = Pick<SimRun, "graph" | "portsOf" | "agents" | "fuelOf">;

/** Executes again, from their records, what is on a disk: the run and the runs inside of it. */
export function replaySim(run: Replaying, disk: Disk): Promise<ReplayVerdict> {
  return replayLog(run, run.graph, disk, ROOT, "");
}

function replayLog(run: Replaying, graph: Graph, disk: Disk, trace: TraceId, around: string): Promise<ReplayVerdict> {
  const load = loadFrom(disk);
  const guests = new SimReplayer(run.agents, load, trace, run.fuelOf, around);
  const executor: ReplayExecutor = {
    replay: (spec, signal) =>
      spec.opening ? replayInside(run, disk, trace, spec, spec.opening, inside(around, spec)) : guests.replay(spec, signal),
  };
  return replayRun({ graph, events: logOf(disk, trace), executor, load, components: {} });
}

type ReplaySpec = Parameters<ReplayExecutor["replay"]>[0];

async function replayInside(
  run: Replaying,
  disk: Disk,
  outer: TraceId,
  spec: ReplaySpec,
  opening: Opening,
  around: string,
): Promise<Replayed> {
  const trace = innerTraceId(outer, spec.node, spec.attempt);
  const log = disk.inner.get(trace);
  const [first] = log ?? [];
  if (!log || first?.kind !== "run.started") return { end: { status: "stopped", fuel: spec.stopAtFuel ?? 0 } };
  const load = loadFrom(disk);
  const handed = (first.meta.inputs ?? []).map(({ body, ...message }) => ({ ...message, body: load(body) }));
  const [is, should] = [handed, spec.inputs].map((each) => jsonDigest(each as unknown as Json));
  if (is !== should) throw new Diverged({ ...at(spec), what: "inputs", expected: is ?? null, got: should ?? null });
  const verdict = await replayLog(run, innerGraph(run, opening), disk, trace, around);
  if (!verdict.agrees) throw new Diverged({ ...verdict.divergence, node: `${spec.node}/${verdict.divergence.node}` as never });
  const finished = endOf(log);
  if (!finished) return { end: { status: "stopped", fuel: spec.stopAtFuel ?? 0 } };
  const end = endOfInner(spec, finished, { load }, spec.stopAtFuel !== null);
  return { end: end.status === "cancelled" ? { status: "stopped", fuel: end.fuel } : end };
}

const at = ({ node, attempt }: ReplaySpec) => ({ node, attempt, call: null });
