/** Where new files cannot be, a person is told so: nothing hangs, nothing is half made. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UsageError } from "#core/errors.js";
import { writeFolder } from "../../../tools/rlp/scaffold/write.js";

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "rlp-new-files-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const files = new Map([["src/agent.ts", "export {};\n"]]);

test.runIf(existsSync("/proc/self"))("a file system that takes no new names ends at once", () => {
  expect(() => writeFolder("/proc/nope/agents/x", files)).toThrow(UsageError);
});

test("below a file", () => {
  writeFileSync(join(root, "file"), "");
  expect(() => writeFolder(join(root, "file", "agents", "x"), files)).toThrow(
    expect.objectContaining({ code: "USAGE", hint: "choose another folder with --dir" }),
  );
  expect(readdirSync(root)).toEqual(["file"]);
});

test("all folders above it are made", () => {
  writeFolder(join(root, "a", "b", "x"), files);
  expect(readdirSync(join(root, "a", "b"))).toEqual(["x"]);
  expect(existsSync(join(root, "a", "b", "x", "src", "agent.ts"))).toBe(true);
});
