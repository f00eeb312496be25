/** The codes of one domain's vectors, and how SIMD goes through all of them in one go. */
import { GROUP, groupBytes, padded, tablesOf } from "./pack.js";
import { kernel, PAGE, type Kernel } from "./kernel.js";

/** The groups of a domain from vector `first` on, a multiple of {@link GROUP} from 0. */
export interface CodeBlock {
  readonly first: number;
  readonly codes: Uint8Array;
}

/** What a pass over codes is for: it is offered the vectors that seem as much like the query as it asks for. */
export interface Sieve {
  /** What seems less like is not offered, in an arbitrary unit. It may grow while vectors are offered. */
  readonly least: number;
  /** `at` counts a domain's vectors from 0, and comes in ascending order. */
  offer(at: number, like: number): void;
}

/** No vector can seem more like than this. */
const MOST = 0xffff;
/** Vectors that are scanned before the best of them are looked for: the sums of so many lie in the processor's nearest cache. */
const STEP = 128 * GROUP;

/**
 * As {@link Codes.sift}, over blocks that are looked at one after the other and not kept: what serves one search only. A megabyte that a
 * process has not used before costs more than scanning it.
 */
export function siftBlocks(query: Int8Array, blocks: Iterable<CodeBlock>, count: number, sieve: Sieve): void {
  const size = query.length * 8;
  const window = new Codes(query.length);
  for (const { first, codes } of blocks) {
    if (first >= count) break;
    const vectors = Math.min((codes.length / size) * GROUP, count - first);
    window.put(0, codes, vectors);
    window.sift(query, vectors, sieve, first);
  }
}

export class Codes {
  readonly #groupBytes: number;
  readonly #pairs: number;
  readonly #kernel: Kernel;
  #count = 0;
  /** Whose tables stand in memory. */
  #query: Int8Array | undefined;

  constructor(dimension: number) {
    this.#groupBytes = groupBytes(dimension);
    this.#pairs = padded(dimension) / 2;
    this.#kernel = kernel();
  }
  get count(): number {
    return this.#count;
  }
  /** Sets the groups from vector `first` on, a multiple of {@link GROUP} from 0; then there are `count` vectors in all. */
  put(first: number, codes: Uint8Array, count: number): void {
    const at = this.#codesAt + (first / GROUP) * this.#groupBytes;
    this.#reserve(at + codes.length);
    new Uint8Array(this.#kernel.memory.buffer).set(codes, at);
    this.#count = count;
  }
  /** Offers `sieve` those of the first `count` vectors that are like enough; `first` is what the first of them is called. */
  sift(query: Int8Array, count: number, sieve: Sieve, first = 0): void {
    const { memory, scan, above } = this.#kernel;
    const step = Math.min(STEP, Math.ceil(count / GROUP) * GROUP);
    const sums = this.#codesAt + Math.ceil(this.#count / GROUP) * this.#groupBytes;
    const list = sums + step * 2;
    this.#reserve(list + step * 4);
    const { buffer } = memory;
    if (this.#query !== query) new Uint8Array(buffer).set(tablesOf(query), 0);
    this.#query = query;
    const [likes, places] = [new Uint16Array(buffer, sums, step), new Uint32Array(buffer, list, step)];
    for (let from = 0; from < count && sieve.least <= MOST; from += step) {
      const some = Math.min(step, count - from);
      scan(this.#codesAt + (from / GROUP) * this.#groupBytes, Math.ceil(some / GROUP), this.#pairs / 8, 0, sums);
      const found = above(sums, some, sieve.least, list);
      for (let index = 0; index < found; index++) {
        const at = places[index]!;
        if (at < some && likes[at]! >= sieve.least) sieve.offer(first + from + at, likes[at]!);
      }
    }
  }
  /** The query's tables come first. */
  get #codesAt(): number {
    return this.#pairs * 16;
  }
  #reserve(bytes: number): void {
    const { memory } = this.#kernel;
    const lacking = bytes - memory.buffer.byteLength;
    // An eighth more than is needed, so that what grows steadily is not moved each time.
    if (lacking > 0) memory.grow(Math.ceil((lacking + bytes / 8) / PAGE));
  }
}
