/**
 * Looks for an answer for some tens of microseconds before the thread goes to sleep: most answers are there sooner than a sleeping thread is
 * awake again. Where they are not (a model thinks, the machine is busy) it is given up, and tried again more and more seldom.
 */
import { readSync } from "node:fs";

/** How long it looks, in milliseconds: what the control process takes for a call that it checks and journals, and a third more. */
const LOOK_MS = 0.3;
/** After so many calls in a row without an answer in time, one in so many is still looked for. */
const MOST_SELDOM = 256;

export class Watch {
  private readonly descriptor: number;
  private readonly take: (bytes: Buffer) => void;
  private readonly buffer = Buffer.allocUnsafeSlow(1 << 16);
  /** Calls that are not looked for, since the last ones came late. */
  private pause = 0;
  private left = 0;

  /** `descriptor` does not block. What is read from it is given to `take`, which keeps nothing of it. */
  constructor(descriptor: number, take: (bytes: Buffer) => void) {
    this.descriptor = descriptor;
    this.take = take;
  }

  /** Call it when nothing else is to be done in this thread until an answer comes. */
  look(): void {
    if (this.left > 0) {
      this.left--;
      return;
    }
    const until = performance.now() + LOOK_MS;
    do {
      const read = this.read();
      if (read > 0) {
        this.pause = 0;
        return this.take(this.buffer.subarray(0, read));
      }
      // The other end is closed: the stream finds that out by itself.
      if (read === 0) return;
    } while (performance.now() < until);
    this.pause = Math.min(2 * this.pause + 1, MOST_SELDOM);
    this.left = this.pause;
  }

  /** -1 where there is nothing yet. */
  private read(): number {
    try {
      return readSync(this.descriptor, this.buffer);
    } catch {
      return -1;
    }
  }
}
