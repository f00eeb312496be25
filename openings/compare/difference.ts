/** In what two runs differ. `a` and `b` are the values there; null where one of them has none. */
import type { Json } from "#core/json.js";

/** Of the run as a whole. */
export type RunAspect =
  /** What it was made from. */
  | "opening"
  | "params"
  | "seed"
  | "epoch"
  | "policy"
  /** What it came to. */
  | "status"
  | "success"
  | "reason"
  | "final_hash";

/** Of a node; in this order, so that what comes first may be why the others differ. */
export type NodeAspect =
  | "agent"
  | "component"
  | "grant"
  | "limits"
  | "with"
  | "inputs"
  /** `at`: `call 3 kb.search`. Only the first call that differs is told: what follows is another story. */
  | "request"
  | "answer"
  | "status"
  | "reason"
  | "failure"
  /** Of a `for_each`. */
  | "items"
  | "attempts"
  /** `at`: the port; with a number where it holds several messages. */
  | "output"
  | "fuel"
  | "calls";

export interface Difference<Aspect extends string> {
  readonly what: Aspect;
  readonly at?: string;
  readonly a: Json;
  readonly b: Json;
}

export interface NodeDifference {
  readonly node: string;
  /** It is in one of the two only. */
  readonly only?: "a" | "b";
  readonly differences: readonly Difference<NodeAspect>[];
}

export interface RunDifference {
  readonly same: boolean;
  /** The first node, in the order in which values flow, in which they differ; null where they differ in none. */
  readonly parts: string | null;
  readonly run: readonly Difference<RunAspect>[];
  /** Those that differ, in that order. */
  readonly nodes: readonly NodeDifference[];
  /** How many do not. */
  readonly equal: number;
}
