/** `fetch`, through the host's gate. Needs `net`; a header's value may be `{ secret: "id" }`, which the host fills in. */
import host from "runloop:agent/http@0.1.0";
import { HostError, hostCall } from "./errors.js";
import { CONTENT, LINES } from "./inner.js";
import { encodeUtf8 } from "./utf8.js";
import { Headers, Request, Response, type RequestInit } from "./web.js";

export async function fetch(input: unknown, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const headers = [...request.headers[LINES]()].map(([name, value]) => ({
    name,
    value: typeof value === "string" ? { tag: "text" as const, val: value } : { tag: "secret" as const, val: value.secret },
  }));
  try {
    const answer = hostCall("fetch", () =>
      host.fetch({
        method: request.method,
        url: request.url,
        headers,
        body: request[CONTENT]() ?? new Uint8Array(0),
        timeoutMs: request.timeoutMs,
        maxBytes: request.maxBytes,
      }),
    );
    return new Response(answer.body, { status: answer.status, headers: new Headers(answer.headers), url: request.url });
  } catch (error) {
    if (error instanceof HostError)
      throw new HostError(error.code, `fetching ${request.url}: ${error.message}`, error.retryAfterMs);
    throw error;
  }
}

export const http = {
  fetch,
  /** Bytes of text, as a body. */
  bytes: encodeUtf8,
};
