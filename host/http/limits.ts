/** What one request, and one attempt's requests together, may take. The manifest asks within the ceilings. */
import type { AgentInterface } from "#openings/agent.js";

export interface HttpLimits {
  /** Requests of one attempt; redirects count with the request that they follow from. */
  readonly requests: number;
  /** Bytes of one response's body, decoded. */
  readonly responseBytes: number;
  /** Milliseconds of one request, all its redirects included. */
  readonly timeoutMs: number;
}

/** Where the manifest asks for nothing. */
export const usual: HttpLimits = { requests: 100, responseBytes: 1 << 20, timeoutMs: 30_000 };
/** What no manifest gets more of. */
export const ceilings: HttpLimits = { requests: 1000, responseBytes: 4 << 20, timeoutMs: 300_000 };

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

export function httpLimits({ limits }: AgentInterface): HttpLimits {
  return {
    requests: Math.min(limits.http_requests ?? usual.requests, ceilings.requests),
    responseBytes: Math.min(limits.http_response_bytes ?? usual.responseBytes, ceilings.responseBytes),
    timeoutMs: Math.min(limits.http_timeout_ms ?? usual.timeoutMs, ceilings.timeoutMs),
  };
}
