/**
 * How a host call comes back: the host writes a `result<T, error>` where the guest says, and the guest reads it. One area
 * serves all calls, since an agent makes one call at a time and reads the answer before the next.
 */
import { CallError, codes } from "../result";
import { stringAt } from "./lift";

/**
 * `result<T, error>`: a discriminant at 0 and the payload at 8, because `error` holds a u64 and so aligns everything to 8.
 * The largest payload is `error` itself: its discriminant at 8, a string at 16, `retry-after-ms` at 24.
 */
export const AREA: usize = memory.data(32, 8);

/** Where the value of a successful result begins. */
export const VALUE: usize = AREA + 8;

// @ts-ignore: decorator
@inline
export function succeeded(): bool {
  return load<u8>(AREA) == 0;
}

const UNAVAILABLE: u32 = 5;

/** The error of the call that has just failed. */
export function error(): CallError {
  const code = <u32>load<u8>(AREA, 8);
  const message = stringAt(AREA + 16);
  return new CallError(codes[code], message, code == UNAVAILABLE ? load<u64>(AREA, 24) : 0);
}
