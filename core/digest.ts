import { createBLAKE3 } from "hash-wasm";

declare const brand: unique symbol;

/** A BLAKE3 digest, 256 bits, as 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly [brand]: "Digest" };

// One hasher for the whole process: the WASM instance is made once, `init/update/digest` is synchronous from then on.
const hasher = await createBLAKE3();
const encoder = new TextEncoder();

/** BLAKE3 of the parts, joined without separators. Strings are taken as UTF-8. */
export function blake3(...parts: readonly (Uint8Array | string)[]): Digest {
  hasher.init();
  for (const part of parts) hasher.update(typeof part === "string" ? encoder.encode(part) : part);
  return hasher.digest("hex") as Digest;
}

/** As {@link blake3}, 32 raw bytes. */
export function blake3Bytes(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  hasher.init();
  for (const part of parts) hasher.update(typeof part === "string" ? encoder.encode(part) : part);
  return hasher.digest("binary");
}

const HEX = /^[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && HEX.test(text);
}
