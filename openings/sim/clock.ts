import type { Clock } from "../engine/world.js";
import { Heap } from "../engine/heap.js";

interface Sleeper {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
  asleep: boolean;
}

/** Time that passes only when nothing else can happen. */
export class SimClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #sleepers = new Heap<Sleeper>((a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order));

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const aborted = () => {
        sleeper.asleep = false;
        reject(signal.reason as Error);
      };
      const wake = () => {
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      const sleeper: Sleeper = { dueMs: this.#nowMs + ms, order: this.#order++, wake, asleep: true };
      signal.addEventListener("abort", aborted);
      this.#sleepers.push(sleeper);
    });
  }

  /** Lets time pass until the work has settled. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = work.finally(() => (settled = true));
    done.catch(() => undefined);
    for (;;) {
      await new Promise(setImmediate); // every microtask has run by then
      if (settled) return done;
      if (!this.#advance()) throw new Error("the simulated world stands still: something waits for what will never come");
    }
  }

  #advance(): boolean {
    for (let sleeper = this.#sleepers.pop(); sleeper; sleeper = this.#sleepers.pop()) {
      if (!sleeper.asleep) continue;
      this.#nowMs = Math.max(this.#nowMs, sleeper.dueMs);
      sleeper.wake();
      return true;
    }
    return false;
  }
}
