import { RlpError } from "#core/errors.js";

export type InstallCode =
  /** What was given is no bundle, or an archive that is damaged or of another kind. */
  | "INSTALL_MALFORMED"
  /** It holds something that no bundle needs and an attacker would: links, paths that lead out, two files of one name. */
  | "INSTALL_UNSAFE"
  /** More files or bytes than a bundle has. */
  | "INSTALL_TOO_LARGE"
  /** An agent of this name is there already. */
  | "INSTALL_EXISTS"
  /** A newer version, or one that somebody vouched for, was installed here before. */
  | "INSTALL_DOWNGRADE";

/** A bundle is not installed; nothing of it stays. */
export class InstallError extends RlpError<InstallCode> {
  readonly family = "install";
}
