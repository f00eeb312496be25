/**
 * What a metered module and its host say to each other.
 *
 * `meterModule` adds five imports, all from the module `rlp`; guests may neither import from that module nor export a name
 * that begins with `rlp:`. Every core module of one agent gets the **same five values**, so that one counter and one depth hold
 * for the whole agent, however many modules it is made of. `FuelAccount` (account.ts) is the host's half; use it rather than
 * these names.
 *
 * | import      | type                 | meaning                                                                              |
 * | ----------- | -------------------- | ------------------------------------------------------------------------------------ |
 * | `rlp.left`  | global (mut i32)     | fuel left of what was granted; each basic block subtracts its cost before it runs    |
 * | `rlp.depth` | global (mut i32)     | weight of the frames that are open, written by the caller before each call           |
 * | `rlp.fuel`  | func () → i32        | called at a checkpoint with `left < 0`: grants (raises `left`) or throws. 1: go on, 0: pause first |
 * | `rlp.pause` | func ()              | a `WebAssembly.Suspending`: the event loop breathes. Only after `fuel` answered 0    |
 * | `rlp.deep`  | func ()              | the depth cap is passed: throws, always                                              |
 *
 * Invariants that the host must keep:
 *
 * 1. `used = granted − left`. It is exact at every moment, in every import call and after a trap, because the counter is written
 *    before the block that it pays for.
 * 2. `granted` never passes the budget. Then the checkpoint that finds the budget overdrawn is the same for every slice size.
 * 3. `depth` is 0 when a call comes from outside (instantiation, `run`), and is left alone when the host calls back into the guest
 *    during an import (`cabi_realloc`): that call stands on the frames that are open.
 * 4. Start functions, `cabi_realloc` and `cabi_post_*` cannot be suspended: `fuel` must answer 1 there, and such a stretch may use
 *    `UNSUSPENDED_FUEL` at most. Whatever is not inside `run` is such a stretch.
 * 5. After a throw from `fuel`, `pause` or `deep`, and after any trap, the instance is thrown away.
 */

/** The module from which metered modules import, and which guests cannot name. */
export const RESERVED_MODULE = "rlp";
/** Names that guests can neither import nor export begin with this. */
export const RESERVED_PREFIX = "rlp:";

/** The five imports by name, in the order in which they are added. */
export const IMPORTS = { left: "left", depth: "depth", fuel: "fuel", pause: "pause", deep: "deep" } as const;

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

/** What `rlp.fuel` answers. */
export const Answer = { pause: 0, goOn: 1 } as const;
