import { RlpError, type ErrorDetails, type Place } from "#core/errors.js";

export type BuildCode =
  /** The compiler refused the source. */
  | "BUILD_COMPILE"
  /** Top-level code, which runs during the build, failed. */
  | "BUILD_RUN"
  /** The source uses something that would have to come from outside of the contract. */
  | "BUILD_IMPORT"
  /** A folder or file that a bundle needs is missing or malformed. */
  | "BUILD_BUNDLE"
  /** What was built is not what the manifest names. */
  | "BUILD_DIGEST"
  /** A tool of the build is missing, or another than the one that this version was made for. */
  | "BUILD_TOOL";

/** One thing that the compiler complains about. */
export interface BuildIssue {
  readonly message: string;
  readonly place: Place;
}

/** An agent that cannot be built, or not as its manifest says. */
export class BuildError extends RlpError<BuildCode> {
  readonly family = "build";
  /** Each of the compiler's complaints with its own place; empty where the message says all. */
  readonly issues: readonly BuildIssue[];

  constructor(code: BuildCode, message: string, details: ErrorDetails & { readonly issues?: readonly BuildIssue[] } = {}) {
    super(code, message, details);
    this.issues = details.issues ?? [];
  }
}
