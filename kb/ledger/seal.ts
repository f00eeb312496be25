/**
 * Sealed payloads. What a record says of people stands in the chain as the digest of a blob that is encrypted with a key of its own. The
 * key lies outside of the chain: when it is destroyed nobody can read the blob any more, and every hash still holds.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { blake3, isDigest, type Digest } from "#core/digest.js";
import { canonicalJson, isJsonObject } from "#core/json.js";
import { KbError } from "../errors.js";

/** Records of these kinds name people, or hold what people wrote. */
export const SEALED_KINDS: readonly string[] = [
  "contact.upserted",
  "contact.retracted",
  "account.linked",
  "note.added",
  "document.ingested",
];

export const SEALED_TYPE = "application/vnd.rlp.sealed";

/** The version of a payload whose content is sealed. Payloads in the clear have version 1, which is not written. */
export const SEALED_VERSION = 2;

const CIPHER = "aes-256-gcm";
/** A key encrypts one payload, once: the nonce need not differ (NIST SP 800-38D, section 8). */
const NONCE = Buffer.alloc(12);
const TAG_BYTES = 16;
const KEY_BYTES = 32;

export interface Sealed {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly key: Uint8Array;
}

export function seal(content: { readonly message: string; readonly meta: unknown }): Sealed {
  const key = randomBytes(KEY_BYTES);
  const cipher = createCipheriv(CIPHER, key, NONCE);
  const bytes = Buffer.concat([cipher.update(canonicalJson(content), "utf8"), cipher.final(), cipher.getAuthTag()]);
  return { digest: blake3(bytes), bytes, key };
}

/** Throws `KB_CORRUPT` where the key does not open it. */
export function unseal(bytes: Uint8Array, key: Uint8Array): { readonly message: string; readonly meta: unknown } {
  try {
    const decipher = createDecipheriv(CIPHER, key, NONCE);
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString("utf8");
    return JSON.parse(text) as { message: string; meta: unknown };
  } catch (cause) {
    throw new KbError("KB_CORRUPT", "a sealed payload cannot be opened with its key", {
      cause,
      hint: "`rlp kb verify` names every row that is damaged",
    });
  }
}

/** What stands in the chain in a sealed payload's place. */
export interface SealedPayload {
  readonly level: string;
  readonly sealed: Digest;
  /** Blobs that the content refers to. */
  readonly uses: readonly Digest[];
  readonly v: typeof SEALED_VERSION;
}

/** Null for a payload in the clear. */
export function sealedPayload(payload: unknown): SealedPayload | null {
  if (!isJsonObject(payload) || payload["v"] !== SEALED_VERSION || !isDigest(payload["sealed"])) return null;
  const { uses } = payload;
  return Array.isArray(uses) && uses.every(isDigest) ? (payload as unknown as SealedPayload) : null;
}
