/** Budgets as the simulated world is given them. The host's broker has the real ones; nothing is limited where there are none. */
import type { RunEventDraft } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import type { Spending, unit } from "../engine/spending.js";
import type { Journal } from "../engine/world.js";
import type { Opening } from "../ir.js";

export type Unit = (typeof unit)[keyof typeof unit];

export interface Claim {
  readonly unit: Unit;
  readonly amount: number;
  /** Something is better than nothing. */
  readonly partly?: boolean;
}

export interface Reserved {
  /** Of each claim, in their order. */
  readonly granted: readonly number[];
  settle(of: Unit, used: number): readonly RunEventDraft[];
}

/** What a run has spent and reserved according to its journal. */
export type Spent = Pick<Spending, "used" | "lastOf" | "onceCharged">;

export interface SimBudgets {
  limits(node: NodeId, of: Unit): boolean;
  /** `short`: nothing outstanding could ever free what was asked for. Rejects with the signal's reason. */
  reserve(
    node: NodeId,
    claims: readonly Claim[],
    journal: Journal,
    signal: AbortSignal,
  ): Promise<Reserved | { readonly short: unknown }>;
  /** Takes over what an attempt had reserved before its process died. */
  takeUp(node: NodeId, claim: Claim): Reserved;
  /** Those of a run that is an attempt of `node`, within these. */
  inside(opening: Opening, spent: Spent, node: NodeId, journal: Journal): SimBudgets;
}

export type OpenBudgets = (opening: Opening, spent: Spent) => SimBudgets;
