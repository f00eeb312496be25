import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { catalog, findCommand } from "../../../tools/rlp/catalog.js";
import { buildProgram } from "../../../tools/rlp/program.js";
import { width } from "../../../tools/rlp/terminal/width.js";
import { inFolder, rlp } from "./call.js";

const commands = catalog.flatMap((entry) => [
  ...("load" in entry ? [[entry.name]] : []),
  ...(entry.commands ?? []).map(({ name }) => [entry.name, name]),
]);

test("every command of the reference is there", () => {
  const wanted =
    "run, check, plan, fmt, graph, schema, sim, replay, resume, fork, diff, cancel, trace, trace export, trace import, trace verify, runs, approve, reject, proposals, kb ingest, kb search, kb why, kb verify, kb query, kb backup, kb restore, kb migrate, kb retract, kb forget, kb export, kb import, kb stats, kb gc, kb vacuum, kb rebuild, kb reindex, agent scaffold, agent build, agent test, agent run, agent install, agent remove, agent sign, agent verify, agent list, agent inspect, caps lint, caps show, keys generate, keys list, keys trust, keys revoke, doctor, config path, daemon run";
  expect(commands.map((words) => words.join(" ")).sort()).toEqual(wanted.split(", ").sort());
});

test.each(commands.map((words) => [words.join(" "), words] as const))(
  "%s --help: an example, the options of every command, 80 columns",
  async (_, words) => {
    const { code, stdout, stderr } = await rlp([...words, "--help"], { columns: 80 });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/\nExamples?:\n {2}\S/);
    for (const option of ["--json", "--no-color", "--config", "--home", "--quiet", "--verbose", "--debug"])
      expect(stdout).toContain(option);
    const [help = ""] = stdout.split(/\nExamples?:\n/);
    for (const line of help.split("\n")) expect(width(line)).toBeLessThanOrEqual(80);
    expect((await rlp(["help", ...words])).stdout).toBe((await rlp([...words, "-h"])).stdout);
    expect((await rlp(["--home=x", ...words, "-h"])).stdout).toBe((await rlp([...words, "-h"])).stdout);
  },
);

test("a command that is certainly meant has no others beside it", async () => {
  const program = async (...line: readonly string[]) => {
    const { entry, certain } = findCommand(line);
    const write = { out: () => {}, err: () => {}, columns: 80 };
    const { commands } = await buildProgram(entry, certain && entry !== null, () => async () => {}, write);
    return commands.map((command) => [command.name(), command.commands.map((inner) => inner.name())]);
  };
  expect(await program("--home", "x", "kb", "--json", "search", "--odd")).toEqual([["kb", ["search"]]]);
  expect(await program("trace")).toEqual([["trace", ["export", "import", "verify"]]]);
  for (const line of [[], ["kb"], ["--odd", "kb", "search"], ["kb", "--odd", "search"], ["--home=x", "runs"]])
    expect((await program(...line)).length).toBe(catalog.length);
});

