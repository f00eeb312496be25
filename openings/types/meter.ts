/**
 * A bound on how long one validation may take. A small schema can ask for exponential work (a recursive `anyOf` whose branches
 * overlap), and the validator has no hook to stop it. It reads `$recursiveRef`, a keyword of an older draft that no prepared
 * schema holds, each time it enters a subschema: so every subschema gets that member as a getter, which pays.
 */
export class MeterExhausted extends Error {}

export class Meter {
  #left = Infinity;

  /** Runs `work` with so many visits to spend; throws {@link MeterExhausted} in the midst of it when they are used up. */
  limit<T>(visits: number, work: () => T): T {
    this.#left = visits;
    try {
      return work();
    } finally {
      this.#left = Infinity;
    }
  }

  /** Each visit to `schema` costs `weight`. */
  attach(schema: object, weight: number): void {
    Object.defineProperty(schema, "$recursiveRef", { enumerable: false, get: () => this.#pay(weight) });
  }

  #pay(weight: number): undefined {
    this.#left -= weight;
    if (this.#left < 0) throw new MeterExhausted();
  }
}
