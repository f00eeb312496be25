import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadPolicy, parsePolicy, PolicyError } from "#host/capability/policy.js";
import { noGrant } from "#openings/agent.js";

const parse = (text: string) => parsePolicy(Buffer.from(text), "policy.caps");
function problem(text: string): PolicyError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

test("an empty policy grants nothing", () => {
  expect(parse("")).toEqual(noGrant);
  expect(parse("kb_read = []\nmodel = []\nactions = []")).toEqual(noGrant);
});

test("a full policy, normalised: sorted, without repeats, `fs` as `fs_ro`", () => {
  expect(
    parse(`
      fs = ["/data/b/", "/data/a"]
      fs_ro = ["/data/a"]
      fs_rw = ["/srv/./out"]
      net = ["API.example.com", "example.org:8443", {host = "*.example.net:443", methods = ["POST", "GET"], paths = ["/v1/"]}]
      time = "real"
      random = true
      kb_read = ["notes", "contacts"]
      kb_write = true
      secrets = [{id = "runloop/mail/smtp", hosts = ["smtp.example.com:465"]}]
      secrets_raw = ["token"]
      model = ["local/*", "openai/gpt-*"]
      actions = ["email.send", "email.send"]
      tools = ["grep"]
      exec = [{command = "git", args = ["status"]}, "true"]
      spawn = ["writer"]`),
  ).toEqual({
    fs_ro: ["/data/a", "/data/b"],
    fs_rw: ["/srv/out"],
    net: [
      { host: "api.example.com", port: null, methods: null, paths: null },
      { host: "example.org", port: 8443, methods: null, paths: null },
      { host: "*.example.net", port: 443, methods: ["GET", "POST"], paths: ["/v1/"] },
    ],
    time: "real",
    random: true,
    kb_read: ["contacts", "notes"],
    kb_write: true,
    secrets: [{ id: "runloop/mail/smtp", hosts: ["smtp.example.com:465"] }],
    secrets_raw: ["token"],
    model: ["local/*", "openai/gpt-*"],
    actions: ["email.send"],
    tools: ["grep"],
    exec: [{ command: "git", args: ["status"] }, "true"],
    spawn: ["writer"],
  });
});

test.each<[string, string, RegExp, string | RegExp | undefined, number | undefined]>([
  ["a key that is not there", "random = true\nkb_raed = true\n", /unknown key `kb_raed`/, "did you mean `kb_read`?", 2],
  ["a key of a network rule", 'net = [{host = "a.example", methds = ["GET"]}]', /net/, undefined, 1],
  ["the wrong type", "random = 1", /`random`/, undefined, 1],
  ["a clock of another kind", 'time = "wall"', /`time`: must be `true`, `false` or `"real"`/, undefined, 1],
  ["a relative directory", 'fs = ["data"]', /absolute directory/, undefined, 1],
  ["a directory that climbs", 'fs_rw = ["/data/../etc"]', /must not hold `\.\.`/, undefined, 1],
  ["a host with a scheme", 'net = ["https://example.com"]', /net/, undefined, 1],
  ["a host with a path", 'net = [{host = "example.com/v1"}]', /net/, undefined, 1],
  ["a port that is none", 'net = [{host = "example.com:99999"}]', /net/, undefined, 1],
  ["a method that is none", 'net = [{host = "example.com", methods = ["FETCH"]}]', /net/, undefined, 1],
  ["a secret that may go anywhere", 'secrets = [{id = "a", hosts = []}]', /hosts/, undefined, 1],
  ["an action that is none", 'actions = ["Email Send"]', /kind of action/, undefined, 1],
  ["no TOML", "kb_read = yes", /./, undefined, 1],
  ["a key twice", "random = true\nrandom = false", /./, undefined, 2],
  ["a prototype's name", "__proto__ = true", /unknown key `__proto__`/, undefined, 1],
])("refused whole: %s", (_, text, message, hint, line) => {
  const error = problem(text);
  expect(error).toMatchObject({ code: "POLICY_INVALID", place: { file: "policy.caps", ...(line !== undefined && { line }) } });
  expect(error.message).toMatch(message);
  if (hint !== undefined) expect(error.hint).toMatch(hint);
});

test("a file that is not text, too large or not there", async () => {
  expect(() => parsePolicy(new Uint8Array([0xff, 0xfe, 0x00]), "x")).toThrow(/UTF-8/);
  expect(() => parsePolicy(new Uint8Array(300_000).fill(0x20), "x")).toThrow(/larger than/);
  const dir = mkdtempSync(join(tmpdir(), "rlp-policy-"));
  try {
    const file = join(dir, "policy.caps");
    await expect(loadPolicy(file)).rejects.toMatchObject({ code: "POLICY_UNREADABLE", place: { file } });
    writeFileSync(file, "model = true\n");
    expect(await loadPolicy(file)).toEqual({ ...noGrant, model: true });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