test("rlp --help lists every command with what it does", async () => {
  const { code, stdout } = await rlp(["--help"], { columns: 80 });
  expect(code).toBe(0);
  for (const { name, summary } of catalog) expect(stdout.replaceAll(/\s+/g, " ")).toContain(`${name} ${summary}`);
  expect((await rlp(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  ["no command", [], /`rlp` needs a command/, /rlp --help/],
  ["an unknown command", ["rnu"], /unknown command `rnu`/, /did you mean `run`\?/],
  ["a command that is unlike any", ["xyzzyplugh"], /unknown command `xyzzyplugh`/, /rlp --help/],
  ["a family without its command", ["kb"], /`rlp kb` needs a command/, /rlp kb --help/],
  ["an unknown command of a family", ["kb", "serach"], /unknown command `serach`/, /did you mean `search`\?/],
  ["an unknown option", ["runs", "--jsno"], /unknown option `--jsno`, in `rlp runs`/, /did you mean `--json`\?/],
  ["an option without its value", ["runs", "--status"], /argument missing/, /rlp runs --help/],
  [
    "a value that is none of the choices",
    ["runs", "--status", "done"],
    /`done` is invalid. Allowed choices are running/,
    /rlp runs --help/,
  ],
  ["a missing argument", ["trace"], /missing required argument `trace`/, /rlp trace --help/],
  ["an argument too many", ["runs", "x"], /too many arguments/, /rlp runs --help/],
  [
    "both decisions at once",
    ["run", "x.yaml", "--local", "--yes", "--deny"],
    /`--yes` cannot be used with option `--deny`/,
    /rlp run --help/,
  ],
  ["run without --local", ["run", "x.yaml"], /no background host/, /rlp run x\.yaml --local/],
  ["the background host", ["daemon", "run"], /no background host/, /--local/],
  [
    "a negative seed",
    ["run", "x.yaml", "--local", "--seed", "-1"],
    /--seed is not a whole number from 0 to 9007199254740991/,
    /--seed 1/,
  ],
  ["a seed above 2^53 - 1", ["run", "x.yaml", "--local", "--seed", "9007199254740992"], /--seed/, /--seed 1/],
  ["a seed that is no number", ["run", "x.yaml", "--local", "--seed", "1e3"], /--seed/, /--seed 1/],
  ["an epoch that no date can hold", ["run", "x.yaml", "--local", "--epoch", "8640000000000001"], /--epoch/, /--epoch 1/],
  [
    "parameters that are no JSON",
    ["run", "x.yaml", "--local", "--params", "{oops"],
    /parameters in --params cannot be read/,
    /--params/,
  ],
  [
    "parameters in a file that is not there",
    ["run", "x.yaml", "--local", "--params", "@/gone.json"],
    /gone\.json cannot be read/,
    /--params/,
  ],
  [
    "a parameter without a value",
    ["run", "x.yaml", "--local", "--param", "recipient"],
    /has no `key=value`/,
    /--param recipient=ada/,
  ],
  [
    "a trace file where none can be",
    ["run", "x.yaml", "--local", "--trace-out", "/nowhere/t.ndjson"],
    /--trace-out: its folder is not there/,
    /folder/,
  ],
  ["a trace file that is a folder", ["run", "x.yaml", "--local", "--trace-out", "/"], /--trace-out: is a folder/, /folder/],
  ["a rejection without a reason", ["reject", "0199"], /a rejection needs a reason/, /--reason/],
  ["an opening that is not there", ["check", "/nowhere.yaml"], /there is no opening/, null],
  ["an opening that is a folder", ["check", "/"], /is a directory/, /yaml/],
  ["a time that is none", ["runs", "--since", "yesterday"], /is no time/, /--since 12h/],
  ["nothing to search for", ["kb", "search", " "], /nothing to look for/, /kb search/],
  ["nothing to retract", ["kb", "retract"], /nothing is named/, /--before 2025-01-01/],
  ["a thing and a date to retract", ["kb", "retract", "a@b.c", "--before", "2025-01-01"], /either one thing/, /--before/],
  ["no date to retract by", ["kb", "retract", "--before", "yesterday"], /is no date/, /--before 2026-11-30/],
  [
    "a config file that is not there",
    ["runs", "--config", "/nowhere.yaml"],
    /no such config file, \/nowhere\.yaml/,
    /config path/,
  ],
  ["an empty home", ["runs", "--home", ""], /--home is empty/, /name a folder/],
])("wrong usage is one error with a way out, exit 2: %s", async (_, words, error, hint) => {
  const { code, stdout, stderr } = await rlp(words);
  expect(stderr).toMatch(error);
  expect(stderr).toMatch(/^error\[[A-Z_]+\]: /m);
  if (hint) expect(stderr).toMatch(new RegExp(`^hint: .*${hint.source}`, "m"));
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe("");
  expect(code).toBe(2);
});

test("with --json an error is one JSON object on standard error, before and after the command", async () => {
  for (const words of [
    ["run", "x.yaml", "--json"],
    ["--json", "run", "x.yaml"],
    ["rnu", "--json"],
  ]) {
    const { code, stdout, stderr } = await rlp(words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(JSON.parse(stderr)).toEqual({
      code: "USAGE",
      message: expect.any(String),
      hint: expect.any(String),
      ...(words[0] === "rnu" && { place: { at: "in `rlp`" } }),
    });
  }
});

test("--debug adds where it comes from, and nothing else does", async () => {
  expect((await rlp(["daemon", "run", "--debug"])).stderr).toMatch(/^\s+at /m);
  expect(JSON.parse((await rlp(["daemon", "run", "--debug", "--json"])).stderr).trace).toMatch(/\n\s+at /);
});

test("options of every command may stand before it, and the last one counts", () =>
  inFolder(async (folder) => {
    const home = async (...words: string[]) => JSON.parse((await rlp(words, { cwd: folder })).stdout).home as string;
    expect(await home("--home", "a", "config", "path")).toBe(join(folder, "a"));
    expect(await home("config", "--home", "a", "path")).toBe(join(folder, "a"));
    expect(await home("--home", "a", "config", "path", "--home=b")).toBe(join(folder, "b"));
    const { stdout } = await rlp(["config", "path"], { env: { RUNLOOP_HOME: join(folder, "c") } });
    expect(JSON.parse(stdout).home).toBe(join(folder, "c"));
  }));

test("no HOME is an error with a way out", async () => {
  const { code, stderr } = await rlp(["runs"], { env: { HOME: "" } });
  expect(code).toBe(2);
  expect(stderr).toMatch(/error\[USAGE_CONFIG\].*neither RUNLOOP_HOME nor HOME[^]*hint: .*--home DIR/);
});

test("a wrong config names every key at once, and no command goes on with it", () =>
  inFolder(async (home) => {
    writeFileSync(join(home, "config.yaml"), "modles: {}\nruntime: {max_agents: many}\n");
    const { code, stderr } = await rlp(["runs", "--home", home]);
    expect(code).toBe(2);
    expect(stderr).toContain(`unknown key \`modles\`, ${join(home, "config.yaml")}:1:1\nhint: did you mean \`models\`?`);
    expect(stderr).toContain("config.yaml:2:11");
    expect(JSON.parse((await rlp(["runs", "--home", home, "--json"])).stderr).issues).toHaveLength(2);
  }));

test("a key that this version does not act on is said to have no effect; --quiet keeps that quiet", () =>
  inFolder(async (home) => {
    writeFileSync(join(home, "config.yaml"), "router: {denylist: [rm]}\n");
    const { code, stderr } = await rlp(["runs", "--home", home]);
    expect([code, stderr]).toEqual([
      0,
      `warning: \`router.denylist\` has no effect in this version, ${join(home, "config.yaml")}:1:10\n`,
    ]);
    expect((await rlp(["runs", "--home", home, "-q"])).stderr).toBe("");
  }));

test("commands that only look make nothing in a home that is empty", () =>
  inFolder(async (folder) => {
    const home = join(folder, "home");
    for (const [words, expected] of [
      [["runs"], 0],
      [["proposals"], 0],
      [["kb", "search", "x"], 0],
      [["trace", "0199"], 1],
      [["replay", "0199"], 1],
      [["kb", "verify"], 1],
      [["kb", "why", "ada@example.com"], 1],
      [["kb", "query", "SELECT 1"], 1],
      [["config", "path"], 0],
    ] as const) {
      const { code, stderr } = await rlp([...words, "--home", home]);
      expect(code, words.join(" ")).toBe(expected);
      if (expected === 1) expect(stderr).toMatch(/^error\[KB_NOT_FOUND\]: .*\nhint: /);
    }
    expect(() => chmodSync(home, 0o700)).toThrow("ENOENT");
  }));

test("config path shows the layers on a terminal and gives them as JSON otherwise", () =>
  inFolder(async (home) => {
    mkdirSync(join(home, "kb"));
    writeFileSync(join(home, "config.yaml"), "kb: {root_dir: kb}\n");
    const table = await rlp(["config", "path", "--all", "--home", home], {
      columns: 250,
      env: { RUNLOOP__RUNTIME__MAX_AGENTS: "3" },
    });
    expect(table.stdout).toMatch(/^runtime\.max_agents +3 +env: environment variable RUNLOOP__RUNTIME__MAX_AGENTS$/m);
    expect(table.stdout).toMatch(/^kb\.root_dir +".*kb" +user: /m);
    const { stdout } = await rlp(["config", "path", "--all", "--home", home]);
    expect(JSON.parse(stdout).keys).toContainEqual({
      key: "kb.root_dir",
      value: join(home, "kb"),
      layer: "user",
      where: `${join(home, "config.yaml")}:1:6`,
    });
  }));
