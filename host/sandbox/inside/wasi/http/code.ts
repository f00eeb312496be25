/** `wasi:http`'s error codes: what a request fails with, and what each error of the gate is called there. */
import type { Json } from "#core/json.js";
import { tooLongLimit } from "../../../../http/too-long.js";
import { AttemptFailed } from "../../ends.js";
import type { Native } from "../contract.js";
import { IoError } from "../error.js";

/** A case of `wasi:http/types#error-code`. */
export interface ErrorCode {
  readonly [member: string]: Native;
  readonly tag: string;
  readonly val: Native;
}

export const code = (tag: string, val: Native = null): ErrorCode => ({ tag, val });
export const internal = (text: string): ErrorCode => code("internal-error", text);

/** Thrown by everything in this folder that a request cannot be made of. */
export class HttpFailure extends Error {
  readonly code: ErrorCode;
  constructor(given: ErrorCode) {
    super(given.tag);
    this.code = given;
  }
}

/** What a stream of a body fails with. */
export class HttpIoError extends IoError {
  readonly code: ErrorCode;
  constructor(given: ErrorCode) {
    super(given.tag);
    this.code = given;
  }
}

/** A typed error of `http.fetch`. The request was looked at before it was sent, so what is invalid still is its URL. */
export function codeOf({ tag, val }: { readonly tag: string; readonly val: Json }): ErrorCode {
  switch (tag) {
    case "denied":
      return code("HTTP-request-denied");
    case "invalid":
      return code("HTTP-request-URI-invalid");
    case "timeout":
      return code("HTTP-response-timeout");
    case "unavailable":
      return code("destination-unavailable");
    case "failed": {
      const text = String(val);
      const limit = tooLongLimit(text);
      return limit === null ? internal(text) : code("HTTP-response-body-size", BigInt(limit));
    }
    default:
      throw new AttemptFailed({ code: "host.component", message: `\`http.fetch\` failed with \`${tag}\``, retryable: false });
  }
}
