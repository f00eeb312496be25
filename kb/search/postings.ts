/**
 * Where a term stands, as FTS5's index has it. The lists of frequent words are long and asked for again and again, so they are
 * kept, packed, as long as nothing new was indexed.
 */
import type { Db } from "../files.js";

/** A term's chunks by their place in the domain, ascending, and how much each counts, in half matches. */
export interface Postings {
  readonly places: Uint32Array;
  readonly halves: Uint8Array;
}

/** A match in a title or a heading counts as so many in the text. */
const HEAD_WEIGHT = 2;
/** What is kept between searches at most. A posting takes five bytes. */
const CACHE_BYTES = 64 << 20;

const none: Postings = { places: new Uint32Array(0), halves: new Uint8Array(0) };

export interface PostingReader {
  /** Of one term, with the name of its space before it. */
  exactly(term: string): Postings;
  /** Of all terms that begin so. */
  beginning(term: string): Postings;
  /** Of all terms that begin so and go on. */
  longer(term: string): Postings;
  /** Places of the chunks in which the tokens follow one another. */
  phrase(tokens: readonly string[], open: boolean): Uint32Array;
  /** After anything was indexed. */
  forget(): void;
}

export function postingReader(db: Db): PostingReader {
  // One text with all of a word's places, because a row each costs five times as much: twice the chunk, one more when in its text.
  // (`json_group_array` makes such a text, too, and takes half as long again.)
  const list = "SELECT group_concat((doc & 4294967295) * 2 + (col = 'body')) FROM chunk_terms WHERE";
  const equal = db.prepare<[string], string | null>(`${list} term = ?`).pluck();
  const between = db.prepare<[string, string], string | null>(`${list} term >= ? AND term <= ?`).pluck();
  const matching = db
    .prepare<[string], string | null>("SELECT group_concat(rowid & 4294967295) FROM chunks_fts WHERE chunks_fts MATCH ?")
    .pluck();
  const kept = new Map<string, Postings>();
  let bytes = 0;

  function keep(key: string, read: () => string | null | undefined): Postings {
    const known = kept.get(key);
    if (known) {
      kept.delete(key);
      kept.set(key, known);
      return known;
    }
    const made = pack(numbersOf(read()));
    bytes += made.places.length * 5;
    kept.set(key, made);
    for (const [old, { places }] of kept) {
      if (bytes <= CACHE_BYTES || old === key) break;
      kept.delete(old);
      bytes -= places.length * 5;
    }
    return made;
  }

  return {
    exactly: (term) => keep(term, () => equal.get(term)),
    beginning: (term) => keep(`${term}*`, () => between.get(term, `${term}\u{10ffff}`)),
    // No token has a character as low as that. `term > ?` would go through all of the term's own places to leave them out.
    longer: (term) => keep(`${term}+`, () => between.get(`${term}\u0001`, `${term}\u{10ffff}`)),
    phrase: (tokens, open) => {
      const quoted = `"${tokens.join(" ")}"${open ? " *" : ""}`;
      return Uint32Array.from(numbersOf(matching.get(quoted))).sort();
    },
    forget: () => {
      kept.clear();
      bytes = 0;
    },
  };
}

const numbersOf = (list: string | null | undefined): readonly number[] => JSON.parse(`[${list ?? ""}]`) as number[];

/** The list has one entry a match; of one term it is ascending, of several it is not. */
function pack(matches: readonly number[]): Postings {
  const { length } = matches;
  if (length === 0) return none;
  const places = new Uint32Array(length);
  const halves = new Uint8Array(length);
  let last = -1;
  // One pass with few looks into arrays: a process that searches once runs it before anything is compiled.
  for (let at = 0, before = -1, sum = 0; at < length; at++) {
    const match = matches[at]!;
    const place = match >>> 1;
    if (place < before) return pack([...Uint32Array.from(matches).sort()]);
    const weight = match & 1 ? 2 : 2 * HEAD_WEIGHT;
    if (place === before) sum += weight;
    else {
      places[++last] = before = place;
      sum = weight;
    }
    halves[last] = sum < 255 ? sum : 255;
  }
  // What is kept should not be mostly air.
  const part = last + 1 < length / 2 ? "slice" : "subarray";
  return { places: places[part](0, last + 1), halves: halves[part](0, last + 1) };
}
