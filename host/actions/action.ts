/** External actions: what an agent may propose, how a person is shown it, and how it is done. */
import type { Digest } from "#core/digest.js";
import type { RunEventDraft } from "#core/events.js";
import type { Json } from "#core/json.js";
import { CallFailure } from "../imports/interface.js";

export interface Dispatch {
  /** The same for every try of the same action: trace, node, attempt and call. */
  readonly idempotencyKey: Digest;
  /** When the action was first dispatched, from the journal. */
  readonly firstDispatchMs: number;
  /** The attempt's own. */
  readonly signal: AbortSignal;
}

export interface Performed {
  /** What the agent gets: no times and no ids, so that two runs with the same inputs have the same outputs. */
  readonly result: Json;
  /** Events that record it, durable together with `action.finished`. */
  readonly events: readonly RunEventDraft[];
  readonly detail: string;
}

/** Thrown by `perform` where the effect may have happened and nobody knows. */
export class OutcomeUnknown extends CallFailure {
  constructor(why: CallFailure) {
    super(why.error.code, why.message, { labels: why.labels, limit: why.limit });
  }
}

/** One kind of action. `args` has been checked by `parse`. */
export interface ActionKind {
  readonly kind: string;
  /** Checks and normalises the arguments. Throws `CallFailure` (`invalid`). */
  parse(args: Json): Json;
  /** The whole of what will be done, for a person to decide on. */
  show(args: Json): string;
  /** Where it goes and with which configuration: part of what an approval is bound to. */
  destination(args: Json): Json;
  perform(args: Json, dispatch: Dispatch, store: (bytes: Uint8Array, mediaType: string) => Digest): Promise<Performed>;
  /**
   * What to do when the host died between dispatch and result: `repeat` (with the same key; the action is idempotent) or `ask` (a
   * person decides, because it may have happened).
   */
  readonly afterCrash: "repeat" | "ask";
}
