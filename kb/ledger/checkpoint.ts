/**
 * Signed checkpoints: "the ledger's row `id` has this hash", under the home's key. Whoever can write the file but has no key can neither
 * make one nor make what stands before one again. Each names the one before it, so the newest vouches for all.
 */
import { createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { blake3, type Digest } from "#core/digest.js";
import { canonicalJson } from "#core/json.js";

/** What signs. The private key stays in this process; only its threads see it. */
export interface LedgerSigner {
  /** Raw public key, 32 bytes in base64. */
  readonly public: string;
  readonly key: KeyObject;
}

export interface Checkpoint {
  readonly id: number;
  readonly tsMs: number;
  readonly hash: Digest;
  /** {@link checkpointDigest} of the one before; {@link NO_CHECKPOINT} for the first. */
  readonly previous: Digest;
  /** Raw public key, 32 bytes in base64. */
  readonly key: string;
  readonly signature: Uint8Array;
}

export const NO_CHECKPOINT = "0".repeat(64) as Digest;

/** So many rows may stand behind the last checkpoint; a run's end is followed by one at once. */
export const CHECKPOINT_ROWS = 1024;

/** After these nothing of a run happens until somebody comes back to it. */
export const RUN_ENDS: readonly string[] = ["run.finished", "run.parked", "run.cancelled"];

export type CheckpointColumns = readonly [
  id: number,
  tsMs: number,
  hash: Uint8Array,
  previous: Uint8Array,
  key: string,
  signature: Uint8Array,
];
export const CHECKPOINT_COLUMNS = "id, ts_ms, hash, previous, key, signature";

/** Null where the columns cannot be those of a checkpoint. */
export function storedCheckpoint(columns: readonly unknown[]): Checkpoint | null {
  const [id, tsMs, hash, previous, key, signature] = columns;
  const bytes = [hash, previous, signature].every((each) => each instanceof Uint8Array);
  if (typeof id !== "number" || typeof tsMs !== "number" || typeof key !== "string" || !bytes) return null;
  return { id, tsMs, hash: hex(hash), previous: hex(previous), key, signature: signature as Uint8Array };
}

const hex = (bytes: unknown): Digest => Buffer.from(bytes as Uint8Array).toString("hex") as Digest;

/** What is signed; the first member keeps it apart from everything else that the key signs. */
function statement({ id, tsMs, hash, previous, key }: Omit<Checkpoint, "signature">): string {
  return canonicalJson({ format: "rlp-ledger-checkpoint-1", id, ts_ms: tsMs, hash, previous, key });
}

export function signCheckpoint(what: Omit<Checkpoint, "key" | "signature">, signer: LedgerSigner): Checkpoint {
  const unsigned = { ...what, key: signer.public };
  return { ...unsigned, signature: sign(null, Buffer.from(statement(unsigned)), signer.key) };
}

/** Whether the key that the checkpoint names has signed it; whose key that is, is another question. */
export function isSigned(checkpoint: Checkpoint): boolean {
  try {
    const x = Buffer.from(checkpoint.key, "base64").toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verify(null, Buffer.from(statement(checkpoint)), key, checkpoint.signature);
  } catch {
    return false;
  }
}

/** Over all that a checkpoint says, its signature included. */
export function checkpointDigest(checkpoint: Checkpoint): Digest {
  return blake3(statement(checkpoint), checkpoint.signature);
}
