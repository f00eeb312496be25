/**
 * Shares one thread among guests. Work waits in two lines, and the event loop gets round between any two pieces, so that what
 * arrives meanwhile (a cancel, a ping) waits for one piece at most. What is new (an attempt, an answer) goes before guests that
 * paused because they compute long, but never for ever.
 */
/** A guest that has computed for this long, in milliseconds, pauses at the end of its slice. */
const TURN_MS = 2;
/** New pieces in a row while others are paused. */
const STREAK = 8;

export class Turns {
  private readonly fresh: (() => void)[] = [];
  private readonly paused: (() => void)[] = [];
  private streak = 0;
  private began = performance.now();
  private scheduled = false;

  /** Whether nothing waits for a turn. */
  get idle(): boolean {
    return this.fresh.length + this.paused.length === 0;
  }

  /** Runs `work` on a turn of its own. */
  add(work: () => void): void {
    this.fresh.push(work);
    this.schedule();
  }

  /** Resolves when the guest that waits has the thread again. */
  readonly breathe = (): Promise<void> =>
    new Promise((resolve) => {
      this.paused.push(resolve);
      this.schedule();
    });

  readonly due = (): boolean => performance.now() - this.began >= TURN_MS;

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.began = performance.now();
      const work = this.next();
      if (!this.idle) this.schedule();
      work?.();
    });
  }

  private next(): (() => void) | undefined {
    if (this.fresh.length > 0 && (this.paused.length === 0 || this.streak < STREAK)) {
      this.streak++;
      return this.fresh.shift();
    }
    this.streak = 0;
    return this.paused.shift();
  }
}
