/**
 * The guest's clock. It starts at the run's epoch and goes with the fuel, one nanosecond a unit, and with what the guest sleeps: a
 * sleep moves the clock and takes no time of anybody's. So a run and its replay read the same, and whoever sleeps an hour is told
 * after no time at all that the hour is over.
 *
 * Without the grant `time` it stands still at 1970-01-01 but for the guest's own sleeping, which tells it nothing that it did not
 * say itself: neither the date nor how long anything takes can be read, by a clock, by a poll or by the order of its sleeps.
 */
import { AttemptFailed } from "../ends.js";

export const NS_PER_MS = 1_000_000n;

/** What one attempt may sleep in all. The longest `wall_ms` that a manifest may ask for; it also keeps dates within reason. */
export const SLEEP_LIMIT_NS = 86_400_000n * NS_PER_MS;
const LAST_INSTANT = 2n ** 64n - 1n;

export class VirtualClock {
  private slept = 0n;
  private readonly granted: boolean;
  private readonly epochNs: bigint;
  private readonly fuel: () => number;

  constructor(spec: { readonly epochMs: number; readonly granted: boolean; readonly fuel: () => number }) {
    this.granted = spec.granted;
    this.epochNs = spec.granted ? BigInt(spec.epochMs) * NS_PER_MS : 0n;
    this.fuel = spec.fuel;
  }

  /** Nanoseconds since the attempt began. */
  elapsed(): bigint {
    return this.slept + (this.granted ? BigInt(this.fuel()) : 0n);
  }

  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  wallNs(): bigint {
    return this.epochNs + this.elapsed();
  }

  /** The moment `duration` nanoseconds from now; the last one there is where that is beyond it. */
  after(duration: bigint): bigint {
    const at = this.elapsed() + duration;
    return at > LAST_INSTANT ? LAST_INSTANT : at;
  }

  /** Moves the clock to `instant`, where that is still to come. Throws `AttemptFailed` beyond {@link SLEEP_LIMIT_NS}. */
  sleepUntil(instant: bigint): void {
    const missing = instant - this.elapsed();
    if (missing <= 0n) return;
    const total = this.slept + missing;
    if (total > SLEEP_LIMIT_NS) {
      const [value, ceiling] = [Number(total / NS_PER_MS), Number(SLEEP_LIMIT_NS / NS_PER_MS)];
      throw new AttemptFailed(
        {
          code: "host.timeout",
          message: `the attempt wants to sleep for ${value} ms in all, where ${ceiling} are the limit`,
          retryable: true,
        },
        { name: "sleep_ms", value, ceiling },
      );
    }
    this.slept = total;
  }
}
