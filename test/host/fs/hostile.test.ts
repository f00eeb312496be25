/** Every road out of a granted directory, tried against the side that has the authority. */
import { execFileSync, spawn } from "node:child_process";
import { link, mkdir, rename, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identityOf, Directory } from "#host/fs/walk.js";
import { DIRECTORY_ENTRIES } from "#host/fs/limits.js";
import { fill, folder, gone, grantedOf } from "./folder.js";

let root: string;
let outside: string;
beforeEach(async () => {
  outside = await folder();
  root = join(outside, "granted");
  await mkdir(root);
  await fill(outside, { "secret.txt": "SECRET", "granted/in.txt": "inside", "granted/sub/deep.txt": "deep" });
});
afterEach(() => gone(outside));

const linux = process.platform === "linux";
const kinds = async (path: string) => (await grantedOf(root).stat(path)).map((step) => ("kind" in step ? step.kind : step.error));

describe("paths that are no plain way down", () => {
  it.each([
    "..",
    "../secret.txt",
    "sub/../../secret.txt",
    ".",
    "sub/.",
    "/etc/passwd",
    "sub//deep.txt",
    "in.txt/",
    "a\0b",
    "\ud800",
  ])("%j is refused before anything is looked at", async (path) => {
    const granted = grantedOf(root);
    await expect(granted.stat(path)).rejects.toThrow(expect.objectContaining({ code: "not-permitted" }));
    await expect(granted.list(path, "")).rejects.toThrow(expect.objectContaining({ code: "not-permitted" }));
    await expect(granted.read(path, "0".repeat(32), 0, 10)).rejects.toThrow(expect.objectContaining({ code: "not-permitted" }));
  });
  it("over-long names and paths are refused", async () => {
    await expect(grantedOf(root).stat("x".repeat(256))).rejects.toThrow(expect.objectContaining({ code: "name-too-long" }));
    await expect(grantedOf(root).stat(`${"é".repeat(128)}`)).rejects.toThrow(expect.objectContaining({ code: "name-too-long" }));
    await expect(grantedOf(root).stat("x/".repeat(200) + "x")).rejects.toThrow(
      expect.objectContaining({ code: "name-too-long" }),
    );
  });
  it("rlp's own unfinished files are neither seen nor named", async () => {
    const partial = `.rlp-${"a".repeat(16)}-0.partial`;
    await fill(root, { [partial]: "x" });
    expect((await grantedOf(root).list("", "")).entries.map(([name]) => name)).toEqual(["in.txt", "sub"]);
    await expect(grantedOf(root).stat(partial)).rejects.toThrow(expect.objectContaining({ code: "not-permitted" }));
  });
});

describe("links", () => {
  it.each(["../secret.txt", "/etc/passwd", "/proc/self/root", "/proc/self/fd/1", "sub", "link", "."])(
    "a link to %s is told and never followed",
    async (target) => {
      await symlink(target, join(root, "link"));
      const granted = grantedOf(root);
      expect(await granted.stat("link")).toEqual([{ kind: "symbolic-link", target }]);
      expect(await granted.stat("link/passwd")).toEqual([{ kind: "symbolic-link", target }]);
      await expect(granted.list("link", "")).rejects.toThrow(expect.objectContaining({ code: "loop" }));
      await expect(granted.read("link", "0".repeat(32), 0, 10)).rejects.toThrow(expect.objectContaining({ code: "loop" }));
      await expect(granted.read("link/passwd", "0".repeat(32), 0, 10)).rejects.toThrow(expect.objectContaining({ code: "loop" }));
    },
  );
  it("a grant that is itself a link is refused", async () => {
    await symlink(root, join(outside, "alias"));
    await expect(grantedOf(join(outside, "alias")).stat("in.txt")).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(loop|not-directory)$/) as string }),
    );
  });
  it("a hard link is a file of the folder: whoever made it could read what it names", async () => {
    await link(join(outside, "secret.txt"), join(root, "hard.txt"));
    expect(await kinds("hard.txt")).toEqual(["regular-file"]);
  });

  it.runIf(linux)("a second process that swaps a directory for a link all the time never leads out", async () => {
    await fill(outside, { "elsewhere/deep.txt": "SECRET" });
    const swapper = spawn(process.execPath, [
      "-e",
      `const fs = require("fs"); const [sub, aside, target] = process.argv.slice(1);
       for (;;) { fs.renameSync(sub, aside); fs.symlinkSync(target, sub); fs.unlinkSync(sub); fs.renameSync(aside, sub); }`,
      join(root, "sub"),
      join(outside, "aside"),
      join(outside, "elsewhere"),
    ]);
    try {
      const seen = new Set<string>();
      for (let tries = 0; tries < 400; tries++) {
        const granted = grantedOf(root);
        const [, file] = await granted.stat("sub/deep.txt");
        if (!file || !("kind" in file) || file.kind !== "regular-file") {
          seen.add("refused");
          continue;
        }
        const text = await granted.read("sub/deep.txt", file.version, 0, 100).then(
          (bytes) => Buffer.from(bytes).toString(),
          () => "refused",
        );
        seen.add(text);
      }
      expect(seen).toContain("deep");
      expect(seen).not.toContain("SECRET");
    } finally {
      swapper.kill("SIGKILL");
    }
  });
});

