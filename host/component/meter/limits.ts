/** What a module may measure, and what its memory and its calls are capped at. */
import { DEFAULT_DEPTH } from "./protocol.js";

/**
 * Caps on shape. They bound the time of this rewriter and, above all, of the engine's optimising compiler, which runs without
 * interruption and without fuel: a hot function of thousands of branches over many locals ends a process (threat model,
 * "Admission").
 */
export interface MeterLimits {
  readonly moduleBytes: number;
  readonly types: number;
  readonly imports: number;
  readonly exports: number;
  readonly functions: number;
  readonly globals: number;
  readonly tables: number;
  /** Element and data segments, each. */
  readonly segments: number;
  /** Parameters, and results, of one type. */
  readonly arity: number;
  /** One body, after metering, in bytes. */
  readonly bodyBytes: number;
  /** Parameters and locals of one function, before metering. */
  readonly locals: number;
  /** Open blocks. */
  readonly nesting: number;
  /** Blocks, loops, branches and branch-table targets of one function. */
  readonly branches: number;
  /**
   * Sum over those branches of the value slots alive there. The optimising compiler keeps a value for each slot at each merge, so
   * this is the figure that its memory follows.
   */
  readonly merges: number;
}

/** What the optimising compiler may be given by anybody: enough for AssemblyScript and other small guests. */
export const STRICT_LIMITS: MeterLimits = {
  moduleBytes: 2 ** 20,
  types: 1_000,
  imports: 200,
  exports: 500,
  functions: 5_000,
  globals: 1_000,
  tables: 4,
  segments: 2_000,
  arity: 32,
  bodyBytes: 48 * 1024,
  locals: 1_000,
  nesting: 128,
  branches: 3_000,
  merges: 150_000,
};

/**
 * For guests that carry an interpreter or a language's whole runtime. Where nobody vouches for its author, a module that needs these
 * runs in a process without the optimising compiler (decision 009).
 */
export const LARGE_LIMITS: MeterLimits = {
  moduleBytes: 32 * 2 ** 20,
  types: 10_000,
  imports: 1_000,
  exports: 5_000,
  functions: 50_000,
  globals: 10_000,
  tables: 16,
  /** As many as the linker of Go makes at most (`maxNumSegments`, cmd/link/internal/wasm), and the engine takes. */
  segments: 100_000,
  arity: 128,
  bodyBytes: 512 * 1024,
  locals: 5_000,
  nesting: 1_000,
  branches: 50_000,
  merges: 20_000_000,
};

export interface MeterOptions {
  /** Every memory's maximum, in pages of 64 KiB, 1 to 65,536. */
  readonly memoryPages: number;
  /** Every table's maximum, in elements. */
  readonly tableElements?: number;
  /** Frame weight at which recursion ends. */
  readonly depth?: number;
  readonly limits?: Partial<MeterLimits>;
}

/** The same with every blank filled. */
export interface MeterSettings {
  readonly memoryPages: number;
  readonly tableElements: number;
  readonly depth: number;
  readonly limits: MeterLimits;
}

export const DEFAULT_TABLE_ELEMENTS = 100_000;

export function settle(options: MeterOptions): MeterSettings {
  const { memoryPages, tableElements = DEFAULT_TABLE_ELEMENTS, depth = DEFAULT_DEPTH } = options;
  for (const [name, value, most] of [
    ["memoryPages", memoryPages, 65_536],
    ["tableElements", tableElements, 10_000_000],
    ["depth", depth, 10_000_000],
  ] as const)
    if (!Number.isInteger(value) || value < 0 || value > most)
      throw new RangeError(`${name} must be an integer from 0 to ${most}`);
  return { memoryPages, tableElements, depth, limits: { ...STRICT_LIMITS, ...options.limits } };
}
