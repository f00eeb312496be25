/** An agent of somebody else's, from their machine to a run on mine, and everything that may stand in its way. */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rlp, type Called } from "./call.js";

let cwd: string;
const at = (home: string, ...words: string[]): Promise<Called> => rlp(words, { cwd, env: { RUNLOOP_HOME: join(cwd, home) } });
const ada = (...words: string[]) => at("ada", ...words);
const me = (...words: string[]) => at("me", ...words);
const json = ({ stdout }: Called) => JSON.parse(stdout);
let key: string;

/** Ada builds a version of her agent and packs it. */
async function pack(version: string): Promise<string> {
  const manifest = join(cwd, "agents", "note_taker", "manifest.toml");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/^version = .*$/m, `version = "${version}"`));
  expect((await ada("agent", "build", "note_taker")).code).toBe(0);
  const archive = join(cwd, `note_taker-${version}.tar.gz`);
  execFileSync("tar", ["-czf", archive, "-C", join(cwd, "agents"), "note_taker"]);
  return archive;
}

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "rlp-strangers-"));
  const made = await ada("agent", "scaffold", "note_taker", "--caps", "kb_read,model,net=api.example.com,time", "--opening");
  expect(made.stderr).toBe("");
  await pack("1.2.0");
  key = json(await ada("keys", "list"))[0].public;
  // Nothing of her folder is looked at from now on.
  cpSync(join(cwd, "agents"), join(cwd, "hers"), { recursive: true });
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("without her key it is a stranger's: installed with a word of warning, and it says so everywhere", async () => {
  const installed = await me("agent", "install", "note_taker-1.2.0.tar.gz");
  expect([installed.code, installed.stderr]).toEqual([0, expect.stringMatching(/nobody whom you trust has signed it/)]);
  expect(json(installed).standing).toMatchObject({ kind: "stranger", key: expect.stringMatching(/^[0-9a-f]{32}$/) });
  const listed = json(await me("agent", "list")).find(({ name }: { name: string }) => name === "note_taker");
  expect(listed.standing.kind).toBe("stranger");
  const table = await rlp(["agent", "list"], { cwd, columns: 160, env: { RUNLOOP_HOME: join(cwd, "me") } });
  expect(table.stdout).toMatch(/note_taker@1\.2\.0\s+a stranger/);
  expect((await me("agent", "remove", "note_taker")).code).toBe(0);
});

test("her key is trusted with a ceiling: rule first, then key; a name or file that is wrong leaves neither", async () => {
  writeFileSync(join(cwd, "most.caps"), 'kb_read = ["notes"]\nmodel = true\ntime = true\n');
  writeFileSync(join(cwd, "tables.caps"), "[[net]]\nhost = 'a.example'\n");
  writeFileSync(join(cwd, "wrong.caps"), "modle = true\n");
  expect((await me("keys", "trust", "ada", key, "--caps", "wrong.caps")).stderr).toMatch(/POLICY_INVALID.*modle/);
  expect((await me("keys", "trust", "ada", key, "--caps", "nothere.caps")).stderr).toMatch(/POLICY_UNREADABLE/);
  expect((await me("keys", "trust", "ada", key, "--caps", "tables.caps")).stderr).toMatch(/write tables in the lines/);
  expect((await me("keys", "trust", "../ada", key, "--caps", "most.caps")).stderr).toMatch(/TRUST_BAD_KEY/);
  expect((await me("keys", "trust", "ada", "AAAA", "--caps", "most.caps")).stderr).toMatch(/TRUST_BAD_KEY/);
  expect(existsSync(join(cwd, "me", "trust-policy.toml"))).toBe(false);
  const trusted = await me("keys", "trust", "ada", key, "--caps", "most.caps");
  expect([trusted.code, trusted.stderr, json(trusted).caps]).toEqual([0, "", ["time", "kb_read notes", "model"]]);
  expect((await me("caps", "lint")).stdout).toContain('"findings":[]');
  expect((await me("keys", "trust", "ada2", key, "--caps", "most.caps")).stderr).toMatch(/TRUST_KEY_EXISTS/);
});

