/** The adapter's pages and a program's allocator: what the program is told, and that nobody gets anything by lying. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { admit } from "#host/component/admit.js";
import type { Sandbox } from "#host/component/contract.js";
import { startSandbox } from "#host/sandbox/process.js";
import { commandOf } from "#sdk/build/command.js";
import { linkedOf } from "./command.js";
import { failure, run as runGuest, type Ran } from "./run.js";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = startSandbox();
});
afterAll(() => sandbox.close());

const memoryMib = 128;
const limits = { fuel: 4e9, memoryMib, calls: 10 };

async function run(program: Promise<Uint8Array>): Promise<Ran> {
  const component = await admit(await commandOf(await program, "module.wasm"), { memoryMib });
  return runGuest(sandbox, component, { linked: linkedOf(component), limits });
}

/**
 * A program with one page that may become `most`; `$tell(number)` writes a line with a digit for it on standard error, `$show` an
 * object on standard output.
 */
const program = (start: string, { most = "", more = "" } = {}): Promise<Uint8Array> =>
  parse(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1 ${most})
    (data (i32.const 32) "{}")
    (func $write (param $fd i32) (param $at i32) (param $length i32)
      (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
      (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func $tell (param $number i32)
      (i32.store16 (i32.const 16) (i32.add (i32.const 0x0a30) (local.get $number)))
      (call $write (i32.const 2) (i32.const 16) (i32.const 2)))
    (func $show (call $write (i32.const 1) (i32.const 32) (i32.const 2)))
    ${more}
    (func (export "_start") (local $i i32) (local $at i32) ${start} (call $show)))`);

const told = ({ lines }: Ran): number[] => lines.map(({ chunk }) => (chunk.codePointAt(0) ?? 0) - 48);

test("a real program of an old toolchain, which takes all memory up to the end for its own, holds 64 MiB in pieces", async () => {
  const module = readFileSync(join(import.meta.dirname, "fixtures", "pieces.wasm"));
  const { end } = await run(Promise.resolve(module));
  expect(end).toMatchObject({ kind: "exited", stdout: '{"out":"whole"}' });
});

describe("what a program is told of its memory", () => {
  test("called before it looks: its own size, the adapter's pages left out, until it grows; then all of it", async () => {
    const ran = await run(
      program(`(call $tell (i32.const 0))
        (local.set $i (memory.size)) (call $tell (local.get $i))
        (local.set $i (memory.grow (i32.const 0))) (call $tell (local.get $i))
        (local.set $i (memory.grow (i32.const 2))) (call $tell (local.get $i))
        (local.set $i (memory.size)) (call $tell (local.get $i))`),
    );
    // One page of its own, two of the adapter, two more.
    expect(told(ran)).toEqual([0, 1, 1, 3, 5]);
  });

  test("looked before it calls: the adapter's pages are told like anybody's", async () => {
    const ran = await run(
      program(`(local.set $at (memory.size)) (call $tell (local.get $at)) (local.set $i (memory.size)) (call $tell (local.get $i))
        (local.set $i (memory.grow (i32.const 1))) (call $tell (local.get $i))`),
    );
    expect(told(ran)).toEqual([1, 3, 3]);
  });

  test("a bound that it set itself is its own: the adapter's pages come on top", async () => {
    const ran = await run(
      program(
        `(call $tell (i32.const 0)) (local.set $i (memory.size)) (call $tell (local.get $i))
         (local.set $i (memory.grow (i32.const 1))) (call $tell (i32.add (local.get $i) (i32.const 2)))`,
        { most: "1" },
      ),
    );
    expect(told(ran)).toEqual([0, 1, 1]);
  });
});

describe("hostile", () => {
  test("all that it owns may be overwritten, again and again, and the adapter goes on", async () => {
    const ran = await run(
      program(`(call $tell (i32.const 0))
        (loop $rounds
          (memory.fill (i32.const 65536) (i32.const 0xff) (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536)))
          (memory.fill (i32.const 64) (i32.const 0xff) (i32.const 60000))
          (call $tell (local.get $i))
          (br_if $rounds (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5))))`),
    );
    expect(ran.end).toMatchObject({ kind: "exited", stdout: "{}" });
    expect(told(ran)).toEqual([0, 0, 1, 2, 3, 4]);
  });

  test("sizes without sense are refused as the instruction refuses them, and change nothing", async () => {
    const ran = await run(
      program(`(call $tell (i32.const 0))
        (call $tell (i32.add (memory.grow (i32.const -1)) (i32.const 1)))
        (call $tell (i32.add (memory.grow (i32.const 65536)) (i32.const 1)))
        (local.set $i (memory.size)) (call $tell (local.get $i))`),
    );
    expect(told(ran)).toEqual([0, 0, 0, 1]);
  });

  test("one that grows to its limit before it first calls leaves no room for the adapter: it ends, nobody else does", async () => {
    const ran = await run(program("(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))"));
    expect(failure(ran.end)).toMatchObject({ code: "host.memory-exhausted" });
    expect((await run(program(""))).end).toMatchObject({ kind: "exited", stdout: "{}" });
  });

  test.each<[string, string]>([
    ["below everything", "(i32.const 0)"],
    ["beyond the end", "(i32.const -65536)"],
    ["the same place twice", "(i32.const 65536)"],
    ["a call of the adapter out of it", "(call $show) (i32.const 65536)"],
  ])("an allocator of its own that lies to the adapter (%s) harms nobody but itself", async (_, body) => {
    const more = `(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${body})`;
    const lying = program("(drop (memory.grow (i32.const 2)))", { more });
    const { end } = await run(lying);
    expect(["exited", "failed"]).toContain(end.kind);
    if (end.kind === "failed") expect(failure(end)).toMatchObject({ code: "host.trap" });
    expect((await run(program(""))).end).toMatchObject({ kind: "exited", stdout: "{}" });
  });

  test.each<[string, string, RegExp]>([
    ["a second memory", "(memory 1)", /a second memory/],
    ["a memory that threads share", "", /threads share/],
  ])("%s is refused when it is built, by its name", async (_, more, message) => {
    const memory = more === "" ? '(memory (export "memory") 1 2 shared)' : '(memory (export "memory") 1)';
    const module = await parse(`(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
      ${memory} ${more} (func (export "_start")))`);
    await expect(commandOf(module, "/x/module.wasm")).rejects.toMatchObject({
      code: "BUILD_BUNDLE",
      message: expect.stringMatching(message),
      place: { file: "/x/module.wasm" },
    });
  });
});

test("every instruction beside a changed one stays as it was: vectors, tables, branch tables, blocks with types", async () => {
  const ran = await run(
    program(
      `(local.set $i (i32x4.extract_lane 2 (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 10 11 12 13 14 15
          (v128.load offset=64 (i32.const 0)) (v128.const i32x4 0x3f003f00 0x40004000 63 64))))
        (block $out (block $one (br_table $one $out $one (i32.const 1))) unreachable)
        (call $tell (block (result i32) (i32.const 1) (i32.const 0) (if (param i32) (result i32) (then) (else (drop) (memory.size)))))
        (call $tell (table.size $t)) (table.fill $t (i32.const 0) (ref.null func) (i32.const 1))
        (call_indirect $t (i32.const 1)) (call $tell (i32.const 2))
        (drop (i64.const 0x403f403f403f)) (drop (f64.const 0x1.3f403fp5)) (drop (f32.const 1.5))
        (v128.store32_lane offset=96 1 (i32.const 0) (v128.const i64x2 0x3f3f3f3f00000001 0))`,
      { more: "(table $t 2 2 funcref) (func $three (call $tell (i32.const 3))) (elem (table $t) (i32.const 1) func $three)" },
    ),
  );
  expect(told(ran)).toEqual([1, 2, 3, 2]);
});

test("debugging information is left out, so that a debug build is no larger than the program", async () => {
  const module = await parse('(module (memory (export "memory") 1) (func (export "_start")))');
  const custom = (name: string, length: number): Buffer => {
    const content = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.alloc(length, 1)]);
    return Buffer.concat([Buffer.from([0, (content.length & 0x7f) | 0x80, content.length >> 7]), content]);
  };
  const debug = Buffer.concat([
    module,
    custom(".debug_info", 5000),
    custom("metadata.code.branch_hint", 1000),
    custom("kept", 200),
  ]);
  const [plain, built] = [await commandOf(module, "a"), await commandOf(debug, "b")];
  expect(built.length - plain.length).toBeGreaterThan(200);
  expect(built.length - plain.length).toBeLessThan(400);
  await expect(admit(built)).resolves.toBeDefined();
});
