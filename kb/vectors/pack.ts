/**
 * How a vector is stored and compared. It is turned by a fixed rotation, which changes no angle but spreads what it holds over all
 * places; then kept as bytes (one scale a vector) and, for the first pass, as two bits a place. Two vectors are compared in
 * integers: the same result on every machine, whatever order it adds in.
 *
 * Random signs and Hadamard blocks as in Ailon and Chazelle, "The Fast Johnson–Lindenstrauss Transform" (2009).
 */

/** Places of one Hadamard block; vectors are filled up with zeros to a multiple of it, which is also one of the eight pairs that a scan adds up in bytes. */
export const BLOCK = 128;
export const DIMENSION_MOST = 8192;

export const padded = (dimension: number): number => Math.ceil(dimension / BLOCK) * BLOCK;
/** Vectors that lie side by side in the codes, and the bytes that they take. */
export const GROUP = 32;
export const groupBytes = (dimension: number): number => padded(dimension) * 8;

/** All zeros where there is nothing to compare: an empty text, or numbers that are none. */
export function pack(vector: ArrayLike<number>): Int8Array {
  const turned = rotated(vector);
  let most = 0;
  for (let at = 0; at < turned.length; at++) most = Math.max(most, Math.abs(turned[at]!));
  const bytes = new Int8Array(turned.length);
  if (!(most > 0 && Number.isFinite(most))) return bytes;
  for (let at = 0; at < turned.length; at++) bytes[at] = Math.round((turned[at]! / most) * 127);
  return bytes;
}

/** Two rounds, the second over places far apart, so that each place comes from all. */
function rotated(vector: ArrayLike<number>): Float64Array {
  const { length } = vector;
  const size = padded(length);
  const signs = signsOf(length, size);
  const values = new Float64Array(size);
  for (let at = 0; at < length; at++) values[at] = signs[at]! * vector[at]!;
  for (let start = 0; start < size; start += BLOCK) hadamard(values, start);
  const blocks = size / BLOCK;
  if (blocks === 1) return values;
  const dealt = new Float64Array(size);
  for (let at = 0; at < size; at++) dealt[(at % blocks) * BLOCK + Math.floor(at / blocks)] = signs[length + at]! * values[at]!;
  for (let start = 0; start < size; start += BLOCK) hadamard(dealt, start);
  return dealt;
}

/** Of the last dimension that was asked for: 1 and −1, for each number of a vector and then for each place. */
let signs: { readonly length: number; readonly all: Int8Array } | undefined;

function signsOf(length: number, size: number): Int8Array {
  if (signs?.length === length) return signs.all;
  const all = new Int8Array(length + size);
  let sign = 0x2545f491;
  for (let at = 0; at < all.length; at++) {
    sign = next(sign);
    all[at] = sign & 1 ? 1 : -1;
  }
  signs = { length, all };
  return all;
}

/** Marsaglia's xorshift (2003): the same signs for ever, or stored vectors could not be compared. */
function next(state: number): number {
  let value = state;
  value ^= value << 13;
  value ^= value >>> 17;
  return value ^ (value << 5);
}

function hadamard(values: Float64Array, start: number): void {
  for (let half = 1; half < BLOCK; half *= 2)
    for (let group = start; group < start + BLOCK; group += 2 * half)
      for (let at = group; at < group + half; at++) {
        const a = values[at]!;
        const b = values[at + half]!;
        values[at] = a + b;
        values[at + half] = a - b;
      }
}

/**
 * Writes a vector's code, two bits a place: its sign, and whether it is larger than the vector's mean square. `index` counts the
 * vectors of `codes` from 0; what stands there must be zero. The order of bytes is that of `scan.wat`.
 */
export function putCode(codes: Uint8Array, index: number, vector: Int8Array): void {
  const mean = square(vector) / vector.length;
  const half = ((index >> 4) & 1) * 4;
  let at = (index >> 5) * vector.length * 8 + (index & 15);
  for (let place = 0; place < vector.length; place += 2, at += 16)
    codes[at]! |= (bits(vector[place]!, mean) | (bits(vector[place + 1]!, mean) << 2)) << half;
}
const bits = (value: number, mean: number): number => (value > 0 ? 1 : 0) | (value * value > mean ? 2 : 0);

/** What the two bits of a place stand for, in about the vector's own unit: the best four levels for what is normally distributed. */
const LEVELS = [-1, 1, -3, 3];
/** Eight entries must fit a byte, and all of them two. */
const ENTRY_MOST = 31;

/** For each pair of places, what each of sixteen codes adds to the likeness with `query`. */
export function tablesOf(query: Int8Array): Uint8Array {
  const pairs = query.length / 2;
  const most = Math.min(ENTRY_MOST, Math.floor(0xffff / pairs));
  let range = 1;
  for (let pair = 0; pair < pairs; pair++) range = Math.max(range, reach(query, pair) * 2);
  const tables = new Uint8Array(pairs * 16);
  for (let pair = 0; pair < pairs; pair++) {
    const [a, b, least] = [query[pair * 2]!, query[pair * 2 + 1]!, reach(query, pair)];
    for (let code = 0; code < 16; code++)
      tables[pair * 16 + code] = Math.round(((LEVELS[code & 3]! * a + LEVELS[code >> 2]! * b + least) / range) * most);
  }
  return tables;
}
const reach = (query: Int8Array, pair: number): number => 3 * (Math.abs(query[pair * 2]!) + Math.abs(query[pair * 2 + 1]!));

export function square(vector: Int8Array): number {
  let sum = 0;
  for (let at = 0; at < vector.length; at++) sum += vector[at]! * vector[at]!;
  return sum;
}

/** −1 to 1; 0 where one of them says nothing. */
export function cosine(a: Int8Array, squareA: number, b: Int8Array): number {
  let dot = 0;
  let squareB = 0;
  for (let at = 0; at < b.length; at++) {
    const value = b[at]!;
    dot += a[at]! * value;
    squareB += value * value;
  }
  return squareA === 0 || squareB === 0 ? 0 : dot / Math.sqrt(squareA * squareB);
}
