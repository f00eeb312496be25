/** Headers, Request, Response: as much of the Fetch standard as a program that asks and reads needs. Bodies are whole, never streams. */
import { CONTENT, LINES, SEARCH } from "./inner.js";
import { decodeUtf8, encodeUtf8 } from "./utf8.js";

/** A header's value that the agent never has: the host puts it in, on the way to the hosts that the policy names. */
export interface Secret {
  readonly secret: string;
}
type Value = string | Secret;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function headerName(name: unknown): string {
  const written = String(name);
  if (!TOKEN.test(written)) throw new TypeError(`\`${written}\` is no header's name`);
  return written.toLowerCase();
}

function headerValue(value: unknown): Value {
  if (typeof value === "object" && value !== null && typeof (value as Secret).secret === "string")
    return { secret: (value as Secret).secret };
  const written = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  // oxlint-disable-next-line no-control-regex
  if (/[\0\r\n]/.test(written)) throw new TypeError("a header's value has a line break");
  return written;
}

export class Headers {
  private readonly held = new Map<string, Value[]>();

  constructor(from?: unknown) {
    if (from === undefined || from === null) return;
    if (from instanceof Headers) for (const [name, value] of from[LINES]()) this.add(name, value);
    else if (typeof (from as Iterable<unknown>)[Symbol.iterator] === "function")
      for (const [name, value] of from as Iterable<[unknown, unknown]>) this.add(headerName(name), headerValue(value));
    else for (const [name, value] of Object.entries(from)) this.add(headerName(name), headerValue(value));
  }

  private add(name: string, value: Value): void {
    const values = this.held.get(name);
    if (values) values.push(value);
    else this.held.set(name, [value]);
  }

  append(name: string, value: unknown): void {
    this.add(headerName(name), headerValue(value));
  }
  set(name: string, value: unknown): void {
    this.held.set(headerName(name), [headerValue(value)]);
  }
  delete(name: string): void {
    this.held.delete(headerName(name));
  }
  has(name: string): boolean {
    return this.held.has(headerName(name));
  }
  get(name: string): string | null {
    const values = this.held.get(headerName(name));
    return values ? values.map(shown).join(", ") : null;
  }
  getSetCookie(): string[] {
    return (this.held.get("set-cookie") ?? []).map(shown);
  }
  *entries(): IterableIterator<[string, string]> {
    for (const name of [...this.held.keys()].sort()) yield [name, this.get(name) as string];
  }
  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }
  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }
  forEach(each: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this.entries()) each(value, name, this);
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  /** As they are sent: one line for each name. */
  *[LINES](): IterableIterator<[string, Value]> {
    for (const [name, values] of this.held) {
      const [first] = values;
      if (values.length === 1 && first !== undefined) yield [name, first];
      else if (values.every((value) => typeof value === "string")) yield [name, values.join(", ")];
      else throw new TypeError(`the header \`${name}\` has a secret and something else`);
    }
  }
}

/** Nobody reads a secret back. */
const shown = (value: Value): string => (typeof value === "string" ? value : "[secret]");

type Body = string | Uint8Array | ArrayBuffer | null | undefined;

function bytesOf(body: unknown): { bytes: Uint8Array | null; type: string | null } {
  if (body === null || body === undefined) return { bytes: null, type: null };
  if (body instanceof Uint8Array) return { bytes: body.slice(), type: null };
  if (body instanceof ArrayBuffer) return { bytes: new Uint8Array(body.slice(0)), type: null };
  if (ArrayBuffer.isView(body))
    return {
      bytes: new Uint8Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer),
      type: null,
    };
  const type = isSearchParams(body) ? "application/x-www-form-urlencoded;charset=UTF-8" : "text/plain;charset=UTF-8";
  if (typeof body !== "string" && !isSearchParams(body))
    throw new TypeError("a body is text, bytes or URLSearchParams; for JSON: JSON.stringify(value) and the header content-type");
  return { bytes: encodeUtf8(String(body)), type };
}

const isSearchParams = (body: unknown): boolean =>
  typeof body === "object" && body !== null && (body as { [SEARCH]?: unknown })[SEARCH] === true;

class WithBody {
  protected content: Uint8Array | null = null;
  bodyUsed = false;

  protected take(): Uint8Array {
    if (this.bodyUsed) throw new TypeError("the body was read already");
    this.bodyUsed = true;
    return this.content ?? new Uint8Array(0);
  }
  async text(): Promise<string> {
    return decodeUtf8(this.take()).replace(/^\ufeff/, "");
  }
  async json(): Promise<unknown> {
    return JSON.parse(decodeUtf8(this.take()).replace(/^\ufeff/, ""));
  }
  async bytes(): Promise<Uint8Array> {
    return this.take().slice();
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.take().slice().buffer as ArrayBuffer;
  }
  [CONTENT](): Uint8Array | null {
    return this.content;
  }
}

export interface RequestInit {
  method?: string;
  headers?: unknown;
  body?: Body | object;
  /** Milliseconds, redirects included; 0: as long as the host allows. Not of the standard. */
  timeoutMs?: number;
  /** The largest body to read; 0: as much as the host allows. Not of the standard. */
  maxBytes?: number;
  redirect?: string;
}

const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

export class Request extends WithBody {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly timeoutMs: number;
  readonly maxBytes: number;

  constructor(input: unknown, init: RequestInit = {}) {
    super();
    const from = input instanceof Request ? input : null;
    const method = String(init.method ?? from?.method ?? "GET").toUpperCase();
    if (!METHODS.includes(method)) throw new TypeError(`the method \`${method}\` is none of ${METHODS.join(", ")}`);
    if (init.redirect !== undefined && init.redirect !== "follow")
      throw new TypeError("the host follows redirects within the grant; `redirect` can be nothing but `follow`");
    this.method = method;
    this.url = from ? from.url : String(input);
    if (!/^https?:\/\//i.test(this.url))
      throw new TypeError(`\`${this.url.slice(0, 200)}\` is no absolute http or https address`);
    this.headers = new Headers(init.headers ?? from?.headers);
    const { bytes, type } = bytesOf(init.body ?? from?.content);
    if (bytes !== null && (method === "GET" || method === "HEAD")) throw new TypeError(`a ${method} request has no body`);
    this.content = bytes;
    if (type !== null && !this.headers.has("content-type")) this.headers.set("content-type", type);
    this.timeoutMs = init.timeoutMs ?? from?.timeoutMs ?? 0;
    this.maxBytes = init.maxBytes ?? from?.maxBytes ?? 0;
  }
}

export class Response extends WithBody {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly url: string;

  constructor(body?: unknown, init: { status?: number; statusText?: string; headers?: unknown; url?: string } = {}) {
    super();
    const { bytes, type } = bytesOf(body);
    this.content = bytes;
    this.status = init.status ?? 200;
    this.statusText = init.statusText ?? "";
    this.headers = new Headers(init.headers);
    this.url = init.url ?? "";
    if (type !== null && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }
  /** Whether the status is one of success. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }
  static json(value: unknown, init: { status?: number; headers?: unknown } = {}): Response {
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(JSON.stringify(value), { ...init, headers });
  }
}
