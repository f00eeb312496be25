/**
 * What others would do with the same job, run here: take 200 bytes and give them back, in something that was made for this call (a Node
 * process, a worker) or in a plugin of Extism's JavaScript host. None of them checks a grant, counts fuel or writes a journal.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { createPlugin, type Plugin } from "@extism/extism";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { engine } from "#host/component/meter/engine.js";

export const payload = "x".repeat(200);

const returned = (text: string): void => {
  if (text !== payload)
    throw new Error(`a neighbour gave back ${text.length} bytes that are not the ${payload.length} it was given`);
};

/** A Node that starts, reads, answers and ends. */
export async function processPerCall(): Promise<void> {
  const child = spawn(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], {
    env: {},
    stdio: ["pipe", "pipe", "ignore"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  child.stdin.end(payload);
  await once(child, "close");
  returned(text);
}

/** A worker thread that starts with its input, answers and is ended. */
export async function workerPerCall(): Promise<void> {
  const code = "const { parentPort, workerData } = require('node:worker_threads'); parentPort.postMessage(workerData);";
  const worker = new Worker(code, { eval: true, workerData: payload });
  const [text] = (await once(worker, "message")) as [string];
  await worker.terminate();
  returned(text);
}

/** A plugin by hand: copies its input, eight bytes at a time, to its output. */
const ECHO = `(module
  (import "extism:host/env" "input_length" (func $length (result i64)))
  (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
  (import "extism:host/env" "output_set" (func $output (param i64 i64)))
  (memory (export "memory") 1)
  (func (export "echo") (result i32)
    (local $n i64) (local $to i64) (local $i i64)
    (local.set $n (call $length))
    (local.set $to (call $alloc (local.get $n)))
    (block $done
      (loop $more
        (br_if $done (i64.ge_u (local.get $i) (local.get $n)))
        (call $store (i64.add (local.get $to) (local.get $i)) (call $input (local.get $i)))
        (local.set $i (i64.add (local.get $i) (i64.const 8)))
        (br $more)))
    (call $output (local.get $to) (local.get $n))
    (i32.const 0)))`;

export interface ExtismHost {
  create(): Promise<Plugin>;
  call(plugin: Plugin): Promise<void>;
}

/** The module is compiled beforehand in the caller's thread; across threads Extism takes bytes. */
export async function extism(where: "in a worker" | "in this thread"): Promise<ExtismHost> {
  const bytes = await parse(ECHO);
  const module = new engine.Module(bytes);
  const worker = where === "in a worker";
  return {
    create: () =>
      createPlugin(worker ? { wasm: [{ data: bytes }] } : { wasm: [{ module }] }, { useWasi: false, runInWorker: worker }),
    call: async (plugin) => returned((await plugin.call("echo", payload))?.text() ?? ""),
  };
}
