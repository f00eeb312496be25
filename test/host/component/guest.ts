/** Small guests in WebAssembly text, made into components of the world `agent`. */
import { join } from "node:path";
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { witSource as sdkWit } from "#sdk/build/wit.js";

export const projectRoot = join(import.meta.dirname, "..", "..", "..");

/** The WIT of the SDK as one source. */
export const wit = sdkWit();

export interface Guest {
  /** `(import …)` lines, as `host("kb", "get", …)` gives them. */
  readonly imports?: readonly string[];
  /** Instructions of `run`; the locals are `$node $node_len $attempt $with $with_len $in $in_len`. Leaves the result's address. */
  readonly run: string;
  /** Instructions before `cabi_realloc` allocates. */
  readonly realloc?: string;
  readonly postReturn?: string;
  /** Further fields of the module. */
  readonly fields?: string;
  readonly pages?: number;
  readonly encoding?: "utf8" | "utf16";
}

/** `(import "runloop:agent/kb@0.1.0" "get" (func $kb.get (param …)))`. */
export const host = (name: string, func: string, params: string): string =>
  `(import "runloop:agent/${name}@0.1.0" "${func}" (func $${name}.${func.replace(/^.*\./, "")} (param ${params})))`;

export const imports = {
  log: host("log", "write", "i32 i32 i32 i32 i32"),
  complete: host("model", "complete", "i32 i32 i32 i32 i32 f64 i32 i32 i32"),
  search: host("kb", "search", "i32 i32 i32 i32 i32 i32 i32 i32"),
  now: host("clock", "now-ms", "i32"),
  monotonic: host("clock", "monotonic-ns", "i32"),
  next: host("random", "next-u64", "i32"),
  bytes: host("random", "bytes", "i32 i32"),
  set: host("state", "set", "i32 i32 i32 i32 i32"),
  get: host("state", "get", "i32 i32 i32"),
  stream: host("model", "stream", "i32 i32 i32 i32 i32 f64 i32 i32 i32"),
  nextChunk: host("model", "[method]completion-stream.next", "i32 i32"),
} as const;

/** Ask a model with `with` as the prompt; the result lies at 512. */
export const COMPLETE = `(call $model.complete (local.get $with) (local.get $with_len) (i32.const 0) (i32.const 0) (i32.const 7) (f64.const 0.5) (i32.const 0) (i32.const 0) (i32.const 512))`;

/** `ok` with one message on port `out`: `pointer` and `length` are instructions. */
export const ok = (pointer: string, length: string): string => `(call $ok ${pointer} ${length})`;
/** The text of a `result<…>` whose payload begins with a string, at `at`: `ok` or `err` alike. */
export const textAt = (at: number): [string, string] => [`(i32.load (i32.const ${at + 8}))`, `(i32.load (i32.const ${at + 12}))`];

export function moduleText(guest: Guest): string {
  return `(module
    ${(guest.imports ?? []).join("\n    ")}
    (memory (export "memory") ${guest.pages ?? 2})
    (global $heap (mut i32) (i32.const 8192))
    (data (i32.const 16) "out")
    (data (i32.const 32) "text.v1")
    ${guest.fields ?? ""}
    (func $ok (param $body i32) (param $body_len i32) (result i32)
      (i32.store (i32.const 128) (i32.const 16)) (i32.store (i32.const 132) (i32.const 3))
      (i32.store (i32.const 136) (i32.const 32)) (i32.store (i32.const 140) (i32.const 7))
      (i32.store (i32.const 144) (local.get $body)) (i32.store (i32.const 148) (local.get $body_len))
      (i32.store8 (i32.const 256) (i32.const 0))
      (i32.store (i32.const 260) (i32.const 128)) (i32.store (i32.const 264) (i32.const 1))
      (i32.const 256))
    (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      ${guest.realloc ?? ""}
      (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
      (global.set $heap (i32.add (local.get $at) (local.get $size)))
      (local.get $at))
    (func (export "cabi_post_run") (param i32) ${guest.postReturn ?? ""})
    (func $run (export "run") (param $node i32) (param $node_len i32) (param $attempt i32) (param $with i32) (param $with_len i32)
      (param $in i32) (param $in_len i32) (result i32)
      ${guest.run}))`;
}

export async function component(guest: Guest): Promise<Uint8Array> {
  return componentOf(await parse(moduleText(guest)), guest.encoding);
}

export async function componentOf(
  core: Uint8Array,
  encoding: "utf8" | "utf16" = "utf8",
  world = "agent",
  witSource = wit,
): Promise<Uint8Array> {
  return componentNew(await componentEmbed({ binary: core, witSource, stringEncoding: encoding, world }), []);
}

/** Replaces every occurrence of some ASCII text by other bytes of the same length. */
export function patched(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const [needle, other] = [Buffer.from(from), Buffer.from(to)];
  if (needle.length !== other.length) throw new Error(`${JSON.stringify(to)} has another length than ${JSON.stringify(from)}`);
  const copy = Buffer.from(bytes);
  let count = 0;
  for (let at = copy.indexOf(needle); at >= 0; at = copy.indexOf(needle, at + 1), count++) other.copy(copy, at);
  if (count === 0) throw new Error(`${from} does not occur`);
  return new Uint8Array(copy);
}