test("installed with her signature it may what her key may; show says which layer took what, also of a node", async () => {
  expect(json(await me("agent", "install", "note_taker-1.2.0.tar.gz"))).toMatchObject({
    standing: { kind: "signed", name: "ada" },
    granted: ["time", "kb_read notes", "model"],
  });
  writeFileSync(
    join(cwd, "node.yaml"),
    "version: 0\nname: node\nnodes:\n  - {id: take, use: agent:note_taker, caps: {model: [local/*]}, with: {text: hello}}\n",
  );
  mkdirSync(join(cwd, "me", "policy-overrides"), { recursive: true });
  const override = join(cwd, "me", "policy-overrides", "note_taker.caps");
  writeFileSync(override, 'model = ["local/*", "lab/*"]\nactions = ["email.send"]\n', { mode: 0o600 });
  const shown = json(await me("caps", "show", "note_taker", "--node", "node.yaml:take"));
  expect(shown.layers.map(({ layer, took, left, ignored }: any) => [layer, took, left, ignored])).toEqual([
    ["bundle", [], [], []],
    ["trust rule", ["net api.example.com", "kb_read"], ["kb_read notes"], []],
    ["home override", ["model"], ["model lab/*, local/*"], ["actions email.send"]],
  ]);
  expect(shown.effective).toEqual(["time", "kb_read notes", "model lab/*, local/*"]);
  expect(shown.nodes).toMatchObject([
    {
      node: "take",
      effective: ["time", "kb_read notes", "model local/*"],
      layers: { 3: { layer: "opening", took: ["model lab/*, local/*"], left: ["model local/*"] } },
    },
  ]);
  const table = await rlp(["caps", "show", "note_taker"], { cwd, columns: 200, env: { RUNLOOP_HOME: join(cwd, "me") } });
  expect(table.stdout).toMatch(/from +signed by ada/);
  expect(table.stdout).toMatch(/takes net api\.example\.com/);
  expect(table.stdout).toMatch(/cannot add actions email\.send: ignored/);
  expect((await me("caps", "show", "writer", "--node", "node.yaml:take")).stderr).toMatch(/uses the agent `note_taker`/);
  expect((await me("caps", "show", "note_taker", "--node", "node.yaml:tkae")).stderr).toMatch(/no node `tkae`.*\n.*take/);
  expect((await me("caps", "show", "note_taker", "--node", "take")).stderr).toMatch(/not opening:node/);
});

test("lint finds what an operator's files say in vain", async () => {
  const overrides = join(cwd, "me", "policy-overrides");
  for (const name of ["nobody.caps", "Writer.caps", "critic.txt", "mailer.caps"])
    writeFileSync(join(overrides, name), name === "mailer.caps" ? "modle = false\n" : "model = false\n", { mode: 0o600 });
  const linted = await me("caps", "lint");
  expect(linted.code).toBe(1);
  const found = json(linted).findings.map(({ severity, file, message }: any) => [severity, file.split("/").at(-1), message]);
  expect(found).toEqual([
    ["warning", "Writer.caps", "it is never read"],
    ["warning", "critic.txt", "it is never read"],
    ["error", "mailer.caps", expect.stringContaining("unknown key `modle`")],
    ["warning", "nobody.caps", "this home has no agent `nobody`"],
    ["warning", "note_taker.caps", expect.stringMatching(/cannot add.*actions email\.send/)],
  ]);
  rmSync(overrides, { recursive: true });
  writeFileSync(
    join(cwd, "me", "trust-policy.toml"),
    `${readFileSync(join(cwd, "me", "trust-policy.toml"), "utf8")}[keys.bob]\nrun = true\n`,
  );
  const broken = await me("caps", "lint");
  expect([broken.code, json(broken).findings[0]]).toEqual([
    1,
    expect.objectContaining({ severity: "error", message: expect.stringMatching(/keys\.bob/) }),
  ]);
  expect((await me("agent", "run", "note_taker", "--input", "text=a")).stderr).toMatch(/TRUST_POLICY.*nobody is trusted/);
  writeFileSync(
    join(cwd, "me", "trust-policy.toml"),
    readFileSync(join(cwd, "me", "trust-policy.toml"), "utf8").replace("[keys.bob]\nrun = true\n", ""),
  );
});

test("it runs with what is left to it, and the run records who vouched for it", async () => {
  const run = await me("run", join(cwd, "node.yaml"), "--local", "--json");
  const [started] = run.stdout.split("\n").map((line) => JSON.parse(line || "{}"));
  expect(started.meta.trust).toMatchObject({
    note_taker: {
      standing: "signed",
      layers: [{ layer: "trust rule", took: ["net api.example.com", "kb_read"], left: ["kb_read notes"] }],
    },
  });
  expect(started.meta.grants.take).toMatchObject({ model: ["local/*"], kb_read: ["notes"], net: [], time: true });
});

