/**
 * What is known of functions from who calls whom, so that small ones stay small (the engine inlines them):
 *
 * - **Entry paid by the caller.** Where a function can be reached by direct calls only, its first region's cost is added to the
 *   region of each call; the function itself charges only what is conditional. Not for the target of a recursive call.
 * - **Quiet.** A function without loops that can only be reached directly, and calls nothing but imports and other quiet functions,
 *   needs no checkpoint: no cycle of the program lies within it. What it may use unseen is bounded (`QUIET_FUEL`) and counted
 *   as its caller's.
 * - **Leaf.** A function that calls nothing but other leaves opens a bounded stack (`LEAF_WEIGHT`), so calls of it need no depth.
 * - **Leaving.** A call of an import, or through a table that may hold another module's functions, has a checkpoint behind it: the
 *   grant may have gone elsewhere meanwhile (protocol.ts). In front of it, the depth is written with a stack of leaves on top: they may
 *   stand between this frame and the next that counts. (Without any depth, that of the other module's frame would be left behind and
 *   grow from call to call.) Only a call with a trap right behind it, in a function that nobody outside can enter, needs no
 *   depth: it does not come back, and the frame that it reaches counts for both. So a bounds check costs no prologue.
 *
 * All of it follow from the code alone. `proof.ts` finds them again without this file.
 */
import { MeterError } from "./refusal.js";
import type { BodyPlan, CallSite } from "./plan.js";
import type { Shape } from "./shape.js";

/** Weight of a frame without values. */
export const FRAME_WEIGHT = 8;
/** The most that a stack of leaves may weigh. */
export const LEAF_WEIGHT = 512;
/** The most that may be used within a quiet function, those it calls included. */
export const QUIET_FUEL = 200;
/**
 * A function that may use more than this between its checkpoints looks at the counter after each call too. Otherwise a long chain
 * of returns, each into a long tail, would run for a while unseen.
 */
export const LONG_FUEL = 1_000;
/** The most that one function may charge in sum: far from where the counter would wrap. */
export const FUNCTION_FUEL = 2 ** 24;
/** What a replacement of NaNs and the depth itself may add to a frame: one slot each for f32, f64 and depth, two for v128. */
const ADDED_SLOTS = 5;

export interface CallFacts {
  /** Fuel that callers pay for the first region; 0 if the function pays itself. */
  readonly entry: number;
  readonly quiet: boolean;
  readonly long: boolean;
  /** Weight of its own frame. */
  readonly weight: number;
  /** Weight of the stack of leaves from here; null if it is not a leaf. */
  readonly stack: number | null;
  /** What a caller counts as its own if this is quiet. */
  readonly unseen: number;
}

export class CallGraph {
  readonly #plans: readonly BodyPlan[];
  readonly #imported: number;
  /** A call through a table may leave the module. */
  readonly #foreign: boolean;
  readonly #escaping: ReadonlySet<number>;
  readonly #exported: ReadonlySet<number>;
  readonly #facts: (CallFacts | undefined)[] = [];

  /**
   * `escaping`: functions that can be reached other than by a direct call; `exported`: those of them that are exports or the start
   * function. Adds to the costs of the plans' regions.
   */
  constructor(plans: readonly BodyPlan[], shape: Shape, escaping: ReadonlySet<number>, exported: ReadonlySet<number>) {
    this.#plans = plans;
    this.#imported = shape.importedFunctions;
    this.#foreign = shape.sharesReferences || [...escaping].some((index) => index < shape.importedFunctions);
    this.#escaping = escaping;
    this.#exported = exported;
    for (const [index, recursive] of calleesFirst(plans, this.#imported)) this.#facts[index] = this.#settle(index, recursive);
  }

  /** Facts of the body `index` (imports not counted). */
  facts(index: number): CallFacts {
    return this.#facts[index] as CallFacts;
  }

  /** Whether another module may have run, and taken the grant, when this call returns. */
  leaves(callee: number | null): boolean {
    return callee === null ? this.#foreign : callee < this.#imported;
  }

  /** Whether the body `caller` writes its depth in front of this call. */
  counted(caller: number, site: CallSite): boolean {
    return this.#stack(caller, site) === null;
  }

  quiet(callee: number | null): boolean {
    const facts = this.#of(callee);
    return facts === "import" || (facts?.quiet ?? false);
  }

  /** Weight of the stack that a call opens, if it is one of leaves. */
  #stack(caller: number, { callee, returns }: CallSite): number | null {
    const facts = this.#of(callee);
    if (facts === "import") return returns || this.#enterable(caller + this.#imported) ? null : 0;
    return facts?.stack ?? null;
  }

  /** Whether another module may call it. */
  #enterable(index: number): boolean {
    return this.#exported.has(index) || (this.#foreign && this.#escaping.has(index));
  }

