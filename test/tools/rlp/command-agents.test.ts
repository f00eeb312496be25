/** Programs that know nothing of rlp, from a module on disk to a run that replays. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "#sdk/build/layout.js";
import { data, preview1, READ_ALL } from "../../host/sandbox/command.js";
import { rlp, type Called } from "./call.js";

let cwd: string;
const call = (...words: string[]): Promise<Called> => rlp(words, { cwd, env: { RUNLOOP_HOME: join(cwd, "home") } });
beforeAll(() => void (cwd = mkdtempSync(join(tmpdir(), "rlp-commands-"))));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function write(name: string, program: Promise<Uint8Array>, policy = "", more = ""): Promise<void> {
  const bundle = join(cwd, "agents", name);
  mkdirSync(join(bundle, "tests"), { recursive: true });
  writeFileSync(join(bundle, "module.wasm"), await program);
  writeFileSync(join(bundle, "policy.caps"), policy);
  writeFileSync(
    join(bundle, "manifest.toml"),
    `[agent]
name = "${name}"
version = "0.1.0"
description = "A program."
world = "command"
entry = { path = "agent.wasm", blake3 = "" }

[ports.in.text]
type = "text.v1"
[ports.out.out]
type = "json.v1"
${more}
[caps]
file = "policy.caps"
blake3 = ""
`,
  );
}

const write1 = (at: number, length: number): string => `(call $write (i32.const 1) (i32.const ${at}) (i32.const ${length}))`;
/** Gives its invocation back, with a random digit before it; says one line. */
const echo = (): Promise<Uint8Array> =>
  preview1(
    `${READ_ALL} (drop (call $random_get (i32.const 300) (i32.const 1)))
     (i32.store8 (i32.const 300) (i32.add (i32.const 48) (i32.rem_u (i32.load8_u (i32.const 300)) (i32.const 10))))
     (call $write (i32.const 2) (i32.const 200) (i32.const 8))
     ${write1(100, 8)} ${write1(300, 1)} ${write1(120, 1)} (call $write (i32.const 1) (i32.const 65536) (local.get $n)) ${write1(110, 2)}`,
    `${data(100, '{"out":[')} ${data(110, "]}")} ${data(120, ",")} ${data(200, "working\n")}`,
    '(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))',
  );

test("what a program needs is said when it is built, and it does not run without", async () => {
  await write("echo", echo());
  const built = await call("agent", "build", "echo");
  expect(built.code).toBe(0);
  expect(JSON.parse(built.stdout).imports).toContain("wasi:random/random@0.2.12");
  expect(built.stderr).toMatch(/imports wasi:random\/random@0\.2\.12, and the policy does not grant random/);
  const refused = await call("agent", "run", "echo", "--input", "text=hi");
  expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("OPENING_GRANT") });
  writeFileSync(join(cwd, "agents", "echo", "policy.caps"), "random = true\n");
  expect(await call("agent", "build", "echo")).toMatchObject({ code: 0, stderr: "" });
});

test("it runs by itself, in an opening, and again the same in a replay", async () => {
  const alone = JSON.parse((await call("agent", "run", "echo", "--input", "text=hi", "--seed", "7")).stdout);
  expect(alone).toMatchObject({
    status: "ok",
    outputs: [
      {
        port: "out",
        type: "json.v1",
        body: [expect.any(Number), { attempt: 1, inputs: { text: [{ body: "hi", type: "text.v1" }] } }],
      },
    ],
  });
  writeFileSync(
    join(cwd, "two.yaml"),
    `version: 0
name: two
nodes:
  - { id: first, use: "agent:echo", with: { text: "hello" } }
  - { id: second, use: "agent:echo", with: { text: "hello" } }
success:
  all_of: ["exists(first.out)", "exists(second.out)"]
`,
  );
  const run = await call("run", join(cwd, "two.yaml"), "--local", "--json", "--seed", "1");
  expect(run.stderr).not.toContain("error");
  const events = run.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const said = events.filter(({ kind }) => kind === "node.stderr").map(({ meta }) => [meta.node, meta.attempt, meta.chunk]);
  expect(said.toSorted()).toEqual([
    ["first", 1, "working"],
    ["second", 1, "working"],
  ]);
  const trace = events[0].trace_id as string;
  const replayed = await call("replay", trace, "--agents", "agents");
  expect(JSON.parse(replayed.stdout)).toMatchObject({ agrees: true, attempts: 2 });
  expect((await call("trace", trace)).stdout).toContain("working");
});

