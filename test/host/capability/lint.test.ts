import { expect, test } from "vitest";
import { lintGrant, lintImports } from "#host/capability/lint.js";
import { parsePolicy } from "#host/capability/policy.js";
import { agent } from "../run/world.js";

const lint = (policy: string) => lintGrant(parsePolicy(Buffer.from(policy), "policy.caps"), new Set(["email.send"]));

test.each([
  ["a directory granted twice", 'fs_ro = ["/srv"]\nfs_rw = ["/srv"]', "fs_ro", /reads as well/],
  ["commands, which nothing links", 'exec = ["ls"]', "exec", /links nothing/],
  ["secrets that a guest would see", 'secrets_raw = ["a"]', "secrets_raw", /links nothing/],
  ["every host under a name", 'net = ["*.example.com"]', "net", /every host under that name/],
  ["writing everywhere", "kb_write = true", "kb_write", /every domain/],
  ["addresses unmasked", 'kb_read = ["contacts_raw"]', "kb_read", /unmasked/],
  ["an action that there is not", 'actions = ["email.sned"]', "actions", /no action `email\.sned`/],
  [
    "a secret for a host out of reach",
    'net = ["a.example"]\nsecrets = [{ id = "s", hosts = ["b.example"] }]',
    "secrets",
    /`net` does not reach/,
  ],
])("a policy that grants beyond need, or in vain: %s", (_, policy, cap, message) => {
  expect(lint(policy)).toEqual([{ severity: "warning", cap, message: expect.stringMatching(message), hint: expect.any(String) }]);
});

test("a policy that asks for little has nothing to mend", () => {
  const policy = `kb_read = true
kb_write = ["notes"]
model = true
time = true
random = true
actions = ["email.send"]
net = [{ host = "a.example:8443", methods = ["GET"] }]
secrets = [{ id = "s", hosts = ["a.example:8443"] }]`;
  expect(lint(policy)).toEqual([]);
});

const faced = (imports: readonly string[], grant: Parameters<typeof agent>[0]) =>
  lintImports(agent(grant, { imports: imports.map((name) => `runloop:agent/${name}@0.1.0`) }).face);

test("an import without a grant is an error, a grant without an import a warning", () => {
  expect(faced(["log", "kb", "model"], { kb_read: true, random: true, actions: ["email.send"] })).toEqual([
    expect.objectContaining({ severity: "error", cap: "model" }),
    expect.objectContaining({ severity: "warning", cap: "random" }),
    expect.objectContaining({ severity: "warning", cap: "actions" }),
  ]);
  expect(faced(["kb", "random"], { kb_write: ["notes"], random: true })).toEqual([]);
  expect(faced([], {})).toEqual([]);
});
