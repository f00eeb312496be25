import { Exit, RlpError } from "#core/errors.js";

export type HistoryCode =
  /** `seq` does not count from 0 without gaps, or the events belong to more than one run. */
  | "HISTORY_GAP"
  /** An event names a node, an edge or an attempt that there is not. */
  | "HISTORY_UNKNOWN"
  /** An event stands where no run could have written it. */
  | "HISTORY_ORDER"
  | "HISTORY_EMPTY"
  /** A value's blob is missing or is not what its digest says. */
  | "HISTORY_VALUE";

/** A run's events that no run can have written: damaged, cut in the middle, or forged. The place names the `seq`. */
export class HistoryError extends RlpError<HistoryCode> {
  readonly family = "history";
  override readonly exit = Exit.mismatch;

  static at(code: HistoryCode, seq: number | null, message: string): HistoryError {
    const place = seq === null ? {} : { place: { at: `seq ${seq}` } };
    return new HistoryError(code, message, { ...place, hint: "`rlp kb verify` says whether the ledger itself is whole" });
  }
}
