/** A run in the simulated world, from its beginning or from what is on disk. */
import type { MetaOf, RunEvent } from "#core/events.js";
import { driveRun, type Drive, type RunOutcome } from "#openings/engine/drive.js";
import type { Graph } from "#openings/engine/graph.js";
import { openRun } from "#openings/journal/open.js";
import { replayRun } from "#openings/replay/replay.js";
import type { ReplayVerdict } from "#openings/replay/verdict.js";
import { SimClock } from "./clock.js";
import { SimExecutor, SimReplayer, type Agent, type Decider, type Effects } from "./guest.js";
import { loadFrom, SimJournal, type Disk } from "./journal.js";
import { beginning } from "./opening.js";

export interface Setup {
  readonly graph: Graph;
  readonly agents: (node: string) => Agent;
  readonly seed?: number;
  readonly maxParallel?: number;
  readonly decide?: Decider;
  readonly latency?: () => number;
  readonly diskLatency?: () => number;
  readonly dieAfter?: number;
  readonly startMs?: number;
  readonly signals?: (clock: SimClock) => Drive["signals"];
  readonly disk?: Disk;
  readonly effects?: Effects;
  /** The run is a fork. */
  readonly fork?: { readonly begun: Partial<MetaOf<"run.started">>; readonly reuse: Drive["reuse"] };
}

export interface Ran {
  readonly outcome: RunOutcome;
  readonly events: readonly RunEvent[];
  readonly disk: Disk;
  readonly effects: Effects;
  readonly executor: SimExecutor;
}

export const newDisk = (): Disk => ({ events: [], blobs: new Map() });

/** Begins a run, or resumes the one on `setup.disk`. */
export async function simulate(setup: Setup): Promise<Ran> {
  const { graph, agents, decide = () => "approved", latency = () => 1, diskLatency = () => 0 } = setup;
  const disk = setup.disk ?? newDisk();
  const effects = setup.effects ?? new Map<string, number>();
  const clock = new SimClock(setup.startMs ?? 1_700_000_000_000);
  const journal = new SimJournal(disk, clock, diskLatency, setup.dieAfter);
  let executor: SimExecutor | undefined;
  const signals = setup.signals?.(clock);
  const driven = driveRun({
    graph,
    run:
      disk.events.length === 0
        ? { begin: { ...beginning(graph, setup.seed), ...setup.fork?.begun } }
        : { resume: openRun(graph, disk.events), why: "the process died", by: "test" },
    journal,
    clock,
    executor: ({ journal }) => (executor = new SimExecutor(agents, { clock, journal, effects, decide, latency })),
    ...(signals && { signals }),
    maxParallel: setup.maxParallel ?? Infinity,
    reuse: setup.fork?.reuse,
  });
  const outcome = await clock.run(driven);
  if (!executor) throw new Error("no executor was made");
  return { outcome, events: disk.events, disk, effects, executor };
}

/** Replays what is on disk. */
export function replayed(graph: Graph, agents: Setup["agents"], disk: Disk): Promise<ReplayVerdict> {
  const load = loadFrom(disk);
  const executor = new SimReplayer(agents, load);
  return replayRun({ graph, events: disk.events, executor, load, components: {} });
}
