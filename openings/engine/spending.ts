/**
 * What a run has spent, as a fold of `budget.*`, `call.finished` and `node.finished`. The host's broker enforces budgets; here
 * they are only added up, so that totals and what is left follow from the log (E1).
 *
 * A reservation and the charge that settles it carry the same `scope` (`budgetScope(node)`) and `unit`, and an attempt has at most
 * one open reservation for each unit: its calls come one after another. What is open when a process dies is settled at its worst
 * case when the run is resumed, by a `budget.charged` that says so.
 */
import type { MetaOf } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import type { Fact } from "./fact.js";

/** Units of `budget.*` events. Money is counted in millionths of a dollar, because amounts are integers. */
export const unit = { tokens: "tokens", usd: "microusd" } as const;

export const budgetScope = (node: NodeId): string => `node:${node}`;

export type Totals = MetaOf<"run.finished">["totals"];

interface Account {
  spent: number;
  reserved: number;
}

export class Spending {
  readonly #accounts = new Map<string, Account>();
  readonly #all = new Map<string, Account>();
  #fuel = 0;
  #calls = 0;

  apply(fact: Fact): void {
    switch (fact.kind) {
      case "budget.reserved":
        return this.#each(fact.meta, (account, amount) => (account.reserved += amount));
      case "budget.charged": {
        const open = this.#account(fact.meta.scope, fact.meta.unit).reserved;
        return this.#each(fact.meta, (account, amount) => {
          account.reserved -= open;
          account.spent += amount;
        });
      }
      case "call.finished":
        this.#calls++;
        return;
      case "node.finished":
        this.#fuel += fact.meta.fuel;
    }
  }

  /** Spent and still reserved, by one node or (null) by the whole run. */
  used(node: NodeId | null, of: string): number {
    const account = node === null ? this.#all.get(of) : this.#accounts.get(key(budgetScope(node), of));
    return account ? account.spent + account.reserved : 0;
  }

  /** Reservations that nothing has settled yet. */
  open(): readonly { readonly scope: string; readonly unit: string; readonly amount: number }[] {
    return [...this.#accounts].flatMap(([name, { reserved }]) => {
      const at = name.lastIndexOf(" ");
      return reserved > 0 ? [{ scope: name.slice(0, at), unit: name.slice(at + 1), amount: reserved }] : [];
    });
  }

  totals(): Totals {
    const spent = (of: string) => this.#all.get(of)?.spent ?? 0;
    return { tokens: spent(unit.tokens), usd: spent(unit.usd) / 1e6, fuel: this.#fuel, calls: this.#calls };
  }

  #each(meta: MetaOf<"budget.charged">, change: (account: Account, amount: number) => void): void {
    change(this.#account(meta.scope, meta.unit), meta.amount);
    let all = this.#all.get(meta.unit);
    if (!all) this.#all.set(meta.unit, (all = { spent: 0, reserved: 0 }));
    change(all, meta.amount);
  }

  #account(scope: string, of: string): Account {
    const name = key(scope, of);
    let account = this.#accounts.get(name);
    if (!account) this.#accounts.set(name, (account = { spent: 0, reserved: 0 }));
    return account;
  }
}

const key = (scope: string, of: string): string => `${scope} ${of}`;
