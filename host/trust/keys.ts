/**
 * The keys of a home, in `<home>/keys`: private ones of its own (PKCS #8, mode 0600), and the list of public ones that it knows,
 * trusted or revoked. A revoked key stays on the list for good. Trust never comes from a bundle or from the folder one is in.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { blake3 } from "#core/digest.js";
import { parseJson } from "#core/json.js";
import { TrustError } from "./error.js";

export interface KnownKey {
  readonly name: string;
  /** The first 32 hex digits of the public key's BLAKE3. */
  readonly id: string;
  /** Raw, 32 bytes in base64. */
  readonly public: string;
  readonly status: "trusted" | "revoked";
}

const LIST = "known.json";
const FILE_BYTES = 1 << 20;
const KEY_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
/** DER of an Ed25519 SubjectPublicKeyInfo up to the key itself (RFC 8410). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

const known = z.strictObject({
  version: z.literal(1),
  keys: z
    .array(
      z.strictObject({
        name: z.string().regex(KEY_NAME),
        id: z.string().regex(/^[0-9a-f]{32}$/),
        public: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
        status: z.enum(["trusted", "revoked"]),
      }),
    )
    .max(10_000),
});

export const keyId = (raw: Uint8Array): string => blake3(raw).slice(0, 32);

const rawOf = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" }).subarray(SPKI.length);

/** A public key from its raw bytes in base64. Throws `TRUST_BAD_KEY`. */
export function publicKey(base64: string): { readonly key: KeyObject; readonly id: string; readonly base64: string } {
  const raw = Buffer.from(base64, "base64");
  if (raw.length !== 32 || raw.toString("base64") !== base64)
    throw new TrustError("TRUST_BAD_KEY", "that is no public key: 32 bytes in base64, as `rlp keys list` prints them");
  return { key: createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" }), id: keyId(raw), base64 };
}

/** All known keys, by name. Throws `TRUST_LIST` for a list that cannot be read whole. */
export function listKeys(keysDir: string): readonly KnownKey[] {
  const file = join(keysDir, LIST);
  const status = statSync(file, { throwIfNoEntry: false });
  if (!status) return [];
  try {
    if (status.size > FILE_BYTES) throw new Error("it is too large");
    const { keys } = known.parse(parseJson(readFileSync(file, "utf8")));
    for (const { id, public: base64 } of keys)
      if (publicKey(base64).id !== id) throw new Error(`the key ${id} is not what its id says`);
    return keys;
  } catch (cause) {
    throw new TrustError("TRUST_LIST", "the list of known keys cannot be read, so no key is trusted", {
      place: { file },
      hint: "bring the file back from a backup, or delete it and trust your keys again",
      cause,
    });
  }
}

function writeKeys(keysDir: string, keys: readonly KnownKey[]): void {
  const draft = join(keysDir, `${LIST}.${process.pid}`);
  try {
    writeFileSync(draft, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(draft, join(keysDir, LIST));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Makes a key pair of the home's own and trusts it. */
export function generateKey(keysDir: string, name: string): KnownKey {
  mkdirSync(keysDir, { recursive: true, mode: 0o700 });
  mustBeNew(listKeys(keysDir), name, null);
  const { privateKey, publicKey: made } = generateKeyPairSync("ed25519");
  const file = privateFile(keysDir, name);
  try {
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { flag: "wx", mode: 0o600, flush: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new TrustError("TRUST_KEY_EXISTS", `there is a private key \`${name}\` already`, { place: { file }, cause });
  }
  return trustKey(keysDir, name, rawOf(made).toString("base64"));
}

/** Puts a public key on the list. A revoked one is not trusted again. */
export function trustKey(keysDir: string, name: string, base64: string): KnownKey {
  mkdirSync(keysDir, { recursive: true, mode: 0o700 });
  const keys = listKeys(keysDir);
  const { id } = publicKey(base64);
  mustBeNew(keys, name, id);
  const added: KnownKey = { name, id, public: base64, status: "trusted" };
  writeKeys(
    keysDir,
    [...keys, added].sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
  return added;
}

function mustBeNew(keys: readonly KnownKey[], name: string, id: string | null): void {
  if (!KEY_NAME.test(name))
    throw new TrustError("TRUST_BAD_KEY", `\`${name.slice(0, 80)}\` is no key's name`, {
      hint: "lower-case letters, digits, `_`, `.` and `-`",
    });
  const before = keys.find((key) => key.name === name || key.id === id);
  if (!before) return;
  throw new TrustError("TRUST_KEY_EXISTS", `the key \`${before.name}\` (${before.id}) is ${before.status} already`, {
    hint: before.status === "revoked" ? "what was revoked stays so: make a new key" : "choose another name",
  });
}

/** Revokes for good, by name or id. */
export function revokeKey(keysDir: string, which: string): KnownKey {
  const keys = listKeys(keysDir);
  const found = keys.find(({ name, id }) => name === which || id === which);
  if (!found)
    throw new TrustError("TRUST_NO_KEY", `no known key is called \`${which.slice(0, 80)}\``, {
      hint: "`rlp keys list` shows them",
    });
  const revoked: KnownKey = { ...found, status: "revoked" };
  writeKeys(
    keysDir,
    keys.map((key) => (key === found ? revoked : key)),
  );
  return revoked;
}

const privateFile = (keysDir: string, name: string): string => join(keysDir, `${name}.key`);

/** A private key of the home's own to sign with; without a name the only one that is trusted. */
export function signingKey(keysDir: string, name: string | undefined): { readonly known: KnownKey; readonly key: KeyObject } {
  const own = listKeys(keysDir).filter(
    (key) => key.status === "trusted" && statSync(privateFile(keysDir, key.name), { throwIfNoEntry: false })?.isFile(),
  );
  const found = name === undefined ? own : own.filter((key) => key.name === name);
  const [first] = found;
  if (!first || found.length > 1)
    throw new TrustError(
      "TRUST_NO_KEY",
      first ? `there are several keys to sign with: ${found.map((key) => key.name).join(", ")}` : "there is no key to sign with",
      { hint: first ? "name one with --key" : "`rlp keys generate` makes one" },
    );
  const file = privateFile(keysDir, first.name);
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new TrustError("TRUST_BAD_KEY", "the private key cannot be read", { place: { file }, cause });
  }
  if (key.asymmetricKeyType !== "ed25519" || keyId(rawOf(createPublicKey(key))) !== first.id)
    throw new TrustError("TRUST_BAD_KEY", "the private key is not the one that the list names", { place: { file } });
  return { known: first, key };
}
