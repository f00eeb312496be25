/** What a person may offer, and what an agent may fill into it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { Json } from "#core/json.js";
import { CallFailure } from "#host/imports/interface.js";
import { codeRoot } from "#host/sandbox/spawn.js";
import { checkPaths, fill, readArguments, schemaOf } from "#host/toolbox/arguments.js";
import { commandToolsOf } from "#host/toolbox/command.js";
import { commandTool, commandTools, type CommandTool } from "#host/toolbox/configured.js";
import { readDeclaredTools, ToolsProblem } from "#host/toolbox/declared.js";
import { misfits, schemaFault } from "#openings/types/schema.js";

const folder = mkdtempSync(join(tmpdir(), "rlp-tools-"));
mkdirSync(join(folder, "inside", "deep"), { recursive: true });
writeFileSync(join(folder, "secret"), "outside");
writeFileSync(join(folder, "inside", "deep", "file.txt"), "inside");
symlinkSync(join(folder, "secret"), join(folder, "inside", "link"));
symlinkSync("..", join(folder, "inside", "up"));
symlinkSync("deep/file.txt", join(folder, "inside", "fine"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cwd = join(folder, "inside");

const tool = (given: object): CommandTool =>
  commandTool.parse({ id: "t", description: "d", command: ["/bin/echo"], cwd, effects: "read", ...given });
const faults = (given: object): string =>
  commandTool.safeParse({ id: "t", description: "d", command: ["/bin/echo"], cwd, effects: "read", ...given }).error?.message ??
  "";

test.each<[string, object, RegExp]>([
  ["a relative program", { command: ["./run"] }, /absolute path/],
  ["a program that an argument chooses", { command: ["{p}"], arguments: { p: { type: "word" } } }, /absolute path/],
  ["an option for a program", { command: ["-x"] }, /absolute path/],
  [
    "a shell that is given an argument",
    { command: ["sh", "-c", "echo {q}"], arguments: { q: { type: "word" } } },
    /command line/,
  ],
  ["a shell by its path", { command: ["/bin/bash", "x", "{q}"], arguments: { q: { type: "word" } } }, /command line/],
  [
    "text for an interpreter",
    { command: ["python3", "-cprint({q})"], arguments: { q: { type: "text" } } },
    /could become a program/,
  ],
  [
    "text for an interpreter that has no program yet, `--` or not",
    { command: ["sed", "-n", "--", "{q}"], arguments: { q: { type: "text" } } },
    /could become a program/,
  ],
  ["a placeholder that is not declared", { command: ["ls", "{q}"] }, /not declared/],
  ["a placeholder out of Object.prototype", { command: ["ls", "{constructor}"] }, /not declared/],
  ["an argument that is not used", { arguments: { q: { type: "word" } } }, /does not use it/],
  ["a stray brace", { command: ["ls", "{q"] }, /`\{` and `\}`/],
  ["text where an option could stand", { command: ["ls", "{q}"], arguments: { q: { type: "text" } } }, /could become an option/],
  [
    "a negative number where an option could stand",
    { command: ["ls", "{n}"], arguments: { n: { type: "integer", minimum: -5 } } },
    /could become an option/,
  ],
  [
    "a choice that is an option",
    { command: ["ls", "{c}"], arguments: { c: { type: "choice", of: ["-rf"] } } },
    /would be an option/,
  ],
  [
    "a default that is no choice",
    { command: ["ls", "{c}"], arguments: { c: { type: "choice", of: ["a"], default: "b" } } },
    /none of the choices/,
  ],
  ["a relative folder", { cwd: "here" }, /absolute folder/],
  ["a NUL in the command", { command: ["ls", "a\0b"] }, /control character/],
  ["a variable that chooses code", { env: ["LD_PRELOAD"] }, /chooses what is executed/],
  ["a secret's value in the place of its name", { secret_env: ["sk-123"] }, /name of an environment variable/],
  ["no time", { timeout_ms: 0 }, />=1|Too small/],
  ["endless time", { timeout_ms: Infinity }, /./],
  ["too much output", { max_output_bytes: 1e9 }, /./],
  ["effects that are unknown", { effects: "none" }, /only looks/],
  ["an id that is a path", { id: "../x" }, /tool's id/],
  ["a key that there is not", { shell: true }, /shell/],
])("a tool with %s is refused", (_, given, message) => {
  expect(faults(given)).toMatch(message);
});

test("two tools cannot have one name", () => {
  expect(() => commandTools.parse([tool({}), tool({})])).toThrow(/two tools/);
});

const all = tool({
  command: ["ls", "-n", "{n}", "--word={w}", "{c}", "--", "{p}", "{q}"],
  arguments: {
    n: { type: "integer", minimum: 1, maximum: 9, default: 3 },
    w: { type: "word", default: "w" },
    c: { type: "choice", of: ["short", "long form"], default: "short" },
    p: { type: "path", default: "." },
    q: { type: "text", max_length: 20, default: "" },
  },
});

test.each<[string, Json, RegExp]>([
  ["no object", [1], /not an object/],
  ["an argument that there is not", { x: 1 }, /there is none/],
  ["one out of Object.prototype", JSON.parse('{"__proto__": 1}') as Json, /there is none/],
  ["a number that is none", { n: "1" }, /whole number/],
  ["a fraction", { n: 1.5 }, /whole number/],
  ["a number beyond", { n: 10 }, /between 1 and 9/],
  ["NaN", { n: Number.NaN }, /whole number/],
  ["a word that is an option", { w: "--output=/etc/passwd" }, /not a word/],
  ["a word with a space", { w: "a b" }, /not a word/],
  ["a word with a line end", { w: "a\nb" }, /not a word/],
  ["an empty word", { w: "" }, /not a word/],
  ["a climbing word", { w: ".." }, /not a word/],
  ["another choice", { c: "-rf" }, /none of/],
  ["an absolute path", { p: "/etc/passwd" }, /below the tool's folder/],
  ["a climbing path", { p: "deep/../../secret" }, /below the tool's folder/],
  ["a path that is an option", { p: "-rf" }, /below the tool's folder/],
  ["a path with an option in it", { p: "deep/-rf" }, /below the tool's folder/],
  ["another's home", { p: "~root/x" }, /below the tool's folder/],
  ["another revision", { p: "HEAD:secret" }, /below the tool's folder/],
  ["a path with NUL", { p: "deep\0/x" }, /below the tool's folder/],
  ["a path with a line end", { p: "deep\n/etc" }, /below the tool's folder/],
  ["a path with two slashes", { p: "deep//x" }, /below the tool's folder/],
  ["a pattern of paths", { p: "*" }, /below the tool's folder/],
  ["text with NUL", { q: "a\0b" }, /control character/],
  ["text with an escape", { q: "\u001b[2J" }, /control character/],
  ["too long a text", { q: "x".repeat(21) }, /more than 20/],
  ["half a character", { q: "\ud800" }, /half a character/],
])("arguments with %s are refused", (_, args, message) => {
  expect(() => readArguments(all, args)).toThrow(message);
});

test("a value stays where it is put: as many arguments as the template, whatever is filled in", () => {
  fc.assert(
    fc.property(
      fc.record({
        q: fc.string({ unit: "binary", maxLength: 25 }),
        w: fc.string({ maxLength: 9 }),
        p: fc.string({ maxLength: 9 }),
      }),
      (args) => {
        let values: Record<string, string>;
        try {
          values = readArguments(all, args);
        } catch (error) {
          expect(error).toBeInstanceOf(CallFailure);
          return;
        }
        const argv = fill(all, values);
        expect(argv).toHaveLength(7);
        expect(argv.slice(0, 2)).toEqual(["-n", "3"]);
        expect(argv[2]).toBe(`--word=${args.w}`);
        expect(argv[4]).toBe("--");
        expect(argv.every((each) => !each.includes("\0"))).toBe(true);
        expect([argv[3], argv[5]].some((each) => each?.startsWith("-"))).toBe(false);
      },
    ),
  );
});

test("the schema says what the check does", () => {
  const schema = schemaOf(all);
  expect(schemaFault(schema)).toBeNull();
  expect(misfits(schema, { n: 2, w: "ok", c: "long form", p: "deep", q: "--x" })).toEqual([]);
  for (const bad of [{ n: 10 }, { c: "no" }, { x: 1 }, { q: 1 }]) {
    expect(misfits(schema, bad)).not.toEqual([]);
    expect(() => readArguments(all, bad)).toThrow(CallFailure);
  }
});

test.each([
  ["link", /leads out/],
  ["up/secret", /leads out/],
  ["up", /leads out/],
  ["nothing", /no such file/],
  ["deep/file.txt", null],
  ["fine", null],
  [".", null],
])("the path %s, links followed", async (p, refused) => {
  const checked = checkPaths(all, readArguments(all, { p }));
  if (refused) await expect(checked).rejects.toThrow(refused);
  else await checked;
});

const never = { signal: new AbortController().signal, idempotencyKey: null };
const run = async (given: object, args: Json = {}, env: Record<string, string> = {}, signal = never.signal): Promise<any> => {
  const made = commandToolsOf([tool(given)], env).get("t")!;
  return made.run(made.parse(args), { ...never, signal });
};

test("runs what is configured, with what is filled in and no more of the environment than is named", async () => {
  const args = { arguments: { q: { type: "text" } } };
  expect(
    await run({ command: ["printf", "%s|", "a b", "--", "{q}"], ...args }, { q: "$(id) `id` ; rm -rf * 'x' \"y\"" }),
  ).toEqual({
    exit_code: 0,
    stdout: "a b|--|$(id) `id` ; rm -rf * 'x' \"y\"|",
    stderr: "",
    dropped_bytes: 0,
  });
  const seen = await run({ command: ["env"], env: ["SHOWN"] }, {}, { SHOWN: "yes", HIDDEN: "no", HOME: "/x" });
  expect(
    seen.stdout
      .split("\n")
      .map((line: string) => line.split("=")[0])
      .filter((name: string) => name && name !== "PWD" && name !== "_" && name !== "SHLVL")
      .sort(),
  ).toEqual(["LANG", "PATH", "SHOWN"]);
  expect((await run({ command: ["pwd"] })).stdout.trim()).toBe(cwd);
  expect(await run({ command: ["cat", "missing"] })).toMatchObject({ exit_code: 1, stderr: expect.stringContaining("missing") });
});

test("secrets are passed on and taken out of what comes back", async () => {
  const seen = await run({ command: ["printenv", "TOKEN"], secret_env: ["TOKEN"] }, {}, { TOKEN: "hunter2-hunter2" });
  expect(seen.stdout).toBe("[secret:TOKEN]\n");
  // Where the output is cut, too: half a secret is not found by looking for the whole.
  const command = ["/bin/sh", "-c", 'printf "12345%s%0100d" "$TOKEN" 0'];
  const cut = await run({ command, secret_env: ["TOKEN"], max_output_bytes: 16 }, {}, { TOKEN: "hunter2-hunter2" });
  expect(cut).toMatchObject({ stdout: expect.stringMatching(/^12345\[secret:T?O?K?$/), dropped_bytes: expect.any(Number) });
  // Also where what stands for the secrets is shorter than they were.
  const many = ["/bin/sh", "-c", 'for i in 1 2 3 4 5 6 7 8 9; do printf "%s" "$TOKEN"; done'];
  const value = "hunter2".repeat(20);
  const repeated = await run({ command: many, secret_env: ["TOKEN"], max_output_bytes: 500 }, {}, { TOKEN: value });
  expect(repeated.stdout).toMatch(/^(?:\[secret:TOKEN\])*$/);
});

test("a flood is cut and counted, endless work ends with its children, a program that is not there is said", async () => {
  expect(await run({ command: ["head", "-c", "3000000", "/dev/zero"], max_output_bytes: 1000 })).toMatchObject({
    exit_code: 0,
    dropped_bytes: 2_999_000,
  });
  const slow = run({ command: ["/bin/sh", "-c", "sleep 600 & sleep 600"], timeout_ms: 100 });
  await expect(slow).rejects.toMatchObject({ error: { code: "timeout" }, limit: { name: "tool_timeout_ms" } });
  const cut = new AbortController();
  const cancelled = run({ command: ["sleep", "600"] }, {}, {}, cut.signal);
  setTimeout(() => cut.abort(), 50);
  await expect(cancelled).rejects.toMatchObject({ error: { code: "cancelled" } });
  await expect(run({ command: ["no-such-program-here"] })).rejects.toMatchObject({ error: { code: "unavailable" } });
  await expect(run({ command: ["/no/such/program"] })).rejects.toMatchObject({ error: { code: "unavailable" } });
  await expect(run({ command: ["true"], cwd: "/no/such/folder" })).rejects.toMatchObject({ error: { code: "unavailable" } });
  // What it leaves behind with the outputs open is not waited for.
  expect(await run({ command: ["/bin/sh", "-c", "setsid sleep 5 & echo done"] })).toMatchObject({ stdout: "done\n" });
});

test("where no file descriptor is left a program is not started, and nothing else ends", () => {
  const script = `
    const { runProgram } = await import(${JSON.stringify(join(codeRoot().dist, "host", "toolbox", "process.js"))});
    const { openSync, closeSync } = await import("node:fs");
    const open = [];
    try { for (;;) open.push(openSync("/dev/null")); } catch {}
    closeSync(open.pop());
    const run = { file: "/bin/true", args: [], cwd: "/", env: {}, timeoutMs: 9000, outputBytes: 9, signal: new AbortController().signal };
    const said = await runProgram(run).then(() => "it ran", ({ code }) => code);
    for (const file of open) closeSync(file);
    console.log(said);
    console.log((await runProgram(run)).code);`;
  const { stdout } = spawnSync(
    "/bin/sh",
    ["-c", 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    {
      encoding: "utf8",
    },
  );
  expect(stdout).toBe("EMFILE\n0\n");
});

test("what a person is shown is all of it, hidden characters visible, each argument by itself", () => {
  const made = commandToolsOf(
    [tool({ command: ["ls", "--", "{q}"], arguments: { q: { type: "text" } }, effects: "write", env: ["HOME"] })],
    {},
  ).get("t")!;
  const shown = made.show(made.parse({ q: "a\nb \u202e" }));
  expect(shown).toContain('"a\\nb');
  expect(shown).not.toContain("\u202e");
  expect(shown).toContain(cwd);
  expect(shown).toContain("HOME");
});

const declared = (value: unknown): string => {
  try {
    readDeclaredTools(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
    return "read";
  } catch (error) {
    expect(error).toBeInstanceOf(ToolsProblem);
    return (error as Error).message;
  }
};
const bomb = (depth: number): object => (depth === 0 ? { type: "string" } : { properties: { a: bomb(depth - 1) } });
test.each<[string, unknown, RegExp]>([
  ["no JSON", "{", /not JSON/],
  ["no list", { tools: [] }, /expected array/],
  ["a hundred thousand tools", Array.from({ length: 100_000 }, (_, id) => ({ id: `t${id}` })), /not JSON|more than/],
  ["sixty-five tools", Array.from({ length: 65 }, (_, id) => ({ id: `t${id}` })), /more than 64/],
  ["an id twice", [{ id: "a" }, { id: "a" }], /two tools/],
  ["an id that is a path", [{ id: "../a" }], /tool's id/],
  ["a key that there is not", [{ id: "a", command: ["sh"] }], /command/],
  ["a schema that is none", [{ id: "a", input_schema: "x" }], /must be a JSON Schema/],
  ["a schema that is too deep", [{ id: "a", input_schema: bomb(18) }], /./],
  ["a schema with a pattern that runs for ever", [{ id: "a", input_schema: { pattern: "(a+)+$(?=b)" } }], /input_schema/],
  ["a schema from elsewhere", [{ id: "a", input_schema: { $ref: "https://example.com/x" } }], /input_schema/],
])("tools.json with %s is refused", (_, value, message) => {
  expect(declared(value)).toMatch(message);
});
