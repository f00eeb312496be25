/** The codes of one domain's vectors, and how SIMD goes through all of them in one go. */
import { GROUP, groupBytes, padded, tablesOf } from "./pack.js";
import { SCAN_BYTES } from "./scan-bytes.js";

type Scan = (codes: number, groups: number, eights: number, tables: number, out: number) => void;

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
/** The part of the engine's `WebAssembly` that is used here; the DOM library, which has the types, is not in scope. */
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: { readonly memory: Memory; readonly scan: Scan } };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;

const PAGE = 65_536;
let module: object | undefined;
const compiled = (): object => (module ??= new wasm.Module(Buffer.from(SCAN_BYTES, "base64")));

/** The groups of a domain from vector `first` on, a multiple of {@link GROUP} from 0. */
export interface CodeBlock {
  readonly first: number;
  readonly codes: Uint8Array;
}

/**
 * As {@link Codes.likeness}, of blocks that are looked at one after the other and not kept: what serves one search only. A megabyte that a
 * process has not used before costs more than scanning it.
 */
export function likenessOf(query: Int8Array, blocks: Iterable<CodeBlock>, count: number): Uint16Array {
  const size = query.length * 8;
  const likeness = new Uint16Array(count);
  const window = new Codes(query.length);
  for (const { first, codes } of blocks) {
    if (first >= count) break;
    const vectors = Math.min((codes.length / size) * GROUP, count - first);
    window.put(0, codes, vectors);
    likeness.set(window.likeness(query, vectors), first);
  }
  return likeness;
}

export class Codes {
  readonly #groupBytes: number;
  readonly #pairs: number;
  readonly #memory: Memory;
  readonly #scan: Scan;
  #count = 0;
  /** Whose tables stand in memory. */
  #query: Int8Array | undefined;

  constructor(dimension: number) {
    this.#groupBytes = groupBytes(dimension);
    this.#pairs = padded(dimension) / 2;
    const { memory, scan } = new wasm.Instance(compiled()).exports;
    this.#memory = memory;
    this.#scan = scan;
  }
  get count(): number {
    return this.#count;
  }
  /** Sets the groups from vector `first` on, a multiple of {@link GROUP} from 0; then there are `count` vectors in all. */
  put(first: number, codes: Uint8Array, count: number): void {
    const at = this.#codesAt + (first / GROUP) * this.#groupBytes;
    this.#reserve(at + codes.length);
    new Uint8Array(this.#memory.buffer).set(codes, at);
    this.#count = count;
  }
  /** How like the query each of the first `count` vectors seems, in an arbitrary unit. Holds until the next call. */
  likeness(query: Int8Array, count: number): Uint16Array {
    const groups = Math.ceil(count / GROUP);
    const out = this.#codesAt + Math.ceil(this.#count / GROUP) * this.#groupBytes;
    this.#reserve(out + groups * GROUP * 2);
    if (this.#query !== query) new Uint8Array(this.#memory.buffer).set(tablesOf(query), 0);
    this.#query = query;
    this.#scan(this.#codesAt, groups, this.#pairs / 8, 0, out);
    return new Uint16Array(this.#memory.buffer, out, count);
  }
  /** The query's tables come first. */
  get #codesAt(): number {
    return this.#pairs * 16;
  }
  #reserve(bytes: number): void {
    const lacking = bytes - this.#memory.buffer.byteLength;
    // An eighth more than is needed, so that what grows steadily is not moved each time.
    if (lacking > 0) this.#memory.grow(Math.ceil((lacking + bytes / 8) / PAGE));
  }
}
