/**
 * Where fuel is charged: the charge plan of one function.
 *
 * A **region** is a set of basic blocks that are entered together: whenever its first block runs, all of it runs, unless a trap ends
 * the guest in between. Its whole cost is charged at its first instruction. Two rules make regions larger than basic blocks:
 *
 * 1. What follows a block, loop or `if` belongs to the region in front of it, if no branch inside leaves for a label outside: whoever
 *    enters comes out at its end.
 * 2. If every branch back to a loop is unconditional, the header's cost is paid by those who come to it: by the region in front of the
 *    loop and by each region that ends in such a branch. Each of them reaches the header for sure. The header then has no charge.
 *
 * What a callee's first region costs may be paid by its callers (calls.ts), within the region of the call.
 *
 * So every executed instruction is paid for exactly once, before it runs; a trap may leave the rest of its region paid and not run.
 * Which instructions lie in one region depends on the code alone: fuel is the same on every tier, with every slice.
 *
 * Code that cannot be reached (after `br`, `return`, `unreachable`) has no region: `DEAD`.
 */

/** An index into `costs`, or `DEAD`. */
export type Region = number;
export const DEAD = -1;

export type FrameKind = "function" | "block" | "loop" | "if" | "else";

interface Frame {
  kind: FrameKind;
  /** The region that was open where the frame begins. */
  readonly start: Region;
  /** The loop's own first region. */
  readonly header: Region;
  /** A branch inside goes to a label outside of this frame. */
  escapes: boolean;
  /** A branch reaches the frame's end. */
  reached: boolean;
  /** Regions that end in an unconditional branch back to this loop; null as soon as one is conditional. */
  back: Region[] | null;
}

export class Regions {
  /** Fuel of each region. */
  readonly costs: number[] = [];
  current: Region;
  readonly #frames: Frame[] = [];
  /** Inner loops first, so that what they pass on can be passed on again. */
  readonly #shifts: { readonly header: Region; readonly to: readonly Region[] }[] = [];

  constructor(entryCost: number) {
    this.current = this.#open();
    this.costs[this.current] = entryCost;
    this.#push("function", DEAD);
  }

  get live(): boolean {
    return this.current !== DEAD;
  }

  /** Open frames, the function's own included. */
  get depth(): number {
    return this.#frames.length;
  }

  spend(cost: number): void {
    if (this.live) this.spendIn(this.current, cost);
  }

  /** Rule 2. To be called once, when all costs are known. */
  shift(): void {
    for (const { header, to } of this.#shifts) {
      const cost = this.costs[header] as number;
      this.costs[header] = 0;
      for (const region of to) this.spendIn(region, cost);
    }
  }

  spendIn(region: Region, cost: number): void {
    this.costs[region] = (this.costs[region] as number) + cost;
  }

  /** Opens a frame. The region that is current afterwards is new for `loop` and `if`. */
  enter(kind: "block" | "loop" | "if"): void {
    if (kind === "loop") {
      const start = this.current;
      if (this.live) this.current = this.#open();
      this.#push(kind, this.current, start);
    } else {
      this.#push(kind, DEAD);
      if (kind === "if" && this.live) this.current = this.#open();
    }
  }

  /** The other arm. */
  else(): void {
    const frame = this.#frame(0);
    frame.kind = "else";
    frame.reached ||= this.live;
    this.current = frame.start === DEAD ? DEAD : this.#open();
  }

  /** Closes the innermost frame. True if a new region begins after it. */
  end(): boolean {
    const frame = this.#frames.pop() as Frame;
    const skipped = frame.kind === "if" && frame.start !== DEAD;
    const reached = this.live || frame.reached || skipped;
    // A region that is its own header's predecessor would pay itself and still have its own cost.
    if (frame.kind === "loop" && frame.start !== DEAD && frame.back !== null && !frame.back.includes(frame.header))
      this.#shifts.push({ header: frame.header, to: [frame.start, ...frame.back] });
    if (frame.kind === "function" || !reached) {
      this.current = DEAD;
      return false;
    }
    this.current = frame.escapes ? this.#open() : frame.start;
    return frame.escapes;
  }

  /** A branch to the labels `depths`; `conditional` if the branch may also go elsewhere (`br_if`, `br_table`). */
  branch(depths: readonly number[], conditional: boolean): void {
    if (!this.live) return;
    let outermost = 0;
    for (const depth of depths) {
      outermost = Math.max(outermost, depth);
      const target = this.#frame(depth);
      if (target.kind !== "loop") target.reached = true;
      else if (conditional) target.back = null;
      else target.back?.push(this.current);
    }
    for (let depth = 0; depth < outermost; depth++) this.#frame(depth).escapes = true;
  }

  leaveFunction(): void {
    this.branch([this.#frames.length - 1], false);
  }

  /** What follows cannot be reached. */
  die(): void {
    this.current = DEAD;
  }

  /** What follows a `br_if` that was not taken. */
  fork(): void {
    if (this.live) this.current = this.#open();
  }

  #open(): Region {
    return this.costs.push(0) - 1;
  }

  #push(kind: FrameKind, header: Region, start = this.current): void {
    this.#frames.push({ kind, start, header, escapes: false, reached: false, back: [] });
  }

  #frame(depth: number): Frame {
    return this.#frames[this.#frames.length - 1 - depth] as Frame;
  }
}
