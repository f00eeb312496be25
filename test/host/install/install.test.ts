import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InstallError } from "#host/install/error.js";
import { installAgent, removeAgent, type InstallWorld } from "#host/install/install.js";
import { readTar } from "#host/install/tar.js";
import { defaultTrust } from "#host/trust/policy.js";
import { pax, tar, type Member } from "./tar.js";

let root: string;
let agentsDir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "rlp-install-"));
  agentsDir = join(root, "home", "agents");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Admission is another part's: here a bundle is called as its manifest's only line says. */
const world = (changes: Partial<InstallWorld> = {}): InstallWorld => ({
  agentsDir,
  inspect: async (dir) => ({
    dir,
    face: { name: readFileSync(join(dir, "manifest.toml"), "utf8") } as any,
    manifest: readFileSync(join(dir, "manifest.toml")),
    component: {} as any,
  }),
  before: async () => undefined,
  versionsDir: join(root, "home", "versions"),
  judge: () => ({ standing: { kind: "stranger", key: null }, rule: null, policy: defaultTrust }),
  allowDowngrade: false,
  now: Date.now,
  ...changes,
});
const manifest: Member = { name: "manifest.toml", body: "note" };

async function installing(bytes: Uint8Array, changes?: Partial<InstallWorld>): Promise<string> {
  const file = join(root, "bundle.tar");
  writeFileSync(file, bytes);
  try {
    return (await installAgent(file, world(changes))).dir;
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}
const left = (): string[] => (existsSync(agentsDir) ? readdirSync(agentsDir) : []);

const many = Array.from({ length: 1100 }, (_, i): Member => ({ name: `f${i}` }));

test.each<[string, readonly Member[], RegExp]>([
  ["a symbolic link", [manifest, { name: "src", type: "2", link: "/etc" }], /UNSAFE.*`src` is a symbolic link/],
  ["a hard link", [manifest, { name: "a", type: "1", link: "manifest.toml" }], /UNSAFE.*a hard link/],
  ["a device", [manifest, { name: "a", type: "3" }], /UNSAFE.*a device/],
  ["a pipe", [manifest, { name: "a", type: "6" }], /UNSAFE.*a pipe/],
  ["a sparse file", [manifest, { name: "a", type: "S" }], /UNSAFE.*a sparse file/],
  ["a kind that nobody knows", [manifest, { name: "a", type: "Z" }], /UNSAFE.*a kind that no bundle needs/],
  ["an absolute path", [manifest, { name: "/etc/passwd", body: "x" }], /UNSAFE.*leads out/],
  ["a parent", [manifest, { name: "../../x", body: "x" }], /UNSAFE.*leads out/],
  ["a parent in the middle", [manifest, { name: "a/../../x", body: "x" }], /UNSAFE.*leads out/],
  ["a parent by the prefix", [manifest, { name: "x", prefix: "..", body: "x" }], /UNSAFE.*leads out/],
  ["a parent by a long name", [manifest, { name: "l", type: "L", body: "../x\0" }, { name: "x" }], /UNSAFE.*leads out/],
  ["a parent by a pax header", [manifest, pax(["path", "../x"]), { name: "x" }], /UNSAFE.*leads out/],
  ["a folder that leads out", [manifest, { name: "../x/", type: "5" }], /UNSAFE.*leads out/],
  ["a drive", [manifest, { name: "C:/x" }], /UNSAFE.*leads out/],
  ["a backslash", [manifest, { name: "a\\b" }], /UNSAFE.*no name/],
  ["a hidden character", [manifest, { name: "a\u202eb" }], /UNSAFE.*no name/],
  ["a control character", [manifest, { name: "a\u001bb" }], /UNSAFE.*\\e.*no name/],
  ["an empty part", [manifest, { name: "a//b" }], /UNSAFE.*no name/],
  ["a name that ends with a dot", [manifest, { name: "a." }], /UNSAFE.*no name/],
  ["too deep", [manifest, { name: `${"a/".repeat(20)}b` }], /UNSAFE.*no name/],
  ["a file twice", [manifest, { name: "a", body: "1" }, { name: "a", body: "2" }], /UNSAFE.*`a` is there twice/],
  ["a file twice but for case", [manifest, { name: "README.md" }, { name: "readme.md" }], /UNSAFE.*twice/],
  ["a file twice but for how it is folded", [manifest, { name: "stra\u00dfe" }, { name: "STRASSE" }], /UNSAFE.*twice/],
  ["a file twice but for its width", [manifest, { name: "a" }, { name: "\uff41" }], /UNSAFE.*twice/],
  ["a manifest behind a folder in other letters", [manifest, { name: "SRC/a" }, { name: "src/A" }], /UNSAFE.*twice/],
  ["a file twice but for its form", [manifest, { name: "\u00e9" }, { name: "e\u0301" }], /UNSAFE.*twice/],
  ["a file where a folder is", [manifest, { name: "a/b" }, { name: "a" }], /UNSAFE.*`a` is there twice/],
  ["a folder where a file is", [manifest, { name: "a" }, { name: "a/b" }], /UNSAFE.*`a` is there twice/],
  ["two manifests", [manifest, { name: "other/manifest.toml", body: "b" }], /UNSAFE.*more than one manifest/],
  ["a manifest in other letters", [manifest, { name: "x/MANIFEST.toml" }], /UNSAFE.*more than one manifest/],
  ["no manifest", [{ name: "a" }], /MALFORMED.*holds no manifest/],
  ["a manifest too deep", [{ name: "a/b/manifest.toml" }], /MALFORMED.*neither at the top nor in one folder/],
  [
    "a file beside the bundle's folder",
    [{ name: "n/manifest.toml", body: "note" }, { name: "x" }],
    /UNSAFE.*outside of the bundle's folder/,
  ],
  ["too many entries", [manifest, ...many], /TOO_LARGE.*more than 1024 entries/],
  ["a size that is none", [manifest, { name: "a", size: "zzzzzzzzzzz\0" }], /MALFORMED.*number is none/],
  ["a size in base 256", [manifest, { name: "a", size: "\x7f".repeat(12) }], /MALFORMED.*number is none/],
  ["a size beyond the end", [manifest, { name: "a", size: "00077777777\0" }], /MALFORMED.*middle of a file/],
  ["a wrong checksum", [manifest, { name: "a", checksum: 1 }], /MALFORMED.*checksum/],
  ["pax headers that change sizes", [manifest, pax(["size", "10"]), { name: "a" }], /UNSAFE.*`size`/],
  ["pax headers that link", [manifest, pax(["linkpath", "/etc"]), { name: "a" }], /UNSAFE.*`linkpath`/],
  ["pax headers of sparse files", [manifest, pax(["GNU.sparse.major", "1"]), { name: "a" }], /UNSAFE.*`GNU.sparse.major`/],
  ["a malformed pax header", [manifest, { name: "p", type: "x", body: "999 path=a\n" }, { name: "a" }], /MALFORMED.*pax/],
  ["a global path", [manifest, { ...pax(["path", "b"]), type: "g" }, { name: "a" }], /UNSAFE.*global/],
  ["a long name without a file", [manifest, { name: "l", type: "L", body: "a" }], /MALFORMED.*belongs to no file/],
  ["a folder with content", [manifest, { name: "a/", type: "5", body: "x" }], /MALFORMED.*folder has content/],
])("an archive is refused whole: %s", async (_, members, message) => {
  expect(await installing(tar(members))).toMatch(message);
  expect(left()).toEqual([]);
});

test.each<[string, Buffer, RegExp]>([
  ["nothing", Buffer.alloc(0), /MALFORMED.*without its end mark/],
  ["text", Buffer.from("hello".repeat(200)), /MALFORMED.*no tar archive/],
  ["cut off", tar([manifest]).subarray(0, 700), /MALFORMED/],
  ["a second archive behind the first", Buffer.concat([tar([manifest]), tar([manifest])]), /MALFORMED.*follows its end mark/],
  ["text behind the gzip", Buffer.concat([gzipSync(tar([manifest])), Buffer.from("more")]), /MALFORMED/],
  ["zeros behind the gzip", Buffer.concat([gzipSync(tar([manifest])), Buffer.alloc(64)]), /MALFORMED.*follows the end/],
  ["damaged gzip", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1]), /MALFORMED.*cannot be unpacked/],
  ["a gzip bomb", gzipSync(Buffer.alloc(32 << 20)), /TOO_LARGE.*unfolds/],
  ["a file larger than a component may be", tar([manifest, { name: "a", body: Buffer.alloc((16 << 20) + 1) }]), /TOO_LARGE/],
])("a file is refused: %s", async (_, bytes, message) => {
  expect(await installing(bytes)).toMatch(message);
  expect(left()).toEqual([]);
});