  /** Undefined for a call through a table, and for the target of a recursive call: nothing is known of either. */
  #of(callee: number | null): CallFacts | "import" | undefined {
    if (callee === null) return undefined;
    return callee < this.#imported ? "import" : this.#facts[callee - this.#imported];
  }

  #settle(index: number, recursive: boolean): CallFacts {
    const plan = this.#plans[index] as BodyPlan;
    const { regions, calls, loops, slots } = plan;
    let unseen = 0;
    for (const { callee, region } of calls) {
      const facts = this.#of(callee);
      if (facts === undefined || facts === "import") continue;
      regions.spendIn(region, facts.entry);
      if (facts.quiet) unseen += facts.unseen;
    }
    regions.shift();
    const direct = !recursive && !this.#escaping.has(index + this.#imported);
    const entry = direct ? (regions.costs[0] as number) : 0;
    if (direct) regions.costs[0] = 0;
    const fuel = regions.costs.reduce((sum, cost) => sum + cost, 0);
    unseen += fuel;
    if (unseen > FUNCTION_FUEL || entry > FUNCTION_FUEL)
      throw new MeterError("METER_TOO_LARGE", "a function costs too much", plan.codeAt);
    const quiet = direct && !loops && unseen <= QUIET_FUEL && calls.every(({ callee }) => this.quiet(callee));
    const weight = FRAME_WEIGHT + slots + ADDED_SLOTS;
    return {
      entry,
      quiet,
      long: unseen > LONG_FUEL,
      weight,
      stack: recursive ? null : this.#stackOf(index, weight, calls),
      unseen,
    };
  }

  #stackOf(index: number, weight: number, calls: readonly CallSite[]): number | null {
    let below = 0;
    for (const site of calls) {
      const stack = this.#stack(index, site);
      if (stack === null) return null;
      below = Math.max(below, stack);
    }
    return weight + below <= LEAF_WEIGHT ? weight + below : null;
  }
}

/** Bodies in an order in which callees come first, each with whether a call of it was met before it was done: a recursion. */
function calleesFirst(plans: readonly BodyPlan[], imported: number): (readonly [index: number, recursive: boolean])[] {
  const order: (readonly [number, boolean])[] = [];
  const state = new Uint8Array(plans.length);
  const [OPEN, DONE] = [1, 2];
  const recursive = new Set<number>();
  // An explicit stack: a chain of calls can be as long as there are functions.
  for (let root = 0; root < plans.length; root++) {
    const path = state[root] === 0 ? [{ index: root, next: 0 }] : [];
    if (path.length > 0) state[root] = OPEN;
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const site = (plans[top.index] as BodyPlan).calls[top.next++];
      if (site === undefined) {
        path.pop();
        state[top.index] = DONE;
        order.push([top.index, recursive.has(top.index)]);
        continue;
      }
      const callee = site.callee === null ? -1 : site.callee - imported;
      if (callee < 0) continue;
      if (state[callee] === OPEN) recursive.add(callee);
      else if (state[callee] === 0) {
        state[callee] = OPEN;
        path.push({ index: callee, next: 0 });
      }
    }
  }
  return order;
}
