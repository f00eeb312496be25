/**
 * An opening as it was read: what became of each part, with its place, and null for what could not be read. The checks go over a
 * draft, so that one mistake in a file does not hide the others; only a draft without errors becomes an `Opening`.
 */
import type { JsonObject } from "#core/json.js";
import type { Narrowing } from "../grant/narrow.js";
import type { Expression, Opening, PortRef, Retry } from "../ir.js";
import type { Span } from "./diagnostic.js";
import type { Comparison } from "./expression.js";
import type { MapTree } from "./tree.js";

export interface Placed<T> {
  readonly value: T;
  readonly span: Span;
}

/** A reference with the places of its two names. */
export interface PlacedRef {
  readonly ref: PortRef;
  readonly nodeSpan: Span;
  readonly portSpan: Span;
}

export interface DraftNode {
  /** What the node is pointed at by: its id, or the beginning of its map. */
  readonly span: Span;
  readonly id: string | null;
  readonly use: Placed<{ readonly agent: string; readonly variant: string | null }> | null;
  /** null when a part of it is broken; `tree` gives the places of its members. */
  readonly with: { readonly value: JsonObject | null; readonly tree: MapTree | null; readonly span: Span };
  readonly retry: Retry;
  readonly timeout_ms: number | null;
  readonly budget_tokens: Placed<number> | null;
  readonly tags: readonly string[];
  /** `tree` gives the places of its keys. */
  readonly caps: { readonly value: Narrowing; readonly tree: MapTree } | null;
}

export interface DraftEdge {
  readonly span: Span;
  readonly from: (PlacedRef & { readonly guard: Placed<Comparison> | null }) | null;
  readonly to: PlacedRef | null;
}

export interface DraftExpression extends PlacedRef {
  readonly expression: Expression;
  readonly span: Span;
}

export interface Draft {
  readonly name: string | null;
  readonly goals: readonly string[];
  readonly params: JsonObject;
  readonly policy: Opening["policy"];
  readonly nodes: readonly DraftNode[];
  readonly edges: readonly DraftEdge[];
  readonly success: { readonly mode: "any_of" | "all_of"; readonly of: readonly DraftExpression[] } | null;
  readonly save: readonly PlacedRef[];
}
