/** The best of many, without sorting them all. */
import { DOMAIN_ROWS } from "../views/schema.js";

export interface Ranked {
  readonly domain: number;
  readonly place: number;
  readonly score: number;
}

/**
 * Keeps the best `most`: a heap whose root is the worst of them. Higher scores are better; of equal ones, those that came into the knowledge
 * base first. Numbers side by side and not objects: a process that searches once would spend more on these than on all else here.
 */
export class Best {
  readonly #scores: Float64Array;
  readonly #rows: Float64Array;
  #count = 0;
  /** Scores below this need not be offered. */
  floor = -Infinity;

  constructor(most: number) {
    this.#scores = new Float64Array(most);
    this.#rows = new Float64Array(most);
  }

  /** `row`: of the chunk. */
  offer(row: number, score: number): void {
    const [scores, rows] = [this.#scores, this.#rows];
    if (this.#count < scores.length) {
      let at = this.#count++;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (score > scores[parent]! || (score === scores[parent] && row < rows[parent]!)) break;
        scores[at] = scores[parent]!;
        rows[at] = rows[parent]!;
        at = parent;
      }
      scores[at] = score;
      rows[at] = row;
    } else if (score > scores[0]! || (score === scores[0] && row < rows[0]!)) this.#sink(score, row);
    if (this.#count === scores.length) this.floor = scores[0] ?? Infinity;
  }

  /** In place of the root. */
  #sink(score: number, row: number): void {
    const [scores, rows, count] = [this.#scores, this.#rows, this.#count];
    let at = 0;
    for (;;) {
      let worst = 2 * at + 1;
      if (worst >= count) break;
      const other = worst + 1;
      if (other < count && (scores[other]! < scores[worst]! || (scores[other] === scores[worst] && rows[other]! > rows[worst]!)))
        worst = other;
      if (score < scores[worst]! || (score === scores[worst] && row > rows[worst]!)) break;
      scores[at] = scores[worst]!;
      rows[at] = rows[worst]!;
      at = worst;
    }
    scores[at] = score;
    rows[at] = row;
  }

  /** Best first. Nothing can be offered any more. */
  sorted(): readonly Ranked[] {
    const sorted = Array.from({ length: this.#count }, (): Ranked => {
      const row = this.#rows[0]!;
      const ranked = { domain: Math.floor(row / DOMAIN_ROWS), place: row % DOMAIN_ROWS, score: this.#scores[0]! };
      this.#count--;
      if (this.#count > 0) this.#sink(this.#scores[this.#count]!, this.#rows[this.#count]!);
      return ranked;
    });
    return sorted.reverse();
  }
}

/** Logarithms may differ in the last bit from machine to machine; the order may not. */
export const rounded = (score: number): number => Math.round(score * 1e6) / 1e6;
