/**
 * The host's half of metering: one account for each agent instance, shared by all its core modules.
 *
 * Deterministic but for `breathe`, `due` and `stop`, which decide only *when* a guest pauses or is ended from outside, never what
 * it computes or what it pays.
 */
import { RlpError } from "#core/errors.js";
import {
  engine,
  type WasmEngine,
  type WasmGlobal,
  type WasmImports,
  type WasmInstance,
  type WasmMemory,
  type WasmModule,
} from "./engine.js";
import { memoryOf, newMemory } from "./memory.js";
import {
  DEFAULT_SLICE,
  IMPORTS,
  LEFT_EXPORT,
  memoryImport,
  NO_GRANT,
  PAUSE,
  REENTRY_DEPTH,
  RESERVED_MODULE,
  START_EXPORT,
  UNSUSPENDED_FUEL,
  type MemoryLimits,
} from "./protocol.js";

/** Far from where an i32 would wrap. */
const MOST_GRANTED = 2 ** 30;

export type GuestLimitCode =
  /** The attempt's fuel is used up. */
  | "LIMIT_FUEL"
  /** A stretch that cannot be suspended (start function, allocation, post-return) used more than it may. */
  | "LIMIT_UNSUSPENDED"
  /** Too many or too heavy frames are open. */
  | "LIMIT_DEPTH";

/** A guest met a limit of metering. Thrown through the guest's frames: the instance is finished. */
export class GuestLimit extends RlpError<GuestLimitCode> {
  readonly family = "limit";
  /** Fuel used when the limit was met. */
  readonly used: number;
  readonly ceiling: number;

  constructor(code: GuestLimitCode, message: string, used: number, ceiling: number) {
    super(code, message);
    this.used = used;
    this.ceiling = ceiling;
  }
}

export interface FuelAccountOptions {
  /** Units of fuel for the whole attempt; a safe integer. */
  readonly budget: number;
  /** Fuel granted at a time, 1 to 2³⁰. What a guest computes and pays does not depend on it. */
  readonly slice?: number;
  /** Resolves when the event loop has breathed; a rejection ends the guest with that reason. */
  readonly breathe: () => Promise<void>;
  /** Whether a pause is due at the end of a slice. Always, if not given. */
  readonly due?: () => boolean;
  /** A reason to end the guest now (cancelled, deadline); asked at the end of each slice. */
  readonly stop?: () => Error | undefined;
  readonly engine?: WasmEngine;
}

/** The counter of one core module. Its global is known once the module is instantiated. */
interface Counter {
  left: WasmGlobal | null;
  /** What stands in it, less what it was charged, while another module has the grant. */
  rest: number;
}

export class FuelAccount {
  readonly #depth: WasmGlobal;
  readonly #refused: WasmGlobal;
  readonly #options: FuelAccountOptions;
  readonly #engine: WasmEngine;
  readonly #slice: number;
  /** Used before the present grant. */
  #spent = 0;
  /** The present grant, and who has it. */
  #granted = 0;
  #holder: Counter | null = null;
  #where: "outside" | "run" | "stretch" = "outside";
  /** `used` at which a stretch that cannot be suspended ends. */
  #ceiling = UNSUSPENDED_FUEL;

  constructor(options: FuelAccountOptions) {
    this.#options = options;
    this.#engine = options.engine ?? engine;
    this.#slice = Math.max(1, Math.min(options.slice ?? DEFAULT_SLICE, MOST_GRANTED));
    this.#depth = new this.#engine.Global({ value: "i32", mutable: true }, 0);
    this.#refused = new this.#engine.Global({ value: "i32", mutable: true }, 0);
  }

  /** Pages that the last `memory.grow` beyond the cap asked for; 0 where every growth was within it. */
  get refusedPages(): number {
    return this.#refused.value >>> 0;
  }

  /** Fuel used so far, exact at every moment. */
  get used(): number {
    return this.#spent + this.#granted - this.#left();
  }

  /**
   * Instantiates one metered core module of this agent and calls its start function, which may use `UNSUSPENDED_FUEL`. `memory` gives
   * what becomes the guest's own memory (invariant 7).
   */
  instantiate(
    module: WasmModule,
    imports: WasmImports = {},
    memory: (limits: MemoryLimits) => WasmMemory = newMemory,
  ): WasmInstance {
    const counter: Counter = { left: null, rest: NO_GRANT };
    const ours = this.#imports(counter);
    const limits = memoryOf(module);
    if (limits) ours[memoryImport(limits)] = memory(limits);
    const linked = Object.assign(Object.create(null), imports, { [RESERVED_MODULE]: ours }) as WasmImports;
    const instance = new this.#engine.Instance(module, linked);
    counter.left = instance.exports[LEFT_EXPORT] as WasmGlobal;
    const start = instance.exports[START_EXPORT] as (() => void) | undefined;
    if (start !== undefined) this.unsuspended(start);
    return instance;
  }