test("whatever bytes come, a reader gives entries or an InstallError", () => {
  const good = tar([
    { name: "n/", type: "5" },
    { name: "n/manifest.toml", body: "note" },
    pax(["path", "n/é"]),
    { name: "x", body: "1" },
  ]);
  const edit = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 8 }), fc.nat(good.length), (edits, end) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of edits) bytes[at] = byte;
      for (const candidate of [bytes, bytes.subarray(0, end)]) {
        try {
          for (const path of readTar(candidate, "a.tar").bundle().keys()) expect(path).not.toMatch(/(^|\/)\.\.?(\/|$)|^\//);
        } catch (error) {
          expect(error).toBeInstanceOf(InstallError);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test.each<[string, readonly Member[]]>([
  ["at the top", [manifest, { name: "src/agent.ts", body: "x" }]],
  [
    "in one folder, with ./ before it",
    [
      { name: "./", type: "5" },
      { name: "./n/manifest.toml", body: "note" },
      { name: "./n/src/agent.ts", body: "x" },
    ],
  ],
  ["with long names", [manifest, { name: "l", type: "L", body: "src/agent.ts\0" }, { name: "cut", body: "x" }]],
  [
    "with pax headers",
    [
      { ...pax(["comment", "0123"]), type: "g" },
      manifest,
      pax(["mtime", "1.5"], ["path", "src/agent.ts"]),
      { name: "cut", body: "x" },
    ],
  ],
  ["of GNU's own format", [manifest, { name: "src/agent.ts", body: "x", magic: "ustar  ", prefix: "1234" }]],
])("a good archive is installed, plain and gzipped: %s", async (_, members) => {
  const dir = join(agentsDir, "note");
  expect(await installing(tar(members))).toBe(dir);
  expect(readFileSync(join(dir, "src", "agent.ts"), "utf8")).toBe("x");
  expect(left()).toEqual(["note"]);
  await removeAgent("note", agentsDir);
  expect(await installing(gzipSync(tar(members)))).toBe(dir);
});

test.runIf(existsSync("/usr/bin/tar") || existsSync("/bin/tar"))("what the machine's own tar packs is installed", async () => {
  const folder = join(root, "src", "note");
  mkdirSync(join(folder, "tests"), { recursive: true });
  writeFileSync(join(folder, "manifest.toml"), "note");
  writeFileSync(join(folder, "tests", `${"long".repeat(30)}.yaml`), "x");
  execFileSync("tar", ["-czf", join(root, "a.tar.gz"), "-C", join(root, "src"), "note"]);
  expect((await installAgent(join(root, "a.tar.gz"), world())).dir).toBe(join(agentsDir, "note"));
});

test("a folder is installed without what begins with a dot; links in it are refused", async () => {
  const folder = join(root, "note");
  mkdirSync(join(folder, ".git"), { recursive: true });
  writeFileSync(join(folder, ".git", "config"), "x");
  writeFileSync(join(folder, "manifest.toml"), "note");
  const { dir } = await installAgent(folder, world());
  expect(readdirSync(dir)).toEqual(["manifest.toml"]);
  await removeAgent("note", agentsDir);
  symlinkSync("/etc/hostname", join(folder, "link"));
  await expect(installAgent(folder, world())).rejects.toMatchObject({ code: "INSTALL_UNSAFE", message: "`link` is a link" });
  expect(left()).toEqual([]);
});

test("what admission refuses leaves nothing behind", async () => {
  const refuse = async () => {
    throw new InstallError("INSTALL_MALFORMED", "no");
  };
  expect(await installing(tar([manifest]), { inspect: refuse })).toMatch(/MALFORMED: no/);
  expect(left()).toEqual([]);
});

test("an installed agent is never replaced, and none that would be used before it is installed", async () => {
  await installing(tar([manifest]));
  expect(await installing(tar([manifest, { name: "new" }]))).toMatch(/EXISTS: `note` is installed already/);
  expect(readdirSync(join(agentsDir, "note"))).toEqual(["manifest.toml"]);
  await removeAgent("note", agentsDir);
  expect(await installing(tar([manifest]), { before: async () => "/bundled/note" })).toMatch(
    /EXISTS: there is an agent `note` already/,
  );
  expect(left()).toEqual([]);
});

test("two installs at once: one of them wins, whole", async () => {
  const file = join(root, "bundle.tar");
  writeFileSync(file, tar([manifest, { name: "a" }]));
  const ends = await Promise.allSettled([installAgent(file, world()), installAgent(file, world())]);
  expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect([left(), readdirSync(join(agentsDir, "note")).sort()]).toEqual([["note"], ["a", "manifest.toml"]]);
});

test("what a killed install has left is swept after an hour, not before", async () => {
  const old = join(agentsDir, ".staging-old");
  const fresh = join(agentsDir, ".staging-fresh");
  for (const folder of [old, fresh]) mkdirSync(folder, { recursive: true });
  utimesSync(old, 1, 1);
  await installing(tar([manifest]));
  expect(left().sort()).toEqual([".staging-fresh", "note"]);
});

test.each([["nothere"], ["../note"], [".staging-x"], ["note/.."], [""]])("remove refuses %j", async (name) => {
  await installing(tar([manifest]));
  mkdirSync(join(agentsDir, ".staging-x"));
  await expect(removeAgent(name, agentsDir)).rejects.toMatchObject({ code: "USAGE_NOT_FOUND" });
  expect(left()).toContain("note");
});

test("killed at whatever moment, there is a whole bundle or none, and the next install goes through", async () => {
  const archive = join(root, "bundle.tar");
  const files = Array.from({ length: 200 }, (_, i): Member => ({ name: `src/${i}/a`, body: "x".repeat(i) }));
  writeFileSync(archive, tar([manifest, ...files]));
  const rounds = 8;
  let killed = 0;
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "installer.mjs"), archive, join(root, "home")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    // The child says when it begins; where in its work the blow falls is left to the machine.
    for await (const _ of child.stdout) break;
    await new Promise((resolve) => setTimeout(resolve, (round * round) / 2));
    child.kill("SIGKILL");
    if (((await once(child, "close")) as [number | null])[0] === null) killed++;
    const here = left().filter((name) => !name.startsWith(".staging-"));
    if (here.length === 0) continue;
    expect(here).toEqual(["note"]);
    expect(readdirSync(join(agentsDir, "note", "src")).length).toBe(200);
    for (const i of [0, 99, 199]) expect(readFileSync(join(agentsDir, "note", "src", String(i), "a")).length).toBe(i);
    await removeAgent("note", agentsDir);
  }
  expect(killed).toBeGreaterThan(0);
  expect((await installAgent(archive, world())).dir).toBe(join(agentsDir, "note"));
});

/** A bundle of a version, signed by a trusted key or by nobody. */
async function installVersion(version: string, by: "ada" | null, changes: Partial<InstallWorld> = {}): Promise<string> {
  await removeAgent("note", agentsDir).catch(() => {});
  return installing(tar([{ name: "manifest.toml", body: `note ${version}` }]), {
    inspect: async (dir) => {
      const [name, found] = readFileSync(join(dir, "manifest.toml"), "utf8").split(" ");
      return { dir, face: { name, version: found } as any, manifest: new Uint8Array(), component: {} as any };
    },
    judge: () => ({
      standing: by === null ? { kind: "stranger", key: null } : { kind: "signed", key: "0".repeat(32), name: by },
      rule: null,
      policy: defaultTrust,
    }),
    ...changes,
  });
}
const installed = expect.stringMatching(/agents[\\/]note$/);

test.each<[string, readonly (readonly [string, "ada" | null])[], string, "ada" | null, unknown]>([
  [
    "an older signed one in the place of a newer",
    [["1.10.0", "ada"]],
    "1.9.0",
    "ada",
    expect.stringMatching(/^INSTALL_DOWNGRADE: .*1\.9\.0 is older than 1\.10\.0/),
  ],
  ["a pre-release in the place of its release", [["1.0.0", "ada"]], "1.0.0-rc.2", "ada", expect.stringMatching(/DOWNGRADE/)],
  [
    "an unsigned one of whatever version",
    [["1.0.0", "ada"]],
    "9.0.0",
    null,
    expect.stringMatching(/^INSTALL_DOWNGRADE: .*nobody vouches/),
  ],
  [
    "older than one that another one came after",
    [
      ["2.0.0", "ada"],
      ["2.1.0", "ada"],
    ],
    "2.0.5",
    "ada",
    expect.stringMatching(/older than 2\.1\.0/),
  ],
  ["the same again", [["1.0.0", "ada"]], "1.0.0", "ada", installed],
  ["a newer one", [["1.9.0", "ada"]], "1.10.0", "ada", installed],
  ["an older signed one where a stranger's came with a large number", [["99.0.0", null]], "1.0.0", "ada", installed],
])("after it was removed: %s", async (_, before, version, by, told) => {
  for (const [each, who] of before) expect(await installVersion(each, who)).toEqual(installed);
  expect(await installVersion(version, by)).toEqual(told);
  if (told !== installed) expect(await installVersion(version, by, { allowDowngrade: true })).toEqual(installed);
  // It is still remembered, by its own letters: an archive's folder and file names say nothing.
  expect(readdirSync(join(root, "home", "versions"))).toEqual(before.some(([, who]) => who) || by ? ["note"] : []);
});

test("a record that cannot be read lets nothing older in", async () => {
  expect(await installVersion("2.0.0", "ada")).toEqual(installed);
  rmSync(join(root, "home", "versions", "note"), { recursive: true });
  writeFileSync(join(root, "home", "versions", "note"), "");
  await expect(installVersion("1.0.0", "ada")).rejects.toThrow(/ENOTDIR/);
});

test("removing a link removes the link", async () => {
  mkdirSync(agentsDir, { recursive: true });
  mkdirSync(join(root, "elsewhere"));
  writeFileSync(join(root, "elsewhere", "precious"), "x");
  symlinkSync(join(root, "elsewhere"), join(agentsDir, "note"));
  await removeAgent("note", agentsDir);
  expect(left()).toEqual([]);
  expect(existsSync(join(root, "elsewhere", "precious"))).toBe(true);
});
