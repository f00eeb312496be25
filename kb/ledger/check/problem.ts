/** What a check finds. */

export interface Problem {
  /** The row; null when it is not about one. */
  readonly id: number | null;
  readonly what: string;
}

/** So many are told; beyond them nothing is looked for. */
export const MAX_PROBLEMS = 20;

/** A stretch of rows, or of blobs by their rowid: both ends included. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}
