/**
 * BLAKE3 by hash-wasm's code, made in one step. The package itself makes its instance on another thread and hands over a promise: whatever
 * imports it waits for that first, and most commands hash nothing.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  Hash_GetBuffer(): number;
  Hash_Init(keyBytes: number): void;
  Hash_Update(bytes: number): void;
  Hash_Final(bytes: number): void;
}
/** The part of the engine's `WebAssembly` that is used here; the DOM library, which has the types, is not in scope. */
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;

/** What the module takes at a time. */
const WINDOW = 16 << 10;
const DIGEST = 32;

let module: object | undefined;

/** The package's own WebAssembly, out of the text that it stands in (base64 of `\0asm`, and what follows). */
function moduleBytes(): Uint8Array {
  const file = createRequire(import.meta.url).resolve("hash-wasm/dist/blake3.umd.min.js");
  const [, base64] = /"(AGFzbQ[\w+/]+=*)"/.exec(readFileSync(file, "latin1")) ?? [];
  if (base64 === undefined) throw new Error(`${file} holds no WebAssembly`);
  return Buffer.from(base64, "base64");
}

/** One value at a time: `start`, then `add` as often as there is something, then `end`. */
export class Blake3 {
  readonly #exports: Exports;
  /** Bytes are put here, and the digest comes back here. The module's memory never grows. */
  readonly #window: Uint8Array;

  constructor() {
    module ??= new wasm.Module(moduleBytes());
    this.#exports = new wasm.Instance(module).exports;
    this.#window = new Uint8Array(this.#exports.memory.buffer, this.#exports.Hash_GetBuffer(), WINDOW);
  }
  start(): void {
    this.#exports.Hash_Init(0);
  }
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += WINDOW) {
      const part = bytes.length <= WINDOW ? bytes : bytes.subarray(at, at + WINDOW);
      this.#window.set(part);
      this.#exports.Hash_Update(part.length);
    }
  }
  /** The digest's 32 bytes, the caller's own. */
  end(): Uint8Array {
    this.#exports.Hash_Final(DIGEST);
    return this.#window.slice(0, DIGEST);
  }
}
