/** Where a generated thing takes its choices from: a tape of numbers, which can be kept, replayed and made smaller. */

/** sfc32, seeded with one number: the same numbers on every machine. */
export function numbers(seed: number): () => number {
  let [a, b, c, counter] = [seed | 0, (seed * 0x9e3779b1) | 0, (seed ^ 0x5bd1e995) | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let turn = 0; turn < 12; turn++) next();
  return next;
}

export class Choices {
  readonly #source: () => number;
  /** What was drawn so far, each reduced to the choice it made. */
  readonly tape: number[] = [];

  private constructor(source: () => number) {
    this.#source = source;
  }

  static seeded(seed: number): Choices {
    return new Choices(numbers(seed));
  }

  /** A tape that is used up answers 0, the simplest choice. */
  static replaying(tape: readonly number[]): Choices {
    let at = 0;
    return new Choices(() => tape[at++] ?? 0);
  }

  /** 0 to `count - 1`. */
  below(count: number): number {
    const choice = this.#source() % count;
    this.tape.push(choice);
    return choice;
  }

  /** True once in `count` times. */
  once(count: number): boolean {
    return this.below(count) === count - 1;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bits32(): number {
    return this.below(2 ** 32) | 0;
  }
}
