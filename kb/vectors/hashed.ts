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
  const counts = new Map<string, number>();
  const vector = new Float64Array(DIMENSION);
  let before = "";
  for (const word of tokensOf(text).slice(0, WORDS)) {
    if (stopWords.has(word)) continue;
    counts.set(word, (counts.get(word) ?? 0) + 1);
    if (before !== "") put(vector, hash(hash(SEED, before), ` ${word}`), PAIR_WEIGHT);
    before = word;
  }
  for (const [word, count] of counts) {
    const weight = wordWeight(word) * Math.sqrt(count);
    put(vector, hash(SEED, word), weight);
    grams(vector, `<${word}>`, weight);
  }
  let square = 0;
  for (const value of vector) square += value * value;
  const length = Math.sqrt(square);
  return Float32Array.from(vector, (value) => (length === 0 ? 0 : value / length));
}

function grams(vector: Float64Array, word: string, weight: number): void {
  let count = 0;
  for (let length = SHORTEST; length <= LONGEST; length++) count += Math.max(0, word.length - length + 1);
  if (count === 0) return;
  const share = (weight * GRAM_SHARE) / Math.sqrt(count);
  for (let at = 0; at < word.length; at++) {
    let state = SEED;
    for (let end = at; end < word.length && end < at + LONGEST; end++) {
      state = step(state, word.charCodeAt(end));
      if (end - at + 1 >= SHORTEST) put(vector, mixed(state ^ 0x9e3779b9), share);
    }
  }
}

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
  vector[feature % DIMENSION]! += feature & 0x8000_0000 ? weight : -weight;
  const second = mixed(feature ^ 0x27d4eb2f);
  vector[second % DIMENSION]! += second & 0x8000_0000 ? weight : -weight;
}
