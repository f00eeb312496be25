import { generateKeyPairSync, sign } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exclusively } from "#host/trust/exclusive.js";
import { generateKey, listKeys, ownKey, revokeKey, signingKey, trustKey } from "#host/trust/keys.js";
import { checkSignature, signatureFile, signBundle } from "#host/trust/signature.js";

let root: string;
let keys: string;
let bundle: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "rlp-trust-"));
  [keys, bundle] = [join(root, "keys"), join(root, "note")];
  mkdirSync(bundle);
  writeFileSync(join(bundle, "manifest.toml"), 'name = "note"\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => {
  const pair = generateKeyPairSync("ed25519");
  return { ...pair, base64: pair.publicKey.export({ type: "spki", format: "der" }).subarray(12).toString("base64") };
};
const written = (change: object, by = fresh()) => {
  const message = Buffer.concat([Buffer.from("rlp.manifest.1\0"), readFileSync(join(bundle, "manifest.toml"))]);
  mkdirSync(join(bundle, "SIGNATURES"), { recursive: true });
  const honest = { algorithm: "ed25519", key: by.base64, signature: sign(null, message, by.privateKey).toString("base64") };
  writeFileSync(signatureFile(bundle), JSON.stringify({ ...honest, ...change }));
};

test("a home's own key: private, trusted, and what it signs is valid", () => {
  const key = generateKey(keys, "own");
  expect(statSync(join(keys, "own.key")).mode & 0o777).toBe(0o600);
  expect(statSync(keys).mode & 0o777).toBe(0o700);
  expect(listKeys(keys)).toEqual([key]);
  expect(checkSignature(bundle, keys)).toEqual({ state: "unsigned" });
  expect(signBundle(bundle, keys, undefined)).toEqual(key);
  expect(checkSignature(bundle, keys)).toEqual({ state: "valid", id: key.id, name: "own", trust: "trusted" });
  expect(readFileSync(signatureFile(bundle), "utf8")).not.toContain("PRIVATE");
});

test("the same manifest and key give the same signature; another manifest makes it invalid", () => {
  generateKey(keys, "own");
  signBundle(bundle, keys, undefined);
  const first = readFileSync(signatureFile(bundle), "utf8");
  signBundle(bundle, keys, "own");
  expect(readFileSync(signatureFile(bundle), "utf8")).toBe(first);
  writeFileSync(join(bundle, "manifest.toml"), 'name = "note" \n');
  expect(checkSignature(bundle, keys)).toMatchObject({
    state: "invalid",
    reason: expect.stringMatching(/not for this manifest/),
  });
});

test("a signature is worth what this home thinks of its key, whatever the bundle brings", () => {
  const by = fresh();
  written({}, by);
  expect(checkSignature(bundle, keys)).toMatchObject({ state: "valid", name: null, trust: "unknown" });
  const { id } = trustKey(keys, "ada", by.base64);
  expect(checkSignature(bundle, keys)).toEqual({ state: "valid", id, name: "ada", trust: "trusted" });
  revokeKey(keys, id);
  expect(checkSignature(bundle, keys)).toMatchObject({ trust: "revoked" });
  expect(() => trustKey(keys, "ada2", by.base64)).toThrow(/revoked already/);
});

test.each<[string, () => object]>([
  ["of another key", () => ({ key: fresh().base64 })],
  ["without a key", () => ({ key: "" })],
  ["with a key that is too short", () => ({ key: "AAAA" })],
  ["with a key that is not written as such", () => ({ key: `${"A".repeat(42)}B=` })],
  ["with the key that every signature of zeros fits", () => ({ key: `${"A".repeat(43)}=`, signature: `${"A".repeat(86)}==` })],
  ["of another algorithm", () => ({ algorithm: "none" })],
  ["with more than belongs there", () => ({ trust: "trusted" })],
  ["cut off", () => ({ signature: "AAAA" })],
])("a signature is invalid: %s", (_, change) => {
  written(change());
  expect(checkSignature(bundle, keys)).toMatchObject({ state: "invalid" });
});

test("a signature made for other bytes of the same key is none for a manifest", () => {
  const by = fresh();
  const bare = sign(null, readFileSync(join(bundle, "manifest.toml")), by.privateKey).toString("base64");
  written({ signature: bare }, by);
  expect(checkSignature(bundle, keys)).toMatchObject({ state: "invalid" });
});

test.each([
  ["text that is none", () => writeFileSync(signatureFile(bundle), "{")],
  ["a link", () => symlinkSync("/etc/hostname", signatureFile(bundle))],
])("a signature's file that is no such file is invalid: %s", (_, make) => {
  mkdirSync(join(bundle, "SIGNATURES"));
  make();
  expect(checkSignature(bundle, keys)).toMatchObject({ state: "invalid" });
});

test("a list of keys that cannot be read trusts nobody", () => {
  const own = generateKey(keys, "own");
  signBundle(bundle, keys, undefined);
  const file = join(keys, "known.json");
  const other = fresh().base64;
  for (const text of ["", "{}", '{"version":2,"keys":[]}', readFileSync(file, "utf8").replace(own.public, other)]) {
    writeFileSync(file, text);
    expect(() => checkSignature(bundle, keys)).toThrow(expect.objectContaining({ code: "TRUST_LIST" }));
  }
});

