/** From nothing to a running opening in three commands, in each language. AssemblyScript: author.test.ts. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sharedTypes } from "#host/catalog/types.js";
import { bundleFiles } from "../../../tools/rlp/scaffold/files.js";
import { readCaps, readPort, type AgentLanguage, type AgentSpec } from "../../../tools/rlp/scaffold/spec.js";
import { rlp, type Called } from "./call.js";

let cwd: string;
beforeAll(() => void (cwd = mkdtempSync(join(tmpdir(), "rlp-languages-"))));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const call = (words: readonly string[], env: Record<string, string> = {}): Promise<Called> =>
  rlp(words, { cwd, env: { RUNLOOP_HOME: join(cwd, "home"), ...env } });

const EVERYTHING = [
  ["--in", "text:text.v1", "--in", "who?:contact.list.v1", "--in", "class?:json.v1"],
  ["--out", "out:text.v1", "--out", "ok:bool.v1", "--out", "review:review.v1", "--out", "free:any", "--out", "count:number.v1"],
  ["--caps", "kb_read=notes,model,time,random,kb_write,actions=email.send,net=api.example.com:8443"],
  ["--description", 'Takes "notes", for Zoë. `x` \\ ${y}'],
].flat();

describe.each(["js", "ts"] as const)("--lang %s", (lang) => {
  const name = `note_${lang}`;

  test("three commands: scaffold, build, run; its own tests pass; a replay agrees", async () => {
    const made = await call(["agent", "scaffold", name, "--lang", lang, "--opening", ...EVERYTHING]);
    expect([made.stderr, made.code]).toEqual(["", 0]);
    const built = await call(["agent", "build", name]);
    expect([built.code, JSON.parse(built.stdout)]).toMatchObject([0, { name, changed: true }]);
    const run = await call(["run", join(cwd, "openings", `${name}.yaml`), "--local", "--yes", "--json"]);
    expect([run.code, run.stdout.includes('"kind":"run.finished"')]).toEqual([0, true]);
    expect(JSON.parse((await call(["agent", "test", name])).stdout)).toMatchObject({ passed: 2, failed: 0 });
    const [{ trace_id: trace }] = run.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { trace_id: string }) as [{ trace_id: string }];
    expect((await call(["replay", trace, "--json"])).code).toBe(0);
  });

  test("the compiler agrees with its types", () => {
    const tsc = join(import.meta.dirname, "../../../node_modules/typescript/bin/tsc");
    const settings = join(cwd, "agents", name, lang === "ts" ? "tsconfig.json" : "jsconfig.json");
    const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", settings], { encoding: "utf8" });
    expect([stdout, status]).toEqual(["", 0]);
  });

  test("what does not compile is told with its place, and the component stays", async () => {
    const source = join(cwd, "agents", name, "src", `agent.${lang}`);
    const [before, wasm] = [readFileSync(source, "utf8"), readFileSync(join(cwd, "agents", name, "agent.wasm"))];
    writeFileSync(source, `${before}let = ;\n`);
    const { code, stderr } = await call(["agent", "build", name]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${source}:${before.split("\n").length}:`)]);
    expect(readFileSync(join(cwd, "agents", name, "agent.wasm")).equals(wasm)).toBe(true);
    writeFileSync(source, before);
  });
});

const spec = (lang: AgentLanguage, caps: string, inputs: readonly string[], outputs: readonly string[]): AgentSpec => ({
  name: "sample",
  lang,
  description: 'Says "hi" to #"all"# \\.',
  inputs: inputs.map((word) => readPort(word, sharedTypes())),
  outputs: outputs.map((word) => readPort(word, sharedTypes())),
  caps: readCaps(caps),
});

describe("--lang rust", () => {
  /** A folder with programs of these names, which do as told. */
  function programs(scripts: Record<string, string>): string {
    const folder = mkdtempSync(join(cwd, "path-"));
    for (const [name, text] of Object.entries(scripts)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, name), 0o755);
    }
    return folder;
  }

  test.each([
    ["no cargo", {}, /cargo, which builds agents in Rust, is not on the PATH/, /rustup\.rs/],
    [
      "no target",
      { cargo: "exit 0", rustc: 'echo "/nowhere/lib"' },
      /no standard library for wasm32-wasip2 or wasm32-wasip1/,
      /rustup target add wasm32-wasip2/,
    ],
  ])("%s: says what to install", async (_, scripts, says, hint) => {
    const folder = join(cwd, "agents", "rusty");
    rmSync(folder, { recursive: true, force: true });
    expect((await call(["agent", "scaffold", "rusty", "--lang", "rust"])).code).toBe(0);
    const path = process.env["PATH"];
    process.env["PATH"] = programs(scripts as Record<string, string>);
    try {
      const { code, stderr } = await call(["agent", "build", "rusty"]);
      expect([code, stderr]).toEqual([1, expect.stringMatching(says)]);
      expect(stderr).toMatch(hint);
    } finally {
      process.env["PATH"] = path;
    }
  });

  const cargo = spawnSync("cargo", ["--version"]).status === 0;
  test.runIf(cargo)(
    "the source compiles without a warning, and does what its first cases say",
    () => {
      const all = spec(
        "rust",
        "time,random",
        ["text:text.v1", "who?:contact.list.v1"],
        ["out:text.v1", "ok:bool.v1", "review:review.v1", "n:number.v1", "j:any"],
      );
      const folder = mkdtempSync(join(cwd, "crate-"));
      for (const [path, text] of bundleFiles(all, sharedTypes())) {
        mkdirSync(join(folder, path, ".."), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      const program = (input: string) =>
        spawnSync("cargo", ["run", "-q", "--offline"], {
          cwd: folder,
          input,
          encoding: "utf8",
          env: { ...process.env, RUSTFLAGS: "-D warnings" },
        });
      const text = 'é 😀 "x"\n\ud83d';
      const call = { inputs: { text: [{ type: "text.v1", body: text, labels: [] }] } };
      const { stdout, status } = program(JSON.stringify(call));
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        out: text.toWellFormed(),
        ok: true,
        n: text.length,
        j: { text: text.toWellFormed() },
      });
      expect(program('{"inputs":{}}')).toMatchObject({ status: 1, stderr: expect.stringContaining("nothing arrived on text") });
      for (const broken of ["", "{", '{"a":}', '{"a":1}}', '"\\q"', '"\\u12"', "[".repeat(1000)])
        expect(program(broken).status).toBe(1);
    },
    120_000,
  );
});
