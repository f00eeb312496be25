/** The bundle of a tool: the same program from fewer files, and never an older one. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const repository = join(import.meta.dirname, "../..");
let root: string;

const files: Record<string, string> = {
  "package.json": '{ "type": "module", "imports": { "#core/*": "./dist/core/*" } }',
  "dist/core/place.js": "export const core = import.meta.dirname;",
  "dist/tools/rlp/main.js": `
    import { core } from "#core/place.js";
    export async function main(argv) {
      const { lazy } = await import("./commands/lazy.js");
      const { resolve } = await import("node:path");
      console.log(JSON.stringify({ argv, core: resolve(core), lazy }));
      return 0;
    }`,
  "dist/tools/rlp/commands/lazy.js": `
    import { resolve } from "node:path";
    import Database from "better-sqlite3";
    import * as z from "zod";
    export const lazy = {
      file: resolve(import.meta.filename),
      packages: [new Database(":memory:").open, z.string().safeParse(1).success],
    };`,
};

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "rlp bundle-")));
  cpSync(join(repository, "bin"), join(root, "bin"), { recursive: true });
  symlinkSync(join(repository, "node_modules"), join(root, "node_modules"), "junction");
  for (const [file, text] of Object.entries(files)) write(file, text);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
function node(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}
const bundle = (): string => node(join(root, "bin/bundle.mjs"));
const rlp = (): Record<string, unknown> => JSON.parse(node(join(root, "bin/rlp.cjs"), "x")) as Record<string, unknown>;

test("what is bundled does the same, and each module finds its own place", () => {
  const single = rlp();
  const file = join(root, "dist/tools/rlp/commands/lazy.js");
  expect(single).toEqual({ argv: ["x"], core: join(root, "dist/core"), lazy: { file, packages: [true, false] } });
  bundle();
  rmSync(join(root, "dist/tools/rlp/commands"), { recursive: true });
  expect(rlp()).toEqual(single);
});

test("the bundle runs without the files it was made from; what was compiled after it counts more", () => {
  bundle();
  const marker = 'export async function main() { console.log(JSON.stringify({ from: "single" })); return 0; }';
  write("dist/tools/rlp/main.js", marker);
  expect(rlp()).toMatchObject({ argv: ["x"] });
  const record = "dist/host/.tsbuildinfo";
  write(record, "");
  utimesSync(join(root, record), new Date(), new Date(Date.now() + 10_000));
  expect(rlp()).toEqual({ from: "single" });
});

test("bundling again leaves nothing of the time before", () => {
  const old = ["dist/bundled/chunk-OLD.cjs", "dist/.pieces/v1-x64/chunk-OLD.cjs-1-1"];
  for (const file of old) write(file, "");
  bundle();
  for (const file of old) expect(existsSync(join(root, file))).toBe(false);
  expect(readdirSync(join(root, "dist/bundled"))).toContain("rlp.cjs");
});

test("Node's modules are loaded when something of them is used, and are the same then", () => {
  write(
    "dist/tools/rlp/main.js",
    `import { randomBytes as random } from "node:crypto";
import children from "node:child_process";
    const loaded = () => ["crypto", "child_process"].map((name) => process.moduleLoadList.includes("NativeModule " + name));
    export async function main() {
      const before = loaded();
      const used = [random(8).length, typeof children.spawn];
      console.log(JSON.stringify({ before, used, after: loaded() }));
      return 0;
    }`,
  );
  expect(rlp()).toMatchObject({ before: [true, true] });
  bundle();
  expect(rlp()).toEqual({ before: [false, false], used: [8, "function"], after: [true, true] });
});

test("what a command has compiled is kept for the next one, with what others add to it", () => {
  write(
    "dist/tools/rlp/main.js",
    `function first() { return "first"; }
    function second() { return "second"; }
    export async function main([which]) {
      const { later } = await import("./commands/later.js");
      console.log(JSON.stringify({ said: which === "second" ? second() + later : first() }));
      return 0;
    }`,
  );
  write("dist/tools/rlp/commands/later.js", "export const later = (() => ' and later')();");
  bundle();
  const kept = join(root, "dist/.pieces", `${process.version}-${process.arch}`);
  const run = (which: string): unknown => JSON.parse(node(join(root, "bin/rlp.cjs"), which));
  expect(run("first")).toEqual({ said: "first" });
  const of = (piece: string): readonly string[] => readdirSync(kept).filter((name) => name.startsWith(`${piece}-`));
  const [name = "", ...others] = of("rlp.cjs");
  expect(others).toEqual([]);
  expect(readdirSync(kept)).toHaveLength(readdirSync(join(root, "dist/bundled")).length);
  const size = (): number => statSync(join(kept, name)).size;
  const once = size();
  expect(run("second")).toEqual({ said: "second and later" });
  expect(size()).toBe(once); // nothing was loaded that was not kept
  rmSync(
    join(
      kept,
      readdirSync(kept).find((file) => file.startsWith("later-"))!,
    ),
  );
  expect(run("second")).toEqual({ said: "second and later" });
  expect(size()).toBeGreaterThan(once);
});

test("compiled code of another text with the same name and length is not used", () => {
  const said = (text: string): void => {
    const file = join(root, "dist/bundled/rlp.cjs");
    writeFileSync(file, readFileSync(file, "utf8").replace(/"said-."/, JSON.stringify(text)));
  };
  write(
    "dist/tools/rlp/main.js",
    'export async function main() { console.log(JSON.stringify({ said: (() => "said-1")() })); return 0; }',
  );
  bundle();
  expect([rlp(), rlp()]).toEqual([{ said: "said-1" }, { said: "said-1" }]);
  said("said-2");
  expect(rlp()).toEqual({ said: "said-2" });
});

test("compiled code that the disk has damaged is not run but made again", () => {
  bundle();
  const said = rlp();
  const kept = join(root, "dist/.pieces", `${process.version}-${process.arch}`);
  const file = join(
    kept,
    readdirSync(kept).find((name) => name.startsWith("rlp.cjs-"))!,
  );
  const good = readFileSync(file);
  const damages: readonly ((bytes: Buffer) => Buffer)[] = [
    (bytes) => bytes.fill(0, 512, 1024),
    (bytes) => bytes.fill(0xff, bytes.length >> 1),
    (bytes) => bytes.subarray(0, bytes.length - 8),
    (bytes) => Buffer.concat([bytes, bytes.subarray(0, 512)]),
    (bytes) => Buffer.concat([bytes, Buffer.alloc(8)]),
    (bytes) => bytes.subarray(0, 3),
    () => Buffer.alloc(0),
    ...Array.from({ length: 12 }, (_, nth) => (bytes: Buffer) => {
      const at = Math.floor(((nth + 0.5) / 12) * bytes.length);
      bytes[at]! ^= 1 << (nth % 8);
      return bytes;
    }),
  ];
  for (const damage of damages) {
    writeFileSync(file, damage(Buffer.from(good)));
    expect(rlp()).toEqual(said);
    expect(readFileSync(file).length).toBe(good.length);
  }
});

test("a bundle without one of its pieces says what to do; without a place to keep compiled code it runs", () => {
  bundle();
  write("dist/.pieces", "a file, not a folder");
  expect(rlp()).toMatchObject({ argv: ["x"] });
  rmSync(
    join(
      root,
      "dist/bundled",
      readdirSync(join(root, "dist/bundled")).find((file) => file.startsWith("lazy-"))!,
    ),
  );
  const { status, stderr } = spawnSync(process.execPath, [join(root, "bin/rlp.cjs"), "x"], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^rlp is not whole \(cannot find .*lazy-.*\.cjs\): run `npm start` in /);
});
