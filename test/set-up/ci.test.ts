/** `.ci/run`: the runner's count is the last line, whatever npm prints after it, and its exit code is passed on. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const root = mkdtempSync(join(tmpdir(), "rlp ci-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
cpSync(join(import.meta.dirname, "../../.ci/run"), join(root, ".ci/run"));
mkdirSync(join(root, "bin"));

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
    writeFileSync(join(root, "bin/npm"), `#!/bin/sh\n[ "$1" = test ] || exit 99\n${npm}\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: `${join(root, "bin")}${delimiter}${process.env["PATH"]}` };
    const result = spawnSync("bash", [join(root, ".ci/run")], { encoding: "utf8", env, cwd: tmpdir() });
    expect(result.stdout.trimEnd().split("\n").at(-1)).toBe(last);
    expect(result.status).toBe(code);
  });
});