test("an older version does not come in the place of a newer one, though that was removed", async () => {
  const older = await pack("1.1.9");
  expect((await me("agent", "remove", "note_taker")).code).toBe(0);
  const refused = await me("agent", "install", older);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/INSTALL_DOWNGRADE.*1\.1\.9 is older than 1\.2\.0.*\nhint: .*--allow-downgrade/),
  ]);
  expect((await me("agent", "install", older, "--allow-downgrade")).code).toBe(0);
  expect((await me("agent", "remove", "note_taker")).code).toBe(0);
});

test("what was installed stops when its key is revoked", async () => {
  expect((await me("agent", "install", "note_taker-1.2.0.tar.gz")).code).toBe(0);
  expect((await me("keys", "revoke", "ada")).code).toBe(0);
  const run = await me("run", join(cwd, "node.yaml"), "--local");
  expect([run.code, run.stderr]).toEqual([
    2,
    expect.stringMatching(/OPENING_AGENT_REFUSED.*TRUST_REVOKED[^]*hint: get it signed by another key/),
  ]);
  expect((await me("agent", "install", "note_taker-1.2.0.tar.gz")).stderr).toMatch(/TRUST_REVOKED/);
  const listed = json(await me("agent", "list")).find(({ name }: { name: string }) => name === "note_taker");
  expect(listed.fault).toMatch(/revoked/);
});

test("doctor looks at what trust rests on, and at where the home lies", async () => {
  const trust = async (home: string) =>
    json(await at(home, "doctor")).findings.filter(({ check }: { check: string }) => check === "trust");
  expect(await trust("ada")).toEqual([
    { check: "trust", status: "ok", what: expect.stringMatching(/1 keys are trusted \(own: own\)/) },
  ]);
  mkdirSync(join(cwd, ".git"));
  expect(await trust("ada")).toMatchObject([
    { status: "ok" },
    { status: "warning", what: expect.stringContaining(`project ${cwd}`) },
  ]);
  chmodSync(join(cwd, "ada", "keys", "own.key"), 0o644);
  expect(await trust("ada")).toMatchObject([{ status: "broken", mend: expect.stringMatching(/^chmod go-rwx .*own\.key$/) }]);
});

test("--accept-reduced is written down with the component that it is for", async () => {
  const installed = await at("other", "agent", "install", "note_taker-1.2.0.tar.gz", "--accept-reduced");
  expect(installed.code).toBe(0);
  const policy = readFileSync(join(cwd, "other", "trust-policy.toml"), "utf8");
  expect(policy).toBe(`version = 1\n\n[agents.note_taker]\nisolation = "reduced"\ndigest = "${json(installed).digest}"\n`);
  const reduced = { RUNLOOP_HOME: join(cwd, "other"), RUNLOOP__RUNTIME__ISOLATION: "reduced" };
  const ran = await rlp(["run", join(cwd, "node.yaml"), "--local", "--json"], { cwd, env: reduced });
  expect(JSON.parse(ran.stdout.split("\n")[0] ?? "").meta).toMatchObject({
    trust: { note_taker: { standing: "stranger", reduced: "trust policy" } },
    host: { isolation: expect.not.stringContaining("bubblewrap") },
  });
  // What a person has written of it stays.
  expect((await at("other", "agent", "remove", "note_taker")).code).toBe(0);
  const own = 'version = 1\n[agents.note_taker]\nisolation = "full"\n';
  writeFileSync(join(cwd, "other", "trust-policy.toml"), own);
  const kept = await at("other", "agent", "install", "note_taker-1.2.0.tar.gz", "--accept-reduced");
  expect([kept.code, kept.stderr]).toEqual([
    0,
    expect.stringMatching(/left as it is.*write there: \[agents\.note_taker\], isolation = "reduced"/),
  ]);
  expect(readFileSync(join(cwd, "other", "trust-policy.toml"), "utf8")).toBe(own);
  writeFileSync(join(cwd, "other", "trust-policy.toml"), "version = 1\n", { mode: 0o600 });
  const refused = await rlp(["run", join(cwd, "node.yaml"), "--local"], { cwd, env: reduced });
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("TRUST_ISOLATION")]);
  const flagged = await rlp(["run", join(cwd, "node.yaml"), "--local", "--json", "--accept-reduced", "note_taker"], {
    cwd,
    env: reduced,
  });
  expect(JSON.parse(flagged.stdout.split("\n")[0] ?? "").meta.trust.note_taker).toMatchObject({ reduced: "flag" });
});
