/** A guest's request, checked whole before anything is done with it: what a server could read in two ways is refused. */
import type { Json } from "#core/json.js";
import { CallFailure } from "../imports/interface.js";
import { HOST_CHARACTERS, REQUEST_BODY_BYTES, REQUEST_HEADER_BYTES, REQUEST_HEADERS, URL_CHARACTERS } from "./bounds.js";
import { HEADER_NAME, HEADER_VALUE, isHosts } from "./header.js";
import { isSafe, METHODS, type Method } from "./method.js";

/** A value, or the id of a secret whose value the gate puts in on the way out. */
export type HeaderValue = { readonly tag: "text"; readonly val: string } | { readonly tag: "secret"; readonly val: string };
export interface Header {
  /** Lower case. */
  readonly name: string;
  readonly value: HeaderValue;
}

/** As the WIT types it, in the JSON forms of `sandbox/abi/lift.ts`. */
export interface GuestRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly { readonly name: string; readonly value: { readonly tag: string; readonly val: string } }[];
  /** Base64. */
  readonly body: string;
  readonly timeout_ms: number;
  readonly max_bytes: number;
}

export interface HttpRequest {
  readonly method: Method;
  /** Without a fragment. */
  readonly url: URL;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  /** What the guest asks for; 0: as much as it may. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** Throws `CallFailure` (`invalid`). */
export function checkRequest(given: GuestRequest): HttpRequest {
  const method = METHODS.find((one) => one === given.method);
  if (!method) throw invalid(`the method must be one of ${METHODS.join(", ")}, in capitals`);
  const body = Buffer.from(given.body, "base64");
  if (body.length > REQUEST_BODY_BYTES)
    throw invalid(`the body has ${body.length} bytes, and ${REQUEST_BODY_BYTES} are the limit`);
  if (body.length > 0 && isSafe(method)) throw invalid(`a ${method} request has no body`);
  return {
    method,
    url: checkUrl(given.url),
    headers: checkHeaders(given.headers),
    body,
    timeoutMs: given.timeout_ms,
    maxBytes: given.max_bytes,
  };
}

/** The one parse of a URL. `base`: where a redirect was met. */
export function checkUrl(text: string, base?: URL): URL {
  if (text.length > URL_CHARACTERS) throw invalid(`the URL has more than ${URL_CHARACTERS} characters`);
  // The parser would take line breaks and tabs out, and trim the ends.
  if (/[\u0000-\u0020\u007f]/.test(text)) throw invalid("the URL holds blanks or control characters");
  const url = URL.parse(text, base);
  if (!url) throw invalid("the URL cannot be parsed (an absolute http or https URL)");
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw invalid(`the scheme \`${url.protocol.slice(0, 32)}\` is neither http nor https`);
  if (url.username !== "" || url.password !== "" || /^(?:[a-z]+:)?[/\\]{2,}[^/\\?#]*@/i.test(text))
    throw invalid("the URL holds a user name or password; put credentials into a header");
  if (url.hostname.length > HOST_CHARACTERS || url.hostname === "") throw invalid("the URL's host is too long, or none");
  if (url.port === "0") throw invalid("port 0 is no port");
  url.hash = "";
  return url;
}

function checkHeaders(given: GuestRequest["headers"]): Header[] {
  if (given.length > REQUEST_HEADERS) throw invalid(`there are more than ${REQUEST_HEADERS} headers`);
  const seen = new Set<string>();
  let size = 0;
  return given.map(({ name: spelled, value }) => {
    if (!HEADER_NAME.test(spelled)) throw invalid("a header's name is not a token (RFC 9110)");
    const name = spelled.toLowerCase();
    if (isHosts(name)) throw invalid(`the header \`${name}\` is the host's to set`);
    if (seen.has(name)) throw invalid(`the header \`${name}\` is there twice`);
    seen.add(name);
    if (value.tag !== "text" && value.tag !== "secret") throw invalid(`the value of \`${name}\` is neither text nor a secret`);
    if (value.tag === "text" && !HEADER_VALUE.test(value.val))
      throw invalid(`the value of \`${name}\` holds what a header cannot`);
    size += name.length + value.val.length + 4;
    if (size > REQUEST_HEADER_BYTES) throw invalid(`the headers have more than ${REQUEST_HEADER_BYTES} bytes`);
    return { name, value: { tag: value.tag, val: value.val } };
  });
}

/** The request as JSON: what a proposal is made of, and what is read back from one. */
export function requestAsJson({ method, url, headers, body, timeoutMs, maxBytes }: HttpRequest): Json {
  return {
    method,
    url: url.href,
    headers: headers.map(({ name, value }) => ({ name, value: { ...value } })),
    body: body.toString("base64"),
    timeout_ms: timeoutMs,
    max_bytes: maxBytes,
  };
}

const invalid = (message: string): CallFailure => new CallFailure("invalid", message);
