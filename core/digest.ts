import { Blake3 } from "./blake3.js";

declare const brand: unique symbol;

/** A BLAKE3 digest, 256 bits, as 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly [brand]: "Digest" };

/** One hasher for the whole process, made when something is hashed first. */
let hasher: Blake3 | undefined;
const encoder = new TextEncoder();
const scratch = new Uint8Array(16 << 10);

/** BLAKE3 of the parts, joined without separators. Strings are taken as UTF-8. */
export function blake3(...parts: readonly (Uint8Array | string)[]): Digest {
  return hex(blake3Bytes(...parts));
}

/** As {@link blake3}, 32 raw bytes. */
export function blake3Bytes(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  hasher ??= new Blake3();
  hasher.start();
  for (const part of parts) hasher.add(typeof part === "string" ? utf8(part) : part);
  return hasher.end();
}

function hex(bytes: Uint8Array & { toHex?(): string }): Digest {
  return (bytes.toHex?.() ?? Buffer.from(bytes).toString("hex")) as Digest; // Node 24 has no `toHex`, which takes a tenth of the time
}

/** Valid until the next call. What is hashed is short and often: a buffer for each takes longer than hashing it. */
function utf8(text: string): Uint8Array {
  if (3 * text.length > scratch.length) return encoder.encode(text);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}

/** BLAKE3 of what comes bit by bit, with a hasher of its own: that of all others must not be left in the middle of a value. */
export class Digesting {
  readonly #own = new Blake3();

  constructor() {
    this.#own.start();
  }
  /** A string is taken as UTF-8. */
  add(part: Uint8Array | string): void {
    this.#own.add(typeof part === "string" ? utf8(part) : part);
  }
  /** Of all that was added. Nothing may be added behind it. */
  digest(): Digest {
    return hex(this.#own.end());
  }
}

/** As {@link Digesting}; the thread is free in between. */
export async function digestStream(chunks: AsyncIterable<Uint8Array>): Promise<Digest> {
  const digesting = new Digesting();
  for await (const chunk of chunks) digesting.add(chunk);
  return digesting.digest();
}

const HEX = /^[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && HEX.test(text);
}
