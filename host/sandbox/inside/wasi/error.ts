/** `wasi:io/error`, and how an operation of a stream ends without a value. */
import { Resource, type WasiFunction } from "./contract.js";
import { resourceOf } from "./values.js";

/** What went wrong below a stream. A subclass may say more to an interface of its own (a file system's code). */
export class IoError extends Resource {
  readonly resource: string = "error";
  readonly text: string;
  constructor(text: string) {
    super();
    this.text = text;
  }
}

/** The end of an input, or an output that nobody reads any more. Thrown by streams. */
export class StreamClosed extends Error {}

/** An operation that failed. Thrown by streams; the stream is closed afterwards. */
export class StreamFailed extends Error {
  readonly error: IoError;
  constructor(error: IoError) {
    super(error.text);
    this.error = error;
  }
}

export const errorFunctions: readonly (readonly [string, WasiFunction])[] = [
  ["[method]error.to-debug-string", ([self]) => resourceOf(IoError, self).text],
];
