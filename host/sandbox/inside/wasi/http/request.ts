/** A request as a program makes it, and what the gate is asked with it. */
import { REQUEST_HEADER_BYTES, REQUEST_HEADERS, URL_CHARACTERS } from "../../../../http/bounds.js";
import { HEADER_VALUE, isHosts } from "../../../../http/header.js";
import { METHODS, type Method } from "../../../../http/method.js";
import type { Json } from "../../../abi/json.js";
import { GuestTrap } from "../../ends.js";
import { NS_PER_MS } from "../clock.js";
import { Resource, type Native, type WasiFunction } from "../contract.js";
import { resourceOf } from "../values.js";
import { code, HttpFailure } from "./code.js";
import { Fields, textOf, type Entries } from "./fields.js";
import { OutgoingBody } from "./outgoing-body.js";
import type { Room } from "./room.js";

interface Case {
  readonly [member: string]: Native;
  readonly tag: string;
  readonly val: Native;
}

export class OutgoingRequest extends Resource {
  readonly resource = "outgoing-request";
  readonly entries: Entries;
  method: Case = { tag: "get", val: null };
  scheme: Case | null = null;
  authority: string | null = null;
  path: string | null = null;
  body: OutgoingBody | null = null;
  private handled = false;

  constructor(entries: Entries) {
    super();
    this.entries = entries;
  }

  /** A request is handed over once. */
  handOver(): void {
    if (this.handled) throw new GuestTrap("wasi:http: a request is handled twice");
    this.handled = true;
  }

  /** Gives the one body; an error where it was given already. */
  newBody(room: Room): Native {
    if (this.body !== null) return { err: null };
    this.body = new OutgoingBody(room, declaredLength(this.entries));
    return { ok: this.body };
  }

  override drop(): void {
    this.body?.release();
  }
}

/** Nanoseconds, or null. */
class RequestOptions extends Resource {
  readonly resource = "request-options";
  readonly timeouts: Record<Timeout, bigint | null> = { connect: null, "first-byte": null, "between-bytes": null };
}
const TIMEOUTS = ["connect", "first-byte", "between-bytes"] as const;
type Timeout = (typeof TIMEOUTS)[number];

/** A token (RFC 9110, 9.1); which of them are sent is the gate's business. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,16}$/;
/** A name or an address, and a port: nothing that a URL's parser could take for the end of it, for a user or for a path. */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~-]+)(?::[0-9]{1,5})?$/;
/** Begins below the authority, whatever follows. */
const PATH = /^[/?][\x21\x22\x24-\x5b\x5d-\x7e]*$/;

const request = (value: Native | undefined): OutgoingRequest => resourceOf(OutgoingRequest, value);
const options = (value: Native | undefined): RequestOptions => resourceOf(RequestOptions, value);

/** `result` without a word about what went wrong. */
function set(allowed: boolean, work: () => void): Native {
  if (!allowed) return { err: null };
  work();
  return { ok: null };
}
const textOrNull = (value: Native | undefined, form: RegExp): boolean =>
  value === null || (typeof value === "string" && value.length <= URL_CHARACTERS && form.test(value));

export const requestFunctions = (room: Room): readonly (readonly [string, WasiFunction])[] => [
  ["[constructor]outgoing-request", ([headers]) => new OutgoingRequest(resourceOf(Fields, headers).entries)],
  ["[method]outgoing-request.body", ([self]) => request(self).newBody(room)],
  ["[method]outgoing-request.method", ([self]) => request(self).method],
  [
    "[method]outgoing-request.set-method",
    ([self, given]) => {
      const method = given as Case;
      return set(method.tag !== "other" || METHOD.test(method.val as string), () => (request(self).method = method));
    },
  ],
  ["[method]outgoing-request.path-with-query", ([self]) => request(self).path],
  [
    "[method]outgoing-request.set-path-with-query",
    ([self, path]) => set(path === "" || textOrNull(path, PATH), () => (request(self).path = path as string | null)),
  ],
  ["[method]outgoing-request.scheme", ([self]) => request(self).scheme],
  [
    "[method]outgoing-request.set-scheme",
    ([self, scheme]) => set((scheme as Case | null)?.tag !== "other", () => (request(self).scheme = scheme as Case | null)),
  ],
  ["[method]outgoing-request.authority", ([self]) => request(self).authority],
  [
    "[method]outgoing-request.set-authority",
    ([self, authority]) => set(textOrNull(authority, AUTHORITY), () => (request(self).authority = authority as string | null)),
  ],
  ["[method]outgoing-request.headers", ([self]) => new Fields(request(self).entries, true)],
  ["[constructor]request-options", () => new RequestOptions()],
  ...TIMEOUTS.flatMap((name): (readonly [string, WasiFunction])[] => [
    [`[method]request-options.${name}-timeout`, ([self]) => options(self).timeouts[name]],
    [
      `[method]request-options.set-${name}-timeout`,
      ([self, duration]) => set(true, () => (options(self).timeouts[name] = duration as bigint | null)),
    ],
  ]),
];

