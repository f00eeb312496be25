/** Text that is put together piece by piece, in one growing buffer: joining with `+` would copy all of it for each piece. */
export class Text {
  private buffer: ArrayBuffer = new ArrayBuffer(256);
  private units: i32 = 0;

  get length(): i32 {
    return this.units;
  }

  /** Appends a string. */
  add(text: string): Text {
    const length = text.length;
    this.reserve(length);
    memory.copy(changetype<usize>(this.buffer) + (<usize>this.units << 1), changetype<usize>(text), <usize>length << 1);
    this.units += length;
    return this;
  }

  /** Appends a string and ends the line. */
  line(text: string = ""): Text {
    return this.add(text).unit(0x0a);
  }

  /** Appends one UTF-16 unit. */
  unit(code: u32): Text {
    this.reserve(1);
    store<u16>(changetype<usize>(this.buffer) + (<usize>this.units << 1), <u16>code);
    this.units++;
    return this;
  }

  /** Appends a part of a string, by units: `start` inclusive, `end` exclusive. */
  slice(text: string, start: i32, end: i32): Text {
    const length = end - start;
    this.reserve(length);
    memory.copy(
      changetype<usize>(this.buffer) + (<usize>this.units << 1),
      changetype<usize>(text) + (<usize>start << 1),
      <usize>length << 1,
    );
    this.units += length;
    return this;
  }

  toString(): string {
    return String.UTF16.decodeUnsafe(changetype<usize>(this.buffer), <usize>this.units << 1);
  }

  private reserve(more: i32): void {
    const needed = (this.units + more) << 1;
    const held = this.buffer.byteLength;
    if (needed <= held) return;
    const larger = new ArrayBuffer(max(needed, held << 1));
    memory.copy(changetype<usize>(larger), changetype<usize>(this.buffer), <usize>this.units << 1);
    this.buffer = larger;
  }
}
