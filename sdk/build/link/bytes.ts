/**
 * The binary format's numbers and names. Where nothing else is said, what is read was made by a pinned tool: what does not fit is a bug, not
 * an attack.
 */
import { BuildError } from "../errors.js";

export class Cursor {
  at: number;

  constructor(
    readonly bytes: Uint8Array,
    from = 0,
    readonly end: number = bytes.length,
    /** The error for what does not fit. */
    readonly refuse: (what: string) => Error = unexpected,
  ) {
    this.at = from;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    if (this.at >= this.end) throw this.refuse("a module that ends too early");
    return this.bytes[this.at++] as number;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
      if (shift > 28) throw this.refuse("a number of more than 32 bits");
    }
  }

  /** An `i32.const`'s number. */
  s32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return shift < 25 && (byte & 0x40) !== 0 ? value | (-1 << (shift + 7)) : value;
    }
  }

  name(): string {
    return Buffer.from(this.take(this.u32())).toString("utf8");
  }

  take(length: number): Uint8Array {
    if (length > this.end - this.at) throw this.refuse("a module that ends too early");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** The next `length` bytes, which are skipped here. */
  part(length: number): Cursor {
    const from = this.at;
    this.take(length);
    return new Cursor(this.bytes, from, this.at, this.refuse);
  }

  /** Skips a LEB128 number of any width. */
  skipNumber(): void {
    while (this.byte() >= 0x80);
  }
}

/** A growing buffer. */
export class Output {
  private held = new Uint8Array(1024);
  length = 0;

  byte(...values: readonly number[]): this {
    return this.raw(values);
  }

  u32(value: number): this {
    let rest = value >>> 0;
    for (; rest >= 0x80; rest >>>= 7) this.raw([(rest & 0x7f) | 0x80]);
    return this.raw([rest]);
  }

  s32(value: number): this {
    let rest = value | 0;
    for (; rest < -0x40 || rest > 0x3f; rest >>= 7) this.raw([(rest & 0x7f) | 0x80]);
    return this.raw([rest & 0x7f]);
  }

  raw(bytes: ArrayLike<number>): this {
    if (this.length + bytes.length > this.held.length) {
      const larger = new Uint8Array(Math.max(this.held.length * 2, this.length + bytes.length));
      larger.set(this.held.subarray(0, this.length));
      this.held = larger;
    }
    this.held.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  name(text: string): this {
    const bytes = Buffer.from(text, "utf8");
    return this.u32(bytes.length).raw(bytes);
  }

  sized(part: Output): this {
    return this.u32(part.length).raw(part.view());
  }

  view(): Uint8Array {
    return this.held.subarray(0, this.length);
  }
}

/** What the linker was not made for: another version of the tool than the pinned one, most likely. */
export const unexpected = (what: string): BuildError =>
  new BuildError("BUILD_TOOL", `componentize-qjs made ${what}, which this version of rlp does not link`, {
    hint: "npm ci, which installs the version that is pinned; if it is that one, please report this",
  });
