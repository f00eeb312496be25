import { RlpError } from "#core/errors.js";

export type TrustCode =
  /** The key's file or text is no Ed25519 key. */
  | "TRUST_BAD_KEY"
  /** A key of this name, or this key, is there already. */
  | "TRUST_KEY_EXISTS"
  /** No key fits, or none to sign with. */
  | "TRUST_NO_KEY"
  /** The list of keys cannot be read: nobody is trusted then. */
  | "TRUST_LIST"
  /** The trust policy cannot be read whole: nobody is trusted then. */
  | "TRUST_POLICY"
  /** A file or folder that trust rests on is a link, somebody else's, or open to others. */
  | "TRUST_FILE"
  /** A signature is malformed or does not fit its manifest. */
  | "TRUST_SIGNATURE"
  /** The key that has signed it is revoked. */
  | "TRUST_REVOKED"
  /** The trust policy does not let it be installed, or run. */
  | "TRUST_FORBIDDEN"
  /** Nobody vouches for it, and this machine does not give the cage that it needs. */
  | "TRUST_ISOLATION";

/** Keys, signatures, and what they are worth here. */
export class TrustError extends RlpError<TrustCode> {
  readonly family = "trust";
}
