/** How things end badly: the agent's own failures, and host calls that did not give their result. */

/** The agent's own failure: thrown, or returned. */
export class AgentFailure extends Error {
  override readonly name = "AgentFailure";
  constructor(
    readonly code: string,
    message: string,
    /** Whether another attempt may help; then the opening's `retry` block applies. */
    readonly retryable: boolean,
  ) {
    super(message);
  }
}

export const fail = (code: string, message: string, { retryable = false }: { retryable?: boolean } = {}): AgentFailure =>
  new AgentFailure(String(code), String(message), retryable === true);

export type HostErrorCode = "denied" | "budget-exhausted" | "timeout" | "cancelled" | "invalid" | "unavailable" | "failed";

/** A host call that did not give its result. Not caught, it fails the attempt with the code `call.<code>`. */
export class HostError extends Error {
  override readonly name = "HostError";
  constructor(
    readonly code: HostErrorCode,
    message: string,
    /** Milliseconds after which another try may help; 0: unknown. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return this.code === "timeout" || this.code === "unavailable";
  }
}

const CODES: readonly string[] = ["denied", "budget-exhausted", "timeout", "cancelled", "invalid", "unavailable", "failed"];

/** An error as the WIT types it, as it is thrown. */
function hostError(thrown: unknown): unknown {
  const error = ((thrown as { payload?: unknown } | null)?.payload ?? thrown) as { tag?: unknown; val?: unknown } | null;
  if (typeof error !== "object" || error === null || typeof error.tag !== "string" || !CODES.includes(error.tag)) return thrown;
  const code = error.tag as HostErrorCode;
  if (typeof error.val === "string") return new HostError(code, error.val);
  const { message, retryAfterMs } = error.val as { message: string; retryAfterMs: number };
  return new HostError(code, message, Number(retryAfterMs));
}

const life = { running: false };

/** Called when an attempt begins: from here on there is a host. */
export function begin(): void {
  life.running = true;
}

/** A call that only a host can answer. Top-level code runs once, while the agent is built, when there is none. */
export function hostCall<T>(what: string, call: () => T): T {
  if (!life.running)
    throw new Error(
      `${what}: top-level code runs once, while the agent is built, and has no host; do this inside the agent's function`,
    );
  try {
    return call();
  } catch (thrown) {
    throw hostError(thrown);
  }
}

/** What a global asks of a capability that the policy does not name. */
export function notGranted(what: string, line: string): () => never {
  return () => {
    throw new HostError("denied", `${what} needs \`${line}\` in policy.caps, and the agent to be built again`);
  };
}
