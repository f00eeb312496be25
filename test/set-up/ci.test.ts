/** `.ci/run`: the runner's count is the last line, whatever npm prints after it, and its exit code is passed on. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const root = mkdtempSync(join(tmpdir(), "rlp ci-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
cpSync(join(import.meta.dirname, "../../.ci/run"), join(root, ".ci/run"));
mkdirSync(join(root, "bin"));

function program(name: string, script: string): void {
  writeFileSync(join(root, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describe.skipIf(process.platform === "win32")(".ci/run", () => {
  test.each([
    ["all is well", "echo '12 passed, 0 failed'; exit 0", "12 passed, 0 failed", 0],
    ["tests fail", "echo '3 passed, 2 failed'; echo 'npm notice' >&2; exit 1", "3 passed, 2 failed", 1],
    [
      "a test prints a line like the count before",
      "echo '9 passed, 0 failed'; echo '3 passed, 2 failed'; exit 1",
      "3 passed, 2 failed",
      1,
    ],
    ["the runner does not get to its count", "echo boom >&2; exit 7", "0 passed, 1 failed", 7],
  ])("%s", (_, npm, last, code) => {
    program("npm", `[ "$1" = test ] || exit 99\n${npm}`);
    program("bwrap", "exit 0"); // nothing is installed by this test
    const env = { ...process.env, PATH: `${join(root, "bin")}${delimiter}${process.env["PATH"]}` };
    const result = spawnSync("bash", [join(root, ".ci/run")], { encoding: "utf8", env, cwd: tmpdir() });
    expect(result.stdout.trimEnd().split("\n").at(-1)).toBe(last);
    expect(result.status).toBe(code);
  });

  test("bubblewrap that cannot be installed is said in one line, and the tests run", () => {
    program("npm", "echo '12 passed, 0 failed'");
    program("apt-get", "echo 'no network'; exit 100");
    rmSync(join(root, "bin/bwrap"), { force: true });
    const system = join(root, "system");
    mkdirSync(system);
    for (const name of ["bash", "sh", "dirname", "mktemp", "rm", "tee", "grep", "tail", "id", "timeout"])
      for (const folder of ["/usr/bin", "/bin"])
        if (existsSync(join(folder, name)) && !existsSync(join(system, name)))
          symlinkSync(join(folder, name), join(system, name));
    const PATH = `${join(root, "bin")}${delimiter}${system}`;
    const result = spawnSync("bash", [join(root, ".ci/run")], { encoding: "utf8", env: { PATH }, cwd: tmpdir() });
    expect(result.stdout.trimEnd().split("\n")).toEqual([
      "bubblewrap: not here, and not to be installed from here; the tests of that rung are not run",
      "12 passed, 0 failed",
      "12 passed, 0 failed",
    ]);
    expect(result.status).toBe(0);
  });
});
