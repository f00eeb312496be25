/** Reads the binary format. Every read is bounded by `end`; whatever does not fit is METER_MALFORMED with its offset. */
import { MeterError } from "./refusal.js";

const utf8 = new TextDecoder("utf-8", { fatal: true });

export class Reader {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.bytes = bytes;
    this.from = from;
    this.end = end;
    this.at = from;
  }

  /** The same bytes from the beginning: sections are read more than once. */
  again(): Reader {
    return new Reader(this.bytes, this.from, this.end);
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  fail(what: string, at = this.at): never {
    throw new MeterError("METER_MALFORMED", what, at);
  }

  byte(): number {
    if (this.at >= this.end) this.fail("the module ends too early");
    return this.bytes[this.at++] as number;
  }

  /** Skips `count` bytes and says where they began. */
  skip(count: number): number {
    if (count > this.end - this.at) this.fail("the module ends too early");
    const at = this.at;
    this.at += count;
    return at;
  }

  /** Unsigned LEB128 of at most 32 bits. Overlong forms within five bytes are legal and read as their value. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return this.fail("a number has more than 32 bits");
  }

  /** Signed LEB128 of at most 33 bits: block types. */
  s33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (shift === 28 && (byte & 0x70) !== ((byte & 0x10) === 0 ? 0 : 0x70)) break;
        return (byte & 0x40) === 0 ? value : value - 2 ** (shift + 7);
      }
    }
    return this.fail("a number has more than 33 bits");
  }

  /** Skips a signed LEB128 of at most `bits` bits, a constant that nobody here looks at; the engine has validated its value. */
  skipSigned(bits: 32 | 64): void {
    for (let left = Math.ceil(bits / 7); left > 0; left--) if (this.byte() < 0x80) return;
    this.fail(`a number has more than ${bits} bits`);
  }

  name(): string {
    const length = this.u32();
    const at = this.skip(length);
    try {
      return utf8.decode(this.bytes.subarray(at, at + length));
    } catch {
      return this.fail("a name is not UTF-8", at);
    }
  }

  /** A vector's length, which cannot be more than the bytes that are left, and not more than `most`. */
  count(what: string, most: number): number {
    const at = this.at;
    const count = this.u32();
    if (count > most) throw new MeterError("METER_TOO_LARGE", `${count} ${what}, at most ${most} are allowed`, at);
    if (count > this.end - this.at) this.fail(`${count} ${what} do not fit`, at);
    return count;
  }

  /** A reader of the next `length` bytes, which are skipped here. */
  part(length: number): Reader {
    const at = this.skip(length);
    return new Reader(this.bytes, at, at + length);
  }

  expectEnd(what: string): void {
    if (this.at !== this.end) this.fail(`${what} has bytes left over`);
  }
}
