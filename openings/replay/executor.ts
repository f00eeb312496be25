import type { Json } from "#core/json.js";
import type { AttemptEnd, AttemptSpec } from "../engine/world.js";

export interface ReplaySpec extends AttemptSpec {
  /**
   * The fuel at which something outside (a time-out, a cancel) stopped the recorded attempt: the re-execution stops there too. null:
   * it ends by itself, or where the record has no more answers.
   */
  readonly stopAtFuel: number | null;
  /** The component is another one than that of the record: it uses other fuel, and says other things in its log. */
  readonly otherBuild?: boolean;
}

export type ReplayedEnd =
  | Exclude<AttemptEnd, { readonly status: "parked" | "cancelled" }>
  /** It did not end by itself: stopped at `stopAtFuel`, or at a call whose answer is not on record. */
  | { readonly status: "stopped"; readonly fuel: number };

export interface Replayed {
  readonly end: ReplayedEnd;
  /**
   * The first call that is not the recorded one, with both requests' digests (or null where one side has no such call), or what else
   * of the record the attempt contradicts.
   */
  readonly divergence?: { readonly call: number | null; readonly expected: Json; readonly got: Json };
}

/**
 * Executes an attempt again from `spec.recorded` alone: no network, no clock, no prompt, nothing written. Recorded logs are not
 * written again. A rejection is a failure of the host, not a disagreement.
 */
export interface ReplayExecutor {
  replay(spec: ReplaySpec, signal: AbortSignal): Promise<Replayed>;
}
