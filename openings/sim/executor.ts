/** Runs simulated agents as attempts, live or from the record. */
import { hostFailure, type Failure } from "#core/values.js";
import { Stop } from "../engine/attempts.js";
import { unit } from "../engine/spending.js";
import type { AttemptEnd, AttemptSpec, Clock, Executor, Journal } from "../engine/world.js";
import { outputsHash } from "../journal/hash.js";
import type { Replayed, ReplayExecutor, ReplaySpec } from "../replay/executor.js";
import type { Reserved } from "./budgets.js";
import { Exhausted, Guest, Mismatch, Parked, Stopped, type Agent, type GuestEnd, type GuestWorld } from "./guest.js";
import { ROOT } from "./journal.js";

/** Whom an attempt runs. `around`: the nodes around the run, from the outermost: `greet/`, or nothing. */
export type AgentOf = (node: string, spec: AttemptSpec, around: string) => Agent;
/** Fuel that an attempt may use at most. */
export type FuelOf = (spec: AttemptSpec) => number;

export class SimExecutor implements Executor {
  /** The most attempts that were ever executed at once, and which there were. */
  most = 0;
  executed: string[] = [];
  #running = 0;

  constructor(
    private readonly agents: AgentOf,
    private readonly world: GuestWorld,
    private readonly fuelOf: FuelOf = () => Infinity,
    private readonly around = "",
  ) {}

  async execute(spec: AttemptSpec, signal: AbortSignal): Promise<AttemptEnd> {
    this.most = Math.max(this.most, ++this.#running);
    this.executed.push(`${spec.node}#${spec.attempt}`);
    const own = this.fuelOf(spec);
    const allowance = await this.#allowance(spec, own, signal);
    const charged = spec.recorded.fuel?.charged ?? 0;
    const limit = Math.min(own, allowance === undefined ? own : charged + (allowance?.granted[0] ?? 0));
    const guest = new Guest(spec, signal, this.world, limit);
    let keeps = false;
    try {
      if (allowance === null && charged === 0)
        return ended(guest, { error: hostFailure("host.budget-exhausted", "no fuel is left") });
      return ended(guest, await this.agents(spec.node, spec, this.around)(guest));
    } catch (error) {
      keeps = stopsForResume(signal);
      if (error instanceof Parked) return { status: "parked", proposal: error.proposal };
      if (signal.aborted) return { status: "cancelled", state: {}, ...costs(guest), ...guest.finish({ status: "cancelled" }) };
      if (error instanceof Exhausted) return ended(guest, { error: exhausted(error, limit < own) });
      keeps = true; // the process has died, or something is broken: nothing is settled any more
      throw error;
    } finally {
      if (allowance && !keeps) await this.world.journal.append(allowance.settle(unit.fuel, Math.max(0, guest.fuel - charged)));
      this.#running--;
    }
  }

  /** null: nothing is left. Rejects never: who is stopped while it waits gets as good as nothing. */
  async #allowance({ node, recorded }: AttemptSpec, amount: number, signal: AbortSignal): Promise<Reserved | undefined | null> {
    const { budgets, journal } = this.world;
    if (!budgets?.limits(node, unit.fuel) || amount === Infinity) return undefined;
    const { limit = 0, charged = 0, open = false } = recorded.fuel ?? {};
    if (open) return budgets.takeUp(node, { unit: unit.fuel, amount: limit - charged });
    try {
      const claim = { unit: unit.fuel, amount: amount - charged, partly: true };
      const reserved = await budgets.reserve(node, [claim], journal, signal);
      return "short" in reserved ? null : reserved;
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }
}

function exhausted({ what }: Exhausted, byBudget: boolean): Failure {
  if (what === "time") return hostFailure("host.timeout", "too long");
  return byBudget
    ? hostFailure("host.budget-exhausted", "the budget left it no more instructions")
    : hostFailure("host.fuel-exhausted", "all fuel used");
}

const stopsForResume = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof Stop && (reason.why === "interrupted" || reason.why === "host failure");

function costs(guest: Guest) {
  return { fuel: guest.fuel, peakMemoryBytes: 1024, tokens: 0, usd: 0, calls: guest.calls };
}

function ended(guest: Guest, end: GuestEnd): Exclude<AttemptEnd, { status: "parked" | "cancelled" }> {
  const state = end.state ?? {};
  if ("ok" in end) {
    const hashed = { status: "ok" as const, outputsHash: outputsHash(end.ok) };
    return { ...hashed, outputs: end.ok, state, ...costs(guest), ...guest.finish(hashed) };
  }
  const hashes = guest.finish({ status: "error", failure: end.error });
  return { status: "error", failure: end.error, state, ...costs(guest), ...hashes };
}

/** Executes attempts from their records; what they write goes nowhere. */
export class SimReplayer implements ReplayExecutor {
  constructor(
    private readonly agents: AgentOf,
    private readonly load: Journal["load"],
    private readonly trace = ROOT,
    private readonly fuelOf: FuelOf = () => Infinity,
    private readonly around = "",
  ) {}

  async replay(spec: ReplaySpec, signal: AbortSignal): Promise<Replayed> {
    const refuse = (): never => {
      throw new Error("a replay stores nothing");
    };
    const journal: Journal = {
      append: () => Promise.resolve([]),
      write: () => Promise.resolve(),
      store: refuse,
      keep: refuse,
      load: this.load,
    };
    const clock: Clock = { now: () => 0, sleep: () => Promise.resolve() };
    const { trace } = this;
    const world = { trace, clock, journal, effects: new Map(), decide: () => null, latency: () => 0, replay: spec };
    const own = this.fuelOf(spec);
    const limit = Math.min(own, spec.recorded.fuel?.limit ?? own);
    const guest = new Guest({ ...spec, timeoutMs: null }, signal, world, limit);
    try {
      const end = ended(guest, await this.agents(spec.node, spec, this.around)(guest));
      const unmade = spec.recorded.calls[guest.calls];
      if (!unmade) return { end };
      return { end, divergence: { call: unmade.meta.call_seq, expected: unmade.meta.request_hash, got: null } };
    } catch (error) {
      if (error instanceof Exhausted) return { end: ended(guest, { error: exhausted(error, limit < own) }) };
      const end = { status: "stopped" as const, fuel: guest.fuel };
      if (error instanceof Stopped) {
        const next = spec.recorded.calls[guest.calls];
        return next && spec.stopAtFuel === null
          ? { end, divergence: { call: guest.calls, expected: next.meta.request_hash, got: null } }
          : { end };
      }
      if (error instanceof Mismatch) return { end, divergence: { call: error.call, expected: error.expected, got: error.got } };
      throw error;
    }
  }
}
