/** A guest's linear memory, with every access checked against its bounds. */
import type { Encoding } from "../../component/plan.js";
import { GuestTrap } from "../inside/ends.js";

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

const decoders: Record<Encoding, TextDecoder> = {
  utf8: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
  utf16: new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true }),
};
const encoder = new TextEncoder();

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

  /** Bytes that a string of `units` code units takes. */
  stringBytes(units: number): number {
    return this.encoding === "utf8" ? units : units * 2;
  }

  readString(pointer: number, units: number): string {
    const length = this.stringBytes(units);
    this.check(pointer, length, this.encoding === "utf8" ? 1 : 2);
    try {
      return decoders[this.encoding].decode(new Uint8Array(this.view.buffer, pointer, length));
    } catch {
      throw new GuestTrap(`canonical ABI: a string is not well-formed ${this.encoding === "utf8" ? "UTF-8" : "UTF-16"}`);
    }
  }

  /** The string's bytes in the guest's encoding. Lone surrogates, which neither encoding has, become U+FFFD. */
  encode(text: string): { bytes: Uint8Array; units: number; align: number } {
    if (this.encoding === "utf8") {
      const bytes = encoder.encode(text);
      return { bytes, units: bytes.length, align: 1 };
    }
    const wellFormed = text.toWellFormed();
    return { bytes: Buffer.from(wellFormed, "utf16le"), units: wellFormed.length, align: 2 };
  }

  write(pointer: number, bytes: Uint8Array): void {
    new Uint8Array(this.view.buffer, pointer, bytes.length).set(bytes);
  }
}

/** Where no memory was named: every pointer leads out of it. */
export const NO_MEMORY = new GuestMemory({ buffer: new ArrayBuffer(0) }, "utf8");
