/**
 * Looks for an answer for some tens of microseconds before the thread goes to sleep: most answers are there sooner than a sleeping thread is
 * awake again. Where they are not (a model thinks, the machine is busy) it is given up, and tried again more and more seldom.
 */
import { readSync } from "node:fs";
import { Lookout } from "#core/lookout.js";

/** How long it looks, in milliseconds: what the control process takes for a call that it checks and journals, and a third more. */
const LOOK_MS = 0.3;

export class Watch {
  private readonly take: (bytes: Buffer) => void;
  private readonly buffer = Buffer.allocUnsafeSlow(1 << 16);
  private readonly lookout: Lookout<number>;

  /** `descriptor` does not block. What is read from it is given to `take`, which keeps nothing of it. */
  constructor(descriptor: number, take: (bytes: Buffer) => void) {
    this.take = take;
    this.lookout = new Lookout(LOOK_MS, () => this.read(descriptor));
  }

  /** Call it when nothing else is to be done in this thread until an answer comes. */
  look(): void {
    const read = this.lookout.look();
    // The other end is closed where there are no bytes: the stream finds that out by itself.
    if (read) this.take(this.buffer.subarray(0, read));
  }

  /** Undefined where there is nothing yet. */
  private read(descriptor: number): number | undefined {
    try {
      return readSync(descriptor, this.buffer);
    } catch {
      return undefined;
    }
  }
}
