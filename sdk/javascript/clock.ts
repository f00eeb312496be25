/** The run's own clock: starts at the run's epoch and advances with the fuel that the agent uses. Needs `time`. */
import host from "runloop:agent/clock@0.1.0";
import { hostCall } from "./errors.js";

export const clock = {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now: (): number => Number(hostCall("clock.now", () => host.nowMs())),
  /** Milliseconds since the attempt began, with a fraction. */
  elapsed: (): number => Number(hostCall("clock.elapsed", () => host.monotonicNs())) / 1e6,
};
