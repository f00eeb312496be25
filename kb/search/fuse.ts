/**
 * Reciprocal Rank Fusion (Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
 * Methods", 2009): scores of two kinds cannot be added, ranks can.
 */
import { DOMAIN_ROWS } from "../views/schema.js";
import { Best, rounded, type Ranked } from "./ranked.js";

export const RRF_K = 60;

export interface Fused extends Ranked {
  /** From 1; null where that ranking does not have it. */
  readonly ranks: { readonly words: number | null; readonly vectors: number | null };
}

/** `weight`: how much the ranking by vectors counts, where the one by words counts 1. */
export function fuse(words: readonly Ranked[], vectors: readonly Ranked[], weight: number): readonly Fused[] {
  const rowOf = ({ domain, place }: { readonly domain: number; readonly place: number }): number => domain * DOMAIN_ROWS + place;
  const found = new Map<number, { domain: number; place: number; words: number | null; vectors: number | null }>();
  const note = (list: readonly Ranked[], name: "words" | "vectors"): void =>
    list.forEach((ranked, index) => {
      const one = found.get(rowOf(ranked)) ?? { domain: ranked.domain, place: ranked.place, words: null, vectors: null };
      one[name] = index + 1;
      found.set(rowOf(ranked), one);
    });
  note(words, "words");
  note(vectors, "vectors");
  const part = (rank: number | null): number => (rank === null ? 0 : 1 / (RRF_K + rank));
  const best = new Best(found.size);
  for (const { domain, place, words: w, vectors: v } of found.values())
    best.offer(domain, place, rounded(part(w) + weight * part(v)));
  return best.sorted().map((ranked) => {
    const { words: w, vectors: v } = found.get(rowOf(ranked))!;
    return { ...ranked, ranks: { words: w, vectors: v } };
  });
}
