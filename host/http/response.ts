import type { Json } from "#core/json.js";
import { CallFailure } from "../imports/interface.js";
import type { Reply } from "./gate.js";
import { tooLongText } from "./too-long.js";

/** A response as the WIT types it, in the JSON forms of `sandbox/abi/lift.ts`. */
export function responseAsJson({ status, headers, body }: Reply): Json {
  return { status, headers: headers.map(([name, value]) => [name, value]), body: body.toString("base64") };
}

export const bodyTooLong = (limit: number): CallFailure =>
  new CallFailure("failed", tooLongText(limit), {
    limit: { name: "http_response_bytes", value: limit + 1, ceiling: limit },
  });
