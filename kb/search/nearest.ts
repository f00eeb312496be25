/** Ranking by vectors: the codes of all first, then the stored vectors of the likeliest. */
import { cosine, square } from "../vectors/pack.js";
import type { VectorIndex } from "../vectors/vector-index.js";
import type { Corpus, Shelf } from "./corpus.js";
import type { Required } from "./keywords.js";
import { Best, rounded, type Ranked } from "./ranked.js";

/** How many of the first pass are compared in full. Measured: `docs/decisions`, on how vectors are scanned. */
export const CANDIDATES = 320;

interface Measured {
  readonly shelf: Shelf;
  readonly may: Uint8Array | undefined;
  readonly likeness: Uint16Array;
}

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
  const measured: Measured[] = [];
  for (const shelf of corpus.shelves) {
    const likeness = vectors.likeness(shelf.domain, query, shelf.lengths.length - 1);
    if (!likeness) return undefined;
    const may = required?.get(shelf.domain);
    if (!required || may) measured.push({ shelf, may, likeness });
  }
  const best = new Best(most);
  const squared = square(query);
  for (const { domain, place } of likeliest(measured, candidates)) {
    const score = rounded(cosine(query, squared, vectors.vector(domain, place)));
    if (score >= floor && score > 0) best.offer({ domain, place, score });
  }
  return best.sorted();
}

interface Place {
  readonly domain: number;
  readonly place: number;
}

/** The `wanted` that seem most like the query; of those that seem just as much as the last of them, the first ones. */
function likeliest(measured: readonly Measured[], wanted: number): readonly Place[] {
  const limit = enough(measured, wanted);
  const [above, just]: [Place[], Place[]] = [[], []];
  for (const { shelf, may, likeness } of measured)
    for (let at = 0, end = likeness.length; at < end; at++) {
      const like = likeness[at]!;
      if (like < limit || (like === limit && just.length === wanted) || !visible(shelf, may, at + 1)) continue;
      (like > limit ? above : just).push({ domain: shelf.domain, place: at + 1 });
    }
  return [...above, ...just.slice(0, wanted - above.length)];
}

const visible = ({ lengths }: Shelf, may: Uint8Array | undefined, place: number): boolean =>
  lengths[place]! > 0 && (!may || may[place] === 1);

/** The likeness from which on there are enough: of those that have just this, as many are taken as there is room for. */
function enough(measured: readonly Measured[], wanted: number): number {
  const counts = new Uint32Array(65_536);
  for (const { shelf, may, likeness } of measured) {
    const { lengths } = shelf;
    for (let at = 0, end = likeness.length; at < end; at++)
      if (lengths[at + 1]! > 0 && (!may || may[at + 1] === 1)) counts[likeness[at]!]!++;
  }
  let total = 0;
  for (let like = counts.length - 1; like >= 0; like--) if ((total += counts[like]!) >= wanted) return like;
  return -1;
}
