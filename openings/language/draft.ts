/**
 * An opening as it was read: what became of each part, with its place, and null for what could not be read. The checks go over a
 * draft, so that one mistake in a file does not hide the others; only a draft without errors becomes an `Opening`.
 */
import type { JsonObject } from "#core/json.js";
import type { Narrowing } from "../grant/narrow.js";
import type { Expression, InnerInput, Opening, PortRef, Retry } from "../ir.js";
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
  readonly use: Placed<Used> | null;
  /** null when a part of it is broken; `tree` gives the places of its members. */
  readonly with: { readonly value: JsonObject | null; readonly tree: MapTree | null; readonly span: Span };
  readonly retry: Retry;
  readonly timeout_ms: number | null;
  readonly budgets: Readonly<Record<Budget, Placed<number> | null>>;
  readonly for_each: Placed<string> | null;
  readonly max_parallel: number | null;
  readonly on_error: Placed<string> | null;
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

/** What a node hands to the opening that it uses; the elements of a `for_each` come one by one, with each run. */
export function handedIn({ with: { value }, for_each: each }: DraftNode): JsonObject {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([key]) => key !== each?.value));
}

/** What a `budget_…` key counts; money in millionths of a dollar. */
export type Budget = "tokens" | "microusd" | "fuel";

export type Used =
  | { readonly agent: string; readonly variant: string | null; readonly opening?: undefined }
  | { readonly opening: string };

/** An input of the opening itself: a source that edges call `inputs.<name>`. */
export interface DraftInput extends InnerInput {
  readonly span: Span;
}

export interface Draft {
  readonly name: string | null;
  /** Where the name stands, or the beginning of the file. */
  readonly nameSpan: Span;
  readonly inputs: Readonly<Record<string, DraftInput>> | null;
  readonly outputs: Readonly<Record<string, PlacedRef>> | null;
  readonly goals: readonly string[];
  readonly params: JsonObject;
  readonly policy: Opening["policy"];
  readonly nodes: readonly DraftNode[];
  readonly edges: readonly DraftEdge[];
  readonly success: { readonly mode: "any_of" | "all_of"; readonly of: readonly DraftExpression[] } | null;
  readonly save: readonly PlacedRef[];
}
