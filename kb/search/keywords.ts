/**
 * Ranking by words. FTS5 keeps the index; its own `bm25()` would count rows that a watermark does not see, so the scores are
 * computed here from the postings and from the corpus that is visible.
 *
 * BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), with the idf that stays positive.
 */
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
  const scores = corpus.shelves.map(({ lengths }) => new Float64Array(lengths.length));
  // Where scores are, in no order. Most words are rare, and a fresh process that touches all of the memory pays for each page of it.
  const scored = corpus.shelves.map((): Uint32Array[] => []);
  for (const term of ask.terms) {
    const lists = corpus.shelves.map((shelf) => listOf(term, shelf, postings, addresses));
    const idf = idfOf(lists, corpus);
    if (idf > 0)
      lists.forEach((list, index) => {
        scored[index]!.push(add(list, idf, corpus.shelves[index]!, corpus.meanLength, scores[index]!));
      });
  }
  const best = new Best(most);
  corpus.shelves.forEach(({ domain }, index) => {
    const may = required?.get(domain);
    if (required && !may) return;
    const all = scores[index]!;
    for (const places of scored[index]!)
      for (let at = 0, end = places.length, { floor } = best; at < end; at++) {
        const place = places[at]!;
        const score = all[place]!;
        if (score + 1e-6 < floor || (may && !may[place])) continue;
        best.offer({ domain, place, score: rounded(score) });
        floor = best.floor;
      }
  });
  return best.sorted();
}

function idfOf(lists: readonly Postings[], { shelves, count }: Corpus): number {
  let documents = 0;
  lists.forEach(({ places }, index) => {
    const { lengths } = shelves[index]!;
    for (let at = 0, end = places.length; at < end; at++) if (lengths[places[at]!]! > 0) documents++;
  });
  return documents === 0 ? 0 : Math.log(1 + (count - documents + 0.5) / (documents + 0.5));
}

/** Gives the places that have a score now and had none before. */
function add(
  { places, halves }: Postings,
  idf: number,
  { lengths }: Shelf,
  meanLength: number,
  scores: Float64Array,
): Uint32Array {
  const end = places.length;
  const fresh = new Uint32Array(end);
  let count = 0;
  for (let index = 0; index < end; index++) {
    const place = places[index]!;
    const length = lengths[place]!;
    if (!(length > 0)) continue;
    const frequency = halves[index]! / 2;
    const score = scores[place]!;
    if (score === 0) fresh[count++] = place;
    scores[place] = score + (idf * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * length) / meanLength));
  }
  return fresh.subarray(0, count);
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
