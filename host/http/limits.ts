/** What one request, and one attempt's requests together, may take. */
import { limitsOf, type Asked } from "../limits/effective.js";

export interface HttpLimits {
  /** Requests of one attempt; redirects count with the request that they follow from. */
  readonly requests: number;
  /** Bytes of one response's body, decoded. */
  readonly responseBytes: number;
  /** Milliseconds of one request, all its redirects included. */
  readonly timeoutMs: number;
}

export function httpLimits({ limits }: { readonly limits: Asked }): HttpLimits {
  const { http_requests, http_response_bytes, http_timeout_ms } = limitsOf(limits);
  return { requests: http_requests, responseBytes: http_response_bytes, timeoutMs: http_timeout_ms };
}
