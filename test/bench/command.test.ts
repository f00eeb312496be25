import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { table, type Part } from "../../bench/table.js";

const main = resolve(import.meta.dirname, "../../dist/bench/main.js");

/** The built command, with a folder for temporary files of its own. */
async function bench(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string; left: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "rlp-bench-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { env: { ...process.env, TMPDIR: folder } }, (error, stdout, stderr) =>
      done({ code: error ? error.code : 0, stdout, stderr, left: readdirSync(folder) }),
    );
  });
}

test("an unknown part is refused with the names of the parts there are", async () => {
  const { code, stdout, stderr } = await bench("--only", "speed");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("there is no part `speed`");
  expect(stderr).toContain("suspended, crowd, metering, lag");
  expect((await bench("--fast")).code).toBe(2);
});

test("a part by itself, as data: each of its figures has a value, and nothing is left behind", async () => {
  const part: Part = "engine";
  const { code, stdout, left } = await bench("--only", part, "--json");
  expect(code).toBe(0);
  const { figures, machine } = JSON.parse(stdout);
  expect(figures.map((figure: { figure: string }) => figure.figure)).toEqual(Object.keys(table[part]));
  for (const { value } of figures) expect(value).toBeGreaterThan(0);
  expect(machine.node).toBe(process.version);
  expect(left).toEqual([]);
});
