import { spawnSync } from "node:child_process";
import { chmod, link, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { carryOutChanges, CommitBroken, CommitConflict } from "#host/fs/commit.js";
import { realDisk, type Disk } from "#host/fs/disk.js";
import { FileError } from "#host/fs/error.js";
import { commitCase, stepping, type CommitCase } from "./commit-case.js";
import { all, fill, folder, gone, grantedOf } from "./folder.js";

const KILLED = join(import.meta.dirname, "fixtures/crashing-commit.mjs");

let outside: string;
let root: string;
beforeEach(async () => {
  outside = await folder();
  root = join(outside, "granted");
  await fill(root, BEFORE_FILES);
});
afterEach(() => gone(outside));

const BEFORE_FILES = {
  "change.txt": "old",
  "remove.txt": "bye",
  "old dir/a.txt": "a",
  "old dir/below/b.txt": "b",
  "turns into a directory": "file",
  "turns into a file/x": "x",
  "stays.txt": "stays",
};
const changes = (): CommitCase =>
  commitCase(root, {
    "change.txt": ["old", "new text"],
    "new dir": [null, "/"],
    "new dir/below": [null, "/"],
    "new dir/below/new.txt": [null, "deep"],
    "new.txt": [null, "created"],
    "old dir": ["/", null],
    "old dir/a.txt": ["a", null],
    "old dir/below": ["/", null],
    "old dir/below/b.txt": ["b", null],
    "remove.txt": ["bye", null],
    "turns into a directory": ["file", "/"],
    "turns into a directory/inner": [null, "inner"],
    "turns into a file": ["/", "flat"],
    "turns into a file/x": ["x", null],
    "empty.txt": [null, ""],
  });
const AFTER = {
  "change.txt": "new text",
  "empty.txt": "",
  "new dir/": null,
  "new dir/below/": null,
  "new dir/below/new.txt": "deep",
  "new.txt": "created",
  "stays.txt": "stays",
  "turns into a directory/": null,
  "turns into a directory/inner": "inner",
  "turns into a file": "flat",
};
const carryOut = (of: CommitCase, disk: Disk = realDisk): Promise<void> =>
  carryOutChanges({
    changes: of.changes,
    key: of.key,
    open: (_, work) => grantedOf(of.root).open(work),
    blob: (digest) => Buffer.from(of.blobs[digest] ?? "", "base64"),
    disk,
  });

it("makes all of the changes, and the same again is nothing", async () => {
  await carryOut(changes());
  expect(await all(root)).toEqual(AFTER);
  const writes: string[] = [];
  await carryOut(
    changes(),
    stepping((_, what) => writes.push(what)),
  );
  expect(writes).toEqual([]);
  expect(await all(root)).toEqual(AFTER);
});

describe("a base that has changed meanwhile: nothing is written", () => {
  it.each<[string, () => Promise<unknown>]>([
    ["another text", () => writeFile(join(root, "change.txt"), "theirs")],
    ["a name that is taken by now", () => writeFile(join(root, "new.txt"), "theirs")],
    ["a file that is gone", () => rename(join(root, "change.txt"), join(root, "moved"))],
    [
      "a link in the place of a file",
      async () => {
        await gone(join(root, "remove.txt"));
        await symlink("stays.txt", join(root, "remove.txt"));
      },
    ],
    ["a directory that would not be empty", () => writeFile(join(root, "old dir/theirs"), "theirs")],
    [
      "a link in the place of a directory on the way",
      async () => {
        await rename(join(root, "old dir"), join(outside, "old dir"));
        await symlink("../old dir", join(root, "old dir"));
      },
    ],
  ])("%s", async (_, meanwhile) => {
    await meanwhile();
    const before = await all(outside);
    const writes: string[] = [];
    await expect(
      carryOut(
        changes(),
        stepping((__, what) => writes.push(what)),
      ),
    ).rejects.toThrow(CommitConflict);
    expect(writes).toEqual([]);
    expect(await all(outside)).toEqual(before);
  });
});

describe("a disk that fails", () => {
  it("before anything is in its place: all is taken back", async () => {
    const before = await all(root);
    let writes = 0;
    const full: Disk = {
      ...realDisk,
      write: async (directory, name, pieces, mode) => {
        await realDisk.write(directory, name, pieces, mode);
        if (++writes === 3) throw new FileError("insufficient-space", "ENOSPC");
      },
      unlink: (directory, name) => realDisk.unlink(directory, name),
    };
    await expect(carryOut(changes(), full)).rejects.toThrow(expect.objectContaining({ code: "insufficient-space" }));
    expect(await all(root)).toEqual(before);
  });
  it("in the middle: it is said that it was done in part, and doing it again finishes it", async () => {
    let failing = true;
    const broken = stepping((_, what) => {
      if (failing && what === "rename") {
        failing = false;
        throw new FileError("io", "EIO");
      }
    });
    await expect(carryOut(changes(), broken)).rejects.toThrow(CommitBroken);
    await carryOut(changes());
    expect(await all(root)).toEqual(AFTER);
  });
});

it("kill -9 before each step: before or after or between, and finished by doing it again", async () => {
  let steps = 0;
  await carryOut(
    changes(),
    stepping(() => steps++),
  );
  for (let at = 0; at < steps; at++) {
    await gone(root);
    await fill(root, BEFORE_FILES);
    const file = join(outside, "case.json");
    await writeFile(file, JSON.stringify(changes()));
    const child = spawnSync(process.execPath, [KILLED, file, String(at)], { encoding: "utf8" });
    expect(child.stderr).toBe("");
    expect(child.signal).toBe("SIGKILL");
    await carryOut(changes());
    expect(await all(root)).toEqual(AFTER);
  }
});

it("a run that was never taken up again leaves nothing for long: the next commit there clears its files away", async () => {
  const left = `.rlp-${"e".repeat(16)}-3.partial`;
  await fill(root, { [left]: "half" });
  await carryOut(commitCase(root, { "new.txt": [null, "created"] }));
  expect(Object.keys(await all(root))).not.toContain(left);
});

it("keeps a file's permissions, never its special bits, and leaves its other names their content", async () => {
  await chmod(join(root, "change.txt"), 0o4640);
  await link(join(root, "change.txt"), join(outside, "other name"));
  await carryOut(commitCase(root, { "change.txt": ["old", "new text"] }));
  expect((await stat(join(root, "change.txt"))).mode & 0o7777).toBe(0o640);
  expect(await readFile(join(outside, "other name"), "utf8")).toBe("old");
});
