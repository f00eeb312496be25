/**
 * What a run has spent, as a fold of `budget.*`, `call.finished` and `node.finished`. The host's broker enforces budgets; here
 * they are only added up, so that totals and what is left follow from the log (E1).
 *
 * A reservation and the charge that settles it carry the same `scope` and `unit`, and an attempt has at most one open reservation
 * for each unit: its calls come one after another. A scope is `node:<node>`, an invocation's `node:<node>[3]`; what is spent inside of
 * an opening that the node uses is written here too, as `node:<node>/<inner node>`, and is the node's.
 * What is open when a process dies is settled at its worst case when the run is resumed, by a `budget.charged` that says so.
 */
import type { MetaOf } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import type { Fact } from "./fact.js";

/** Units of `budget.*` events. Money is counted in millionths of a dollar, because amounts are integers. */
export const unit = { tokens: "tokens", microusd: "microusd", fuel: "fuel" } as const;

export const budgetScope = (node: NodeId): string => `node:${node}`;

/** The node of the opening whose budget a scope counts in. */
export function nodeOfScope(scope: string): NodeId {
  return (/^node:([^/[]*)/.exec(scope)?.[1] ?? "") as NodeId;
}

export type Totals = MetaOf<"run.finished">["totals"];

interface Account {
  spent: number;
  reserved: number;
  /** The charge that settled what was reserved last; 0 while that is open. */
  settled: number;
}

export class Spending {
  /** By `unit scope`: what one attempt after another has reserved and spent. */
  readonly #scopes = new Map<string, Account>();
  /** By `unit node`; the whole run's is that of no node. */
  readonly #nodes = new Map<string, Account>();
  readonly #watched = new Map<string, readonly (() => void)[]>();
  #fuel = 0;
  #calls = 0;
  /** Nodes whose present attempt was another run's: what it took was spent there. */
  readonly #reused = new Set<NodeId>();

  apply(fact: Fact): void {
    switch (fact.kind) {
      case "node.started":
        if (fact.meta.reused_from !== undefined) this.#reused.add(fact.meta.node);
        return;
      case "budget.reserved":
        return this.#each(fact.meta, (account, amount) => {
          account.reserved += amount;
          account.settled = 0;
        });
      case "budget.charged": {
        const open = account(this.#scopes, fact.meta.unit, fact.meta.scope).reserved;
        this.#each(fact.meta, (account, amount) => {
          account.reserved -= open;
          account.spent += amount;
          account.settled = amount;
        });
        return this.#tell(key(fact.meta.unit, fact.meta.scope));
      }
      case "call.finished":
        if (!this.#reused.has(fact.meta.node)) this.#calls++;
        return;
      case "node.finished":
        if (this.#reused.has(fact.meta.node)) return;
        this.#fuel += fact.meta.fuel;
        this.#calls += fact.meta.calls ?? 0;
    }
  }

  /** Spent and still reserved, by one node or (null) by the whole run. */
  used(node: NodeId | null, of: string): number {
    const found = this.#nodes.get(key(of, node ?? ""));
    return found ? found.spent + found.reserved : 0;
  }

  /** Calls `then` when the scope's next charge has been written. Nothing of the state depends on it. */
  onceCharged(scope: string, of: string, then: () => void): void {
    const name = key(of, scope);
    this.#watched.set(name, [...(this.#watched.get(name) ?? []), then]);
  }

  #tell(name: string): void {
    const watching = this.#watched.get(name) ?? [];
    this.#watched.delete(name);
    for (const then of watching) then();
  }

  /** What a scope has reserved and not settled, else what settled its last reservation. */
  lastOf(scope: string, of: string): { readonly reserved: number; readonly settled: number } {
    return this.#scopes.get(key(of, scope)) ?? { reserved: 0, settled: 0 };
  }

  /** Reservations that nothing has settled yet. */
  open(): readonly { readonly scope: string; readonly unit: string; readonly amount: number }[] {
    return [...this.#scopes].flatMap(([name, { reserved }]) => {
      const at = name.indexOf(" ");
      return reserved > 0 ? [{ scope: name.slice(at + 1), unit: name.slice(0, at), amount: reserved }] : [];
    });
  }

  totals(): Totals {
    const spent = (of: string) => this.#nodes.get(key(of, ""))?.spent ?? 0;
    return { tokens: spent(unit.tokens), usd: spent(unit.microusd) / 1e6, fuel: this.#fuel, calls: this.#calls };
  }

  #each({ scope, unit: of, amount }: MetaOf<"budget.charged">, change: (account: Account, amount: number) => void): void {
    change(account(this.#scopes, of, scope), amount);
    change(account(this.#nodes, of, nodeOfScope(scope)), amount);
    change(account(this.#nodes, of, ""), amount);
  }
}

function account(accounts: Map<string, Account>, of: string, name: string): Account {
  const at = key(of, name);
  let found = accounts.get(at);
  if (!found) accounts.set(at, (found = { spent: 0, reserved: 0, settled: 0 }));
  return found;
}

const key = (of: string, name: string): string => `${of} ${name}`;
