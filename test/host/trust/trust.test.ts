import { generateKeyPairSync, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { generateKey, listKeys, revokeKey, signingKey, trustKey } from "#host/trust/keys.js";
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
