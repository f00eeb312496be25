/** The run's own clock: starts at the run's epoch and advances with the fuel that the agent uses. Needs `time`. */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { Result } from "./result";

// @ts-ignore: decorator
@external("runloop:agent/clock@0.1.0", "now-ms")
declare function hostNow(into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/clock@0.1.0", "monotonic-ns")
declare function hostMonotonic(into: usize): void;

export namespace clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  export function nowMs(): Result<u64> {
    hostNow(AREA);
    return succeeded() ? Result.of<u64>(load<u64>(VALUE)) : Result.failed<u64>(error());
  }
  /** Nanoseconds since the attempt began. */
  export function monotonicNs(): Result<u64> {
    hostMonotonic(AREA);
    return succeeded() ? Result.of<u64>(load<u64>(VALUE)) : Result.failed<u64>(error());
  }
}
