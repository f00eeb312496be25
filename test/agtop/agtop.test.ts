/** The program itself, built: without a terminal, and on a real one where tmux is at hand. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { composeRun, OTHER, Recorder } from "./run.js";

const agtop = join(import.meta.dirname, "../../bin/agtop.cjs");
const folder = mkdtempSync(join(tmpdir(), "rlp agtop-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lines = `${composeRun().lines()}not \u001b[31mjson\n${new Recorder(OTHER).add("log").lines()}{"blob":"x"}\n`;
const file = join(folder, "run.ndjson");
writeFileSync(file, lines);

const run = (args: readonly string[], input = "") =>
  spawnSync(process.execPath, [agtop, ...args], { encoding: "utf8", input, env: { ...process.env, LC_ALL: "C.UTF-8" } });

describe("without a terminal", () => {
  test.each([
    ["from standard input", [], lines],
    ["from a file", ["--input", file], ""],
  ])("it prints a summary: %s", (_, args, input) => {
    const result = run(args, input);
    expect(result.stderr).toBe("");
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^✓ ok {2}compose_email/);
    expect(result.stdout).toMatch(/21 events, 1 invalid line\n$/);
    expect(result.stdout).not.toContain("\u001b");
  });

  test("of one run, where one is chosen", () => {
    expect(run(["--input", file, "--trace-id", OTHER]).stdout).toMatch(/1 events, 20 events of other runs, 1 invalid line\n$/);
  });

  test.each([
    ["an unknown option", ["--speed", "2"], /^error\[USAGE\]: .*--speed.*\nhint: .*--help.*\n$/],
    ["an unknown theme", ["--theme", "x"], /^error\[USAGE\]: there is no theme `x`\nhint: .*\n$/],
    ["a wrong trace id", ["--trace-id", "x"], /^error\[DATA_BAD_ID\]: /],
    ["a missing file", ["--input", join(folder, "none")], /^error\[USAGE_NOT_FOUND\]: there is no such file, .*none\n$/],
    ["a directory", ["--input", folder], /^error\[USAGE\]: this is a directory, /],
  ])("%s is one error and no stack", (_, args, expected) => {
    const result = run(args);
    expect(result.stderr).toMatch(expected);
    expect(result.stdout).toBe("");
    expect(result.status).toBe(expected.source.includes("DATA") ? 1 : 2);
  });

  test("help is on standard output", () => {
    expect(run(["--help"])).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("Usage: agtop") as string });
  });
});

const tmuxThere = spawnSync("tmux", ["-V"]).status === 0;

describe.skipIf(!tmuxThere)("on a terminal", () => {
  const socket = join(folder, "tmux");
  const tmux = (...args: string[]) =>
    spawnSync("tmux", ["-S", socket, "-u", "-f", "/dev/null", ...args], {
      encoding: "utf8",
      // The user that runs the tests may be one without a shell.
      env: { ...process.env, SHELL: "/bin/sh", TERM: "xterm-256color" },
    }).stdout;
  const shows = (text: string | RegExp) =>
    vi.waitFor(() => expect(tmux("capture-pane", "-p")).toMatch(text), { timeout: 20_000, interval: 50 });
  afterAll(() => void tmux("kill-server"));

  test("data comes through a pipe, keys from the keyboard; quitting gives the screen back", async () => {
    const command = `echo before; cat '${file}' | LC_ALL=C.UTF-8 '${process.execPath}' '${agtop}'; echo "exit $?"; sleep 60`;
    tmux("new-session", "-d", "-x", "100", "-y", "24", command);
    await shows(/✓ ok {2}compose_email[^]*input ended/);
    // The escape sequence of the invalid line is text.
    expect(tmux("capture-pane", "-p", "-e")).toContain("not \\e[31mjson");
    tmux("send-keys", "Down", "Down");
    await shows(/^> ✓ ok +draft/m);
    tmux("send-keys", "Tab");
    await shows("▸ Log");
    tmux("send-keys", "/review", "Enter");
    await shows("filter: review (Esc clears)");
    tmux("send-keys", "q");
    await shows(/^before\nexit 0/);
  });
});
