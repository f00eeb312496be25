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

/** Whatever was asked for, for every request. */
export const REDIRECTS = 5;
export const URL_CHARACTERS = 8192;
/** A little less than DNS allows: a host is part of a label, and labels have at most 256. */
export const HOST_CHARACTERS = 240;
export const REQUEST_HEADERS = 64;
export const REQUEST_HEADER_BYTES = 16_384;
export const REQUEST_BODY_BYTES = 1 << 20;
export const RESPONSE_HEADER_BYTES = 32_768;
export const RESPONSE_HEADERS = 200;

export function httpLimits({ limits }: { readonly limits: Asked }): HttpLimits {
  const { http_requests, http_response_bytes, http_timeout_ms } = limitsOf(limits);
  return { requests: http_requests, responseBytes: http_response_bytes, timeoutMs: http_timeout_ms };
}
