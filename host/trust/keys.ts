/**
 * The keys of a home, in `<home>/keys` (mode 0700): private ones of its own (PKCS #8, mode 0600), and the list of public ones that it
 * knows, trusted or revoked. A revoked key stays on the list for good. Trust never comes from a bundle or from the folder one is in.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { makeFolder } from "#core/folder.js";
import { lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { blake3 } from "#core/digest.js";
import { parseJson } from "#core/json.js";
import { TrustError } from "./error.js";
import { exclusively, replaceDurably } from "./exclusive.js";
import { checkPrivateFolder, readPrivate } from "./private-file.js";

export interface KnownKey {
  readonly name: string;
  /** The first 32 hex digits of the public key's BLAKE3. */
  readonly id: string;
  /** Raw, 32 bytes in base64. */
  readonly public: string;
  readonly status: "trusted" | "revoked";
}

const LIST = "known.json";
const FILE_BYTES = 4 << 20;
const PRIVATE_BYTES = 4096;
const KEY_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
/** DER of an Ed25519 SubjectPublicKeyInfo up to the key itself (RFC 8410). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/**
 * Points of small order on edwards25519, by their y in both spellings below 2^255: under such a "key" one signature fits many
 * messages. Not every version of OpenSSL refuses them. (y is 0, 1 or -1 modulo 2^255 − 19, or that of a point of order 8.)
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]);

function hasSmallOrder(raw: Uint8Array): boolean {
  const y = Buffer.from(raw);
  y[31] = (y[31] ?? 0) & 0x7f; // the top bit is the sign of x
  return SMALL_ORDER.has(y.toString("hex"));
}

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
  if (hasSmallOrder(raw))
    throw new TrustError("TRUST_BAD_KEY", "that is no public key: its order is small, so anybody could sign for it");
  return { key: createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" }), id: keyId(raw), base64 };
}

/** All known keys, by name. Throws `TRUST_LIST` for a list that cannot be read whole, `TRUST_FILE` for one that others could have written. */
export function listKeys(keysDir: string): readonly KnownKey[] {
  const file = join(keysDir, LIST);
  const bytes = checkPrivateFolder(keysDir) ? readPrivate({ file, most: FILE_BYTES, secret: false }) : null;
  if (bytes === null) return [];
  try {
    const { keys } = known.parse(parseJson(bytes.toString("utf8")));
    for (const { id, public: base64 } of keys)
      if (publicKey(base64).id !== id) throw new Error(`the key ${id} is not what its id says`);
    if (new Set(keys.flatMap(({ name, id }) => [name, id])).size < keys.length * 2) throw new Error("a key stands there twice");
    return keys;
  } catch (cause) {
    throw new TrustError("TRUST_LIST", "the list of known keys cannot be read, so no key is trusted", {
      place: { file },
      hint: "bring the file back from a backup, or delete it and trust your keys again",
      cause,
    });
  }
}

