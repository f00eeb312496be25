/** How a host call ends. Errors are values: an agent that does not look at `ok` before `value` traps with the error's text. */

/** In the order of the cases of `runloop:agent/types#error`. */
export const codes: StaticArray<string> = [
  "denied",
  "budget-exhausted",
  "timeout",
  "cancelled",
  "invalid",
  "unavailable",
  "failed",
];

export class CallError {
  constructor(
    /** One of {@link codes}. */
    readonly code: string,
    readonly message: string,
    /** Milliseconds after which another try may help; 0 = unknown. Only with `unavailable`. */
    readonly retryAfterMs: u64 = 0,
  ) {}

  /** Whether the same call may succeed later: the service was slow or away. */
  get retryable(): bool {
    return this.code == "timeout" || this.code == "unavailable";
  }

  toString(): string {
    return this.code + ": " + this.message;
  }
}

export class Result<T> {
  private constructor(
    private held: T,
    private fault: CallError | null,
  ) {}

  static of<T>(value: T): Result<T> {
    return new Result<T>(value, null);
  }

  static failed<T>(error: CallError): Result<T> {
    // A field of type T needs some value; nobody can read this one.
    if (isReference<T>()) return new Result<T>(changetype<T>(0), error);
    return new Result<T>(<T>0, error);
  }

  get ok(): bool {
    return this.fault == null;
  }

  get value(): T {
    const fault = this.fault;
    if (fault) assert(false, "the value of a failed call was read: " + fault.toString());
    return this.held;
  }

  get error(): CallError {
    const fault = this.fault;
    return fault ? fault : new CallError("failed", "the call succeeded");
  }

  /** The value, or `otherwise` where the call failed. */
  or(otherwise: T): T {
    return this.fault ? otherwise : this.held;
  }
}
