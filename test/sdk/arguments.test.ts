/** Arguments of a program for preview 1: named in the manifest, found by the program, nowhere else. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admit } from "#host/component/admit.js";
import { readBundle } from "#host/component/bundle.js";
import type { Sandbox } from "#host/component/contract.js";
import { startSandbox } from "#host/sandbox/process.js";
import { buildAuthored } from "#sdk/build/authored.js";
import { command, linkedOf } from "../host/sandbox/command.js";
import { run } from "../host/sandbox/run.js";

const root = mkdtempSync(join(tmpdir(), "rlp-arguments-"));
let sandbox: Sandbox;
beforeAll(() => {
  sandbox = startSandbox();
});
afterAll(async () => {
  await sandbox.close();
  rmSync(root, { recursive: true, force: true });
});

/** Writes its arguments as they stand in its memory, zeros as `|`: the texts by their addresses, then how many bytes they take. */
const SHOWING = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 900) "kept")
  (func $write (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $text (param $at i32) (local $end i32)
    (local.set $end (local.get $at))
    (loop $on (if (i32.load8_u (local.get $end)) (then (local.set $end (i32.add (local.get $end) (i32.const 1))) (br $on))))
    (call $write (local.get $at) (i32.sub (local.get $end) (local.get $at)))
    (i32.store8 (i32.const 16) (i32.const 0x7c)) (call $write (i32.const 16) (i32.const 1)))
  (func (export "_start") (local $i i32)
    (if (i32.or (call $sizes (i32.const 32) (i32.const 36)) (call $get (i32.const 1000) (i32.const 2000))) (then unreachable))
    (loop $each (if (i32.lt_u (local.get $i) (i32.load (i32.const 32))) (then
      (call $text (i32.load (i32.add (i32.const 1000) (i32.shl (local.get $i) (i32.const 2)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $each))))
    (call $write (i32.const 900) (i32.const 4))
    (i32.store8 (i32.const 16) (i32.add (i32.const 0x41) (i32.load (i32.const 36)))) (call $write (i32.const 16) (i32.const 1))))`;

const manifest = (build: string): string => `[agent]
name = "it"
version = "0.1.0"
world = "command"
entry = { path = "agent.wasm", blake3 = "" }

[build]
${build}

[caps]
file = "policy.caps"
blake3 = ""
`;

let made = 0;
function bundle(build: string, files: Record<string, Uint8Array | string>): string {
  const folder = join(root, String(made++));
  mkdirSync(join(folder, "src"), { recursive: true });
  for (const [name, content] of Object.entries({ "manifest.toml": manifest(build), "policy.caps": "", ...files }))
    writeFileSync(join(folder, name), content);
  return folder;
}

async function shown(folder: string): Promise<string> {
  await buildAuthored(folder);
  const component = await admit(readFileSync(join(folder, "agent.wasm")));
  const { end } = await run(sandbox, component, { linked: linkedOf(component) });
  return end.kind === "exited" ? end.stdout : JSON.stringify(end);
}

test("a program finds what its bundle names, files by their text, and its own data as it was", async () => {
  const folder = bundle('arguments = ["it", "", { file = "src/main.py" }, "ä"]', {
    "module.wasm": await parse(SHOWING),
    "src/main.py": "a\r\nb",
  });
  // 3 + 1 + 4 + 3 bytes with their zeros: 0x41 + 11.
  expect(await shown(folder)).toBe("it||a\nb|ä|keptL");
  const { component, artifacts } = await readBundle(folder);
  expect((await component.read()).length).toBeGreaterThan(1000);
  expect([...artifacts.values()].map(({ path }) => path)).toEqual(["src/main.py"]);
});

test("without them a program finds none, and the same source gives the same bytes", async () => {
  const module = await parse(SHOWING);
  expect(await shown(bundle("", { "module.wasm": module }))).toBe("keptA");
  const [one, two] = [0, 1].map(() => bundle('arguments = ["a"]', { "module.wasm": module }));
  expect((await buildAuthored(one!)).digest).toBe((await buildAuthored(two!)).digest);
});

const SILENT =
  '(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (memory (export "memory") 1) (func (export "_start")))';

test.each<[string, string, RegExp]>([
  ["no list", 'arguments = "a"', /is no list/],
  ["a number", "arguments = [1]", /neither a text nor a file/],
  ["a zero", String.raw`arguments = ["a\u0000b"]`, /a zero in it/],
  ["too much", `arguments = ["${"a".repeat(300_000)}"]`, /more than 262144 bytes/],
  ["a file that is not there", 'arguments = [{ file = "src/none.py" }]', /no file `src\/none\.py`/],
  ["a folder", 'arguments = [{ file = "src" }]', /no file `src`/],
  ["a file above the bundle", 'arguments = [{ file = "../secret" }]', /no path inside/],
  ["an absolute file", 'arguments = [{ file = "/etc/passwd" }]', /no path inside/],
  ["a link", 'arguments = [{ file = "src/link.py" }]', /no file `src\/link\.py`/],
  ["a file behind a link", 'arguments = [{ file = "away/hostname" }]', /no file `away\/hostname`/],
])("%s is refused, where it stands", async (_, build, message) => {
  const folder = bundle(build, { "module.wasm": await parse(SHOWING) });
  writeFileSync(join(root, "secret"), "s");
  mkdirSync(join(root, "elsewhere"), { recursive: true });
  writeFileSync(join(root, "elsewhere", "hostname"), "s");
  symlinkSync(join(root, "secret"), join(folder, "src", "link.py"));
  symlinkSync(join(root, "elsewhere"), join(folder, "away"));
  await expect(buildAuthored(folder)).rejects.toMatchObject({
    code: "BUILD_BUNDLE",
    message: expect.stringMatching(message),
    place: { file: join(folder, "manifest.toml"), at: "[build] arguments" },
  });
});

test("a program that asks for none, a component, and a source are told so", async () => {
  const component = await command({ uses: [], run: "(i32.const 0)" });
  for (const [files, message] of [
    [{ "module.wasm": await parse(SILENT) }, /never asks for any/],
    [{ "module.wasm": component }, /only a program for WASI preview 1/],
    [{ "src/agent.ts": "export {}" }, /only a command's `module\.wasm`/],
  ] as const)
    await expect(buildAuthored(bundle('arguments = ["a"]', files))).rejects.toMatchObject({
      code: "BUILD_BUNDLE",
      message: expect.stringMatching(message),
    });
});
