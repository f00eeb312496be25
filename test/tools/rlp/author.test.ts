import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sharedTypes } from "#host/catalog/types.js";
import { answers } from "../../../tools/rlp/commands/agent/scaffold.js";
import { exampleOf } from "../../../tools/rlp/scaffold/example.js";
import { openWizard } from "../../../tools/rlp/scaffold/wizard.js";
import { inFolder, rlp, type Called } from "./call.js";

const everything = [
  "--caps",
  "kb_read=notes,model,time,random,kb_write,actions=email.send,net=api.example.com:8443",
  "--description",
  'Takes "notes", for Zoë.',
];
const ports = [
  "--in",
  "text:text.v1",
  "--in",
  "who?:contact.list.v1",
  "--out",
  "out:text.v1",
  "--out",
  "ok:bool.v1",
  "--out",
  "review:review.v1",
];

describe("from nothing to a running opening", () => {
  let cwd: string;
  const call = (...words: string[]): Promise<Called> => rlp(words, { cwd, env: { RUNLOOP_HOME: join(cwd, "home") } });
  beforeAll(() => void (cwd = mkdtempSync(join(tmpdir(), "rlp-author-"))));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  test("three commands: scaffold, build, run", async () => {
    const made = await call("agent", "scaffold", "note_taker", "--opening", ...ports, ...everything);
    expect([made.stderr, made.code]).toEqual(["", 0]);
    expect(readdirSync(join(cwd, "agents"))).toEqual(["note_taker"]);
    const built = await call("agent", "build", "note_taker");
    expect([built.stderr, built.code]).toEqual(["", 0]);
    const run = await call("run", join(cwd, "openings/note_taker.yaml"), "--local", "--json");
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain('"kind":"run.finished"');
  });

  test("inspected and verified by name: here, and from anywhere once it is installed", async () => {
    const inspected = await call("agent", "inspect", "note_taker");
    expect(JSON.parse(inspected.stdout)).toMatchObject({ name: "note_taker", dir: join(cwd, "agents", "note_taker") });
    const elsewhere = (...words: string[]): Promise<Called> =>
      rlp(words, { cwd: join(cwd, "openings"), env: { RUNLOOP_HOME: join(cwd, "home") } });
    expect((await elsewhere("agent", "verify", "note_taker")).code).toBe(2);
    expect((await call("agent", "install", "agents/note_taker")).code).toBe(0);
    const verified = await elsewhere("agent", "verify", "note_taker");
    expect([verified.code, JSON.parse(verified.stdout).dir]).toEqual([0, join(cwd, "home", "agents", "note_taker")]);
    expect((await call("agent", "remove", "note_taker")).code).toBe(0);
  });

  test("its own tests pass", async () => {
    const { code, stdout } = await call("agent", "test", "agents/note_taker");
    expect(JSON.parse(stdout)).toMatchObject({ passed: 2, failed: 0 });
    expect(code).toBe(0);
  });

  test("run by itself: a whole run with a journal; what looks like a template stays as it is", async () => {
    const { code, stdout } = await call("agent", "run", "note_taker", "--input", "text={{params.x}}", "--yes");
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ status: "ok", failure: null, waiting: [] });
    expect(told.outputs.map(({ port }: { port: string }) => port)).toEqual(["out", "ok", "review"]);
    expect(told.outputs[0].body).toContain("{{params.x}}");
    expect(code).toBe(0);
    expect(JSON.parse((await call("runs", "--json")).stdout)[0]).toMatchObject({ status: "ok" });
  });

  test("a name that this home knows stays that agent, whatever lies in the folder one is in", async () => {
    const decoy = join(cwd, "agents", "writer");
    cpSync(join(cwd, "agents", "note_taker"), decoy, { recursive: true });
    expect((await call("agent", "run", "./agents/writer")).stderr).toMatch(/ADMIT_BUNDLE.*called `writer`.*`note_taker`/);
    const shown = await call("caps", "show", "writer");
    expect(JSON.parse(shown.stdout).name).toBe("writer");
    expect(shown.stderr).toContain("a path means the one here: ./agents/writer");
    expect(JSON.parse((await call("caps", "show", "./agents/writer")).stdout).name).toBe("note_taker");
    expect((await call("agent", "run", "writer", "--input", "text=a")).stderr).toContain("no input `text`");
    rmSync(decoy, { recursive: true });
  });

  test.each([
    ["a port that there is not", ["--input", "txt=a"], /no input `txt`/],
    ["no value", ["--input", "text"], /no `port=value`/],
    ["a value that is no JSON", ["--input", "text=a", "--input", "who=[ada"], /the input `who` is not JSON/],
    ["a port twice", ["--input", "text=a", "--input", "text=b"], /given twice/],
    ["a port in both places", ["--input", "text=a", "--with", '{"text": "b"}'], /in --input and in --with/],
    ["`with` that is no object", ["--with", "[1]"], /not a JSON object/],
    ["a required port without a value", [], /the required input `text`/],
    ["a value of another type", ["--input", "text=a", "--input", "who=3"], /contact\.list\.v1/],
  ])("run by itself refuses, exit 2: %s", async (_, words, message) => {
    const { code, stdout, stderr } = await call("agent", "run", "note_taker", ...words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
  });

  test("the same source gives the same bytes, and a second build changes nothing", async () => {
    const folder = join(cwd, "agents", "note_taker");
    const [wasm, manifest] = [readFileSync(join(folder, "agent.wasm")), readFileSync(join(folder, "manifest.toml"), "utf8")];
    rmSync(join(folder, "agent.wasm"));
    expect(JSON.parse((await call("agent", "build", "note_taker")).stdout)).toMatchObject({ changed: true });
    expect(readFileSync(join(folder, "agent.wasm")).equals(wasm)).toBe(true);
    expect(readFileSync(join(folder, "manifest.toml"), "utf8")).toBe(manifest);
    expect(JSON.parse((await call("agent", "build", "note_taker")).stdout)).toMatchObject({ changed: false });
  });

  test("installed, it is found from everywhere; removed, it is gone; a bundled agent stays what it is", async () => {
    const installed = await call("agent", "install", "agents/note_taker");
    expect([installed.code, installed.stderr]).toEqual([0, ""]);
    expect(JSON.parse(installed.stdout).standing).toMatchObject({ kind: "signed", name: "own" });
    const dir = join(cwd, "home", "agents", "note_taker");
    expect(JSON.parse(installed.stdout)).toMatchObject({ name: "note_taker", dir });
    const elsewhere = (...words: string[]): Promise<Called> => rlp(words, { env: { RUNLOOP_HOME: join(cwd, "home") } });
    const listed = JSON.parse((await elsewhere("agent", "list")).stdout) as { name: string; dir: string }[];
    expect(listed.find(({ name }) => name === "note_taker")?.dir).toBe(dir);
    const ran = JSON.parse((await elsewhere("agent", "run", "note_taker", "--input", "text=hello")).stdout);
    expect(ran).toMatchObject({ status: "ok" });
    expect((await elsewhere("replay", ran.trace, "--json")).code).toBe(0);
    expect((await call("agent", "install", "agents/note_taker")).stderr).toContain("error[INSTALL_EXISTS]");
    expect((await elsewhere("agent", "remove", "note_taker")).code).toBe(0);
    expect((await elsewhere("agent", "run", "note_taker")).stderr).toContain("there is no agent `note_taker`");
    expect((await elsewhere("agent", "remove", "writer")).stderr).toContain("no agent `writer` is installed");
  });

  test("a case that does not hold: exit 1, and a line that says where", async () => {
    const file = join(cwd, "agents", "note_taker", "tests", "wrong.yaml");
    writeFileSync(file, "name: wrong\ninputs: {}\nexpect: {ports: {out: hello}}\n");
    const { code, stdout } = await call("agent", "test", "note_taker");
    expect(code).toBe(1);
    expect(JSON.parse(stdout).cases.at(-1).differences).toEqual(["failed with `note_taker.nothing`: nothing arrived on text"]);
    const shown = await rlp(["agent", "test", "note_taker"], {
      cwd,
      columns: 100,
      env: { RUNLOOP_HOME: join(cwd, "home"), NO_COLOR: "1" },
    });
    expect(shown.stdout).toMatch(/^✓ the example/m);
    expect(shown.stdout).toMatch(/^✗ wrong {2}agents\/note_taker\/tests\/wrong\.yaml$/m);
    expect(shown.stdout).toMatch(/^2 of 3 cases pass$/m);
    rmSync(file);
  });

  test("what does not compile is told line by line, and the component stays as it was", async () => {
    const folder = join(cwd, "agents", "note_taker");
    const source = join(folder, "src", "agent.ts");
    const [before, wasm] = [readFileSync(source, "utf8"), readFileSync(join(folder, "agent.wasm"))];
    appendFileSync(source, "let a: i32 = nowhere;\nlet b: i32 = nothing;\n");
    const lines = before.split("\n").length;
    const { code, stdout, stderr } = await call("agent", "build", "note_taker");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`error[BUILD_COMPILE]: AS2304: Cannot find name 'nowhere'., ${source}:${lines}:14\n`);
    expect(stderr).toContain(`${source}:${lines + 1}:14\n`);
    expect(readFileSync(join(folder, "agent.wasm")).equals(wasm)).toBe(true);
    // Until it is built again, the changed source is refused: nobody tests what is not there.
    expect((await call("agent", "test", "note_taker")).stderr).toContain("error[ADMIT_DIGEST]");
    writeFileSync(source, before);
  });

  test("caps show: the policy and what it links; caps lint: nothing to mend, but for what it never uses", async () => {
    const shown = JSON.parse((await call("caps", "show", "note_taker")).stdout);
    expect(shown).toMatchObject({ name: "note_taker", missing: [], stubs: [] });
    expect(shown.effective).toEqual(shown.layers[0].granted);
    expect(shown.linked).toEqual(["clock", "kb", "log", "model", "random"]);
    const linted = await call("caps", "lint", "note_taker");
    expect(linted.code).toBe(0);
    expect(JSON.parse(linted.stdout).findings.map(({ cap }: { cap: string }) => cap)).toEqual(["kb_write", "net", "actions"]);
    expect((await call("caps", "show", "writer")).stdout).toContain('"linked":["log","model"]');
    expect((await call("caps", "lint", "nowhere")).code).toBe(2);
  });

  test("built without a signature it is a stranger's, who is told apart from one's own", async () => {
    const built = JSON.parse((await call("agent", "build", "note_taker", "--no-sign")).stdout);
    expect(built).toMatchObject({ signed_by: null, changed: false });
    expect((await call("agent", "verify", "note_taker")).code).toBe(4);
    const caged = await rlp(["agent", "run", "note_taker", "--input", "text=a"], {
      cwd,
      env: { RUNLOOP_HOME: join(cwd, "home"), RUNLOOP__RUNTIME__ISOLATION: "reduced" },
    });
    expect([caged.code, caged.stderr]).toEqual([
      1,
      expect.stringMatching(/TRUST_ISOLATION.*note_taker.*\nhint: .*--accept-reduced note_taker/),
    ]);
    const again = JSON.parse((await call("agent", "build", "note_taker")).stdout);
    expect(again).toMatchObject({ changed: false, digest: built.digest, signed_by: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });

  test("signed by a key of one's own it verifies; changed, or with the key revoked, it does not, is not installed and does not run", async () => {
    expect((await call("agent", "sign", "note_taker")).code).toBe(0);
    const verified = await call("agent", "verify", "note_taker");
    expect([verified.code, JSON.parse(verified.stdout).trust]).toEqual([0, "trusted"]);
    const installed = await call("agent", "install", "note_taker");
    expect([installed.code, installed.stderr]).toEqual([0, ""]);
    expect((await call("agent", "remove", "note_taker")).code).toBe(0);

    const manifest = join(cwd, "agents", "note_taker", "manifest.toml");
    const before = readFileSync(manifest, "utf8");
    writeFileSync(manifest, before.replace("0.1.0", "0.2.0"));
    expect((await call("agent", "verify", "note_taker")).code).toBe(4);
    expect((await call("agent", "install", "note_taker")).stderr).toContain("error[TRUST_SIGNATURE]");
    writeFileSync(manifest, before);
    expect((await call("keys", "revoke", "own")).code).toBe(0);
    expect((await call("agent", "install", "note_taker")).stderr).toMatch(/error\[TRUST_REVOKED\].*revoked/);
    const refused = await call("agent", "run", "note_taker", "--input", "text=a");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/error\[TRUST_REVOKED\].*agents\/note_taker/)]);
    // Building makes a new key: the revoked one is not taken up again.
    expect((await call("agent", "build", "note_taker")).code).toBe(0);
    expect(JSON.parse((await call("keys", "list")).stdout)).toMatchObject([
      { name: "own", status: "revoked" },
      { name: "own-2", status: "trusted" },
    ]);
    expect(readdirSync(join(cwd, "home", "agents"))).toEqual([]);
  });

  test("an import that the policy does not grant is said at once", async () => {
    const policy = join(cwd, "agents", "note_taker", "policy.caps");
    writeFileSync(policy, readFileSync(policy, "utf8").replace("model = true\n", ""));
    const { code, stderr } = await call("agent", "build", "note_taker");
    expect(code).toBe(0);
    expect(stderr).toMatch(/warning: the component imports runloop:agent\/model@0\.1\.0, and the policy does not grant model/);
    const linted = await call("caps", "lint", "note_taker");
    expect(linted.code).toBe(1);
    expect(JSON.parse(linted.stdout).findings).toContainEqual(expect.objectContaining({ severity: "error", cap: "model" }));
    writeFileSync(policy, "modle = true\n");
    expect((await call("caps", "lint", policy)).stderr).toMatch(/POLICY_INVALID.*unknown key `modle`.*\n.*`model`/);
  });
});

