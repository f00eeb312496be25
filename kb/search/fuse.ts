/**
 * Reciprocal Rank Fusion (Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
 * Methods", 2009): scores of two kinds cannot be added, ranks can.
 */
import { rowOf } from "../views/schema.js";
import { Best, rounded, type Ranked } from "./ranked.js";

export const RRF_K = 60;

export interface Fused extends Ranked {
  /** From 1; null where that ranking does not have it. */
  readonly ranks: { readonly words: number | null; readonly vectors: number | null };
}

/** `weight`: how much the ranking by vectors counts, where the one by words counts 1. */
export function fuse(words: readonly Ranked[], vectors: readonly Ranked[], weight: number): readonly Fused[] {
  /** By row. */
  const found = new Map<number, { words: number | null; vectors: number | null }>();
  const note = (list: readonly Ranked[], name: "words" | "vectors"): void =>
    list.forEach(({ domain, place }, index) => {
      const row = rowOf(domain, place);
      const one = found.get(row) ?? { words: null, vectors: null };
      one[name] = index + 1;
      found.set(row, one);
    });
  note(words, "words");
  note(vectors, "vectors");
  const part = (rank: number | null): number => (rank === null ? 0 : 1 / (RRF_K + rank));
  const best = new Best(found.size);
  for (const [row, { words: w, vectors: v }] of found) best.offer(row, rounded(part(w) + weight * part(v)));
  return best.sorted().map((ranked) => ({ ...ranked, ranks: found.get(rowOf(ranked.domain, ranked.place))! }));
}
