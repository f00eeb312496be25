/** What a replay says. */
import type { Digest } from "#core/digest.js";
import type { NodeId } from "#core/ids.js";
import type { Json } from "#core/json.js";

export type Disagreement =
  /** The opening at hand is not the one that ran. */
  | "opening"
  /** The agent's component at hand is not the one that ran. */
  | "component"
  /** The grant that the agent has now is not the one that it ran with. */
  | "grant"
  /** What its attempts got is neither what the agent asks for nor what was taken from it. */
  | "limits"
  /** A stored value is missing or is not what its digest says. */
  | "value"
  | "inputs"
  | "request"
  | "response"
  | "end"
  | "failure"
  | "outputs"
  | "labels"
  | "state"
  | "local"
  | "fuel"
  | "journal"
  /** An event that the engine would not have written so, or there. */
  | "event";

/** The first point where the record and the re-execution part. `call` counts from 0, null where no call is to blame. */
export interface Divergence {
  readonly node: NodeId | null;
  readonly attempt: number | null;
  readonly call: number | null;
  readonly what: Disagreement;
  /** What the record says. */
  readonly expected: Json;
  /** What the re-execution came to. */
  readonly got: Json;
}

export type ReplayVerdict =
  | {
      readonly agrees: true;
      readonly attempts: number;
      readonly calls: number;
      /** null: the run has not finished. */
      readonly finalHash: Digest | null;
    }
  | { readonly agrees: false; readonly divergence: Divergence };

/** Carries a divergence out of the checks. */
export class Diverged extends Error {
  constructor(readonly divergence: Divergence) {
    super(`${divergence.what} differs`);
  }
}