test.each([
  ["no name", ["1note"], /is no agent's name/, /note/],
  ["a path for a name", ["../note"], /is no agent's name/, /note/],
  ["a bundled agent's name", ["writer"], /there is an agent `writer` already/, /another name/],
  ["what a program has no use for", ["x", "--lang", "rust", "--caps", "kb_read"], /nothing for `kb_read`/, /--lang js/],
  ["a language nobody knows", ["x", "--lang", "cobol"], /Allowed choices are as, js, ts, rust/, /--help/],
  ["a port without a type", ["x", "--in", "text"], /`text` is no port/, /name:type/],
  ["a type that there is not", ["x", "--in", "a:txt.v1"], /no port type `txt\.v1`/, /`text\.v1`/],
  ["a port twice", ["x", "--in", "a:text.v1", "--in", "a:json.v1"], /`a` is named twice/, /once/],
  ["a capability that there is not", ["x", "--caps", "modle"], /`modle` is no capability/, /`model`/],
  ["a list where none belongs", ["x", "--caps", "time=a"], /`time` takes no list/, /--caps time/],
  ["actions without kinds", ["x", "--caps", "actions"], /`actions` needs a list/, /email\.send/],
  ["a quote in a capability", ["x", "--caps", 'model="a'], /is no capability/, /--caps/],
  ["a description that ends the comment", ["x", "--description", "a */ b"], /one plain line/, /--description/],
  ["a description of two lines", ["x", "--description", "a\nb"], /one plain line/, /--description/],
])("scaffold refuses, and writes nothing: %s", async (_, words, message, hint) => {
  await inFolder(async (cwd) => {
    const { code, stdout, stderr } = await rlp(["agent", "scaffold", ...words, "--opening"], {
      cwd,
      env: { RUNLOOP_HOME: join(cwd, "h") },
    });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(new RegExp(`^hint: .*${hint.source}`, "m"));
    expect(existsSync(join(cwd, "agents")) || existsSync(join(cwd, "openings"))).toBe(false);
  });
});

test("scaffold never writes over what is there", async () => {
  await inFolder(async (cwd) => {
    const call = (...words: string[]): Promise<Called> =>
      rlp(["agent", "scaffold", ...words], { cwd, env: { RUNLOOP_HOME: join(cwd, "h") } });
    expect((await call("mine", "--opening")).code).toBe(0);
    const before = readFileSync(join(cwd, "agents", "mine", "src", "agent.ts"), "utf8");
    expect((await call("mine", "--description", "Another.")).stderr).toMatch(/is there already; nothing was written/);
    rmSync(join(cwd, "agents"), { recursive: true });
    expect((await call("mine", "--opening")).stderr).toMatch(/openings\/mine\.yaml/);
    expect(existsSync(join(cwd, "agents"))).toBe(false);
    expect((await call("mine", "--dir", "elsewhere")).code).toBe(0);
    expect(readFileSync(join(cwd, "elsewhere", "agents", "mine", "src", "agent.ts"), "utf8")).toBe(before);
  });
});

test.each(
  sharedTypes()
    .names()
    .map((type) => [type]),
)("an example can be made up for %s", (type) => {
  expect(() => exampleOf(type, sharedTypes())).not.toThrow();
});

async function typing(text: string) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let said = "";
  output.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const wizard = openWizard(input, output);
  const settled = answers(wizard, "x", { lang: "as" }, sharedTypes());
  // One line for each question: what is typed ahead of a question would be lost.
  for (const line of text.split("\n")) {
    const questions = said.split("] ").length;
    input.write(`${line}\r`);
    for (let turns = 0; turns < 200 && said.split("] ").length === questions; turns++)
      await new Promise((done) => setImmediate(done));
  }
  if (text.endsWith("\u0003")) input.write("\u0003");
  const result = await settled;
  wizard.close();
  return { result, said };
}

test("the wizard asks for what the flags left open, and asks again where an answer cannot be used", async () => {
  const { result, said } = await typing("Takes notes.\ntext:txt.v1\ntext:text.v1, who?:json.v1\n\nkb_read, model\n");
  expect(said).toMatch(/there is no port type `txt\.v1` \(did you mean `text\.v1`\?\)/);
  expect(result).toEqual({
    spec: {
      name: "x",
      lang: "as",
      description: "Takes notes.",
      inputs: [
        { name: "text", type: "text.v1", required: true },
        { name: "who", type: "json.v1", required: false },
      ],
      outputs: [{ name: "out", type: "text.v1", required: true }],
      caps: [
        { name: "kb_read", values: true },
        { name: "model", values: true },
      ],
    },
    withOpening: true,
  });
});

test("Ctrl-C in the wizard: nobody answers any more", async () => {
  expect((await typing("Takes notes.\n\u0003")).result).toBeNull();
});
