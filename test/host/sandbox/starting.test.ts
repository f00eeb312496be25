/** How a sandbox process comes to be: from which file, and in which cage before it is known which there is. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ok } from "../component/guest.js";
import type { Admitted } from "#host/component/contract.js";
import { isolation, presumed } from "#host/sandbox/isolation/ladder.js";
import { IsolationError, type Isolation } from "#host/sandbox/isolation/rung.js";
import { startSandbox } from "#host/sandbox/process.js";
import { childProgram, codeRoot, spawnConfined } from "#host/sandbox/spawn.js";
import { admitted, run } from "./run.js";

let dir: string;
let guest: Admitted;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "rlp-starting-"));
  guest = await admitted({ run: ok("(local.get $with)", "(local.get $with_len)") });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const single = (own = "main.js") => ({ entry: own, readable: ["a", "b"] });

test("the program in one file is taken unless something was compiled after it", () => {
  const root = { dist: join(dir, "dist"), packageFile: join(dir, "package.json") };
  const file = (...parts: string[]): string => join(root.dist, ...parts);
  const written = (path: string, time: number): void => {
    writeFileSync(path, "");
    utimesSync(path, time, time);
  };
  expect(childProgram("sandbox", single, undefined, root)).toEqual(single());
  for (const folder of ["core", "host", "children"]) mkdirSync(file(folder), { recursive: true });
  written(file("children", "sandbox.cjs"), 1000);
  const one = { entry: file("children", "sandbox.cjs"), readable: [root.packageFile, file("children", "sandbox.cjs")] };
  expect(childProgram("sandbox", single, undefined, root)).toEqual(one); // a package has no record of its compiler
  for (const folder of ["core", "host"]) written(file(folder, ".tsbuildinfo"), 900);
  expect(childProgram("sandbox", single, undefined, root)).toEqual(one);
  expect(childProgram("toolchain", single, undefined, root)).toEqual(single());
  expect(childProgram("sandbox", single, "own.js", root)).toEqual(single("own.js"));
  written(file("core", ".tsbuildinfo"), 1100);
  expect(childProgram("sandbox", single, undefined, root)).toEqual(single());
});

test("a guest ends alike whether the process runs one file or all of them", async () => {
  const { dist } = codeRoot();
  expect(existsSync(join(dist, "children", "sandbox.cjs"))).toBe(true);
  const ends = await Promise.all(
    [{}, { entry: join(dist, "host", "sandbox", "main.js") }].map(async (options) => {
      const sandbox = startSandbox(options);
      try {
        return (await run(sandbox, guest, { with: '{"a":1}' })).end;
      } finally {
        await sandbox.close();
      }
    }),
  );
  expect(ends[0]).toMatchObject({ kind: "ok", outputs: [{ body: '{"a":1}' }] });
  expect(ends[1]).toEqual(ends[0]);
});

test.each(["sandbox", "toolchain"])("without the control process a %s leaves in silence", async (name) => {
  const { dist, packageFile } = codeRoot();
  const entry = join(dist, "children", `${name}.cjs`);
  const options = { entry, readable: [packageFile, entry], args: ["1000", "1000"], memoryBytes: 4 * 2 ** 30 };
  const child = spawnConfined({ isolation: await isolation(), ...options });
  await new Promise((resolve) => child.pipe.once("data", resolve));
  child.pipe.destroy();
  const how = await child.gone;
  expect(child.lastWords(how)).toBe("exit status 0");
});

test("sealed, a program that is no module can require nothing either", async () => {
  const probe = join(dir, "probe.cjs");
  const seal = join(codeRoot().dist, "host", "sandbox", "inside", "seal.js");
  writeFileSync(
    probe,
    `const { writeSync } = require("node:fs");
    const { seal } = require(${JSON.stringify(seal)});
    const own = module, load = module.constructor, { main } = require;
    const left = seal();
    const tried = {
      require: () => require("node:vm"),
      "without its scheme": () => require("v8"),
      "what is loaded already": () => require("node:fs"),
      "the main module": () => process.mainModule.require("node:vm"),
      "the module's own": () => own.require("node:child_process"),
      "the loader's": () => load._load("node:vm", own, false),
      "a new one": () => load.createRequire(__filename)("node:vm"),
      "through require": () => main.require("node:vm"),
    };
    const done = Object.entries(tried).flatMap(([name, attempt]) => { try { return attempt() === undefined ? [] : [name]; } catch { return []; } });
    writeSync(2, "error: " + JSON.stringify({ left, done }) + "\\n");
    process.exitCode = 3;`,
  );
  const sandbox = startSandbox({ entry: probe });
  const { end } = await run(sandbox, guest);
  await sandbox.close();
  expect(end).toMatchObject({ kind: "lost", reason: expect.stringContaining('{"left":[],"done":[]}') });
});

/** A cage of this name that counts what is started in it. */
const counting = (cage: Isolation, name = cage.name): Isolation & { readonly started: () => number } => {
  let started = 0;
  return { ...cage, name, wrap: (launch) => (started++, cage.wrap(launch)), started: () => started };
};

test("what was started in the cage that was presumed is kept where that is the one", async () => {
  const cage = await isolation();
  const guessed = counting(cage);
  const found = counting(cage);
  const sandbox = startSandbox({ presumed: guessed, isolation: new Promise((resolve) => setTimeout(resolve, 20, found)) });
  expect((await run(sandbox, guest)).end.kind).toBe("ok");
  await sandbox.close();
  expect([guessed.started(), found.started()]).toEqual([1, 0]);
});

test("and ends, before any guest comes, where it is another or does not work", async () => {
  const cage = await isolation();
  const other = counting(cage, "another");
  const broken: Isolation = { ...cage, wrap: () => ({ file: "/bin/false", args: [], filter: null }) };
  for (const guessed of [other, broken]) {
    const found = counting(cage);
    const sandbox = startSandbox({ presumed: guessed, isolation: new Promise((resolve) => setTimeout(resolve, 100, found)) });
    expect((await run(sandbox, guest)).end.kind).toBe("ok");
    expect(found.started()).toBe(1);
    await sandbox.close();
  }
  expect(other.started()).toBe(1);
});

test("no guest runs in a cage that was only presumed: where there is none, its process ends with it", async () => {
  const cage = counting(await isolation());
  const refused = Promise.reject<Isolation>(new IsolationError("ISOLATION_UNAVAILABLE", "none", {}));
  refused.catch(() => {});
  const sandbox = startSandbox({ presumed: cage, isolation: refused });
  await expect(run(sandbox, guest)).rejects.toThrow("none");
  expect(cage.started()).toBe(1);
  expect(sandbox.pid).toBeUndefined();
  await sandbox.close();
});

test("what is presumed is what is found, on a machine that gives it", async () => {
  const guessed = presumed("strongest");
  const { name, missing } = await isolation();
  if (missing.length === 0) expect(guessed?.name ?? name).toBe(name);
  expect(presumed("reduced")).toBeNull();
  expect(presumed("strongest", { platform: "darwin" })).toBeNull();
  expect(presumed("strongest", { folders: [dir] })).toBeNull();
});
