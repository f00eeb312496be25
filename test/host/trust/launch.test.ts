/** Who vouches for an agent is looked at each time that it is about to run, and decides what it may and where it runs. */
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatPlace, RlpError } from "#core/errors.js";
import type { Host } from "#host/host.js";
import type { LoadedAgent } from "#host/run/executor.js";
import { agentForNode } from "#host/run/agents.js";
import { revokeKey } from "#host/trust/keys.js";
import { signatureFile } from "#host/trust/signature.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import { noCage, TrustHome } from "./home.js";

let at: TrustHome;
beforeEach(() => {
  at = new TrustHome();
});
afterEach(() => at.close());

/** `CODE: message, place (hint)` of what the host says to an agent. */
async function refusal(host: Host, name: string): Promise<string> {
  try {
    await host.agent(name);
    return "it may run";
  } catch (error) {
    if (!(error instanceof RlpError)) throw error;
    return `${error.code}: ${error.message}, ${formatPlace(error.place)} (${error.hint ?? ""})`;
  }
}
const may = ({ grant }: LoadedAgent): string => capabilitiesOf(grant).join("; ");

describe("a signature that is none", () => {
  test.each<[string, (bundle: string, other: string) => void]>([
    ["of another manifest", (bundle, other) => cpSync(signatureFile(other), signatureFile(bundle))],
    [
      "over a manifest that was changed since",
      (bundle) => writeFileSync(join(bundle, "manifest.toml"), `${readFileSync(join(bundle, "manifest.toml"), "utf8")}# more\n`),
    ],
    [
      "with the key of somebody who is trusted, put in its place",
      (bundle, other) => {
        const [mine, theirs] = [bundle, other].map((dir) => JSON.parse(readFileSync(signatureFile(dir), "utf8")));
        writeFileSync(signatureFile(bundle), JSON.stringify({ ...mine, key: theirs.key }));
      },
    ],
    [
      "that is a link",
      (bundle, other) => (rmSync(signatureFile(bundle)), symlinkSync(signatureFile(other), signatureFile(bundle))),
    ],
  ])("%s: refused at launch, with the place and the way out", async (_, forge) => {
    const bundle = await at.bundle(at.agents, "note", {}, at.author("mallory", false));
    forge(bundle, await at.bundle(at.root, "other", {}, at.author("ada")));
    expect(await refusal(at.host(), "note")).toMatch(new RegExp(`^TRUST_SIGNATURE: .*, ${bundle} .*rlp agent build`));
  });
});

test("a key that is revoked between two launches stops the second, in the same process too", async () => {
  const bundle = await at.bundle(at.agents, "note", {}, at.author("ada"));
  const host = at.host();
  expect((await host.agent("note")).trust?.standing).toEqual({ kind: "signed", key: at.keyId("ada"), name: "ada" });
  revokeKey(at.home.keysDir, "ada");
  expect(await refusal(host, "note")).toMatch(new RegExp(`^TRUST_REVOKED: .*ada.*, ${bundle} .*signed by another key`));
  const compiled = await host.compileText("x.yaml", Buffer.from("version: 0\nname: x\nnodes: [{id: a, use: agent:note}]\n"), {});
  expect(compiled.diagnostics[0]).toMatchObject({
    code: "OPENING_AGENT_REFUSED",
    message: expect.stringContaining("TRUST_REVOKED"),
  });
  // A replay does nothing that the key would have to answer for: it runs as a stranger's does.
  expect((await host.agent("note", { purpose: "replay" })).trust?.standing).toEqual({ kind: "stranger", key: null });
});

