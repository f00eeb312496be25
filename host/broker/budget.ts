/**
 * Token budgets of one run. The worst case is reserved before a call and settled to the actual cost after it, over the opening's
 * budget and the node's. Requests that do not fit wait while something is outstanding that could free what they need; among those
 * that wait the order is that of the nodes in the file, so that what is granted does not depend on who came first.
 */
export interface Scope {
  readonly name: string;
  left: number;
  outstanding: number;
}

export interface Grantee {
  /** Position of the node in the file. */
  readonly order: number;
  readonly scopes: readonly Scope[];
}

interface Waiting extends Grantee {
  readonly amount: number;
  readonly settle: (granted: boolean) => void;
}

export class TokenBudget {
  private readonly waiting: Waiting[] = [];

  scope(name: string, tokens: number, alreadySpent = 0): Scope {
    return { name, left: Math.max(0, tokens - alreadySpent), outstanding: 0 };
  }

  /** True when `amount` is reserved in all scopes; false when it can never be. */
  reserve(grantee: Grantee, amount: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const entry: Waiting = {
        ...grantee,
        amount,
        settle: (granted) => {
          signal.removeEventListener("abort", leave);
          resolve(granted);
        },
      };
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(entry), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", leave, { once: true });
      const at = this.waiting.findIndex((other) => other.order > entry.order);
      this.waiting.splice(at < 0 ? this.waiting.length : at, 0, entry);
      this.grant();
    });
  }

  /** Gives back what was reserved and takes what was really used. */
  settle(grantee: Grantee, reserved: number, used: number): void {
    for (const scope of grantee.scopes) {
      scope.outstanding -= reserved;
      scope.left = Math.max(0, scope.left + reserved - used);
    }
    this.grant();
  }

  private grant(): void {
    for (let i = 0; i < this.waiting.length;) {
      const entry = this.waiting[i] as Waiting;
      const short = entry.scopes.filter((scope) => scope.left < entry.amount);
      if (short.length > 0 && short.every((scope) => scope.left + scope.outstanding >= entry.amount)) {
        i++;
        continue;
      }
      this.waiting.splice(i, 1);
      if (short.length === 0)
        for (const scope of entry.scopes) {
          scope.left -= entry.amount;
          scope.outstanding += entry.amount;
        }
      entry.settle(short.length === 0);
    }
  }
}