test("names and keys are taken once, and names lead nowhere", () => {
  const { public: base64 } = generateKey(keys, "own");
  expect(() => generateKey(keys, "own")).toThrow(expect.objectContaining({ code: "TRUST_KEY_EXISTS" }));
  expect(() => trustKey(keys, "other", base64)).toThrow(expect.objectContaining({ code: "TRUST_KEY_EXISTS" }));
  for (const name of ["../own", "", "A", "a b", ".x"])
    expect(() => generateKey(keys, name)).toThrow(expect.objectContaining({ code: "TRUST_BAD_KEY" }));
  expect(() => trustKey(keys, "ada", "hello")).toThrow(expect.objectContaining({ code: "TRUST_BAD_KEY" }));
  expect(() => revokeKey(keys, "nobody")).toThrow(expect.objectContaining({ code: "TRUST_NO_KEY" }));
});

test("signing needs one key of the home's own that is not revoked", () => {
  expect(() => signingKey(keys, undefined)).toThrow(/no key to sign with/);
  trustKey(keys, "ada", fresh().base64); // no private half
  expect(() => signingKey(keys, "ada")).toThrow(/no key to sign with/);
  generateKey(keys, "a");
  generateKey(keys, "b");
  expect(() => signingKey(keys, undefined)).toThrow(/several keys to sign with: a, b/);
  revokeKey(keys, "a");
  expect(signingKey(keys, undefined).known.name).toBe("b");
  writeFileSync(join(keys, "b.key"), fresh().privateKey.export({ type: "pkcs8", format: "pem" }));
  expect(() => signingKey(keys, "b")).toThrow(/not the one that the list names/);
});

test.each<[string, () => void]>([
  ["the folder is a link", () => (renameSync(keys, `${keys}.x`), symlinkSync(`${keys}.x`, keys))],
  ["others can look into the folder", () => chmodSync(keys, 0o755)],
  [
    "the list is a link",
    () => (renameSync(join(keys, "known.json"), join(root, "x")), symlinkSync(join(root, "x"), join(keys, "known.json"))),
  ],
  ["others can write the list", () => chmodSync(join(keys, "known.json"), 0o622)],
  ["the list is a folder", () => (rmSync(join(keys, "known.json")), mkdirSync(join(keys, "known.json")))],
])("keys that somebody else could have put there are none: %s", (_, spoil) => {
  generateKey(keys, "own");
  signBundle(bundle, keys, undefined);
  spoil();
  for (const act of [
    () => listKeys(keys),
    () => checkSignature(bundle, keys),
    () => signBundle(bundle, keys, undefined),
    () => ownKey(keys),
  ])
    expect(act).toThrow(expect.objectContaining({ code: "TRUST_FILE", place: { file: expect.stringContaining(keys) } }));
});

test.each<[string, () => void, RegExp]>([
  [
    "a link",
    () => (renameSync(join(keys, "own.key"), join(root, "x")), symlinkSync(join(root, "x"), join(keys, "own.key"))),
    /link/,
  ],
  ["that others can read", () => chmodSync(join(keys, "own.key"), 0o640), /others can get at it \(mode 640\)/],
])("a private key is not used: %s", (_, spoil, message) => {
  generateKey(keys, "own");
  spoil();
  expect(() => signingKey(keys, "own")).toThrow(message);
  expect(() => ownKey(keys)).toThrow(message);
});

test("a key of a small order, for which anybody could sign, is no key", () => {
  const y = Buffer.from("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "hex");
  for (const point of [Buffer.alloc(32), Buffer.from([...y.subarray(0, 31), (y[31] ?? 0) | 0x80])])
    expect(() => trustKey(keys, "ada", point.toString("base64"))).toThrow(/its order is small/);
});

test("a list in which a key stands twice trusts nobody: one of the two could be revoked", () => {
  const { public: base64, id } = generateKey(keys, "own");
  const twice = [
    { name: "own", id, public: base64, status: "revoked" },
    { name: "other", id, public: base64, status: "trusted" },
  ];
  writeFileSync(join(keys, "known.json"), JSON.stringify({ version: 1, keys: twice }), { mode: 0o600 });
  expect(() => listKeys(keys)).toThrow(expect.objectContaining({ code: "TRUST_LIST" }));
});

test("the home's own key: made once, taken again, another one when it is revoked, `own` of several", () => {
  expect(ownKey(keys).known.name).toBe("own");
  expect(ownKey(keys).known).toEqual(listKeys(keys)[0]);
  revokeKey(keys, "own");
  expect(ownKey(keys).known.name).toBe("own-2");
  generateKey(keys, "release");
  expect(() => ownKey(keys)).toThrow(/several keys to sign with: own-2, release/);
});

test("a first build that was killed between its key and the list: the next one takes that key", () => {
  const { id } = generateKey(keys, "own");
  rmSync(join(keys, "known.json"));
  expect(ownKey(keys).known).toMatchObject({ name: "own", id, status: "trusted" });
});

test("a lock whose owner is dead is broken, one whose owner lives is not, and nothing of either stays", () => {
  mkdirSync(keys, { mode: 0o700 });
  const file = join(keys, "known.json");
  writeFileSync(`${file}.lock`, "999999999");
  expect(exclusively(file, () => "done")).toBe("done");
  expect(() =>
    exclusively(file, () => {
      throw new Error("half");
    }),
  ).toThrow("half");
  expect(readdirSync(keys)).toEqual([]);
});
