/**
 * Looks for something for a moment before a thread goes to sleep, because waking it takes longer than what often comes in time. Where it
 * does not come it is given up, and looked for more and more seldom.
 */

/** After so many looks in vain one in so many is still taken. */
const MOST_SELDOM = 256;

export class Lookout<T> {
  readonly #ms: number;
  readonly #found: () => T | undefined;
  /** Looks that are left out, since the last ones were in vain. */
  #pause = 0;
  #left = 0;

  /** `found` is asked again and again for `ms` milliseconds, and must not wait. */
  constructor(ms: number, found: () => T | undefined) {
    this.#ms = ms;
    this.#found = found;
  }

  /** Undefined where nothing came in time, or this look was left out. */
  look(): T | undefined {
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    const until = performance.now() + this.#ms;
    do {
      const found = this.#found();
      if (found !== undefined) {
        this.#pause = 0;
        return found;
      }
    } while (performance.now() < until);
    this.#pause = Math.min(2 * this.#pause + 1, MOST_SELDOM);
    this.#left = this.#pause;
    return undefined;
  }
}
