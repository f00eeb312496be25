/** What every message of HTTP is held to, whatever was asked for. The inside of a sandbox keeps to the same numbers; here nothing is believed. */

export const REDIRECTS = 5;
export const URL_CHARACTERS = 8192;
/** A little less than DNS allows: a host is part of a label, and labels have at most 256. */
export const HOST_CHARACTERS = 240;
export const REQUEST_HEADERS = 64;
export const REQUEST_HEADER_BYTES = 16_384;
export const REQUEST_BODY_BYTES = 1 << 20;
export const RESPONSE_HEADER_BYTES = 32_768;
export const RESPONSE_HEADERS = 200;
/** The most that `http_response_bytes` can be. */
export const RESPONSE_BODY_BYTES = 4 << 20;
