/** `Math.random` and `crypto` over some source of bytes. */
import { install } from "./install.js";

export function installRandom(unit: () => number, bytes: (length: number) => Uint8Array): void {
  install("random", unit, Math);
  install("crypto", {
    getRandomValues<T extends ArrayBufferView>(into: T): T {
      if (into.byteLength > 65_536) throw new RangeError("at most 65,536 bytes at a time");
      new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes(into.byteLength));
      return into;
    },
    randomUUID(): string {
      const drawn = bytes(16);
      drawn[6] = ((drawn[6] as number) & 0x0f) | 0x40;
      drawn[8] = ((drawn[8] as number) & 0x3f) | 0x80;
      const hex = Array.from(drawn, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
    },
  });
}
