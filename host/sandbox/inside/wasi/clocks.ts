/** `wasi:clocks` over the guest's own clock. */
import { NS_PER_MS, type VirtualClock } from "./clock.js";
import type { Native, WasiFunction } from "./contract.js";
import { Timer } from "./poll.js";

const NS_PER_S = 1_000_000_000n;

export function monotonicFunctions(clock: VirtualClock): readonly (readonly [string, WasiFunction])[] {
  return [
    ["now", () => clock.elapsed()],
    ["resolution", () => 1n],
    ["subscribe-instant", ([when]) => new Timer(when as bigint)],
    ["subscribe-duration", ([duration]) => new Timer(clock.after(duration as bigint))],
  ];
}

/** `realMs`: where dates are this machine's. How long something takes is the guest's own matter all the same. */
export function wallFunctions(
  clock: VirtualClock,
  realMs: (() => Promise<number>) | null,
): readonly (readonly [string, WasiFunction])[] {
  return [
    ["now", realMs ? () => realMs().then((ms) => datetime(BigInt(ms) * NS_PER_MS)) : () => datetime(clock.wallNs())],
    ["resolution", () => datetime(1n)],
  ];
}

/** `wasi:clocks/wall-clock`'s `datetime`. */
export function datetime(ns: bigint): Native {
  // It counts seconds without a sign: what is of before 1970, as a file can be, is of 1970.
  const since = ns < 0n ? 0n : ns;
  return { seconds: since / NS_PER_S, nanoseconds: Number(since % NS_PER_S) };
}
