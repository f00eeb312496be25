/** Seeded randomness: the same run, node and attempt draw the same numbers. Needs `random`. */
import host from "runloop:agent/random@0.1.0";
import { hostCall } from "./errors.js";

const MOST = 65_536;

export const random = {
  /** 0 ≤ x < 1, with all 53 bits of a double. */
  unit(): number {
    const bytes = random.bytes(7);
    let value = (bytes[6] as number) & 0x1f;
    for (let index = 5; index >= 0; index--) value = value * 256 + (bytes[index] as number);
    return value / 2 ** 53;
  },
  /** A whole number, 0 ≤ x < below. */
  below: (below: number): number => Math.floor(random.unit() * below),
  bytes(length: number): Uint8Array {
    const all = new Uint8Array(length);
    for (let at = 0; at < length; at += MOST)
      all.set(
        hostCall("random.bytes", () => host.bytes(Math.min(MOST, length - at))),
        at,
      );
    return all;
  },
};
