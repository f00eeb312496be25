/** Makes a failing tape smaller: shorter first, then with smaller numbers, for as long as it fails in the same way. */
type Tape = readonly number[];

/** `fails` must answer the same for the same tape. Ends when nothing more can be left out, or after `tries` tapes. */
export async function shrink(tape: Tape, fails: (tape: Tape) => Promise<boolean>, tries: number): Promise<Tape> {
  const search = new Search(tape, fails, tries);
  let before: Tape;
  do {
    before = search.best;
    for (let size = Math.ceil(before.length / 2); size >= 1; size = Math.floor(size / 2)) await search.cut(size);
    await search.lower();
  } while (search.best !== before);
  return search.best;
}

class Search {
  best: Tape;
  readonly #fails: (tape: Tape) => Promise<boolean>;
  #left: number;

  constructor(tape: Tape, fails: (tape: Tape) => Promise<boolean>, tries: number) {
    this.best = tape;
    this.#fails = fails;
    this.#left = tries;
  }

  /** Leaves out `size` numbers wherever it can. */
  async cut(size: number): Promise<void> {
    for (let at = 0; at < this.best.length;)
      if (!(await this.#better([...this.best.slice(0, at), ...this.best.slice(at + size)]))) at += size;
  }

  async lower(): Promise<void> {
    for (let at = 0; at < this.best.length; at++) {
      const value = this.best[at] as number;
      for (const smaller of [0, Math.floor(value / 2), value - 1])
        if (smaller >= 0 && smaller < value && (await this.#better(this.best.with(at, smaller)))) break;
    }
  }

  async #better(candidate: Tape): Promise<boolean> {
    if (this.#left <= 0) return false;
    this.#left--;
    if (!(await this.#fails(candidate))) return false;
    this.best = candidate;
    return true;
  }
}
