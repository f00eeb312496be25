/** `rlp fmt`, `graph`, `schema` and `plan` at the command line. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inFolder, rlp } from "./call.js";

const root = join(import.meta.dirname, "../../..");
const COMPOSE = join(root, "examples/openings/compose_email.yaml");
const UNTIDY = "name: t\nversion: 0\nnodes: [{use: agent:greeter, id: a}]\n";
const TIDY = "version: 0\nname: t\nnodes:\n  - { id: a, use: agent:greeter }\n";
const BRACE = '// why\nopening "t" {\n  nodes: a := agent("greeter")\n}\n';

test("fmt prints, checks and writes; what is in its usual form is left alone", () =>
  inFolder(async (cwd) => {
    const file = join(cwd, "t.yaml");
    writeFileSync(file, UNTIDY);
    expect(await rlp(["fmt", "t.yaml"], { cwd })).toEqual({ code: 0, stdout: TIDY, stderr: "" });
    expect(readFileSync(file, "utf8")).toBe(UNTIDY);
    const checked = await rlp(["fmt", "t.yaml", "--check"], { cwd });
    expect([checked.code, checked.stdout, checked.stderr]).toEqual([1, "", expect.stringContaining("not in its usual form")]);
    expect((await rlp(["fmt", "t.yaml", "--write"], { cwd })).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(TIDY);
    expect((await rlp(["fmt", "t.yaml", "--check"], { cwd })).code).toBe(0);
    expect(JSON.parse((await rlp(["fmt", "t.yaml", "--check", "--json"], { cwd })).stdout)).toEqual({
      file: "t.yaml",
      form: "yaml",
      formatted: true,
    });
  }));

test("fmt of the brace form: YAML beside it, and never over something else", () =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "t.opening"), BRACE);
    const text = "# why\n\nversion: 0\nname: t\nnodes:\n  - id: a\n    use: agent:greeter\n";
    expect((await rlp(["fmt", "t.opening"], { cwd })).stdout).toBe(text);
    expect((await rlp(["fmt", "t.opening", "--write"], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, "t.yaml"), "utf8")).toBe(text);
    expect(readFileSync(join(cwd, "t.opening"), "utf8")).toBe(BRACE);
    expect(await rlp(["fmt", "t.opening", "--write"], { cwd })).toMatchObject({ code: 2 });
  }));

test("fmt of what is no opening: the place, and no file", () =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "t.opening"), 'opening "t" {\n  nodes: a := agent(\n}\n');
    const { code, stderr } = await rlp(["fmt", "t.opening", "--write"], { cwd });
    expect([code, existsSync(join(cwd, "t.yaml"))]).toEqual([2, false]);
    expect(stderr).toContain("t.opening:2:21");
    expect(await rlp(["fmt", "nothing.yaml"], { cwd })).toMatchObject({ code: 2 });
    expect(await rlp(["fmt", "t.opening", "--write", "--check"], { cwd })).toMatchObject({ code: 2 });
  }));

test("graph: the ending of the file chooses the format, two formats are one too many", () =>
  inFolder(async (cwd) => {
    const home = ["--home", join(cwd, "home")];
    expect((await rlp(["graph", COMPOSE, ...home], { cwd })).stdout).toMatch(/^flowchart TD\n/);
    expect((await rlp(["graph", COMPOSE, "--dot", ...home], { cwd })).stdout).toMatch(/^digraph "compose_email" \{\n/);
    expect((await rlp(["graph", COMPOSE, "-o", "c.svg", ...home], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, "c.svg"), "utf8")).toMatch(/^<svg /);
    expect(await rlp(["graph", COMPOSE, "--dot", "--svg", ...home], { cwd })).toMatchObject({ code: 2 });
    expect(await rlp(["graph", COMPOSE, "-o", "no/such/c.svg", ...home], { cwd })).toMatchObject({ code: 2 });
  }));

test("schema: the bundled agents, and the ports of one file", () =>
  inFolder(async (cwd) => {
    const home = ["--home", join(cwd, "home")];
    const made = JSON.parse((await rlp(["schema", ...home], { cwd })).stdout);
    expect(made.definitions.use.anyOf).toContainEqual({
      const: "agent:critic",
      description: "Judges a drafted mail: by rules always, by a language model where one wrote it.",
    });
    const own = JSON.parse((await rlp(["schema", COMPOSE, ...home], { cwd })).stdout);
    expect(own.definitions.source.anyOf).toContainEqual({
      const: "review.ok",
      description: "bool.v1: Whether no rule is broken.",
    });
  }));

test("plan of an opening in braces, as JSON: ways through with their worst cases", () =>
  inFolder(async (cwd) => {
    const home = ["--home", join(cwd, "home")];
    const { code, stdout } = await rlp(["plan", join(root, "examples/guide/braces.opening"), "--json", ...home], { cwd });
    const plan = JSON.parse(stdout);
    expect([code, plan.path_count, plan.paths[0].nodes]).toEqual([0, 1, ["greet", "count"]]);
    expect(plan.worst).toEqual({
      tokens: { fixed: 0, each: {} },
      microusd: { fixed: 0, each: {} },
      fuel: { fixed: 100_000_000, each: {} },
      ms: { fixed: 25_000, each: {} },
    });
  }));
