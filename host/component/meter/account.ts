/**
 * The host's half of metering: one account for each agent instance, shared by all its core modules.
 *
 * Deterministic but for `breathe`, `due` and `stop`, which decide only *when* a guest pauses or is ended from outside, never what
 * it computes or what it pays.
 */
import { RlpError } from "#core/errors.js";
import { engine, type WasmEngine, type WasmGlobal, type WasmImports, type WasmInstance, type WasmModule } from "./engine.js";
import { Answer, DEFAULT_SLICE, IMPORTS, RESERVED_MODULE, UNSUSPENDED_FUEL } from "./protocol.js";

export type GuestLimitCode =
  /** The attempt's fuel is used up. */
  | "LIMIT_FUEL"
  /** A stretch that cannot be suspended (start function, allocation, post-return) used more than `UNSUSPENDED_FUEL`. */
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

export class FuelAccount {
  /** What `rlp` means for every core module of this agent. */
  readonly imports: Readonly<Record<string, unknown>>;
  readonly #left: WasmGlobal;
  readonly #depth: WasmGlobal;
  readonly #options: FuelAccountOptions;
  readonly #engine: WasmEngine;
  readonly #slice: number;
  #granted = 0;
  #where: "outside" | "run" | "stretch" = "outside";
  /** `used` at which a stretch that cannot be suspended ends. */
  #ceiling = UNSUSPENDED_FUEL;

  constructor(options: FuelAccountOptions) {
    this.#options = options;
    this.#engine = options.engine ?? engine;
    this.#slice = Math.max(1, Math.min(options.slice ?? DEFAULT_SLICE, 2 ** 30));
    this.#left = new this.#engine.Global({ value: "i32", mutable: true }, 0);
    this.#depth = new this.#engine.Global({ value: "i32", mutable: true }, 0);
    this.imports = Object.freeze({
      [IMPORTS.left]: this.#left,
      [IMPORTS.depth]: this.#depth,
      [IMPORTS.fuel]: () => this.#grant(),
      [IMPORTS.pause]: new this.#engine.Suspending(() => this.#pause()),
      [IMPORTS.deep]: () => {
        throw new GuestLimit("LIMIT_DEPTH", "the guest's calls are nested too deeply", this.used, this.#depth.value);
      },
    });
  }

  /** Fuel used so far, exact at every moment. */
  get used(): number {
    return this.#granted - this.#left.value;
  }

  /** Instantiates one metered core module of this agent; its start function may use `UNSUSPENDED_FUEL`. */
  instantiate(module: WasmModule, imports: WasmImports = {}): WasmInstance {
    const linked = Object.assign(Object.create(null), imports, { [RESERVED_MODULE]: this.imports }) as WasmImports;
    return this.unsuspended(() => new this.#engine.Instance(module, linked));
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

  /** A call that cannot be suspended: an allocation or post-return from within an import, or anything outside `run`. */
  unsuspended<T>(call: () => T): T {
    const where = this.#where;
    // Within a stretch the ceiling of the outermost holds: nesting must not lengthen it.
    if (where === "stretch") return call();
    if (where === "outside") this.#depth.value = 0;
    this.#where = "stretch";
    this.#beginStretch();
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
    const left = Math.max(this.#left.value - amount, -1);
    this.#granted = used + left;
    this.#left.value = left;
  }

  #beginStretch(): void {
    const used = this.used;
    this.#ceiling = used + UNSUSPENDED_FUEL;
    // Invariant 2 for the ceiling: what was granted before must not reach past it.
    if (this.#granted > this.#ceiling) {
      this.#granted = this.#ceiling;
      this.#left.value = this.#ceiling - used;
    }
  }

  #refuseBeyond(used: number): void {
    const { budget } = this.#options;
    if (used > budget) throw new GuestLimit("LIMIT_FUEL", `out of fuel: ${used} of ${budget}`, used, budget);
    if (used > this.#ceiling)
      throw new GuestLimit("LIMIT_UNSUSPENDED", "too much fuel where the guest cannot be suspended", used, this.#ceiling);
  }

  #grant(): number {
    const stop = this.#options.stop?.();
    if (stop) throw stop;
    const used = this.used;
    this.#refuseBeyond(used);
    const next = Math.min(this.#slice, this.#options.budget - used, this.#ceiling - used);
    this.#granted = used + next;
    this.#left.value = next;
    return this.#where === "run" && (this.#options.due?.() ?? true) ? Answer.pause : Answer.goOn;
  }

  async #pause(): Promise<void> {
    await this.#options.breathe();
    const stop = this.#options.stop?.();
    if (stop) throw stop;
  }
}
