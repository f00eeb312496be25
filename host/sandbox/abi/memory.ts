/** A guest's linear memory, with every access checked against its bounds. */
import type { Encoding } from "../../component/plan.js";
import type { WasmMemory } from "../../component/meter/engine.js";
import { GuestTrap } from "../inside/ends.js";

const decoders = {
  utf8: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
  utf16: new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true }),
};
const encoder = new TextEncoder();
/** In `latin1+utf16`, set in the length of text that is UTF-16 and not Latin-1. */
const WIDE = 2 ** 31;
const NARROW = /^[\u0000-\u00ff]*$/;

export class GuestMemory {
  private readonly memory: WasmMemory;
  readonly encoding: Encoding;
  private current: DataView;

  constructor(memory: WasmMemory, encoding: Encoding) {
    this.memory = memory;
    this.encoding = encoding;
    this.current = new DataView(memory.buffer);
  }

  /** Valid until the guest runs again: growing detaches it. */
  get view(): DataView {
    if (this.current.buffer !== this.memory.buffer) this.current = new DataView(this.memory.buffer);
    return this.current;
  }

  /** `pointer` and `length` as unsigned numbers of bytes. */
  check(pointer: number, length: number, align: number): void {
    if (pointer % align !== 0) throw new GuestTrap(`canonical ABI: the pointer ${pointer} is not aligned to ${align}`);
    if (pointer + length > this.view.byteLength)
      throw new GuestTrap(`canonical ABI: ${length} bytes at ${pointer} lie outside of the memory of ${this.view.byteLength}`);
  }

  /** What text must be aligned to. */
  get stringAlign(): number {
    return this.encoding === "utf8" ? 1 : 2;
  }

  /** Bytes that a string takes whose length is given so. */
  stringBytes(length: number): number {
    if (this.encoding === "utf8") return length;
    if (this.encoding === "utf16") return length * 2;
    return length >= WIDE ? (length - WIDE) * 2 : length;
  }

  readString(pointer: number, length: number): string {
    const bytes = new Uint8Array(this.view.buffer, pointer, this.stringBytes(length));
    if (this.encoding === "latin1+utf16" && length < WIDE)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const utf8 = this.encoding === "utf8";
    try {
      return decoders[utf8 ? "utf8" : "utf16"].decode(bytes);
    } catch {
      throw new GuestTrap(`canonical ABI: a string is not well-formed ${utf8 ? "UTF-8" : "UTF-16"}`);
    }
  }

  /** The string's bytes in the guest's encoding, and its length as that gives it. Lone surrogates, which no encoding has, become U+FFFD. */
  encode(text: string): { bytes: Uint8Array; length: number; align: number } {
    const align = this.stringAlign;
    if (this.encoding === "utf8") {
      const bytes = encoder.encode(text);
      return { bytes, length: bytes.length, align };
    }
    const wellFormed = text.toWellFormed();
    const { length } = wellFormed;
    if (this.encoding === "utf16") return { bytes: Buffer.from(wellFormed, "utf16le"), length, align };
    return NARROW.test(wellFormed)
      ? { bytes: Buffer.from(wellFormed, "latin1"), length, align }
      : { bytes: Buffer.from(wellFormed, "utf16le"), length: WIDE + length, align };
  }

  write(pointer: number, bytes: Uint8Array): void {
    new Uint8Array(this.view.buffer, pointer, bytes.length).set(bytes);
  }
}

/** Where no memory was named: every pointer leads out of it. */
export const NO_MEMORY = new GuestMemory({ buffer: new ArrayBuffer(0) }, "utf8");
