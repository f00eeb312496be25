/** The best of many, without sorting them all. */

export interface Ranked {
  readonly domain: number;
  readonly place: number;
  readonly score: number;
}

/** Higher scores first; equal ones in the order in which they came. */
const before = (a: Ranked, b: Ranked): boolean =>
  a.score !== b.score ? a.score > b.score : a.domain !== b.domain ? a.domain < b.domain : a.place < b.place;

/** Keeps the best `most`: a heap whose root is the worst of them. */
export class Best {
  readonly #heap: Ranked[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }
  /** Scores below this need not be offered. */
  get floor(): number {
    return this.#heap.length < this.#most ? -Infinity : this.#heap[0]!.score;
  }
  offer(item: Ranked): void {
    const heap = this.#heap;
    if (heap.length < this.#most) {
      heap.push(item);
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!before(heap[parent]!, heap[at]!)) break;
        [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
        at = parent;
      }
    } else if (before(item, heap[0]!)) {
      heap[0] = item;
      for (let at = 0; ;) {
        let worst = at;
        for (const child of [2 * at + 1, 2 * at + 2])
          if (child < heap.length && before(heap[worst]!, heap[child]!)) worst = child;
        if (worst === at) break;
        [heap[worst], heap[at]] = [heap[at]!, heap[worst]!];
        at = worst;
      }
    }
  }
  /** Best first. */
  sorted(): readonly Ranked[] {
    return [...this.#heap].sort((a, b) => (before(a, b) ? -1 : 1));
  }
}

/** Logarithms may differ in the last bit from machine to machine; the order may not. */
export const rounded = (score: number): number => Math.round(score * 1e6) / 1e6;
