import type { MetaOf, RunKind } from "#core/events.js";

/** What the fold reads of an event: drafts and placed events both have it. */
export type Fact = { [K in RunKind]: { readonly kind: K; readonly meta: MetaOf<K> } }[RunKind];
export type FactOf<K extends RunKind> = { readonly kind: K; readonly meta: MetaOf<K> };
