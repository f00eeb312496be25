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
  /** A signature is malformed, does not fit its manifest, or its key is revoked. */
  | "TRUST_SIGNATURE";

/** Keys and signatures. */
export class TrustError extends RlpError<TrustCode> {
  readonly family = "trust";
}
