/** What a sandbox process is started with. */
import type { Isolation } from "./isolation/rung.js";
import type { Keeping } from "./loaded.js";
import type { Places } from "./places.js";

export interface SandboxOptions {
  /** What stands around the child. Default: the strongest that this machine gives. */
  readonly isolation?: Isolation | Promise<Isolation>;
  /** What that will most likely be: the first child is started in it meanwhile, gets no guest before it is known, and ends if it is another. */
  readonly presumed?: Isolation | null;
  /** A child that says nothing for this long while it holds guests is killed. Default 5,000 ms. */
  readonly watchdogMs?: number;
  /** Guests that live at once; further ones wait in line. Default, and never more than, what `mostInProcess` says. */
  readonly maxLive?: number;
  /** Places that this process shares with others: a guest needs one here and one there. */
  readonly inAll?: Places;
  /** Told when a child has died by itself or was killed for what it did, before its attempts end. */
  readonly died?: () => void;
  /** Fuel between two looks at the clock. Changes nothing that a guest computes or pays. Default 10^6, about 1 ms. */
  readonly slice?: number;
  /** How many components without guests stay loaded. */
  readonly keeping?: Keeping;
  /** Megabytes of JavaScript heap. Default 1,024. */
  readonly heapMib?: number;
  /** Without the engine's optimising compiler. Changes nothing that a guest computes or pays. */
  readonly baseline?: boolean;
  /** The child's entry file; tests put a hostile one here. */
  readonly entry?: string;
  readonly nodePath?: string;
}
