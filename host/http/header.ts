/** What a header of a request may be, whichever way a guest asks. */

/** Framing and routing of the message: the host's, since a guest that sets them speaks to the server behind the gate's back. */
const FRAMING = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "via",
  "forwarded",
  "http2-settings",
  "accept-encoding",
  "idempotency-key",
  // They change the method or the path behind the rules that were checked.
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
]);
export const isHosts = (name: string): boolean =>
  FRAMING.has(name) || name.startsWith("proxy-") || name.startsWith("sec-") || name.startsWith("x-forwarded-");

/** RFC 9110, 5.6.2. */
export const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** Visible ASCII with blanks inside: no line breaks, no NUL, nothing that two servers decode differently. */
export const HEADER_VALUE = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/;
