/** The wall-clock limit of one attempt. It stands still while a person decides. */
export class WallClock {
  private timer: NodeJS.Timeout | null = null;
  private since = 0;
  private usedMs = 0;
  private pauses = 0;
  private readonly limitMs: number;
  private readonly onLimit: () => void;

  constructor(limitMs: number, onLimit: () => void) {
    this.limitMs = limitMs;
    this.onLimit = onLimit;
    this.go();
  }

  private go(): void {
    this.since = performance.now();
    // A delay above 2^31 − 1 fires at once in Node; such a limit is none.
    const left = this.limitMs - this.usedMs;
    if (left <= 2 ** 31 - 1) this.timer = setTimeout(this.onLimit, Math.max(0, left));
  }

  private hold(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.usedMs += performance.now() - this.since;
  }

  async pausedFor<T>(work: () => Promise<T>): Promise<T> {
    if (this.pauses++ === 0) this.hold();
    try {
      return await work();
    } finally {
      if (--this.pauses === 0) this.go();
    }
  }

  elapsedMs(): number {
    return this.pauses > 0 ? this.usedMs : this.usedMs + performance.now() - this.since;
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
