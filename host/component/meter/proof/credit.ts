/**
 * What was paid and not yet used, along every path of a function.
 *
 * `credit` starts at 0, grows by each charge and falls by the cost of each instruction, and must be the same wherever two paths
 * meet. So around a loop nothing can be gained or lost: what a turn costs, a turn pays. At the exits it is the same as well: minus
 * what callers paid before (`prepaid`). If `lowest` never falls below that, every instruction was paid before it ran.
 */
import { prove } from "./unproven.js";

interface Frame {
  readonly kind: "function" | "block" | "loop" | "if";
  /** Credit where the frame began; null in code that cannot be reached. */
  readonly start: number | null;
  /** Credit at its end, as the first path that came there had it. */
  end: number | null;
}

export class Credit {
  /** Null in code that cannot be reached. */
  current: number | null = 0;
  lowest = 0;
  /** Credit at the exits; null if there is none. */
  exit: number | null = null;
  readonly #frames: Frame[] = [{ kind: "function", start: 0, end: null }];

  get depth(): number {
    return this.#frames.length;
  }

  pay(amount: number): void {
    if (this.current !== null) this.current += amount;
  }

  use(amount: number): void {
    if (this.current === null) return;
    this.current -= amount;
    this.lowest = Math.min(this.lowest, this.current);
  }

  enter(kind: "block" | "loop" | "if"): void {
    this.#frames.push({ kind, start: this.current, end: null });
  }

  else(at: number): void {
    const frame = this.#frame(0);
    this.#meet(frame, at);
    // From here on it has both arms: no path goes around it.
    this.#frames[this.#frames.length - 1] = { kind: "block", start: frame.start, end: frame.end };
    this.current = frame.start;
  }

  end(at: number): void {
    const frame = this.#frame(0);
    this.#meet(frame, at);
    if (frame.kind === "if") {
      this.current = frame.start;
      this.#meet(frame, at);
    }
    this.#frames.pop();
    this.current = frame.end;
    if (frame.kind === "function") this.exit = frame.end;
  }

  branch(depth: number, at: number): void {
    prove(depth < this.#frames.length, "a branch to no label", at);
    if (this.current === null) return;
    const frame = this.#frame(depth);
    if (frame.kind === "loop") prove(frame.start === this.current, "a turn of a loop does not pay for itself", at);
    else this.#meet(frame, at);
  }

  leave(at: number): void {
    this.branch(this.#frames.length - 1, at);
  }

  /** A path comes to the end of `frame`. */
  #meet(frame: Frame, at: number): void {
    if (this.current === null) return;
    prove(frame.end === null || frame.end === this.current, "two paths that meet have not paid alike", at);
    frame.end = this.current;
  }

  #frame(depth: number): Frame {
    return this.#frames[this.#frames.length - 1 - depth] as Frame;
  }
}
