/**
 * Ranking by words. FTS5 keeps the index; its own `bm25()` would count rows that a watermark does not see, so the scores are
 * computed here from the postings and from the corpus that is visible.
 *
 * BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), with the idf that stays positive.
 */
import { rowOf } from "../views/schema.js";
import type { Ask, Term } from "./ask.js";
import type { Corpus, Shelf } from "./corpus.js";
import type { PostingReader, Postings } from "./postings.js";
import { Best, rounded, type Ranked } from "./ranked.js";

const K1 = 1.2;
const B = 0.75;

/** By domain, which places may be found at all; null = all that are visible. */
export type Required = ReadonlyMap<number, Uint8Array> | null;

/** The best `most` for the words of `ask`. `addresses`: whether what stands in e-mail addresses may be found. */
export function byWords(
  ask: Ask,
  {
    corpus,
    postings,
    required,
    addresses,
    most,
  }: {
    readonly corpus: Corpus;
    readonly postings: PostingReader;
    readonly required: Required;
    readonly addresses: boolean;
    readonly most: number;
  },
): readonly Ranked[] {
  const terms = ask.terms.map((term) => {
    const lists = corpus.shelves.map((shelf) => listOf(term, shelf, postings, addresses));
    return { lists, idf: idfOf(lists, corpus) };
  });
  const best = new Best(most);
  corpus.shelves.forEach((shelf, index) => {
    const may = required?.get(shelf.domain);
    if (required && !may) return;
    const lists = terms.map(({ lists }) => lists[index]!);
    const scores = new Scores(
      shelf.lengths.length,
      lists.reduce((sum, { places }) => sum + places.length, 0),
    );
    terms.forEach(({ idf }, at) => {
      if (idf > 0) add(lists[at]!, idf, shelf, corpus.meanLength, scores);
    });
    for (let at = 0, end = scores.count, { floor } = best; at < end; at++) {
      const place = scores.places[at]!;
      const score = scores.of(at);
      if (score + 1e-6 < floor || (may && !may[place])) continue;
      best.offer(rowOf(shelf.domain, place), rounded(score));
      floor = best.floor;
    }
  });
  return best.sorted();
}

/**
 * Scores by place. Where few places can have one, they stand close together: most words are rare, and a fresh process pays for each page of
 * memory that it touches.
 */
class Scores {
  /** Those that have one, in the order in which they got it. */
  readonly places: Uint32Array;
  readonly #values: Float64Array;
  /** Which of {@link places} a place is; null where the values stand by place. */
  readonly #slots: Map<number, number> | null;
  count = 0;

  /** `size`: of the shelf; `most`: how many scores there can be. */
  constructor(size: number, most: number) {
    const sparse = most < size / 16;
    this.places = new Uint32Array(Math.min(size, most));
    this.#values = new Float64Array(sparse ? most : size);
    this.#slots = sparse ? new Map() : null;
  }
  /** Of the `at`-th of {@link places}. */
  of(at: number): number {
    return this.#values[this.#slots ? at : this.places[at]!]!;
  }
  /** More than 0. */
  add(place: number, score: number): void {
    const values = this.#values;
    const slot = this.#slots ? this.#slots.get(place) : place;
    if (slot !== undefined && values[slot]! > 0) {
      values[slot]! += score;
      return;
    }
    this.#slots?.set(place, this.count);
    values[slot ?? this.count] = score;
    this.places[this.count++] = place;
  }
}

function idfOf(lists: readonly Postings[], { shelves, count }: Corpus): number {
  let documents = 0;
  lists.forEach(({ places }, index) => {
    const { lengths } = shelves[index]!;
    for (let at = 0, end = places.length; at < end; at++) if (lengths[places[at]!]! > 0) documents++;
  });
  return documents === 0 ? 0 : Math.log(1 + (count - documents + 0.5) / (documents + 0.5));
}

function add({ places, halves }: Postings, idf: number, { lengths }: Shelf, meanLength: number, scores: Scores): void {
  for (let index = 0, end = places.length; index < end; index++) {
    const place = places[index]!;
    const length = lengths[place]!;
    if (!(length > 0)) continue;
    const frequency = halves[index]! / 2;
    scores.add(place, (idf * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * length) / meanLength)));
  }
}

function listOf(term: Term, { space }: Shelf, postings: PostingReader, addresses: boolean): Postings {
  const words = within(term, space.words, postings);
  return addresses ? union(words, within(term, space.addresses, postings)) : words;
}

function within({ text, match }: Term, space: string, postings: PostingReader): Postings {
  const term = space + text;
  if (match === "word") return postings.exactly(term);
  if (match === "gram") return postings.beginning(term);
  return halved(postings.exactly(term), postings.longer(term));
}

/** A longer word counts half, rounded up to half a match. */
function halved(exact: Postings, longer: Postings): Postings {
  const [own, other] = [exact.places.length, longer.places.length];
  if (other === 0) return exact;
  const places = new Uint32Array(own + other);
  const halves = new Uint8Array(own + other);
  let count = 0;
  for (let e = 0, l = 0; e < own || l < other; count++) {
    const here = e < own ? exact.places[e]! : Infinity;
    const there = l < other ? longer.places[l]! : Infinity;
    const place = here < there ? here : there;
    const whole = here === place ? exact.halves[e++]! : 0;
    const part = there === place ? longer.halves[l++]! : 0;
    places[count] = place;
    halves[count] = Math.ceil((Math.min(255, whole + part) + whole) / 2);
  }
  return { places: places.subarray(0, count), halves: halves.subarray(0, count) };
}

function union(a: Postings, b: Postings): Postings {
  if (b.places.length === 0) return a;
  if (a.places.length === 0) return b;
  const sums = new Map<number, number>();
  for (const { places, halves } of [a, b])
    places.forEach((place, index) => sums.set(place, (sums.get(place) ?? 0) + halves[index]!));
  const sorted = [...sums].sort(([x], [y]) => x - y);
  return {
    places: Uint32Array.from(sorted, ([place]) => place),
    halves: Uint8Array.from(sorted, ([, half]) => Math.min(255, half)),
  };
}

/** Where the phrases of `ask` all are; null where it has none. */
export function required(ask: Ask, corpus: Corpus, postings: PostingReader, addresses: boolean): Required {
  if (ask.phrases.length === 0) return null;
  return new Map(
    corpus.shelves.map(({ domain, space, lengths }) => {
      const counts = new Uint8Array(lengths.length);
      ask.phrases.forEach(({ tokens, open }, index) => {
        for (const name of addresses ? [space.words, space.addresses] : [space.words])
          for (const place of postings.phrase(
            tokens.map((token) => name + token),
            open,
          ))
            if (place < counts.length && counts[place] === index) counts[place] = index + 1;
      });
      return [domain, counts.map((count) => (count === ask.phrases.length ? 1 : 0))];
    }),
  );
}
