/**
 * Error families.
 *
 * Every error that a person may meet belongs to a family: a subclass of {@link RlpError} with a closed union of codes, the
 * place where it happened, and a hint that says the way out. Anything thrown that is not an `RlpError` is a bug of ours.
 */

/** Where something is wrong. All parts are optional; `line` and `column` count from 1, `pointer` is a JSON pointer (RFC 6901). */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly pointer?: string;
  /** A place that is neither a file nor a document: `node draft`, `trace:0199…`. */
  readonly at?: string;
}

/** What `rlp` exits with (reference: cli, "Exit codes"). */
export const Exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  parked: 3,
  mismatch: 4,
  interrupted: 130,
} as const;
export type ExitCode = (typeof Exit)[keyof typeof Exit];

export interface ErrorDetails {
  readonly place?: Place;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The common shape: a stable `code`, a sentence, a place and a hint. `exit` is the exit code of a command that ends with it. */
export abstract class RlpError<Code extends string = string> extends Error {
  abstract readonly family: string;
  readonly exit: ExitCode = Exit.failed;
  readonly code: Code;
  readonly place: Place | undefined;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.place = details.place;
    this.hint = details.hint;
  }

  /** The form that `--json` prints. */
  toJSON(): { code: Code; message: string; place?: Place; hint?: string } {
    return {
      code: this.code,
      message: this.message,
      ...(this.place && { place: this.place }),
      ...(this.hint !== undefined && { hint: this.hint }),
    };
  }
}

/** `file:line:column` or whatever of it is known; empty when nothing is. */
export function formatPlace(place: Place | undefined): string {
  if (!place) return "";
  const position = [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
  return [position, place.pointer, place.at].filter((part) => part !== undefined && part !== "").join(" ");
}

export type DataCode =
  | "DATA_NOT_JSON"
  | "DATA_NOT_CANONICAL"
  | "DATA_TOO_LARGE"
  | "DATA_TOO_DEEP"
  | "DATA_BAD_ID"
  | "DATA_BAD_EVENT";

/** Bytes or values that do not have the form they must have. */
export class DataError extends RlpError<DataCode> {
  readonly family = "data";
}

export type UsageCode = "USAGE" | "USAGE_BAD_PARAM" | "USAGE_NOT_FOUND" | "USAGE_CONFIG";

/** A command was called in a way that cannot work. */
export class UsageError extends RlpError<UsageCode> {
  readonly family = "usage";
  override readonly exit = Exit.usage;
}
