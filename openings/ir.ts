/**
 * The intermediate representation of an opening: what the language is compiled to, what the checks read and the engine runs.
 * It is plain JSON (it is stored with the run as a blob) with every default filled in and every template resolved.
 */
import type { JsonObject, Json } from "#core/json.js";
import type { NodeId } from "#core/ids.js";
import type { Narrowing } from "./grant/narrow.js";

export type Operator = "==" | "!=" | ">" | ">=" | "<" | "<=";
export type Literal = boolean | number | string;

export interface PortRef {
  readonly node: NodeId;
  readonly port: string;
}

export interface Retry {
  readonly max_attempts: number;
  readonly backoff_ms: number;
  readonly multiplier: number;
  readonly max_backoff_ms: number;
  /** Relative: 0.2 means ±20 %. */
  readonly jitter: number;
}

export interface OpeningNode {
  readonly id: NodeId;
  /** `use: agent:<name>[@variant]`, taken apart. */
  readonly agent: string;
  readonly variant: string | null;
  readonly with: JsonObject;
  readonly retry: Retry;
  /** Per attempt; null = the agent's own ceiling. */
  readonly timeout_ms: number | null;
  readonly budget_tokens: number | null;
  readonly tags: readonly string[];
  /** What the node leaves of its agent's capabilities; null = all. Openings stored before there was this key have none. */
  readonly caps?: Narrowing | null;
}

/** An edge with a `guard` only gates; one without carries the value. Edges keep the order of the file. */
export interface OpeningEdge {
  readonly from: PortRef;
  readonly to: PortRef;
  readonly guard: { readonly op: Operator; readonly literal: Literal } | null;
}

export type Expression =
  | { readonly kind: "exists"; readonly ref: PortRef }
  | { readonly kind: "compare"; readonly ref: PortRef; readonly op: Operator; readonly literal: Literal };

export interface Opening {
  readonly version: 0;
  readonly name: string;
  readonly goals: readonly string[];
  /** Defaults with the caller's parameters merged over them. */
  readonly params: JsonObject;
  readonly policy: {
    readonly budget_tokens: number | null;
    readonly timeout_ms: number | null;
    readonly confirm_external: boolean;
    /** null = no limit but the host's. */
    readonly max_parallel: number | null;
  };
  readonly nodes: readonly OpeningNode[];
  readonly edges: readonly OpeningEdge[];
  /** null = no node failed. */
  readonly success: { readonly mode: "any_of" | "all_of"; readonly of: readonly Expression[] } | null;
  readonly artifacts: { readonly save: readonly PortRef[] };
}

/** An opening is stored as JSON: this is the identity, typed. */
export const openingAsJson = (opening: Opening): Json => opening as unknown as Json;
