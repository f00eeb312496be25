/** The budgets of one run, in tokens, money and fuel; those of the run that it is an attempt of hold for it too. */
import type { RunEventDraft } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import { invocationOf } from "#openings/engine/graph.js";
import { budgetsOf } from "#openings/engine/select.js";
import { budgetScope, unit } from "#openings/engine/spending.js";
import type { Journal } from "#openings/engine/world.js";
import type { Opening } from "#openings/ir.js";
import { Reservations, type Account, type Claim, type Grantee, type Unit } from "./budget.js";

/** The attempt of another run that this run is. */
export interface BudgetParent {
  readonly budgets: RunBudgets;
  readonly node: NodeId;
  readonly journal: Journal;
}

/** What a run has spent or reserved already, by a node or (null) in all. */
export type Used = (node: NodeId | null, of: Unit) => number;

/** Something reserved. Each claim is settled once. */
export interface Reservation {
  /** Of each claim, in their order. */
  readonly granted: readonly number[];
  /** Gives back what was not used. The event belongs into the append of what was done. */
  settle(of: Unit, used: number): readonly RunEventDraft[];
}

/** Nothing outstanding could ever free what was asked for. */
export interface Short {
  readonly short: { readonly unit: Unit; readonly asked: number; readonly left: string };
}

export class RunBudgets {
  private readonly queue: Reservations;
  private readonly whole: readonly Account[];
  private readonly nodes: ReadonlyMap<NodeId, { readonly order: number; readonly accounts: readonly Account[] }>;
  private readonly parent: BudgetParent | null;

  /** `used` is what the journal says was spent, or reserved and never settled, before this process took the run up. */
  constructor(opening: Opening, used: Used, parent: BudgetParent | null = null) {
    this.parent = parent;
    this.queue = parent?.budgets.queue ?? new Reservations();
    const units = Object.keys(unit) as (keyof typeof unit)[];
    const account = (name: string, of: keyof typeof unit, budget: number | null, node: NodeId | null): readonly Account[] =>
      budget === null ? [] : [{ name, unit: unit[of], left: Math.max(0, budget - used(node, unit[of])), outstanding: 0 }];
    const title = parent ? `the opening ${opening.name}` : "the opening";
    this.whole = units.flatMap((of) => account(title, of, budgetsOf(opening, of, undefined).whole, null));
    this.nodes = new Map(
      opening.nodes.map((node, order) => {
        const own = units.flatMap((of) => account(`node ${node.id}`, of, budgetsOf(opening, of, node).own, node.id));
        return [node.id, { order, accounts: own }];
      }),
    );
  }

  private grantee(node: NodeId): Grantee {
    const invocation = invocationOf(node);
    const own = this.nodes.get(invocation?.node ?? node);
    const above = this.parent?.budgets.grantee(this.parent.node);
    return {
      order: [...(above?.order ?? []), own?.order ?? 0, invocation?.item ?? 0],
      accounts: [...(own?.accounts ?? []), ...this.whole, ...(above?.accounts ?? [])],
    };
  }

  /** Whether anything at all limits a unit for a node. */
  limits(node: NodeId, of: Unit): boolean {
    return this.grantee(node).accounts.some((account) => account.unit === of);
  }

  /**
   * Reserves in the budgets of the node, its opening and all openings around it. Durable in each of their journals when it resolves.
   * Rejects with the signal's reason.
   */
  async reserve(node: NodeId, claims: readonly Claim[], journal: Journal, signal: AbortSignal): Promise<Reservation | Short> {
    const grantee = this.grantee(node);
    const granted = await this.queue.reserve(grantee, claims, signal);
    if (!granted) {
      const short = shortest(grantee, claims);
      await this.write("budget.exhausted", node, grantee, [{ unit: short.unit, amount: short.asked }], journal);
      return { short };
    }
    const reserved = claims.map(({ unit: of }, index) => ({ unit: of, amount: granted[index] ?? 0 }));
    await this.write("budget.reserved", node, grantee, reserved, journal);
    return this.reservation(node, grantee, reserved);
  }

  /** As {@link reserve}, for an attempt whose reservation stands in the journal already. */
  takeUp(node: NodeId, claim: Claim): Reservation {
    const grantee = this.grantee(node);
    this.queue.takeUp(grantee, claim);
    return this.reservation(node, grantee, [claim]);
  }

  private reservation(node: NodeId, grantee: Grantee, reserved: readonly Claim[]): Reservation {
    const open = new Set(reserved);
    return {
      granted: reserved.map(({ amount }) => amount),
      settle: (of, used) => {
        const claim = [...open].find((one) => one.unit === of);
        if (!claim) return [];
        open.delete(claim);
        this.queue.settle(grantee, claim, used);
        this.above("budget.charged", node, [{ unit: of, amount: used }], "soon").catch(() => {}); // its own run meets the failure
        return [draft("budget.charged", budgetScope(node), { unit: of, amount: used }, leftIn(grantee, of))];
      },
    };
  }

  private async write(
    kind: BudgetKind,
    node: NodeId,
    grantee: Grantee,
    amounts: readonly Claim[],
    journal: Journal,
  ): Promise<void> {
    const own = amounts.map((amount) => draft(kind, budgetScope(node), amount, leftIn(grantee, amount.unit)));
    await Promise.all([journal.append(own), this.above(kind, node, amounts, "now")]);
  }

  /** The same in the journals of the runs around this one, where it is spent by the node whose attempt this run is. */
  private async above(kind: BudgetKind, node: NodeId, amounts: readonly Claim[], haste: "now" | "soon"): Promise<void> {
    let path: string = node;
    const written: Promise<unknown>[] = [];
    for (let parent = this.parent; parent; parent = parent.budgets.parent) {
      const { accounts } = parent.budgets.grantee(parent.node);
      path = `${parent.node}/${path}`;
      const scope = `node:${path}`;
      const drafts = amounts.map((amount) => draft(kind, scope, amount, leftIn({ accounts }, amount.unit)));
      written.push(parent.journal.append(drafts, haste));
    }
    await Promise.all(written);
  }
}

type BudgetKind = "budget.reserved" | "budget.charged" | "budget.exhausted";

function leftIn({ accounts }: Pick<Grantee, "accounts">, of: Unit): number | null {
  const left = accounts.filter((account) => account.unit === of).map((account) => account.left);
  return left.length === 0 ? null : Math.min(...left);
}

function shortest({ accounts }: Grantee, claims: readonly Claim[]): Short["short"] {
  const claim = claims.find(({ unit: of, amount }) => accounts.some((account) => account.unit === of && account.left < amount));
  const of = claim?.unit ?? unit.tokens;
  const left = accounts.filter((account) => account.unit === of);
  return {
    unit: of,
    asked: claim?.amount ?? 0,
    left: left.map((account) => `${amountText(account.left, of)} (${account.name})`).join(", "),
  };
}

/** `120 tokens`, `$0.05`, `1000 fuel`. */
export function amountText(amount: number, of: Unit): string {
  return of === unit.microusd ? `$${amount / 1e6}` : `${amount} ${of}`;
}

function draft(kind: BudgetKind, scope: string, { unit: of, amount }: Claim, left: number | null): RunEventDraft {
  const verb = { "budget.reserved": "reserved", "budget.charged": "used", "budget.exhausted": "not covered" }[kind];
  const rest = left === null ? "" : `, ${amountText(left, of)} left`;
  return {
    kind,
    level: kind === "budget.exhausted" ? "warn" : "info",
    message: `${scope.slice("node:".length)}: ${amountText(amount, of)} ${verb}${rest}`,
    meta: { scope, unit: of, amount, left },
  };
}
