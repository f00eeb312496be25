import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeFolder } from "#core/folder.js";

const root = mkdtempSync(join(tmpdir(), "rlp-folder-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.runIf(existsSync("/proc/self"))("a folder that cannot be made is an error and no endless wait", () => {
  expect(() => makeFolder("/proc/no-such-folder/pog")).toThrow(/ENOENT|EACCES|EPERM|EROFS/);
});

test("a file, or a link to nothing, in the way is an error", () => {
  writeFileSync(join(root, "file"), "");
  symlinkSync("nowhere", join(root, "link"));
  for (const way of ["file", "link", "file/below"]) expect(() => makeFolder(join(root, way))).toThrow(/EEXIST|ENOTDIR/);
});

test("what is missing is made, for its owner only; what is there stays", () => {
  expect(makeFolder(join(root, "a", "b", "c"))).toBe(true);
  expect(statSync(join(root, "a", "b")).mode & 0o777).toBe(0o700);
  expect(makeFolder(join(root, "a", "b"))).toBe(false);
});
