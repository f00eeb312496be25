/** Fuel within a budget: an attempt gets what its agent may use at most, or what is left, before it begins. */
import type { RunEventDraft } from "#core/events.js";
import { hostFailure } from "#core/values.js";
import { unit } from "#openings/engine/spending.js";
import type { AttemptEnd, AttemptSpec, Journal } from "#openings/engine/world.js";
import { JournalHasher } from "#openings/journal/hash.js";
import type { Reservation, RunBudgets } from "../broker/run-budgets.js";
import { limitsOf } from "../limits/effective.js";
import type { Execution, LoadedAgent } from "./executor.js";

export interface Allowance {
  readonly fuel: number;
  settle(used: number): readonly RunEventDraft[];
}

/**
 * null: nothing limits it but the agent's own limits. `none`: nothing is left, and nothing outstanding could free any. `stopped`: the
 * signal aborted while it waited for what others have reserved.
 */
export async function fuelAllowance(
  budgets: RunBudgets | undefined,
  { node, recorded }: AttemptSpec,
  agent: LoadedAgent,
  journal: Journal,
  signal: AbortSignal,
): Promise<Allowance | "none" | "stopped" | null> {
  if (!budgets?.limits(node, unit.fuel)) return null;
  const { limit = 0, charged = 0, open = false } = recorded.fuel ?? {};
  let reserved: Reservation | null;
  if (open) reserved = budgets.takeUp(node, { unit: unit.fuel, amount: limit - charged });
  else
    try {
      reserved = await reserve(budgets, node, limitsOf(agent.face.limits).fuel - charged, journal, signal);
    } catch (error) {
      if (signal.aborted) return "stopped";
      throw error;
    }
  // What it has paid for it may do again.
  if (!reserved) return charged > 0 ? { fuel: charged, settle: () => [] } : "none";
  return {
    fuel: charged + (reserved.granted[0] ?? 0),
    settle: (used) => reserved.settle(unit.fuel, Math.max(0, used - charged)),
  };
}

async function reserve(
  budgets: RunBudgets,
  node: AttemptSpec["node"],
  amount: number,
  journal: Journal,
  signal: AbortSignal,
): Promise<Reservation | null> {
  const reserved = await budgets.reserve(node, [{ unit: unit.fuel, amount, partly: true }], journal, signal);
  return "short" in reserved ? null : reserved;
}

/** Where the budget was less than what the agent may use, running out of fuel is running out of budget: another attempt cannot help. */
export function withinBudget(end: Execution, fuel: number | null, agent: LoadedAgent): Execution {
  if (fuel === null || end.status !== "error" || end.failure.code !== "host.fuel-exhausted") return end;
  if (fuel >= limitsOf(agent.face.limits).fuel) return end;
  return { ...end, failure: hostFailure("host.budget-exhausted", `the budget left it ${fuel} instructions`) };
}

/** The end of an attempt that did not begin. */
export function notBegun(spec: AttemptSpec, why: "none" | "stopped"): AttemptEnd {
  const failure = hostFailure("host.budget-exhausted", "no fuel is left in the budget");
  const end = why === "none" ? ({ status: "error", failure } as const) : ({ status: "cancelled" } as const);
  const localHash = "0".repeat(64) as AttemptSpec["seed"];
  const journalHash = new JournalHasher(spec).finish({ localHash, fuel: 0, end });
  return {
    ...end,
    state: spec.state,
    fuel: 0,
    peakMemoryBytes: 0,
    localHash,
    journalHash,
    tokens: 0,
    usd: 0,
    calls: 0,
  };
}
