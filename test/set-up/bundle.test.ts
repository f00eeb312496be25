/** The bundle of a tool: the same program from fewer files, and never an older one. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
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
const rlp = (): Record<string, unknown> => JSON.parse(node(join(root, "bin/rlp.mjs"), "x")) as Record<string, unknown>;

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
  write("dist/bundled/chunk-OLD.js", "");
  bundle();
  expect(existsSync(join(root, "dist/bundled/chunk-OLD.js"))).toBe(false);
  expect(readdirSync(join(root, "dist/bundled"))).toContain("rlp.js");
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
