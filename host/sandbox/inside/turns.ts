/**
 * Shares one thread among guests. Work waits in one line; the event loop gets round between any two pieces, so that what arrives
 * meanwhile (a cancel, a ping) waits for one piece at most.
 */
/** A guest that has computed for this long, in milliseconds, pauses at the end of its slice. */
const TURN_MS = 5;

export class Turns {
  private readonly line: (() => void)[] = [];
  private began = performance.now();
  private scheduled = false;

  /** Runs `work` on a turn of its own. */
  add(work: () => void): void {
    this.line.push(work);
    this.schedule();
  }

  /** Resolves when the one who waits has the thread again. */
  readonly breathe = (): Promise<void> => new Promise((resolve) => this.add(resolve));

  readonly due = (): boolean => performance.now() - this.began >= TURN_MS;

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.began = performance.now();
      const work = this.line.shift();
      if (this.line.length > 0) this.schedule();
      work?.();
    });
  }
}
