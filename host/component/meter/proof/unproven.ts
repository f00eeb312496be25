import { MeterError } from "../refusal.js";

/** What was to be proved does not hold. */
export function unproven(what: string, offset?: number): never {
  throw new MeterError("METER_UNPROVEN", `the metered module is not proved: ${what}`, offset);
}

export function prove(holds: boolean, what: string, offset?: number): asserts holds {
  if (!holds) unproven(what, offset);
}