test("a line of standard error that was changed in the record, left out or put in is found", async () => {
  const file = join(cwd, "trace.jsonl");
  expect(await call("run", join(cwd, "two.yaml"), "--local", "--json", "--trace-out", file)).toMatchObject({ code: 0 });
  const lines = readFileSync(file, "utf8").split("\n");
  const at = lines.findIndex((line) => line.includes('"kind":"node.stderr"'));
  const line = lines[at]!;
  const verdict = async (forged: readonly string[]): Promise<string> => {
    const other = join(cwd, "forged.jsonl");
    // `seq` counts without gaps: a forger would see to that.
    let seq = 0;
    writeFileSync(other, forged.map((each) => each.replace(/"seq":\d+/, () => `"seq":${seq++}`)).join("\n"));
    const { stdout, stderr } = await call("replay", other, "--agents", "agents");
    return stdout + stderr;
  };
  expect(await verdict(lines)).toContain('"agrees":true');
  // What says where each event stands in its ledger, and what seals the file, a forger leaves out: it finds such a change before anything runs.
  const bare = lines.filter((each) => !/^\{"(?:rows|seal)":/.test(each));
  expect(bare.length).toBeLessThan(lines.length);
  for (const forged of [
    (all: readonly string[]) => all.with(at, line.replaceAll("working", "wording")),
    (all: readonly string[]) => all.toSpliced(at, 1),
    (all: readonly string[]) => all.toSpliced(at, 0, line),
  ]) {
    expect(await verdict(forged(bare))).toContain('"agrees":false');
    expect(await verdict(forged(lines))).toContain("TRACE_DAMAGED");
  }
});

test("a program that fails is tried again where the opening says so, and its last lines are the reason", async () => {
  await write(
    "failing",
    preview1(
      `(call $write (i32.const 2) (i32.const 100) (i32.const 13)) (call $exit (i32.const 9))`,
      data(100, "no such\nthing"),
    ),
  );
  expect(await call("agent", "build", "failing")).toMatchObject({ code: 0 });
  const alone = JSON.parse((await call("agent", "run", "failing")).stdout);
  expect(alone).toMatchObject({
    status: "error",
    failure: { code: "agent.exit", message: "exit status 1: no such\nthing", retryable: true },
  });
  writeFileSync(
    join(cwd, "again.yaml"),
    `version: 0
name: again
nodes:
  - { id: it, use: "agent:failing", retry: { max_attempts: 2, backoff_ms: 1 } }
`,
  );
  const events = (await call("run", join(cwd, "again.yaml"), "--local", "--json")).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.filter(({ kind }) => kind === "node.finished").map(({ meta }) => [meta.attempt, meta.error.code])).toEqual([
    [1, "agent.exit"],
    [2, "agent.exit"],
  ]);
  const readable = await rlp(["run", join(cwd, "again.yaml"), "--local"], {
    cwd,
    env: { RUNLOOP_HOME: join(cwd, "home") },
    columns: 100,
  });
  expect(`${readable.stdout}${readable.stderr}`).toContain("no such");
});

test("half a result is none, however well the program ended", async () => {
  await write("half", preview1(`${write1(100, 8)} (call $exit (i32.const 0))`, data(100, '{"out": ')));
  await call("agent", "build", "half");
  expect(JSON.parse((await call("agent", "run", "half")).stdout)).toMatchObject({
    status: "error",
    outputs: [],
    failure: {
      code: "host.component",
      message: expect.stringMatching(/not one JSON object of outputs \(out\).*it is `\{"out": `/),
    },
  });
});

test("its own tests run it like any agent", async () => {
  writeFileSync(
    join(cwd, "agents", "failing", "tests", "agent.yaml"),
    `- name: it fails
  expect: { failure: { code: agent.exit } }
`,
  );
  expect(JSON.parse((await call("agent", "test", "agents/failing")).stdout)).toMatchObject({ passed: 1, failed: 0 });
});

test("a manifest that names another world than the component's is refused", async () => {
  const manifest = join(cwd, "agents", "half", "manifest.toml");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace('world = "command"', 'world = "agent"'));
  const { code, stderr } = await call("agent", "run", "half");
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/ADMIT_EXPORT.*says world = "agent".*made for "command"/s);
});

test("the example passes its own cases, and counts in an opening", async () => {
  const example = (path: string): string => join(projectRoot, "examples", path);
  expect(JSON.parse((await call("agent", "test", example("agents/tally"))).stdout)).toMatchObject({ passed: 3, failed: 0 });
  const run = await call("run", example("openings/tally.yaml"), "--local", "--json", "--param", "text=one two two");
  expect(run.code).toBe(0);
  expect(run.stdout).toContain('"words":3');
});
