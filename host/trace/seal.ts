/**
 * Ed25519 over a trace file's seal, which has the digest of everything before it. The bytes that are signed begin with a word of their
 * own, so that no signature made for something else fits.
 */
import { sign, verify } from "node:crypto";
import { Digesting, type Digest } from "#core/digest.js";
import { canonicalJson } from "#core/json.js";
import { TrustError } from "../trust/error.js";
import { listKeys, publicKey, type SigningKey } from "../trust/keys.js";
import type { Seal, Signature } from "./line.js";

const PURPOSE = Buffer.from("rlp.trace.1\0");

const message = (seal: Seal): Buffer => Buffer.concat([PURPOSE, Buffer.from(canonicalJson(seal))]);

export function signSeal(seal: Seal, { known, key }: SigningKey): Signature {
  return { algorithm: "ed25519", key: known.public, signature: sign(null, message(seal), key).toString("base64") };
}

/** The id of the key that has signed it; null where the signature does not fit, or the key is none. */
export function signerOf(seal: Seal, { key: base64, signature }: Signature): string | null {
  try {
    const { key, id } = publicKey(base64);
    return verify(null, message(seal), key, Buffer.from(signature, "base64")) ? id : null;
  } catch (error) {
    if (error instanceof TrustError) return null;
    throw error;
  }
}

export interface Signer {
  readonly id: string;
  /** The public key, raw in base64. */
  readonly public: string;
  /** What this home calls it. */
  readonly name: string | null;
  readonly trust: "trusted" | "revoked" | "unknown";
}

/** What a key is worth in this home. Throws `TRUST_LIST`, `TRUST_FILE`. */
export function signerIn(keysDir: string, id: string, base64: string): Signer {
  const known = listKeys(keysDir).find((each) => each.id === id);
  return { id, public: base64, name: known?.name ?? null, trust: known?.status ?? "unknown" };
}

/** The digest of a file's lines, as they are written or read. */
export class Content {
  readonly #digesting = new Digesting();

  line(text: string): void {
    this.#digesting.add(text);
    this.#digesting.add("\n");
  }

  digest(): Digest {
    return this.#digesting.digest();
  }
}