  /** A call from outside that can be suspended: `call` is a `WebAssembly.promising` export. One at a time. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#depth.value = 0;
    this.#where = "run";
    this.#ceiling = Infinity;
    try {
      return await call();
    } finally {
      this.#where = "outside";
      this.#beginStretch();
    }
  }

  /**
   * A call that cannot be suspended: an allocation or post-return from within an import, or anything outside `run`. It may use
   * `UNSUSPENDED_FUEL` and `more`.
   */
  unsuspended<T>(call: () => T, more = 0): T {
    const where = this.#where;
    // Within a stretch the ceiling of the outermost holds: nesting must not lengthen it.
    if (where === "stretch") return call();
    this.#depth.value = where === "outside" ? 0 : REENTRY_DEPTH;
    this.#where = "stretch";
    this.#beginStretch(UNSUSPENDED_FUEL + more);
    try {
      return call();
    } finally {
      this.#where = where;
      if (where === "run") this.#ceiling = Infinity;
    }
  }

  /** Takes `amount` (an integer, 0 or more) for work that the host does on the guest's behalf. */
  charge(amount: number): void {
    const used = this.used + amount;
    this.#refuseBeyond(used);
    this.#regrant(used, this.#leftAfter(amount));
  }

  /** As {@link charge}, for work that was a block of the guest's: like one, it is counted also where it passes the budget. */
  toll(amount: number): void {
    const used = this.used + amount;
    this.#regrant(used, this.#leftAfter(amount));
    this.#refuseBeyond(used);
  }

  #imports(counter: Counter): Record<string, unknown> {
    return {
      [IMPORTS.fuel]: (left: number) => this.#grant(counter, left),
      [IMPORTS.pause]: new this.#engine.Suspending(() => this.#pause(counter)),
      [IMPORTS.deep]: () => {
        throw new GuestLimit("LIMIT_DEPTH", "the guest's calls are nested too deeply", this.used, this.#depth.value);
      },
      [IMPORTS.depth]: this.#depth,
      [IMPORTS.refused]: this.#refused,
    };
  }

  /** Nothing where a pause is due: then the checkpoint behind the call of the host asks for a grant. A guest may call without end, too. */
  #leftAfter(amount: number): number {
    return this.#pausing() ? NO_GRANT : Math.max(this.#left() - amount, NO_GRANT);
  }

  #pausing(): boolean {
    return this.#where === "run" && (this.#options.due?.() ?? true);
  }

  #left(): number {
    return this.#holder?.left?.value ?? 0;
  }

  /** Sets what was used, and what the holder has left. */
  #regrant(used: number, left: number): void {
    this.#spent = used;
    this.#granted = this.#holder === null ? 0 : left;
    if (this.#holder?.left) this.#holder.left.value = left;
  }

  #beginStretch(most = UNSUSPENDED_FUEL): void {
    const used = this.used;
    this.#ceiling = used + most;
    // Invariant 2 for the ceiling: what was granted before must not reach past it.
    if (this.#left() > most) this.#regrant(used, most);
  }

  #refuseBeyond(used: number): void {
    const { budget } = this.#options;
    if (used > budget) throw new GuestLimit("LIMIT_FUEL", `out of fuel: ${used} of ${budget}`, used, budget);
    if (used > this.#ceiling)
      throw new GuestLimit("LIMIT_UNSUSPENDED", "too much fuel where the guest cannot be suspended", used, this.#ceiling);
  }

  /** A checkpoint found `left` negative: the grant is used up, or another module has it. */
  #grant(counter: Counter, left: number): number {
    // What a module without the grant was charged on the way to its checkpoint stands below what rested in it.
    const used = counter === this.#holder ? this.#spent + this.#granted - left : this.used + counter.rest - left;
    if (counter !== this.#holder && this.#holder !== null) {
      this.#holder.rest = NO_GRANT;
      if (this.#holder.left) this.#holder.left.value = NO_GRANT;
    }
    this.#holder = counter;
    this.#regrant(used, NO_GRANT);
    const stop = this.#options.stop?.();
    if (stop) throw stop;
    this.#refuseBeyond(used);
    if (this.#pausing()) return PAUSE;
    return this.#next();
  }

  #next(): number {
    const used = this.#spent;
    // Where nobody can pause, slices serve nothing.
    const most = this.#where === "run" ? this.#slice : MOST_GRANTED;
    const next = Math.min(most, this.#options.budget - used, this.#ceiling - used);
    this.#regrant(used, next);
    return next;
  }

  async #pause(counter: Counter): Promise<number> {
    await this.#options.breathe();
    const stop = this.#options.stop?.();
    if (stop) throw stop;
    if (counter !== this.#holder) throw new TypeError("a guest was entered while it paused");
    return this.#next();
  }
}
