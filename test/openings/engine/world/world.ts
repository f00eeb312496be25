/** A run in the simulated world, from its beginning or from what is on disk. */
import type { MetaOf, RunEvent } from "#core/events.js";
import type { Drive, RunOutcome } from "#openings/engine/drive.js";
import type { Graph } from "#openings/engine/graph.js";
import type { ReplayVerdict } from "#openings/replay/verdict.js";
import type { OpenBudgets } from "#openings/sim/budgets.js";
import { SimClock } from "#openings/sim/clock.js";
import type { AgentOf, FuelOf, SimExecutor } from "#openings/sim/executor.js";
import type { Decider, Effects } from "#openings/sim/guest.js";
import { newDisk, SimProcess, type Disk } from "#openings/sim/journal.js";
import { replaySim, simulateRun, type PortsOf } from "#openings/sim/run.js";

export interface Setup {
  readonly graph: Graph;
  readonly portsOf?: PortsOf;
  readonly agents: AgentOf;
  readonly fuelOf?: FuelOf;
  readonly budgets?: OpenBudgets;
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
  readonly onEvent?: (event: RunEvent) => void;
}

export interface Ran {
  readonly outcome: RunOutcome;
  readonly events: readonly RunEvent[];
  readonly disk: Disk;
  readonly effects: Effects;
  readonly executor: SimExecutor;
}

export { newDisk };

/** Begins a run, or resumes the one on `setup.disk`. */
export async function simulate(setup: Setup): Promise<Ran> {
  const { graph, agents, decide = () => "approved", latency = () => 1, diskLatency = () => 0 } = setup;
  const { portsOf, fuelOf, budgets, seed = 7, dieAfter, onEvent } = setup;
  const disk = setup.disk ?? newDisk();
  const effects = setup.effects ?? new Map<string, number>();
  const clock = new SimClock(setup.startMs ?? 1_700_000_000_000);
  const process = new SimProcess(disk, clock, { latency: diskLatency, ...(dieAfter !== undefined && { dieAfter }), onEvent });
  const { outcome, executor } = await simulateRun({
    graph,
    ...(portsOf && { portsOf }),
    agents,
    fuelOf,
    budgets,
    seed,
    begun: setup.fork?.begun,
    reuse: setup.fork?.reuse,
    clock,
    process,
    effects,
    decide,
    latency,
    maxParallel: setup.maxParallel ?? Infinity,
    signals: setup.signals?.(clock),
  });
  return { outcome, events: disk.events, disk, effects, executor };
}

/** Replays what is on disk. */
export function replayed(
  graph: Graph,
  agents: Setup["agents"],
  disk: Omit<Disk, "inner"> & { readonly inner?: Disk["inner"] },
  more: Pick<Setup, "portsOf" | "fuelOf"> = {},
): Promise<ReplayVerdict> {
  return replaySim({ graph, agents, ...more }, { inner: new Map(), ...disk });
}