test("nobody has signed it, or a key that this home does not know: a stranger, who runs in the full cage only", async () => {
  await at.bundle(at.agents, "bare");
  await at.bundle(at.agents, "foreign", {}, at.author("mallory", false));
  const weak = at.host({ isolation: noCage });
  for (const name of ["bare", "foreign"])
    expect(await refusal(weak, name)).toMatch(
      /^TRUST_ISOLATION: nobody whom this home trusts vouches for .*less than the full cage.* \(.*install bubblewrap.*--accept-reduced/,
    );
  const named = at.host({ isolation: noCage, acceptReduced: ["foreign"] });
  expect((await named.agent("foreign")).trust).toMatchObject({ standing: { kind: "stranger" }, reduced: "flag" });
  expect(await refusal(named, "bare")).toMatch(/^TRUST_ISOLATION/);
  expect(await refusal(weak, "writer")).toBe("it may run");
  // Neither may a replay of it: it executes what a stranger wrote.
  await expect(weak.agent("bare", { purpose: "replay" })).rejects.toMatchObject({ code: "TRUST_ISOLATION" });
});

test("the sandbox itself refuses a stranger in less than the full cage, should anybody forget to ask", async () => {
  await at.bundle(at.agents, "bare");
  const { component } = await at.host({ isolation: noCage, acceptReduced: ["bare"] }).agent("bare");
  const guest = {
    component,
    node: "n",
    attempt: 1,
    with: "{}",
    inputs: [],
    seed: "5a".repeat(32),
    epochMs: 0,
    state: {},
    limits: { fuel: 1e6, memoryMib: 64, calls: 10 },
    linked: ["log"],
  };
  const hooks = { call: () => Promise.reject(new Error("none")), log: () => {} };
  await expect(
    at
      .host({ isolation: noCage })
      .sandbox()
      .run(guest as never, hooks as never, new AbortController().signal),
  ).rejects.toMatchObject({ code: "ISOLATION_UNAVAILABLE" });
});

test("the full cage: with the filter and the limits, or it is not full", async () => {
  expect((await noCage()).lacks).toMatchObject({
    why: expect.stringContaining("bubblewrap"),
    mend: expect.stringContaining("install"),
  });
});

describe("less than the full cage by the trust policy", () => {
  test("by name for what the home has installed; for what lies elsewhere its component must be named, too", async () => {
    await at.bundle(at.home.agentsDir, "mine");
    const openings = join(at.root, "project");
    await at.bundle(join(openings, "agents"), "theirs");
    at.trustPolicy('version = 1\n[agents.mine]\nisolation = "reduced"\n[agents.theirs]\nisolation = "reduced"\n');
    const opening = join(openings, "x.yaml");
    writeFileSync(opening, "version: 0\nname: x\nnodes: [{id: a, use: agent:theirs}]\n");
    const host = at.host({ isolation: noCage });
    expect((await host.agent("mine")).trust?.reduced).toBe("trust policy");
    expect((await host.compile(opening, {})).diagnostics[0]).toMatchObject({
      message: expect.stringContaining("TRUST_ISOLATION"),
    });
    const { component } = await host.inspectAgent(join(openings, "agents", "theirs"));
    at.trustPolicy(`version = 1\n[agents.theirs]\nisolation = "reduced"\ndigest = "${component.digest}"\n`);
    expect((await host.compile(opening, {})).diagnostics).toEqual([]);
    at.trustPolicy(`version = 1\n[agents.theirs]\nisolation = "reduced"\ndigest = "${"0".repeat(64)}"\n`);
    expect((await host.compile(opening, {})).diagnostics).toHaveLength(1);
  });
});

describe("a trust policy that cannot be used trusts nobody, and says so", () => {
  const LINK = "link";
  test.each<[string, string, RegExp]>([
    [
      "a key that is not there",
      "version = 1\n[strangres]\nrun = false\n",
      /unknown key `strangres`.*:2.*did you mean `strangers`/,
    ],
    [
      "a rule's key that is not there",
      "version = 1\n[default]\nrunn = true\n",
      /unknown key `default\.runn`.*did you mean `run`/,
    ],
    ["a rule for a key that nobody knows", "version = 1\n[keys.adaa]\nrun = true\n", /keys\.adaa.*did you mean `ada`/],
    ["no version", "[default]\nrun = true\n", /`version`: must be 1/],
    ["a later version", "version = 2\n", /`version`: must be 1/],
    ["a capability that is none", "version = 1\n[default.caps]\nkb_raed = true\n", /unknown key `default\.caps\.kb_raed`/],
    ["an isolation that is none", 'version = 1\n[agents.a]\nisolation = "none"\n', /must be "full" or "reduced"/],
    ["an agent's name that is none", 'version = 1\n[agents."../a"]\nisolation = "reduced"\n', /no agent's name/],
    ["no TOML", "version = \n", /trust-policy\.toml/],
    ["nothing but zeros", "\0".repeat(64), /trust-policy\.toml/],
    ["too large", `version = 1\n#${"x".repeat(300_000)}`, /300\d\d\d bytes/],
    ["a link", LINK, /it is a link/],
    ["a folder", "folder", /no regular file/],
  ])("%s", async (_, text, message) => {
    await at.bundle(at.agents, "signed", {}, at.author("ada"));
    await at.bundle(at.agents, "bare");
    if (text === LINK) {
      writeFileSync(join(at.root, "elsewhere.toml"), "version = 1\n");
      symlinkSync(join(at.root, "elsewhere.toml"), at.home.trustPolicyFile);
    } else if (text === "folder") mkdirSync(at.home.trustPolicyFile);
    else at.trustPolicy(text);
    const host = at.host();
    for (const name of ["signed", "bare"]) {
      const told = await refusal(host, name);
      expect(told).toMatch(/^TRUST_POLICY: the trust policy cannot be used, so nobody is trusted/);
      expect(told).toMatch(message);
      expect(told).toContain(at.home.trustPolicyFile);
    }
    expect(await refusal(host, "writer")).toBe("it may run");
  });

  test("others can write it", async () => {
    await at.bundle(at.agents, "bare");
    at.trustPolicy("version = 1\n", 0o666);
    expect(await refusal(at.host(), "bare")).toMatch(/^TRUST_POLICY: .*others can write it \(mode 666\).*chmod go-w/);
  });
});

describe("what a rule leaves", () => {
  const policy = 'kb_read = true\nmodel = true\nnet = ["api.example.com", "evil.example"]\n';

  test("a key's rule is a ceiling: what it does not name is off, whatever the bundle says", async () => {
    await at.bundle(at.agents, "note", { policy }, at.author("ada"));
    await at.bundle(at.agents, "other", { policy }, at.author("bob"));
    await at.bundle(at.agents, "bare", { policy });
    at.trustPolicy(
      'version = 1\n[default.caps]\nkb_read = ["notes"]\n[keys.ada.caps]\nnet = ["*.example.com"]\nrandom = true\n[strangers.caps]\n',
    );
    const host = at.host();
    expect(may(await host.agent("note"))).toBe("net api.example.com");
    expect(may(await host.agent("other"))).toBe("kb_read notes");
    expect(may(await host.agent("bare"))).toBe("");
    const { trust, face } = await host.agent("note");
    expect(trust?.layers).toMatchObject([
      { layer: "trust rule", file: at.home.trustPolicyFile, took: ["net evil.example", "kb_read", "model"], ignored: [] },
    ]);
    expect(capabilitiesOf(face.policy ?? face.grant)).toContain("model");
  });

  test.each<[string, string, "installed" | "beside", RegExp]>([
    ["strangers may not run", "[strangers]\nrun = false\n", "beside", /^TRUST_FORBIDDEN: .*may not be run.*\[strangers\]/],
    [
      "strangers may not be installed, and this one was",
      "[strangers]\ninstall = false\n",
      "installed",
      /^TRUST_FORBIDDEN: .*installed/,
    ],
    ["what was never installed is not meant by that", "[strangers]\ninstall = false\n", "beside", /^it may run/],
  ])("%s", async (_, rule, where, told) => {
    await at.bundle(where === "installed" ? at.home.agentsDir : at.agents, "bare");
    at.trustPolicy(`version = 1\n${rule}`);
    expect(await refusal(at.host(), "bare")).toMatch(told);
  });
});

describe("overrides", () => {
  const policy = 'kb_read = true\nmodel = ["local/*"]\nnet = ["api.example.com"]\n';

  test("take away, cannot add, and say what they tried; bundled agents have them, too", async () => {
    await at.bundle(at.agents, "bare", { policy });
    const system = at.override(join(at.systemDir, "policy-overrides"), "bare", 'kb_read = ["notes"]\nrandom = true\n');
    const home = at.override(
      at.home.overridesDir,
      "bare",
      'net = ["api.example.com", "evil.example"]\nmodel = ["*"]\nkb_read = true\n',
    );
    at.override(at.home.overridesDir, "writer", "model = false\n");
    const host = at.host();
    const agent = await host.agent("bare");
    expect(may(agent)).toBe("net api.example.com; kb_read notes; model local/*");
    expect(agent.trust?.layers).toMatchObject([
      { layer: "system override", file: system, took: ["kb_read"], left: ["kb_read notes"], ignored: ["random"] },
      { layer: "home override", file: home, took: [], left: [], ignored: ["net evil.example", "model *"] },
    ]);
    const { diagnostics } = await host.compileText(
      "x",
      Buffer.from("version: 0\nname: x\nnodes: [{id: a, use: agent:bare}]"),
      {},
    );
    expect(diagnostics.map(({ code, severity, message }) => [code, severity, message])).toEqual([
      ["OPENING_OVERRIDE", "warning", expect.stringMatching(new RegExp(`${system}.*ignored: random`))],
      ["OPENING_OVERRIDE", "warning", expect.stringMatching(new RegExp(`${home}.*ignored: net evil\\.example; model \\*`))],
    ]);
    expect(may(await host.agent("writer"))).toBe("");
  });

  test("of another agent, of other letters and of a project's own folder are nobody's", async () => {
    const project = join(at.root, "project");
    await at.bundle(join(project, "agents"), "bare", { policy });
    for (const [dir, name] of [
      [at.home.overridesDir, "other"],
      [at.home.overridesDir, "BARE"],
      [join(project, "policy-overrides"), "bare"],
      [join(project, ".rlp", "policy-overrides"), "bare"],
      [join(project, "agents", "bare", "policy-overrides"), "bare"],
    ] as const)
      at.override(dir, name, "kb_read = false\nmodel = false\nnet = []\n");
    for (const file of [join(project, "trust-policy.toml"), join(project, ".rlp", "trust-policy.toml")])
      writeFileSync(file, "version = 1\n[strangers]\nrun = false\n");
    const opening = join(project, "x.yaml");
    writeFileSync(opening, "version: 0\nname: x\nnodes: [{id: a, use: agent:bare}]\n");
    const { agents, diagnostics } = await at.host().compile(opening, {});
    expect(diagnostics).toEqual([]);
    expect(agents.get("bare")?.grant).toEqual(agents.get("bare")?.policy);
  });

  test.each<[string, (file: string) => void, RegExp]>([
    ["a link", (file) => (renameSync(file, `${file}.x`), symlinkSync(`${file}.x`, file)), /it is a link/],
    ["others can write it", (file) => chmodSync(file, 0o622), /others can write it/],
    ["a key that is not there", (file) => writeFileSync(file, "modle = false\n"), /unknown key `modle`/],
    ["too large", (file) => writeFileSync(file, "#".repeat(300_000)), /bytes/],
  ])("that cannot be read stop the agent, bundled or not: %s", async (_, spoil, message) => {
    await at.bundle(at.agents, "bare", { policy });
    for (const name of ["bare", "writer"]) spoil(at.override(at.home.overridesDir, name, "model = false\n"));
    const host = at.host();
    for (const name of ["bare", "writer"]) {
      expect(await refusal(host, name)).toMatch(message);
      expect(await refusal(host, name)).toMatch(/^POLICY_(?:UNREADABLE|INVALID)/);
    }
  });
});

test("a folder that lies in a granted one by its name only is not left: a link would lead out", async () => {
  const data = join(at.root, "data");
  for (const dir of ["data/in/deep", "secret/deep"]) mkdirSync(join(at.root, dir), { recursive: true });
  symlinkSync(join(at.root, "secret"), join(data, "way"));
  const policy = `fs_ro = ["${data}"]\nfs_rw = ["${data}/way/deep"]\n`;
  await at.bundle(at.agents, "bare", { policy });
  const host = at.host();
  const granted = async (override: string) => {
    at.override(at.home.overridesDir, "bare", override);
    return may(await host.agent("bare"));
  };
  expect(await granted(`fs_ro = ["${data}/in/deep"]\nfs_rw = []\n`)).toBe(`fs_ro ${data}/in/deep`);
  expect(await granted(`fs_ro = ["${data}/way/deep", "${data}/way/later"]\nfs_rw = []\n`)).toBe(`fs_ro ${data}/way/deep`);
  expect(await granted(`fs_ro = ["${data}/way/later", "${data}/later"]\nfs_rw = []\n`)).toBe(`fs_ro ${data}/later`);
  // A ceiling holds for what the policy itself names, too.
  rmSync(at.home.overridesDir, { recursive: true });
  at.trustPolicy(`version = 1\n[strangers.caps]\nfs_rw = ["${data}"]\n`);
  expect(may(await host.agent("bare"))).toBe(`fs_ro ${data}`);
  // So does the grant for what a node of somebody's opening names.
  const compiled = await host.compileText(
    "x",
    Buffer.from(`version: 0\nname: x\nnodes: [{id: a, use: agent:bare, caps: {fs: ["${data}/way"]}}]`),
    {},
  );
  expect(compiled.diagnostics).toEqual([]);
  const node = compiled.opening?.nodes[0];
  expect(may(agentForNode(await host.agent("bare"), node!))).toBe("");
});

test("agents of one key share a process with each other and nobody else; strangers and who reads real time are alone", async () => {
  const [ada, bob] = [at.author("ada"), at.author("bob")];
  await at.bundle(at.agents, "a_one", {}, ada);
  await at.bundle(at.agents, "a_two", { nops: 1, policy: "kb_read = true\n" }, ada);
  await at.bundle(at.agents, "a_clock", { nops: 2, policy: 'time = "real"\n' }, ada);
  await at.bundle(at.agents, "b_one", { nops: 3 }, bob);
  await at.bundle(at.agents, "s_one", { nops: 4 });
  await at.bundle(at.agents, "s_two", { nops: 4 });
  await at.bundle(at.agents, "s_more", { nops: 4, policy: "kb_read = true\n" });
  const host = at.host();
  const domain = async (name: string) => (await host.agent(name)).domain;
  expect(await domain("a_one")).toBe(`key:${at.keyId("ada")}`);
  expect(await domain("a_two")).toBe(await domain("a_one"));
  const apart = await Promise.all(["writer", "a_one", "a_clock", "b_one", "s_one", "s_more"].map(domain));
  expect(new Set(apart).size).toBe(6);
  // The same bytes with the same grant are the same stranger, whatever they call themselves.
  expect(await domain("s_two")).toBe(await domain("s_one"));
  expect(await domain("writer")).toBe(await domain("mailer"));
  // What a layer leaves counts: the real time taken, it is like any other.
  at.override(at.home.overridesDir, "a_clock", "time = true\n");
  expect(await domain("a_clock")).toBe(await domain("a_one"));
});

test("an agent has one name: a folder's that is another is refused, so nobody borrows rules that are made for somebody else", async () => {
  const bundle = await at.bundle(at.agents, "critic2");
  writeFileSync(
    join(bundle, "manifest.toml"),
    readFileSync(join(bundle, "manifest.toml"), "utf8").replace('"critic2"', '"critic"'),
  );
  expect(await refusal(at.host(), "critic2")).toMatch(
    /^ADMIT_BUNDLE: the folder is called `critic2`, and the agent in it is called `critic`/,
  );
});

test("a home that came with a clone is not believed: git keeps no modes, and keys that others can get at are none", async () => {
  await at.bundle(at.agents, "note", {}, at.author("mallory"));
  chmodSync(at.home.keysDir, 0o755);
  chmodSync(join(at.home.keysDir, "known.json"), 0o644);
  expect(await refusal(at.host(), "note")).toMatch(
    new RegExp(`^TRUST_FILE: others can get at it \\(mode 755\\).*${at.home.keysDir}`),
  );
});