/** All of a request of `http.fetch` but its body and how much of an answer there is room for. */
export interface Parcel {
  readonly method: Method;
  readonly url: string;
  readonly headers: Json;
  readonly timeout_ms: number;
}

/** Throws `HttpFailure`. `given`: the request's options, or null. */
export function parcelOf(made: OutgoingRequest, given: Native | undefined): Parcel {
  const spelled = made.method.tag === "other" ? (made.method.val as string) : made.method.tag.toUpperCase();
  const method = METHODS.find((each) => each === spelled);
  if (!method) throw new HttpFailure(code("HTTP-request-method-invalid"));
  const { authority, path, scheme, entries } = made;
  if (authority === null) throw new HttpFailure(code("HTTP-request-URI-invalid"));
  const below = path === null || path === "" ? "/" : path.startsWith("?") ? `/${path}` : path;
  const url = `${scheme?.tag === "HTTP" ? "http" : "https"}://${authority}${below}`;
  if (url.length > URL_CHARACTERS) throw new HttpFailure(code("HTTP-request-URI-too-long"));
  return { method, url, headers: headersOf(entries), timeout_ms: timeoutOf(given ? options(given) : null) };
}

/** Each name once, as RFC 9110, 5.3 (and RFC 9113, 8.2.3 for cookies) has it: several values are one list, which has no empty elements (5.6.1). */
function headersOf(entries: Entries): Json {
  const joined = new Map<string, string>();
  for (const [name, value] of entries) {
    if (name === "content-length") continue;
    const text = textOf(value);
    // What has come with a response, and was cloned, was never looked at.
    if (isHosts(name) || !HEADER_VALUE.test(text))
      throw new HttpFailure(code("HTTP-request-header-size", { field_name: name, field_size: null }));
    const before = joined.get(name);
    joined.set(name, before && text ? `${before}${name === "cookie" ? "; " : ", "}${text}` : before || text);
  }
  const size = [...joined].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (joined.size > REQUEST_HEADERS || size > REQUEST_HEADER_BYTES)
    throw new HttpFailure(code("HTTP-request-header-section-size", REQUEST_HEADER_BYTES));
  return [...joined].map(([name, val]) => ({ name, value: { tag: "text", val } }));
}

/**
 * The gate has one patience for the whole request. It is bounded where the program says how long it waits for the first byte; a limit
 * on connecting alone, or on pauses between bytes, says nothing about the whole. 0: as long as the host allows.
 */
function timeoutOf(given: RequestOptions | null): number {
  const first = given?.timeouts["first-byte"] ?? null;
  if (first === null) return 0;
  const whole = first + (given?.timeouts.connect ?? 0n);
  return Math.max(1, Number((whole + NS_PER_MS - 1n) / NS_PER_MS));
}

/** What the body must be as long as; null where nothing is said, `NaN`, which nothing is, where the header is no length. */
export function declaredLength(entries: Entries): number | null {
  const given = entries.filter(([name]) => name === "content-length").map(([, value]) => textOf(value));
  if (given.length === 0) return null;
  return given.length === 1 && /^[0-9]{1,15}$/.test(given[0]!) ? Number(given[0]) : Number.NaN;
}
