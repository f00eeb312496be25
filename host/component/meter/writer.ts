/** Writes the binary format into a buffer that grows. Numbers are written in their shortest form. */
const utf8 = new TextEncoder();

export class Writer {
  #bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  #room(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }

  byte(...values: readonly number[]): this {
    this.#room(values.length);
    for (const value of values) this.#bytes[this.length++] = value;
    return this;
  }

  u32(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  s32(value: number): this {
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  raw(bytes: Uint8Array, from = 0, to = bytes.length): this {
    this.#room(to - from);
    this.#bytes.set(bytes.subarray(from, to), this.length);
    this.length += to - from;
    return this;
  }

  name(text: string): this {
    const bytes = utf8.encode(text);
    return this.u32(bytes.length).raw(bytes);
  }

  /** What was written, by its length first. */
  sized(part: Writer): this {
    return this.u32(part.length).raw(part.view());
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}
