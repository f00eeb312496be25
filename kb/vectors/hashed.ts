/**
 * The built-in embedder: words and the letters within them, hashed into 384 dimensions. It is lexical, not neural: it finds other
 * forms and misspellings of a word, and knows nothing of what words mean. Needs no download and gives the same bits everywhere:
 * only sums, products and square roots, which IEEE 754 defines to the last bit.
 *
 * Feature hashing as in Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009); words by their letters as in
 * Bojanowski et al., "Enriching Word Vectors with Subword Information" (2017).
 */
import { stopWords } from "../search/ask.js";
import { tokensOf } from "../search/tokens.js";
import type { Embedder } from "./embedder.js";

export const DIMENSION = 384;
/** Words read of one text; a chunk has a few hundred. */
const WORDS = 4096;
const [SHORTEST, LONGEST] = [3, 5];
/** All grams of a word together count so much beside the word itself. */
const GRAM_SHARE = 1.2;
const PAIR_WEIGHT = 0.35;
/** Longer words are rarer and say more; there is no corpus here to ask, and there must be none. */
const wordWeight = (word: string): number => Math.min(1.5, 0.4 + word.length * 0.12);

export const hashedEmbedder: Embedder = {
  name: "hashed-ngrams/1",
  floor: 0.22,
  // It sees no more than letters: measured, it may add what words miss and must not outvote them (docs/benchmarks.md).
  weight: 0.25,
  now: hashed,
  embed: (texts) => Promise.resolve(texts.map(hashed)),
};

function hashed(text: string): Float32Array {
  const counts = new Map<Word, number>();
  const vector = new Float64Array(DIMENSION);
  let before: Word | undefined;
  const tokens = tokensOf(text);
  for (let at = 0; at < tokens.length && at < WORDS; at++) {
    const token = tokens[at]!;
    if (stopWords.has(token)) continue;
    const word = wordOf(token);
    counts.set(word, (counts.get(word) ?? 0) + 1);
    if (before) put(vector, hash(step(before.feature, SPACE), token), PAIR_WEIGHT);
    before = word;
  }
  for (const [{ feature, weight: usual, grams }, count] of counts) {
    const weight = usual * Math.sqrt(count);
    put(vector, feature, weight);
    const share = (weight * GRAM_SHARE) / Math.sqrt(grams.length / 2);
    addAll(vector, grams, share);
  }
  let square = 0;
  for (let at = 0; at < DIMENSION; at++) square += vector[at]! * vector[at]!;
  const length = Math.sqrt(square);
  const unit = new Float32Array(DIMENSION);
  if (length > 0) for (let at = 0; at < DIMENSION; at++) unit[at] = vector[at]! / length;
  return unit;
}

interface Word {
  readonly feature: number;
  readonly weight: number;
  /** Where its grams go to, two places each. */
  readonly grams: Uint16Array;
}

/** Words come again and again: those that were met last. */
const known = new Map<string, Word>();
const KNOWN_WORDS = 16_384;

function wordOf(token: string): Word {
  const found = known.get(token);
  if (found) return found;
  if (known.size >= KNOWN_WORDS) known.clear();
  const word = { feature: hash(SEED, token), weight: wordWeight(token), grams: gramPlaces(`<${token}>`) };
  known.set(token, word);
  return word;
}

function gramPlaces(word: string): Uint16Array {
  const places: number[] = [];
  for (let at = 0; at < word.length; at++) {
    let state = SEED;
    for (let end = at; end < word.length && end < at + LONGEST; end++) {
      state = step(state, word.charCodeAt(end));
      if (end - at + 1 < SHORTEST) continue;
      const feature = mixed(state ^ 0x9e3779b9);
      places.push(placeOf(feature), placeOf(second(feature)));
    }
  }
  return Uint16Array.from(places);
}

const SPACE = 0x20;
/** FNV-1a's offset and prime (http://www.isthe.com/chongo/tech/comp/fnv/). */
const SEED = 0x811c9dc5;
const step = (state: number, unit: number): number => Math.imul(state ^ unit, 0x01000193);

function hash(seed: number, text: string): number {
  let state = seed;
  for (let at = 0; at < text.length; at++) state = step(state, text.charCodeAt(at));
  return mixed(state);
}

/** The finaliser of MurmurHash3: FNV's low bits alone are not random enough to choose by. */
function mixed(state: number): number {
  let value = state >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** A feature goes to two places, so that two that meet in one still differ. */
function put(vector: Float64Array, feature: number, weight: number): void {
  add(vector, placeOf(feature), weight);
  add(vector, placeOf(second(feature)), weight);
}
function addAll(vector: Float64Array, places: Uint16Array, weight: number): void {
  for (let at = 0; at < places.length; at++) {
    const place = places[at]!;
    // The sign without a branch that nobody can foresee.
    vector[place >> 1]! += weight * ((place & 1) * 2 - 1);
  }
}
const second = (feature: number): number => mixed(feature ^ 0x27d4eb2f);
/** Twice a place's number, one more where the feature is added there. */
const placeOf = (feature: number): number => ((feature >>> 0) % DIMENSION) * 2 + (feature >>> 31);
function add(vector: Float64Array, place: number, weight: number): void {
  vector[place >> 1]! += place & 1 ? weight : -weight;
}
