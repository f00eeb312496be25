/** What a run may take over from another one instead of executing it: a value that the host gives, and that the engine asks. */
import type { RunEventDraft } from "#core/events.js";
import type { AttemptSpec } from "./world.js";

export type Reused =
  /**
   * The node as it went there, from its first `node.started` to its last `node.finished`, which is ok. Written in one append: a run
   * holds all of a reused node or nothing of it.
   */
  | { readonly drafts: readonly RunEventDraft[] }
  /** It might have been taken over, and is not: stands in its `node.started`. */
  | { readonly why: string };

export interface Reuse {
  /** Asked once for each node, for its first attempt; null: there is nothing to take over, and nothing to say. */
  of(spec: AttemptSpec): Reused | null;
}
