/** How an attempt ends: values for ports, or a failure. */
import { quote, stringify } from "./json/writer";
import { Json } from "./json/value";
import { CallError } from "./result";

export class Output {
  constructor(
    readonly port: string,
    readonly type: string,
    /** JSON text. */
    readonly body: string,
  ) {}
}

export class Failure {
  constructor(
    readonly code: string,
    readonly message: string,
    readonly retryable: bool,
  ) {}
}

export class Outcome {
  readonly outputs: Output[] = [];
  failure: Failure | null = null;

  /** Puts a value on a port. `value` is a {@link Json}, a string, a number, a bool or an array of these. */
  send<T>(port: string, type: string, value: T): Outcome {
    const body = isString<T>() ? quote(changetype<string>(value)) : stringify(Json.of<T>(value));
    this.outputs.push(new Output(port, type, body));
    return this;
  }
}

/** Success; `send` adds outputs. */
export function ok(): Outcome {
  return new Outcome();
}

/** Failure. With `retryable` the opening's `retry` block applies. */
export function fail(code: string, message: string, retryable: bool = false): Outcome {
  const outcome = new Outcome();
  outcome.failure = new Failure(code, message, retryable);
  return outcome;
}

/** The failure that a failed host call makes of an attempt; `doing` says what the agent was at: "searching the knowledge base". */
export function failed(error: CallError, doing: string): Outcome {
  return fail("call." + error.code, doing + ": " + error.message, error.retryable);
}
