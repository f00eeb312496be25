/** The budgets of one run, in tokens, money and fuel; those of the run that it is an attempt of hold for it too. */
import type { RunEventDraft } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import { invocationOf } from "#openings/engine/graph.js";
import { budgetsOf } from "#openings/engine/select.js";
import { budgetScope, unit, type Spending } from "#openings/engine/spending.js";
import type { Journal } from "#openings/engine/world.js";
import type { Opening } from "#openings/ir.js";
import { Reservations, type Account, type Claim, type Grantee, type Unit } from "./budget.js";

/** The attempt of another run that this run is. */
export interface BudgetParent {
  readonly budgets: RunBudgets;
  readonly node: NodeId;
  readonly journal: Journal;
}

/** What a run has spent and reserved according to its journal. */
export type Spent = Pick<Spending, "used" | "lastOf" | "onceCharged">;

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
  private readonly spent: Spent;

  /** `spent`: also before this process took the run up. */
  constructor(opening: Opening, spent: Spent, parent: BudgetParent | null = null) {
    this.parent = parent;
    this.spent = spent;
    this.queue = parent?.budgets.queue ?? new Reservations();
    const units = Object.keys(unit) as (keyof typeof unit)[];
    const account = (name: string, of: keyof typeof unit, budget: number | null, node: NodeId | null): readonly Account[] =>
      budget === null ? [] : [{ name, unit: unit[of], left: Math.max(0, budget - spent.used(node, unit[of])), outstanding: 0 }];
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
    this.giveBack(node, claims);
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
    return this.reservation(node, grantee, [claim], this.reopen(node, claim));
  }

  /**
   * A charge goes to the journals around first. Where a process died before it came to this one, they have settled what is open here:
   * there the rest is reserved anew. What each has charged already, by its budgets, is not charged again.
   */
  private reopen(node: NodeId, { unit: of, amount }: Claim): ReadonlyMap<RunBudgets, number> {
    const paid = new Map<RunBudgets, number>();
    for (const { parent, scope } of this.around(node)) {
      const { reserved, settled } = parent.budgets.spent.lastOf(scope, of);
      if (reserved > 0) {
        // Less than here: reserved anew by a process that has died since. The rest was charged before.
        if (reserved < amount) paid.set(parent.budgets, amount - reserved);
        continue;
      }
      const accounts = parent.budgets.own(parent.node).filter((account) => account.unit === of);
      // What died in between is counted twice, but never beyond what there is.
      const missing = Math.max(0, Math.min(amount - settled, ...accounts.map(({ left }) => left)));
      for (const account of accounts) account.left -= missing;
      paid.set(parent.budgets, amount - missing);
      // Where nothing is missing the log stays as it is: a reservation of nothing would hide what was charged from the next process.
      if (missing > 0) this.note("budget.reserved", parent, scope, { unit: of, amount: missing });
    }
    return paid;
  }

  /**
   * A reservation goes to the journals around first. Where a process died before it came to this one, nothing has been spent of it:
   * it is given back.
   */
  private giveBack(node: NodeId, claims: readonly Claim[]): void {
    for (const { parent, scope } of this.around(node))
      for (const { unit: of } of claims) {
        const { reserved } = parent.budgets.spent.lastOf(scope, of);
        if (reserved === 0) continue;
        for (const account of parent.budgets.own(parent.node)) if (account.unit === of) account.left += reserved;
        this.note("budget.charged", parent, scope, { unit: of, amount: 0 });
      }
  }

  private note(kind: BudgetKind, { node, budgets, journal }: BudgetParent, scope: string, claim: Claim): void {
    const left = leftIn({ accounts: budgets.own(node) }, claim.unit);
    journal.append([draft(kind, scope, claim, left)], "soon").catch(() => {}); // its own run meets the failure
  }

  /** The runs around this one, from the inside out, with the scope that a node of this one is there. */
  private *around(node: NodeId): Iterable<{ readonly parent: BudgetParent; readonly scope: string }> {
    let path: string = node;
    for (let parent = this.parent; parent; parent = parent.budgets.parent) {
      path = `${parent.node}/${path}`;
      yield { parent, scope: `node:${path}` };
    }
  }

  /** The accounts of a node and of its opening, without those around. */
  private own(node: NodeId): readonly Account[] {
    return [...(this.nodes.get(invocationOf(node)?.node ?? node)?.accounts ?? []), ...this.whole];
  }

  /** `paid`: by journals around this one, before they were asked here. */
  private reservation(
    node: NodeId,
    grantee: Grantee,
    reserved: readonly Claim[],
    paid: ReadonlyMap<RunBudgets, number> = new Map(),
  ): Reservation {
    const open = new Set(reserved);
    return {
      granted: reserved.map(({ amount }) => amount),
      settle: (of, used) => {
        const claim = [...open].find((one) => one.unit === of);
        if (!claim) return [];
        open.delete(claim);
        // Nobody gets what comes back before the log says that it does: what is reserved and spent there is never more than there is.
        this.spent.onceCharged(budgetScope(node), of, () => {
          // Those around that had settled it got their part back then.
          for (const { parent } of this.around(node))
            for (const account of parent.budgets.own(parent.node))
              if (account.unit === of) account.left -= Math.max(0, (paid.get(parent.budgets) ?? 0) - used);
          this.queue.settle(grantee, claim, used);
        });
        this.above("budget.charged", node, [{ unit: of, amount: used }], "soon", paid, claim.amount - used).catch(() => {}); // its own run meets the failure
        const left = leftIn(grantee, of, claim.amount - used);
        return [draft("budget.charged", budgetScope(node), { unit: of, amount: used }, left)];
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
    // The journals around come first: they never miss what this one has.
    const above = this.above(kind, node, amounts, "now");
    await Promise.all([above, journal.append(own)]);
  }

  /** The same in the journals of the runs around this one, where it is spent by the node whose attempt this run is. */
  private async above(
    kind: BudgetKind,
    node: NodeId,
    amounts: readonly Claim[],
    haste: "now" | "soon",
    paid: ReadonlyMap<RunBudgets, number> = new Map(),
    freed = 0,
  ): Promise<void> {
    const written = [...this.around(node)].map(({ parent, scope }) => {
      const { accounts } = parent.budgets.grantee(parent.node);
      const before = paid.get(parent.budgets) ?? 0;
      const drafts = amounts.map(({ unit: of, amount }) =>
        draft(kind, scope, { unit: of, amount: Math.max(0, amount - before) }, leftIn({ accounts }, of, freed)),
      );
      return parent.journal.append(drafts, haste);
    });
    await Promise.all(written);
  }
}

type BudgetKind = "budget.reserved" | "budget.charged" | "budget.exhausted";

/** `freed`: what comes back with the event that says it. */
function leftIn({ accounts }: Pick<Grantee, "accounts">, of: Unit, freed = 0): number | null {
  const left = accounts.filter((account) => account.unit === of).map((account) => Math.max(0, account.left + freed));
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