describe("what is no file", () => {
  it.runIf(linux)("a pipe, a socket and a device are named and never opened", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    const server = createServer().listen(join(root, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    try {
      expect(await kinds("pipe")).toEqual(["fifo"]);
      expect(await kinds("socket")).toEqual(["socket"]);
      // Opening it for reading would wait for a writer for ever.
      for (const name of ["pipe", "socket"])
        await expect(grantedOf(root).read(name, "0".repeat(32), 0, 1)).rejects.toThrow(
          expect.objectContaining({ code: "access" }),
        );
      expect((await grantedOf("/dev").stat("null"))[0]).toEqual({ kind: "character-device" });
      await expect(grantedOf("/dev").read("zero", "0".repeat(32), 0, 1)).rejects.toThrow(
        expect.objectContaining({ code: "access" }),
      );
    } finally {
      server.close();
    }
  });
  it.runIf(linux)("the kernel's own directories are not entered, whatever grants them", async () => {
    await expect(grantedOf("/proc").stat("self")).rejects.toThrow(expect.objectContaining({ code: "access" }));
    expect(await grantedOf("/").stat("proc/self/environ")).toEqual([{ error: "access" }]);
    expect(await grantedOf("/").stat("sys/kernel")).toEqual([{ error: "access" }]);
    await expect(grantedOf("/").list("proc", "")).rejects.toThrow(expect.objectContaining({ code: "access" }));
  });
  it("a directory that is rlp's own is not entered by any name", async () => {
    const home = await Directory.root(join(root, "sub"));
    const closed = new Set([identityOf(home.info)]);
    await home.close();
    await rename(join(root, "sub"), join(root, "other name"));
    expect(await grantedOf(root, { closed }).stat("other name/deep.txt")).toEqual([{ error: "access" }]);
    await expect(grantedOf(root, { closed }).list("other name", "")).rejects.toThrow(expect.objectContaining({ code: "access" }));
  });
});

describe("what changes meanwhile", () => {
  const versionOf = async (granted: ReturnType<typeof grantedOf>, path: string): Promise<string> => {
    const [step] = await granted.stat(path);
    return (step as { version: string }).version;
  };
  it("another directory under the granted name is refused", async () => {
    const granted = grantedOf(root);
    await granted.stat("in.txt");
    await rename(root, join(outside, "away"));
    await expect(granted.stat("in.txt")).rejects.toThrow(expect.objectContaining({ code: "no-entry" }));
    await mkdir(root);
    await expect(granted.stat("in.txt")).rejects.toThrow(expect.objectContaining({ code: "io" }));
  });
  it("a file that was written to is no longer the one that was met", async () => {
    const granted = grantedOf(root);
    const version = await versionOf(granted, "in.txt");
    expect(Buffer.from(await granted.read("in.txt", version, 2, 3)).toString()).toBe("sid");
    await writeFile(join(root, "in.txt"), "insid!");
    await expect(granted.read("in.txt", version, 0, 3)).rejects.toThrow(expect.objectContaining({ code: "io" }));
  });
  it("versions give away nothing of the disk, and times only where they are granted", async () => {
    await utimes(join(root, "in.txt"), 1, 86_400);
    const [step] = await grantedOf(root).stat("in.txt");
    expect(step).toEqual({ kind: "regular-file", size: 6, version: expect.stringMatching(/^[0-9a-f]{32}$/) as string });
    const [timed] = await grantedOf(root, { times: true }).stat("in.txt");
    expect(timed).toMatchObject({ modified_ms: 86_400_000 });
  });
});

describe("sizes", () => {
  it.runIf(linux)("a file of a terabyte that is all hole is read where it is asked for", async () => {
    await truncate(join(root, "in.txt"), 2 ** 40);
    const granted = grantedOf(root);
    const [step] = await granted.stat("in.txt");
    const { size, version } = step as { size: number; version: string };
    expect(size).toBe(2 ** 40);
    expect(await granted.read("in.txt", version, 2 ** 40 - 2, 1 << 20)).toHaveLength(2);
  });
  it("lists tens of thousands of names in the order of their bytes, in pages, without holding anybody up", async () => {
    const count = 20_000;
    const many = join(root, "many");
    await mkdir(many);
    execFileSync(process.execPath, [
      "-e",
      `const fs = require("fs"); for (let i = 0; i < ${count}; i++) fs.closeSync(fs.openSync(process.argv[1] + "/" + i.toString(36), "w"));`,
      many,
    ]);
    const granted = grantedOf(root);
    const names: string[] = [];
    for (let more = true; more;) {
      const page = await granted.list("many", names.at(-1) ?? "");
      names.push(...page.entries.map(([name]) => name));
      more = page.more;
    }
    expect(names).toHaveLength(count);
    expect(names).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(count).toBeLessThan(DIRECTORY_ENTRIES);
  });
  it("sorts as bytes do, not as UTF-16 does, and leaves out what is no UTF-8", async () => {
    await fill(root, { "s/\u{1f600}": "", "s/\uff5e": "", "s/z": "", "s/A": "", "s/é": "" });
    if (linux) await writeFile(Buffer.concat([Buffer.from(join(root, "s") + "/bad-"), Buffer.from([0xff])]), "");
    const { entries, listing } = await grantedOf(root).list("s", "");
    expect(entries.map(([name]) => name)).toEqual(["A", "z", "é", "\uff5e", "\u{1f600}"]);
    expect(listing.skipped).toBe(linux ? 1 : 0);
  });
});
