/** How an operation of the file system fails: with a code of `wasi:filesystem/types#error-code`. */
import { IoError } from "../error.js";

export const CODES = [
  "access",
  "bad-descriptor",
  "busy",
  "cross-device",
  "exist",
  "file-too-large",
  "illegal-byte-sequence",
  "insufficient-memory",
  "insufficient-space",
  "invalid",
  "io",
  "is-directory",
  "loop",
  "name-too-long",
  "no-entry",
  "not-directory",
  "not-empty",
  "not-permitted",
  "overflow",
  "quota",
  "read-only",
  "unsupported",
] as const;
export type ErrorCode = (typeof CODES)[number];

/** Thrown by everything in this folder, answered by `functions.ts`. */
export class FsError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode) {
    super(code);
    this.code = code;
  }
}

/** As the control process says it; what is no code of ours counts as `io`. */
export const codeOf = (text: unknown): ErrorCode => CODES.find((code) => code === text) ?? "io";

/** What a stream of a file fails with. */
export class FileIoError extends IoError {
  readonly code: ErrorCode;
  constructor(code: ErrorCode) {
    super(code);
    this.code = code;
  }
}
