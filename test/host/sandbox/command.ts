/** Small commands in WebAssembly text: for WASI 0.2 itself, and for preview 1 behind the adapter. */
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { admit } from "#host/component/admit.js";
import type { Admitted } from "#host/component/contract.js";
import { knownImport } from "#openings/check/grants.js";
import { commandOf } from "#sdk/build/command.js";
import { componentOf } from "../component/guest.js";

/** Core types of the functions that the guests here import, by interface. */
const imports: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "wasi:cli/stdin": { "get-stdin": "(result i32)" },
  "wasi:cli/stdout": { "get-stdout": "(result i32)" },
  "wasi:cli/stderr": { "get-stderr": "(result i32)" },
  "wasi:cli/exit": { exit: "(param i32)" },
  "wasi:clocks/monotonic-clock": { now: "(result i64)", "subscribe-duration": "(param i64) (result i32)" },
  "wasi:clocks/wall-clock": { now: "(param i32)" },
  "wasi:random/random": { "get-random-u64": "(result i64)" },
  "wasi:random/insecure": { "get-insecure-random-u64": "(result i64)" },
  "wasi:io/poll": { poll: "(param i32 i32 i32)", "[resource-drop]pollable": "(param i32)" },
  "wasi:io/streams": {
    "[method]input-stream.read": "(param i32 i64 i32)",
    "[method]input-stream.skip": "(param i32 i64 i32)",
    "[method]output-stream.write": "(param i32 i32 i32 i32)",
    "[method]output-stream.check-write": "(param i32 i32)",
    "[method]output-stream.blocking-write-and-flush": "(param i32 i32 i32 i32)",
    "[method]output-stream.splice": "(param i32 i32 i64 i32)",
    "[resource-drop]input-stream": "(param i32)",
    "[resource-drop]output-stream": "(param i32)",
  },
};

/** `$now` for `[…]now`, `$drop-pollable` for `[resource-drop]pollable`. */
const symbol = (name: string): string => name.replace("[resource-drop]", "drop-").replace(/^\[.*?\].*\./, "");

export interface Command {
  /** Interfaces that it imports, of those above; wall-clock's `now` is `$wall`. */
  readonly uses: readonly string[];
  /** Instructions of `run`; leaves 0 for success and 1 for failure. The heap begins at 8192. */
  readonly run: string;
  readonly fields?: string;
  /** Instructions before `cabi_realloc` allocates. */
  readonly realloc?: string;
}

/** `(import …)` lines of the functions of these interfaces. */
export function importLines(uses: readonly string[]): string {
  const lines = uses.flatMap((name) =>
    Object.entries(imports[name]!).map(([func, type]) => {
      const as = name === "wasi:clocks/wall-clock" ? "wall" : symbol(func);
      return `(import "${name}@0.2.0" "${func}" (func $${as} ${type}))`;
    }),
  );
  return lines.join("\n");
}

export async function command({ uses, run, fields = "", realloc = "" }: Command): Promise<Uint8Array> {
  return componentOf(
    await parse(`(module ${importLines(uses)}
      (memory (export "memory") 4)
      (global $heap (mut i32) (i32.const 8192))
      ${fields}
      (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
        (local $at i32) ${realloc}
        (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (global.set $heap (i32.add (local.get $at) (local.get $size)))
        (local.get $at))
      (func (export "wasi:cli/run@0.2.0#run") (result i32) (local $i i32) (local $a i32) (local $b i32) ${run}))`),
    "utf8",
    "command",
  );
}

/** A program for preview 1 with `fd_read`, `fd_write` and `proc_exit`; `$write(fd, address, length)` is there. */
export async function preview1(start: string, fields = "", more = ""): Promise<Uint8Array> {
  return parse(`(module
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    ${more}
    (memory (export "memory") 4)
    ${fields}
    (func $write (param $fd i32) (param $at i32) (param $length i32)
      (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
      (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start") (local $i i32) (local $n i32) ${start}))`);
}

/** Reads all of standard input to 65536; its length is in `$n`. */
export const READ_ALL = `(loop $more
  (i32.store (i32.const 0) (i32.add (i32.const 65536) (local.get $n))) (i32.store (i32.const 4) (i32.const 1000))
  (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (local.set $n (i32.add (local.get $n) (i32.load (i32.const 8))))
  (br_if $more (i32.load (i32.const 8))))`;

/** The text as data at an address. */
export const data = (at: number, text: string): string =>
  `(data (i32.const ${at}) "${[...Buffer.from(text)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")}")`;

export const admitted = async (component: Promise<Uint8Array>): Promise<Admitted> => admit(await component);
export const adapted = async (program: Promise<Uint8Array>): Promise<Admitted> =>
  admit(await commandOf(await program, "module.wasm"));

/** What a command imports, so that all of it is linked. */
export const linkedOf = (component: Admitted, without: readonly string[] = []): string[] =>
  component.imports
    .flatMap((name) => {
      const known = knownImport(name);
      return "key" in known ? [known.key] : [];
    })
    .filter((name) => !without.includes(name));
