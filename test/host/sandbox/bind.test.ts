import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { GuestTrap } from "#host/sandbox/inside/ends.js";
import type { LoadedComponent } from "#host/sandbox/inside/loaded.js";
import { Resource, type Native, type WasiFunctions } from "#host/sandbox/inside/wasi/contract.js";
import { componentOf, projectRoot } from "../component/guest.js";
import { account, instance, load, world } from "./instance.js";

const adapter = await readFile(join(projectRoot, "node_modules/@bytecodealliance/jco/lib/wasi_snapshot_preview1.command.wasm"));

/** Reads all of standard input and writes it to standard output twice. */
const TWICE = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 2)
  (func $echo (param $length i32)
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (local.get $length))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)) (then unreachable)))
  (func (export "_start")
    (if (call $random (i32.const 512) (i32.const 8)) (then unreachable))
    (if (call $clock (i32.const 0) (i64.const 0) (i32.const 520)) (then unreachable))
    (if (i64.eqz (i64.load (i32.const 520))) (then unreachable))
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 4096))
    (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)) (then unreachable))
    (call $echo (i32.load (i32.const 16)))
    (call $echo (i32.load (i32.const 16)))))`;

test("a program of preview 1 reads, writes and ends, through the standard adapter", async () => {
  const component = load(await componentNew(await parse(TWICE), [["wasi_snapshot_preview1", adapter]]));
  const used: number[] = [];
  for (let round = 0; round < 2; round++) {
    const { functions, fuel, stdout } = world("Grüße");
    const guest = instance(component, functions, fuel);
    expect(await guest.run([])).toEqual({ ok: null });
    expect(guest.memoryBytes).toBeGreaterThanOrEqual(2 << 16);
    guest.end();
    expect(stdout()).toBe("GrüßeGrüße");
    used.push(fuel.used);
  }
  expect(used[0]).toBe(used[1]);
});

class Pipe extends Resource {
  readonly resource = "input-stream";
  dropped = 0;
  override drop(): void {
    this.dropped++;
  }
}
class Drain extends Resource {
  readonly resource = "output-stream";
}

const WIT = `package test:one;
world one {
  import wasi:cli/stdin@0.2.3;
  import wasi:cli/stdout@0.2.3;
  import wasi:io/streams@0.2.3;
  import wasi:io/poll@0.2.3;
  export wasi:cli/run@0.2.3;
}
package wasi:io@0.2.3 {
  interface poll { resource pollable { block: func(); } poll: func(in: list<borrow<pollable>>) -> list<u32>; }
  interface error { resource error; }
  interface streams {
    use error.{error};
    use poll.{pollable};
    variant stream-error { last-operation-failed(error), closed }
    resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; subscribe: func() -> pollable; }
    resource output-stream { blocking-splice: func(src: borrow<input-stream>, len: u64) -> result<u64, stream-error>; }
  }
}
package wasi:cli@0.2.3 {
  interface run { run: func() -> result; }
  interface stdin { use wasi:io/streams@0.2.3.{input-stream}; get-stdin: func() -> input-stream; }
  interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
}
`;
const guestOf = async (run: string, realloc = "", start = ""): Promise<LoadedComponent> =>
  load(
    await componentOf(
      await parse(`(module
        (import "wasi:cli/stdin@0.2.3" "get-stdin" (func $stdin (result i32)))
        (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
        (import "wasi:io/streams@0.2.3" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
        (import "wasi:io/streams@0.2.3" "[method]input-stream.subscribe" (func $subscribe (param i32) (result i32)))
        (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-splice" (func $splice (param i32 i32 i64 i32)))
        (import "wasi:io/streams@0.2.3" "[resource-drop]input-stream" (func $drop-in (param i32)))
        (import "wasi:io/streams@0.2.3" "[resource-drop]output-stream" (func $drop-out (param i32)))
        (import "wasi:io/error@0.2.3" "[resource-drop]error" (func $drop-error (param i32)))
        (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 1024))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${realloc}
          (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 3))))
        (func (export "wasi:cli/run@0.2.3#run") (result i32) (local $in i32) (local $out i32) ${run})
        ${start})`),
      "utf8",
      "one",
      WIT,
    ),
  );

interface Given {
  readonly pipe?: Pipe;
  readonly read?: (stream: Native, length: Native) => Native | Promise<Native>;
}
const wasi = ({ pipe = new Pipe(), read = () => ({ ok: new Uint8Array([7, 8]) }) }: Given = {}): WasiFunctions =>
  new Map<string, (args: readonly Native[]) => Native | Promise<Native>>([
    ["wasi:cli/stdin#get-stdin", () => pipe],
    ["wasi:cli/stdout#get-stdout", () => new Drain()],
    ["wasi:io/streams#[method]input-stream.blocking-read", ([stream, length]) => read(stream!, length!)],
    ["wasi:io/streams#[method]input-stream.subscribe", () => null],
    ["wasi:io/streams#[method]output-stream.blocking-splice", ([, from]) => ({ ok: from === pipe ? 5n : 0n })],
    ["wasi:io/poll#poll", () => []],
  ]);

const OPEN = "(local.set $in (call $stdin)) (local.set $out (call $stdout))";

test.each<[string, string, RegExp]>([
  [
    "a stale handle",
    "(call $drop-in (local.get $in)) (call $read (local.get $in) (i64.const 1) (i32.const 64))",
    /1 is no handle/,
  ],
  ["a second drop", "(call $drop-in (local.get $in)) (call $drop-in (local.get $in))", /1 is no handle/],
  [
    "a handle of another resource",
    "(call $read (local.get $out) (i64.const 1) (i32.const 64))",
    /2 is no handle of wasi:io\/streams\/input/,
  ],
  ["a drop as another resource", "(call $drop-out (local.get $in))", /1 is no handle of wasi:io\/streams\/output/],
  ["a handle nobody gave", "(call $read (i32.const 77) (i64.const 1) (i32.const 64))", /77 is no handle/],
  [
    "a handle as itself and as what is written to",
    "(call $splice (local.get $in) (local.get $out) (i64.const 1) (i32.const 64))",
    /no handle/,
  ],
  ["a result beyond the memory", "(call $read (local.get $in) (i64.const 1) (i32.const 65534))", /outside|aligned/],
  ["a result that is not aligned", "(call $read (local.get $in) (i64.const 1) (i32.const 66))", /aligned to 4/],
  ["lent handles beyond the memory", "(call $poll (i32.const 65532) (i32.const 2) (i32.const 64))", /outside/],
  [
    "a lent handle of another resource",
    "(i32.store (i32.const 32) (local.get $in)) (call $poll (i32.const 32) (i32.const 1) (i32.const 64))",
    /pollable/,
  ],
])("a trap, and everything is let go of: %s", async (_, run, message) => {
  const pipe = new Pipe();
  const guest = instance(await guestOf(`${OPEN} ${run} (i32.const 0)`), wasi({ pipe }));
  await expect(guest.run([])).rejects.toThrow(GuestTrap);
  const again = instance(await guestOf(`${OPEN} ${run} (i32.const 0)`), wasi());
  await expect(again.run([])).rejects.toThrow(message);
  guest.end();
  guest.end();
  expect(pipe.dropped).toBe(1);
});

test.each<[string, string, RegExp]>([
  ["calls the host", "(drop (call $stdin))", /outside of `run`/],
  ["drops a handle", "(call $drop-in (i32.const 1))", /outside of `run`/],
  ["answers beyond the memory", "(return (i32.const 65535))", /outside/],
])("an allocator that %s is a trap", async (_, realloc, message) => {
  const component = await guestOf(`${OPEN} (call $read (local.get $in) (i64.const 1) (i32.const 64)) (i32.const 0)`, realloc);
  await expect(instance(component, wasi()).run([])).rejects.toThrow(message);
});

test("an allocator whose answers overlap spoils the guest's own memory and nothing else", async () => {
  const run = `${OPEN} (call $read (local.get $in) (i64.const 1) (i32.const 64)) (i32.ne (i32.load8_u (i32.const 64)) (i32.const 7))`;
  const guest = instance(await guestOf(run, "(return (i32.const 64))"), wasi());
  // As the canonical ABI orders it: the case first, and the bytes over it.
  expect(await guest.run([])).toEqual({ ok: null });
});

test("no host call is answered in a start function", async () => {
  const component = await guestOf("(i32.const 0)", "", "(func $begin (drop (call $stdin))) (start $begin)");
  expect(() => instance(component, wasi())).toThrow(/outside of `run`/);
});

test("handles, bytes, 64 bit numbers and results cross as they are; a call that waits suspends the guest", async () => {
  const pipe = new Pipe();
  const seen: Native[] = [];
  const read = async (stream: Native, length: Native): Promise<Native> => {
    seen.push(stream, length);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { ok: new Uint8Array([7, 8, 9]) };
  };
  const component = await guestOf(`${OPEN}
    (call $read (local.get $in) (i64.const -1) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then unreachable))
    (if (i32.ne (i32.load (i32.const 72)) (i32.const 3)) (then unreachable))
    (if (i32.ne (i32.load8_u (i32.add (i32.load (i32.const 68)) (i32.const 2))) (i32.const 9)) (then unreachable))
    (call $splice (local.get $out) (local.get $in) (i64.const 5) (i32.const 64))
    (if (i64.ne (i64.load (i32.const 72)) (i64.const 5)) (then unreachable))
    (call $drop-in (local.get $in))
    (i32.const 1)`);
  const guest = instance(component, wasi({ pipe, read }));
  expect(await guest.run([])).toEqual({ err: null });
  expect(seen).toEqual([pipe, 2n ** 64n - 1n]);
  expect(pipe.dropped).toBe(1);
  guest.end();
  expect(pipe.dropped).toBe(1);
});

test("a component that imports what it is not given does not start", async () => {
  const given = new Map(wasi());
  given.delete("wasi:io/poll#poll");
  const component = await guestOf("(call $poll (i32.const 0) (i32.const 0) (i32.const 64)) (i32.const 0)");
  expect(() => instance(component, given)).toThrow(/`wasi:io\/poll#poll`, which it is not given/);
});

test("an entry that gives no case of its result is a trap", async () => {
  const bad = await guestOf("(i32.const 2)");
  await expect(instance(bad, wasi(), account()).run([])).rejects.toThrow(/case 2 of a result/);
});
