/** The budgets that real runs have, as the simulated world takes them. */
import type { OpenBudgets, SimBudgets } from "#openings/sim/budgets.js";
import { RunBudgets, type BudgetParent } from "./run-budgets.js";

export const simulatedBudgets: OpenBudgets = (opening, spent) => inside(opening, spent, null);

function inside(opening: Parameters<OpenBudgets>[0], spent: Parameters<OpenBudgets>[1], parent: BudgetParent | null): SimBudgets {
  const its = new RunBudgets(opening, spent, parent);
  return {
    limits: (node, of) => its.limits(node, of),
    reserve: (node, claims, journal, signal) => its.reserve(node, claims, journal, signal),
    takeUp: (node, claim) => its.takeUp(node, claim),
    inside: (opening, spent, node, journal) => inside(opening, spent, { budgets: its, node, journal }),
  };
}
