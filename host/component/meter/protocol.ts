/**
 * What a metered module and its host say to each other.
 *
 * `meterModule` adds six imports from the module `rlp` (five where the guest has no memory of its own) and the exports `rlp:left` and
 * `rlp:start`; guests may neither import from that module nor use a name that begins with `rlp:`. `FuelAccount` (account.ts) is the host's half; use it rather than these names.
 *
 * | name                | type                 | meaning                                                                        |
 * | ------------------- | -------------------- | ------------------------------------------------------------------------------ |
 * | export `rlp:left`   | global (mut i32)     | this module's counter: fuel left of what was granted; each region subtracts its cost before it runs |
 * | export `rlp:start`  | func ()              | the guest's start function, where it has one: the host calls it once, at once after instantiation, when the counter can be read |
 * | import `rlp.fuel`   | func (i32) → i32     | called at a checkpoint with `left`, where that is negative: answers the next grant (0 or more), or -1: pause first. Or throws |
 * | import `rlp.pause`  | func () → i32        | a `WebAssembly.Suspending`: the event loop breathes; then answers the grant. Only after -1 |
 * | import `rlp.deep`   | func ()              | the depth cap is passed: throws, always                                        |
 * | import `rlp.depth`  | global (mut i32)     | weight of the open frames, written before a call; one for all modules of an agent |
 * | import `rlp.refused` | global (mut i32)    | pages that the last `memory.grow` beyond the cap asked for, 0 where there was none; one for all modules |
 * | import `rlp.memory:1:1024` | memory 1 1024 | in the place of one that the guest defines, with its limits; they stand in the name, since an engine does not tell those of an import |
 *
 * A component has several core modules, and each has a counter of its own (an imported counter is markedly slower). **Only one of
 * them, the holder, has fuel**; every other one stands at -1, so that the first checkpoint in it asks, and becomes the holder. Each
 * function that can be reached from outside its module has a checkpoint at its entry, and each call that may leave the module has one
 * behind it. So nothing is ever charged to a counter that does not hold the grant, but what the very next checkpoint sees.
 *
 * Invariants that the host must keep:
 *
 * 1. `used = spent before the grant + granted − left` of the holder. It is exact in every import call and after a trap, because the
 *    counter is written before the region that it pays for.
 * 2. No grant passes the budget. Then the checkpoint that finds the budget overdrawn is the same for every slice size.
 * 3. `depth` is 0 when a call comes from outside (instantiation, `run`). When the host calls back into the guest during an import
 *    (`cabi_realloc`), it is `REENTRY_DEPTH`: that call stands on frames whose weight need not be known.
 * 4. Start functions, `cabi_realloc` and `cabi_post_*` cannot be suspended: `fuel` must not answer -1 there, and such a stretch may use
 *    `UNSUSPENDED_FUEL` at most (an allocation by its size more). Whatever is not inside `run` is such a stretch.
 * 5. After a throw from `fuel`, `pause` or `deep`, and after any trap, the instance is thrown away.
 * 6. A float that the host hands to a guest in memory is canonical if it is a NaN; a single float result of an import is made so here.
 * 7. The memory is a new one, or is of exactly the initial size, all zeros, and nothing that had it before can ever run again.
 */

/** The module from which metered modules import, and which guests cannot name. */
export const RESERVED_MODULE = "rlp";
/** Names that guests can neither import nor export begin with this. */
export const RESERVED_PREFIX = "rlp:";

/** What is imported from `RESERVED_MODULE`. */
export const IMPORTS = { fuel: "fuel", pause: "pause", deep: "deep", depth: "depth", refused: "refused" } as const;
/** What the guest's own memory is imported as. */
export const memoryImport = ({ initial, maximum }: MemoryLimits): string => `memory:${initial}:${maximum}`;
/** In pages of 64 KiB. */
export interface MemoryLimits {
  readonly initial: number;
  readonly maximum: number;
}
/** The exported counter. */
export const LEFT_EXPORT = "rlp:left";
/** The exported start function. As a start function proper it would run before the counter can be granted anything. */
export const START_EXPORT = "rlp:start";
/** What a counter holds that has no grant. */
export const NO_GRANT = -1;
/** What `rlp.fuel` answers where the guest is to pause. */
export const PAUSE = -1;

/**
 * Version of the cost table (costs.ts), of where charges stand, and of the frame weights: two modules metered under one version
 * use the same fuel. Part of every cache key and of the journal.
 */
export const FUEL_TABLE_VERSION = 1;

/** Fuel granted at a time. About 10 ms of compiled code. */
export const DEFAULT_SLICE = 10_000_000;
/** The most that a stretch may use in which the guest cannot be suspended. */
export const UNSUSPENDED_FUEL = 1_000_000;
/** Frame weight at which a guest's recursion ends: 8 and one per value slot for each open frame. */
export const DEFAULT_DEPTH = 50_000;
/** Where the depth of a call begins that the host makes during an import. */
export const REENTRY_DEPTH = DEFAULT_DEPTH / 2;

/**
 * Options of the engine under which metered code runs well; they change speed only. Branch hints keep checkpoints out of the way (on
 * by default from Node 26); what metering adds to a function must not push its callees out of the inlining budget.
 */
export const ENGINE_OPTIONS: readonly string[] = ["--experimental-wasm-branch-hinting", "--wasm-inlining-budget=20000"];
