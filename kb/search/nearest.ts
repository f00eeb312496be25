/** Ranking by vectors: the codes of all first, then the stored vectors of the likeliest. */
import type { Sieve } from "../vectors/codes.js";
import { comparing } from "../vectors/kernel.js";
import type { VectorIndex } from "../vectors/vector-index.js";
import { rowOf } from "../views/schema.js";
import type { Corpus, Shelf } from "./corpus.js";
import type { Required } from "./keywords.js";
import { Best, rounded, type Ranked } from "./ranked.js";

/** How many of the first pass are compared in full. Measured: `docs/decisions`, on how vectors are scanned. */
export const CANDIDATES = 320;

/**
 * The best `most` among what is visible and at least `floor` alike; undefined where some of it has no vector yet: an answer as of
 * a watermark must not depend on how far the embedding has come.
 */
export function byVectors(
  query: Int8Array,
  {
    corpus,
    vectors,
    required,
    floor,
    most,
    candidates = CANDIDATES,
  }: {
    readonly corpus: Corpus;
    readonly vectors: VectorIndex;
    readonly required: Required;
    readonly floor: number;
    readonly most: number;
    readonly candidates?: number;
  },
): readonly Ranked[] | undefined {
  if (!corpus.shelves.every(({ domain, lengths }) => vectors.covers(domain, lengths.length - 1))) return undefined;
  const likeliest = new Likeliest(candidates);
  for (const shelf of corpus.shelves) {
    const may = required?.get(shelf.domain);
    if (!required || may) vectors.sift(shelf.domain, query, shelf.lengths.length - 1, likeliest.on(shelf, may));
  }
  const best = new Best(most);
  const compare = comparing(query);
  for (const [row, vector] of vectors.vectorsOf(likeliest.rows())) {
    const score = rounded(compare(vector));
    if (score >= floor && score > 0) best.offer(row, score);
  }
  return best.sorted();
}

/** Chunks that one search can tell apart. */
const ALL = 2 ** 32;

/** The `wanted` that seem most like the query; of those that seem just as much as the last of them, the first ones. */
class Likeliest implements Sieve {
  readonly #wanted: number;
  /** How like, and below that how early: numbers, because those are sorted without a call for each two. Twice as many as are wanted. */
  readonly #keys: Float64Array;
  readonly #shelves: { readonly shelf: Shelf; readonly may: Uint8Array | undefined; readonly first: number }[] = [];
  #count = 0;
  #seen = 0;
  least = 0;

  constructor(wanted: number) {
    this.#wanted = wanted;
    this.#keys = new Float64Array(2 * wanted);
  }

  /** From now on what is on this shelf is offered. */
  on(shelf: Shelf, may: Uint8Array | undefined): this {
    this.#shelves.push({ shelf, may, first: this.#seen });
    this.#seen += shelf.lengths.length;
    return this;
  }

  offer(at: number, like: number): void {
    const { shelf, may, first } = this.#shelves.at(-1)!;
    const place = at + 1;
    if (shelf.lengths[place] === 0 || (may && may[place] !== 1)) return;
    this.#keys[this.#count++] = like * ALL - (first + place);
    if (this.#count === this.#keys.length) this.#prune();
  }

  /** What comes later and seems no more like than the last that is kept loses to it. */
  #prune(): void {
    const keys = this.#keys.subarray(0, this.#count).sort();
    this.#count = Math.min(this.#count, this.#wanted);
    this.#keys.set(keys.subarray(keys.length - this.#count));
    if (this.#count === this.#wanted) this.least = Math.ceil(this.#keys[0]! / ALL) + 1;
  }

  /** Rows, in ascending order. */
  rows(): readonly number[] {
    this.#prune();
    const orders = this.#keys.subarray(0, this.#count).map((key) => Math.ceil(key / ALL) * ALL - key);
    let at = 0;
    return Array.from(orders.sort(), (order) => {
      while (this.#shelves[at + 1] && order >= this.#shelves[at + 1]!.first) at++;
      const { shelf, first } = this.#shelves[at]!;
      return rowOf(shelf.domain, order - first);
    });
  }
}
