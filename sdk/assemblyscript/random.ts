/** Seeded randomness: the same run, node and attempt draw the same numbers. Needs `random`. */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { liftBytes } from "./abi/lift";
import { Result } from "./result";

// @ts-ignore: decorator
@external("runloop:agent/random@0.1.0", "next-u64")
declare function hostNext(into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/random@0.1.0", "bytes")
declare function hostBytes(length: u32, into: usize): void;

export namespace random {
  export function nextU64(): Result<u64> {
    hostNext(AREA);
    return succeeded() ? Result.of<u64>(load<u64>(VALUE)) : Result.failed<u64>(error());
  }
  /** 0 ≤ x < 1, with all 53 bits of a double. */
  export function unit(): Result<f64> {
    const drawn = nextU64();
    return drawn.ok ? Result.of<f64>(<f64>(drawn.value >> 11) * (1.0 / 9007199254740992.0)) : Result.failed<f64>(drawn.error);
  }
  /** At most 65,536 at a time. */
  export function bytes(length: u32): Result<Uint8Array> {
    hostBytes(length, AREA);
    if (!succeeded()) return Result.failed<Uint8Array>(error());
    return Result.of<Uint8Array>(liftBytes(load<usize>(VALUE), load<usize>(VALUE, 4)));
  }
}
