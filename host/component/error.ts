import { RlpError } from "#core/errors.js";
import type { RefusalCode } from "./inspect/refusal.js";

export type AdmissionCode =
  | RefusalCode
  /** The bytes are not the ones that the manifest names. */
  | "ADMIT_DIGEST"
  /** The file is missing, no file, or cannot be read. */
  | "ADMIT_UNREADABLE"
  /** The process that translates components crashed, took too long or too much memory. */
  | "ADMIT_TOOLCHAIN"
  /** The bundle's manifest or one of its files is wrong. */
  | "ADMIT_BUNDLE";

/** An agent is not let in. The message says what is wrong, the hint the way out. */
export class AdmissionError extends RlpError<AdmissionCode> {
  readonly family = "admission";
}
