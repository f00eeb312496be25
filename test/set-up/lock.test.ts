/** Three `npm start` at once, one of which may have been killed half-way. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const module = pathToFileURL(join(import.meta.dirname, "../../bin/lock.mjs")).href;
let folder: string;
let lock: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rlp-lock-"));
  lock = join(folder, "lock");
  log = join(folder, "log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const HOLDER = `
  const [module, lock, log, name, ms] = process.argv.slice(1);
  const { appendFileSync } = await import("node:fs");
  const { locked } = await import(module);
  await locked(lock, (pid) => appendFileSync(log + ".waiting", name + " for " + pid + "\\n"), async () => {
    appendFileSync(log, "in " + name + "\\n");
    await new Promise((resolve) => setTimeout(resolve, Number(ms)));
    appendFileSync(log, "out " + name + "\\n");
  });`;

function hold(name: string, ms: number): Promise<number | null> {
  const args = ["--input-type=module", "-e", HOLDER, module, lock, log, name, String(ms)];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  return new Promise((resolve) => child.on("exit", resolve));
}

/** The pid of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ["-e", "0"]).pid;

function expectOneAtATime(count: number): void {
  const lines = readFileSync(log, "utf8").trim().split("\n");
  expect(lines).toHaveLength(2 * count);
  for (let i = 0; i < lines.length; i += 2) expect(lines[i + 1]).toBe(lines[i]?.replace("in", "out"));
}

test.each([
  ["no lock is there", () => {}],
  ["its holder is dead", () => writeFileSync(lock, `token ${deadPid()}`)],
  ["its holder and what worked for it are dead", () => writeFileSync(lock, `token ${deadPid()} ${deadPid()}`)],
])("where %s, each of five gets it, one at a time, and nothing is left", async (_, prepare) => {
  prepare();
  expect(await Promise.all(["a", "b", "c", "d", "e"].map((name) => hold(name, 30)))).toEqual([0, 0, 0, 0, 0]);
  expectOneAtATime(5);
  expect(existsSync(lock)).toBe(false);
});

test("while a process lives that works for a dead holder, the lock is held", async () => {
  const worker = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
  writeFileSync(lock, `token ${deadPid()} ${worker.pid}`);
  const waiting = hold("a", 0);
  await expect.poll(() => existsSync(`${log}.waiting`)).toBe(true);
  expect(existsSync(log)).toBe(false);
  worker.kill("SIGKILL");
  expect(await waiting).toBe(0);
  expectOneAtATime(1);
});
