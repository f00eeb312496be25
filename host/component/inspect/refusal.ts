/** Why a component is not admitted. Plain, so that the toolchain process needs nothing but this folder. */
export type RefusalCode =
  | "ADMIT_TOO_LARGE"
  | "ADMIT_MALFORMED"
  | "ADMIT_NAME"
  | "ADMIT_IMPORT"
  | "ADMIT_EXPORT"
  | "ADMIT_WASI_IMPORT"
  | "ADMIT_LIMIT"
  | "ADMIT_METER";

export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly hint: string | undefined;
  constructor(code: RefusalCode, message: string, hint?: string) {
    super(message);
    this.name = "Refusal";
    this.code = code;
    this.hint = hint;
  }
}
