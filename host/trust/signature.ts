/**
 * `SIGNATURES/manifest.sig`: Ed25519 over the manifest, which has the digest of every file that matters. The bytes that are signed
 * begin with a word of their own, so that no signature made for something else fits.
 */
import { sign, verify } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { parseJson } from "#core/json.js";
import { TrustError } from "./error.js";
import { keyId, listKeys, ownKey, publicKey, signingKey, type KnownKey } from "./keys.js";

const PURPOSE = Buffer.from("rlp.manifest.1\0");
const MANIFEST_BYTES = 1 << 20;
const SIGNATURE_BYTES = 4096;

const form = z.strictObject({
  algorithm: z.literal("ed25519"),
  /** The public key, raw in base64: the list of known keys says what it is worth. */
  key: z.string().max(64),
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/),
});

export type Signed =
  | { readonly state: "unsigned" }
  /** There is a signature, and it is none for this manifest. */
  | { readonly state: "invalid"; readonly reason: string }
  /** It fits; `trust` says what this home thinks of the key. */
  | {
      readonly state: "valid";
      readonly id: string;
      readonly name: string | null;
      readonly trust: "trusted" | "revoked" | "unknown";
    };

export const signatureFile = (bundle: string): string => join(bundle, "SIGNATURES", "manifest.sig");

/**
 * Signs the manifest as it stands; whoever calls has held the bundle against it. Without a name: `make` takes the home's own key and
 * makes it on first use, else there must be one.
 */
export function signBundle(bundle: string, keysDir: string, name: string | undefined, make = false): KnownKey {
  const { known, key } = make && name === undefined ? ownKey(keysDir) : signingKey(keysDir, name);
  const message = Buffer.concat([PURPOSE, readPlain(join(bundle, "manifest.toml"), MANIFEST_BYTES)]);
  const signature = sign(null, message, key).toString("base64");
  const file = signatureFile(bundle);
  mkdirSync(join(bundle, "SIGNATURES"), { recursive: true });
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, `${JSON.stringify({ algorithm: "ed25519", key: known.public, signature })}\n`);
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
  return known;
}

/** Whatever was signed there is signed no more. */
export function removeSignature(bundle: string): void {
  rmSync(signatureFile(bundle), { force: true });
}

/**
 * What a bundle's signature is worth here. `manifest` are the bytes that somebody has read already, and goes by: what is signed must
 * be what is used. Throws `TRUST_LIST` or `TRUST_FILE` where the list of known keys cannot be believed.
 */
export function checkSignature(bundle: string, keysDir: string, manifest?: Uint8Array): Signed {
  const file = signatureFile(bundle);
  if (!lstatSync(file, { throwIfNoEntry: false })) return { state: "unsigned" };
  const keys = listKeys(keysDir);
  try {
    const { key: base64, signature } = form.parse(parseJson(readPlain(file, SIGNATURE_BYTES).toString("utf8")));
    const { key, id } = publicKey(base64);
    const message = Buffer.concat([PURPOSE, manifest ?? readPlain(join(bundle, "manifest.toml"), MANIFEST_BYTES)]);
    if (!verify(null, message, key, Buffer.from(signature, "base64")))
      return { state: "invalid", reason: `the signature by ${id} is not for this manifest` };
    const known = keys.find((each) => each.id === keyId(Buffer.from(base64, "base64")));
    return { state: "valid", id, name: known?.name ?? null, trust: known?.status ?? "unknown" };
  } catch (error) {
    const reason = error instanceof z.ZodError ? "its form is wrong" : error instanceof Error ? error.message : String(error);
    return { state: "invalid", reason: `the signature cannot be read: ${reason}` };
  }
}

export function readPlain(file: string, most: number): Buffer {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = openSync(file, flags);
  try {
    const status = fstatSync(handle);
    if (!status.isFile() || status.size > most)
      throw new TrustError("TRUST_SIGNATURE", "it is no file, or too large", { place: { file } });
    const bytes = Buffer.alloc(status.size);
    return bytes.subarray(0, readSync(handle, bytes, 0, status.size, 0));
  } finally {
    closeSync(handle);
  }
}

/** In words, for people. */
export function signedText(signed: Signed): string {
  switch (signed.state) {
    case "unsigned":
      return "nobody has signed it";
    case "invalid":
      return signed.reason;
    case "valid":
      return `signed by ${signed.name ?? "a key that this home does not know"} (${signed.id}), ${signed.trust}`;
  }
}