/** Changes the list, one process at a time: a revocation must not get lost. */
function changeKeys<T>(
  keysDir: string,
  change: (keys: readonly KnownKey[]) => { readonly keys: readonly KnownKey[]; readonly gives: T },
): T {
  const file = join(keysDir, LIST);
  return exclusively(file, () => {
    const { keys, gives } = change(listKeys(keysDir));
    replaceDurably(file, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`);
    return gives;
  });
}

/** The folder for its owner alone; it is made where it is missing. */
function openFolder(keysDir: string): void {
  makeFolder(keysDir);
  checkPrivateFolder(keysDir);
}

/** Makes a key pair of the home's own and trusts it. */
export function generateKey(keysDir: string, name: string): KnownKey {
  openFolder(keysDir);
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
  const { id } = publicKey(base64);
  checkName(name);
  openFolder(keysDir);
  return changeKeys(keysDir, (keys) => {
    mustBeNew(keys, name, id);
    const added: KnownKey = { name, id, public: base64, status: "trusted" };
    return { keys: [...keys, added].sort((a, b) => (a.name < b.name ? -1 : 1)), gives: added };
  });
}

/** Throws where {@link trustKey} would: before something else is written for that key. */
export function refuseTaken(keysDir: string, name: string, base64: string): void {
  mustBeNew(listKeys(keysDir), name, publicKey(base64).id);
}

function checkName(name: string): void {
  if (!KEY_NAME.test(name))
    throw new TrustError("TRUST_BAD_KEY", `\`${name.slice(0, 80)}\` is no key's name`, {
      hint: "lower-case letters, digits, `_`, `.` and `-`",
    });
}

function mustBeNew(keys: readonly KnownKey[], name: string, id: string | null): void {
  checkName(name);
  const before = keys.find((key) => key.name === name || key.id === id);
  if (!before) return;
  throw new TrustError("TRUST_KEY_EXISTS", `the key \`${before.name}\` (${before.id}) is ${before.status} already`, {
    hint: before.status === "revoked" ? "what was revoked stays so: make a new key" : "choose another name",
  });
}

/** Revokes for good, by name or id. */
export function revokeKey(keysDir: string, which: string): KnownKey {
  const find = (keys: readonly KnownKey[]): KnownKey => {
    const found = keys.find(({ name, id }) => name === which || id === which);
    if (found) return found;
    throw new TrustError("TRUST_NO_KEY", `no known key is called \`${which.slice(0, 80)}\``, {
      hint: "`rlp keys list` shows them",
    });
  };
  find(listKeys(keysDir)); // where there is no folder yet there is nothing to lock
  return changeKeys(keysDir, (keys) => {
    const found = find(keys);
    const revoked: KnownKey = { ...found, status: "revoked" };
    return { keys: keys.map((key) => (key === found ? revoked : key)), gives: revoked };
  });
}

const privateFile = (keysDir: string, name: string): string => join(keysDir, `${name}.key`);

export interface SigningKey {
  readonly known: KnownKey;
  readonly key: KeyObject;
}

/** Public halves of the home's own keys, revoked ones too. */
export const ownPublicKeys = (keysDir: string): readonly KnownKey[] =>
  listKeys(keysDir).filter(({ name }) => lstatSync(privateFile(keysDir, name), { throwIfNoEntry: false }) !== undefined);

/** The home's own keys that still count. */
const ownKeys = (keysDir: string): readonly KnownKey[] => ownPublicKeys(keysDir).filter(({ status }) => status === "trusted");

const OWN = "own";

/** The key that `build` signs with: the home's own, made on first use. Of several the one that is called `own`. */
export function ownKey(keysDir: string): SigningKey {
  const own = ownKeys(keysDir);
  if (own.length > 1) return signingKey(keysDir, own.some(({ name }) => name === OWN) ? OWN : undefined);
  if (own[0]) return signingKey(keysDir, own[0].name);
  const taken = new Set(listKeys(keysDir).map(({ name }) => name));
  let name = OWN;
  for (let next = 2; taken.has(name); next++) name = `${OWN}-${next}`;
  try {
    generateKey(keysDir, name);
  } catch (error) {
    if (!(error instanceof TrustError && error.code === "TRUST_KEY_EXISTS")) throw error;
    adopt(keysDir, name);
  }
  return signingKey(keysDir, name);
}

/** Another first build, or one that was killed, has made the private key and not put it on the list yet: it is this home's all the same. */
function adopt(keysDir: string, name: string): void {
  const base64 = rawOf(createPublicKey(readPrivateKey(privateFile(keysDir, name)))).toString("base64");
  try {
    trustKey(keysDir, name, base64);
  } catch (error) {
    const listed = listKeys(keysDir).some((key) => key.name === name && key.public === base64);
    if (!listed) throw error;
  }
}

/** Names of the home's own keys, each of which was looked at. Throws where one cannot be used. */
export const checkPrivateKeys = (keysDir: string): readonly string[] =>
  ownKeys(keysDir).map(({ name }) => signingKey(keysDir, name).known.name);

/** A private key of the home's own to sign with; without a name the only one that is trusted. */
export function signingKey(keysDir: string, name: string | undefined): SigningKey {
  const own = ownKeys(keysDir);
  const found = name === undefined ? own : own.filter((key) => key.name === name);
  const [first] = found;
  if (!first || found.length > 1)
    throw new TrustError(
      "TRUST_NO_KEY",
      first ? `there are several keys to sign with: ${found.map((key) => key.name).join(", ")}` : "there is no key to sign with",
      { hint: first ? "name one with --key" : "`rlp keys generate` makes one" },
    );
  const file = privateFile(keysDir, first.name);
  const key = readPrivateKey(file);
  if (keyId(rawOf(createPublicKey(key))) !== first.id)
    throw new TrustError("TRUST_BAD_KEY", "the private key is not the one that the list names", { place: { file } });
  return { known: first, key };
}

function readPrivateKey(file: string): KeyObject {
  const bytes = readPrivate({ file, most: PRIVATE_BYTES, secret: true });
  try {
    const key = createPrivateKey(bytes ?? "");
    if (key.asymmetricKeyType !== "ed25519") throw new Error("it is no Ed25519 key");
    return key;
  } catch (cause) {
    throw new TrustError("TRUST_BAD_KEY", "the private key cannot be read", { place: { file }, cause });
  }
}
