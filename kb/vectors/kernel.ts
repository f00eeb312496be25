/** What is done with vectors in WebAssembly: `scan.wat`, and a memory of its own for each who uses it. */
import { square } from "./pack.js";
import { SCAN_BYTES } from "./scan-bytes.js";

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** Addresses and lengths are bytes, unless said otherwise; `scan.wat` says what each does. */
export interface Kernel {
  readonly memory: Memory;
  readonly scan: (codes: number, groups: number, eights: number, tables: number, out: number) => void;
  readonly above: (sums: number, count: number, least: number, list: number) => number;
  readonly dot: (a: number, b: number, length: number) => number;
}
/** The part of the engine's `WebAssembly` that is used here; the DOM library, which has the types, is not in scope. */
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Kernel };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;

/** Bytes by which a memory grows. */
export const PAGE = 65_536;
let module: object | undefined;

export function kernel(): Kernel {
  module ??= new wasm.Module(Buffer.from(SCAN_BYTES, "base64"));
  return new wasm.Instance(module).exports;
}

/** Gives a function that compares vectors with `query`, as {@link import("./pack.js").cosine} does. */
export function comparing(query: Int8Array): (vector: Uint8Array) => number {
  const { memory, dot } = kernel();
  const { length } = query;
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(query);
  const squared = square(query);
  return (vector) => {
    if (vector.length !== length) return 0;
    bytes.set(vector, length);
    const other = dot(length, length, length);
    return squared === 0 || other === 0 ? 0 : dot(0, length, length) / Math.sqrt(squared * other);
  };
}
