/** How an attempt can end early. Thrown through the guest's frames or around them; `attempt.ts` turns them into an end. */
import type { Failure } from "#core/values.js";

/** The guest broke a rule of the contract or of the canonical ABI: what a component runtime calls a trap. */
export class GuestTrap extends Error {}

export class Cancelled extends Error {}

export class MemoryExceeded extends Error {}

/** Ends the attempt with this failure. */
export class AttemptFailed extends Error {
  readonly failure: Failure;
  readonly limit: { name: string; value: number; ceiling: number } | undefined;
  constructor(failure: Failure, limit?: { name: string; value: number; ceiling: number }) {
    super(failure.message);
    this.failure = failure;
    this.limit = limit;
  }
}

/** The same words whether it was us who noticed or the engine (Node 24 and 26 differ in who comes first). */
export const OUTSIDE_RUN = "a host call outside of `run`: none is answered in start functions, allocation or post-return";
