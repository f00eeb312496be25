/** What crosses between one guest and the host, in bytes, both ways; and the handles that it holds. Counted, so that a replay meets the same end. */
import { AttemptFailed } from "./ends.js";

export interface BorderLimits {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly handles: number;
}

export class Border {
  private readonly limits: BorderLimits;
  private bytesIn = 0;
  private bytesOut = 0;

  constructor(limits: BorderLimits) {
    this.limits = limits;
  }

  /** Throws `AttemptFailed` (`host.bytes-exhausted`). */
  handIn(bytes: number): void {
    this.bytesIn += bytes;
    if (this.bytesIn > this.limits.bytesIn) throw tooMany("bytes_in", "was handed", this.bytesIn, this.limits.bytesIn);
  }

  /** Throws `AttemptFailed` (`host.bytes-exhausted`). */
  handOut(bytes: number): void {
    this.bytesOut += bytes;
    if (this.bytesOut > this.limits.bytesOut) throw tooMany("bytes_out", "handed out", this.bytesOut, this.limits.bytesOut);
  }

  /** Called with the number of handles that would be open. Throws `AttemptFailed` (`host.handles-exhausted`). */
  hold(handles: number): void {
    const { handles: ceiling } = this.limits;
    if (handles <= ceiling) return;
    throw new AttemptFailed(
      { code: "host.handles-exhausted", message: `more than ${ceiling} handles are open`, retryable: false },
      { name: "handles", value: handles, ceiling },
    );
  }
}

function tooMany(name: string, verb: string, value: number, ceiling: number): AttemptFailed {
  return new AttemptFailed(
    {
      code: "host.bytes-exhausted",
      message: `the attempt ${verb} more than its ${ceiling} bytes (${name})`,
      retryable: false,
    },
    { name, value, ceiling },
  );
}
