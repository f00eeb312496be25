/** Programs of other compilers as components: what is taken, and how it is refused. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentWit, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { buildAuthored } from "#sdk/build/authored.js";
import { commandOf, isComponent } from "#sdk/build/command.js";
import { BuildError } from "#sdk/build/errors.js";
import { projectRoot } from "#sdk/build/layout.js";
import { command, preview1 } from "../host/sandbox/command.js";

const folder = mkdtempSync(join(tmpdir(), "rlp-command-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const P1 = '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))';
const MEMORY = '(memory (export "memory") 1)';
const START = '(func (export "_start"))';

test.each<[string, string | Uint8Array, string, RegExp]>([
  ["nothing", new Uint8Array(0), "BUILD_BUNDLE", /neither a WebAssembly module nor a component/],
  ["text", Buffer.from("#!/bin/sh\n"), "BUILD_BUNDLE", /neither/],
  ["a module that is none", Buffer.from("0061736d01000000ffff", "hex"), "BUILD_BUNDLE", /not a valid module/],
  ["a library", `(module ${P1} ${MEMORY})`, "BUILD_BUNDLE", /exports no `_start`/],
  ["a program without memory", `(module ${P1} ${START})`, "BUILD_BUNDLE", /exports no `memory`/],
  ["one for another host", `(module (import "env" "log" (func)) ${MEMORY} ${START})`, "BUILD_IMPORT", /`log` from `env`/],
  [
    "one for an early WASI",
    `(module (import "wasi_unstable" "fd_write" (func)) ${MEMORY} ${START})`,
    "BUILD_IMPORT",
    /`wasi_unstable`/,
  ],
  [
    "a function that preview 1 does not have",
    `(module (import "wasi_snapshot_preview1" "fd_frob" (func)) ${MEMORY} ${START})`,
    "BUILD_BUNDLE",
    /no component can be made of it: adapter module did not export `fd_frob`/,
  ],
  [
    "a function of preview 1 with another type",
    `(module (import "wasi_snapshot_preview1" "fd_write" (func (param i64))) ${MEMORY} ${START})`,
    "BUILD_BUNDLE",
    /no component can be made of it/,
  ],
])("%s is refused, with its place", async (_, given, code, message) => {
  const program = typeof given === "string" ? await parse(given) : given;
  const error = await commandOf(program, "/x/module.wasm").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(BuildError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message), place: { file: "/x/module.wasm" } });
});

test("a program for preview 1 gets the adapter, and imports no more than it uses", async () => {
  const component = await commandOf(await parse(`(module ${P1} ${MEMORY} ${START})`), "module.wasm");
  const wit = await componentWit(component);
  expect(wit).toContain("export wasi:cli/run@0.2.");
  expect(wit).toContain("import wasi:cli/stdout@0.2.");
  expect(wit).not.toMatch(/wasi:(?:random|sockets|http)|monotonic/);
  expect(Buffer.from(component).equals(await commandOf(await parse(`(module ${P1} ${MEMORY} ${START})`), "elsewhere"))).toBe(
    true,
  );
});

test("a component is taken as it is", async () => {
  const component = await command({ uses: [], run: "(i32.const 0)" });
  expect(await commandOf(component, "module.wasm")).toBe(component);
});

const MANIFEST = `[agent]
name = "it"
version = "0.1.0"
world = "command"
entry = { path = "agent.wasm", blake3 = "" }

[caps]
file = "policy.caps"
blake3 = ""
`;

async function bundle(name: string, files: Record<string, Uint8Array | string>): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, content] of Object.entries({ "manifest.toml": MANIFEST, "policy.caps": "", ...files }))
    writeFileSync(join(path, file), content);
  return path;
}

test("a bundle's `module.wasm` becomes its `agent.wasm`, stays as it is, and the digests are written", async () => {
  const program = await preview1("");
  const path = await bundle("module", { "module.wasm": program });
  const { digest, changed } = await buildAuthored(path);
  const made = readFileSync(join(path, "agent.wasm"));
  expect([isComponent(made), blake3(made), changed]).toEqual([true, digest, true]);
  expect(readFileSync(join(path, "manifest.toml"), "utf8")).toContain(digest);
  expect(readFileSync(join(path, "module.wasm")).equals(program)).toBe(true);
  expect(await buildAuthored(path)).toMatchObject({ digest, changed: false });
});

test("a bundle with nothing but a component keeps it; one with a module in its place, or with nothing, says what to do", async () => {
  const component = await command({ uses: [], run: "(i32.const 0)" });
  const path = await bundle("component", { "agent.wasm": component });
  expect((await buildAuthored(path)).digest).toBe(blake3(component));
  const inPlace = await bundle("in-place", { "agent.wasm": await preview1("") });
  for (const empty of [inPlace, await bundle("empty", {})])
    await expect(buildAuthored(empty)).rejects.toMatchObject({
      code: "BUILD_BUNDLE",
      message: expect.stringContaining("no `module.wasm`"),
      place: { file: join(empty, "module.wasm") },
    });
  expect(existsSync(join(folder, "empty", "agent.wasm"))).toBe(false);
});

test("the command in the SDK's README builds", async () => {
  const readme = readFileSync(join(projectRoot, "sdk", "README.md"), "utf8");
  const source = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, text = ""]) => text)
    .find((text) => text.includes("runloop/command"));
  const path = await bundle("readme", {});
  mkdirSync(join(path, "src"));
  writeFileSync(join(path, "src", "agent.ts"), source!);
  await buildAuthored(path);
  expect(await componentWit(readFileSync(join(path, "agent.wasm")))).toContain("export wasi:cli/run@0.2.");
});
