/** A bounded reader of the WebAssembly binary format: every length is checked before anything is taken or allocated. */
import { Refusal } from "./refusal.js";
import { limits } from "./limits.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Reader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  malformed(what: string): Refusal {
    return new Refusal("ADMIT_MALFORMED", `${what}, at byte ${this.at}`);
  }

  byte(): number {
    const byte = this.at < this.end ? this.bytes[this.at] : undefined;
    if (byte === undefined) throw this.malformed("the file ends, or a section ends, in the middle of something");
    this.at++;
    return byte;
  }

  peek(): number {
    const byte = this.byte();
    this.at--;
    return byte;
  }

  /** LEB128, at most 32 bits and 5 bytes. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.malformed("a number is longer than 32 bits");
  }

  /** Steps over a LEB128 of at most 64 bits. */
  skipLeb(): void {
    for (let read = 0; read < 10; read++) if (this.byte() < 0x80) return;
    throw this.malformed("a number is longer than 64 bits");
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw this.malformed("something is longer than what holds it");
    this.at += count;
  }

  /** The part of the next `count` bytes, and steps over it. */
  part(count: number): Reader {
    const at = this.at;
    this.skip(count);
    return new Reader(this.bytes, at, at + count);
  }

  /** The length of a list whose elements take at least one byte each. */
  count(what: string, limit: number): number {
    const count = this.u32();
    if (count > limit) throw new Refusal("ADMIT_LIMIT", `${count} ${what}, where ${limit} are the limit`);
    if (count > this.end - this.at) throw this.malformed(`${count} ${what} are announced and cannot be there`);
    return count;
  }

  /** A name in UTF-8. Which names are allowed is for `names.ts` to say. */
  name(): string {
    const length = this.u32();
    if (length > limits.names)
      throw new Refusal("ADMIT_NAME", `a name of ${length} bytes, where ${limits.names} are the limit (at byte ${this.at})`);
    const part = this.part(length);
    try {
      return utf8.decode(part.bytes.subarray(part.at, part.end));
    } catch {
      throw new Refusal("ADMIT_NAME", `a name is not UTF-8 (at byte ${part.at})`);
    }
  }

  expect(byte: number, what: string): void {
    const found = this.byte();
    if (found !== byte) throw this.malformed(`${what}: 0x${found.toString(16)} where 0x${byte.toString(16)} must stand`);
  }
}
