/**
 * Budgets under parallel work: the worst case is reserved before anything is spent, and settled to the actual cost after it. Requests
 * that do not fit wait while something is outstanding that could free what they need; among those that wait the order is that of the
 * nodes in the file, so that what is granted does not depend on who came first. One queue serves a run and the openings inside of it.
 */
import type { unit } from "#openings/engine/spending.js";

export type Unit = (typeof unit)[keyof typeof unit];

/** A budget: of an opening, or of one of its nodes. */
export interface Account {
  readonly name: string;
  readonly unit: Unit;
  left: number;
  /** Reserved, and not settled yet. */
  outstanding: number;
}

export interface Grantee {
  /** Position of the node in the file; behind it those of the invocation and of the node inside of an opening. */
  readonly order: readonly number[];
  readonly accounts: readonly Account[];
}

export interface Claim {
  readonly unit: Unit;
  readonly amount: number;
  /** Something is better than nothing: once nothing outstanding could free the whole amount, what is left is granted. */
  readonly partly?: boolean;
}

/** What was granted of each claim, in their order; null: it can never be. */
export type Grant = readonly number[] | null;

interface Waiting extends Grantee {
  readonly claims: readonly Claim[];
  readonly settle: (granted: Grant) => void;
}

export class Reservations {
  private readonly waiting: Waiting[] = [];

  /** Rejects with the signal's reason where that aborts while the request waits. */
  reserve(grantee: Grantee, claims: readonly Claim[], signal: AbortSignal): Promise<Grant> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const entry: Waiting = {
        ...grantee,
        claims,
        settle: (granted) => {
          signal.removeEventListener("abort", leave);
          resolve(granted);
        },
      };
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(entry), 1);
        reject(signal.reason as Error);
        this.grant(); // whoever stood behind it may fit
      };
      signal.addEventListener("abort", leave, { once: true });
      const at = this.waiting.findIndex((other) => compare(other.order, entry.order) > 0);
      this.waiting.splice(at < 0 ? this.waiting.length : at, 0, entry);
      this.grant();
    });
  }

  /** Takes over what an attempt had reserved before its process ended: that has left the accounts already. */
  takeUp({ accounts }: Grantee, { unit, amount }: Claim): void {
    for (const account of accounts) if (account.unit === unit) account.outstanding += amount;
  }

  /** Gives back what was reserved and takes what was really used. */
  settle({ accounts }: Grantee, { unit, amount }: Claim, used: number): void {
    for (const account of accounts) {
      if (account.unit !== unit) continue;
      account.outstanding -= amount;
      account.left = Math.max(0, account.left + amount - used);
    }
    this.grant();
  }

  private grant(): void {
    for (let i = 0; i < this.waiting.length;) {
      const entry = this.waiting[i] as Waiting;
      const granted = answer(entry);
      if (granted === "wait") {
        i++;
        continue;
      }
      this.waiting.splice(i, 1);
      if (granted)
        for (const [index, { unit }] of entry.claims.entries())
          for (const account of entry.accounts) {
            if (account.unit !== unit) continue;
            account.left -= granted[index] ?? 0;
            account.outstanding += granted[index] ?? 0;
          }
      entry.settle(granted);
    }
  }
}

function answer({ claims, accounts }: Waiting): Grant | "wait" {
  const granted: number[] = [];
  let waits = false;
  for (const { unit, amount, partly = false } of claims) {
    const own = accounts.filter((account) => account.unit === unit);
    const short = own.filter((account) => account.left < amount);
    if (short.length === 0) granted.push(amount);
    else if (short.every(({ left, outstanding }) => left + outstanding >= amount) || (partly && short.some(isOutstanding)))
      waits = true;
    else if (partly && own.every(({ left }) => left > 0)) granted.push(Math.min(...own.map(({ left }) => left)));
    else return null;
  }
  return waits ? "wait" : granted;
}

const isOutstanding = ({ outstanding }: Account): boolean => outstanding > 0;

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? -1) - (b[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
