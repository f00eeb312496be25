/**
 * HTTP, through the host's gate: only hosts, methods and paths that `net` names. A method that changes something (POST, PUT, PATCH,
 * DELETE) is an external action: it is shown to a person, and `denied` where that person says no.
 */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { liftBytes, PAIR, stringAt } from "./abi/lift";
import { address, placeString } from "./abi/lower";
import { release } from "./abi/memory";
import { parse } from "./json/reader";
import { Json } from "./json/value";
import { Result } from "./result";
import { decodeUtf8 } from "./utf8";

// @ts-ignore: decorator
@external("runloop:agent/http@0.1.0", "fetch")
declare function hostFetch(
  method: usize, methodLength: usize, url: usize, urlLength: usize, headers: usize, headersLength: usize,
  body: usize, bodyLength: usize, timeoutMs: u64, maxBytes: u64,
  into: usize,
): void;

export class HttpRequest {
  /** Milliseconds, redirects included; 0: as long as the host allows. */
  timeoutMs: u64 = 0;
  /** The largest response body to read; 0: as much as the host allows. */
  maxBytes: u64 = 0;
  private body: Uint8Array = new Uint8Array(0);
  private names: string[] = [];
  private values: string[] = [];
  private secrets: bool[] = [];

  constructor(
    /** In capitals. */
    readonly method: string,
    readonly url: string,
  ) {}

  header(name: string, value: string): HttpRequest {
    return this.add(name, value, false);
  }

  /** A header whose value is a secret of the policy, by its id. The host puts the value in on the way out; the agent never has it. */
  secret(name: string, id: string): HttpRequest {
    return this.add(name, id, true);
  }

  bytes(body: Uint8Array): HttpRequest {
    this.body = body;
    return this;
  }

  text(body: string, type: string = "text/plain; charset=utf-8"): HttpRequest {
    this.body = Uint8Array.wrap(String.UTF8.encode(body));
    return this.header("content-type", type);
  }

  json(body: Json): HttpRequest {
    return this.text(body.toString(), "application/json");
  }

  private add(name: string, value: string, secret: bool): HttpRequest {
    this.names.push(name);
    this.values.push(value);
    this.secrets.push(secret);
    return this;
  }

  /** Sends it. Any status is an answer; an error says that there is none. */
  fetch(): Result<HttpResponse> {
    const count = this.names.length;
    const headers = heap.alloc(<usize>count * HEADER);
    for (let i = 0; i < count; i++) {
      const at = headers + <usize>i * HEADER;
      placeString(at, this.names[i]);
      store<u8>(at, this.secrets[i] ? 1 : 0, PAIR);
      placeString(at + PAIR + 4, this.values[i]);
    }
    hostFetch(
      address(this.method), this.method.length,
      address(this.url), this.url.length,
      headers, count,
      this.body.dataStart, this.body.length,
      this.timeoutMs,
      this.maxBytes,
      AREA,
    );
    heap.free(headers);
    if (!succeeded()) return Result.failed<HttpResponse>(error());
    const block = load<usize>(VALUE, 4);
    const received = load<usize>(VALUE, 8);
    const names: string[] = [];
    const values: string[] = [];
    for (let i: usize = 0; i < received; i++) {
      names.push(stringAt(block + i * 2 * PAIR));
      values.push(stringAt(block + i * 2 * PAIR + PAIR));
    }
    release(block, received);
    const body = liftBytes(load<usize>(VALUE, 12), load<usize>(VALUE, 16));
    return Result.of<HttpResponse>(new HttpResponse(load<u16>(VALUE), names, values, body));
  }
}

/** `header`: a string and a variant of two strings. */
const HEADER: usize = PAIR + 4 + PAIR;

export class HttpResponse {
  constructor(
    readonly status: i32,
    /** Lower case, in the order in which they came; some come more than once. */
    readonly headerNames: string[],
    readonly headerValues: string[],
    readonly body: Uint8Array,
  ) {}

  /** Whether the status is one of success (200 to 299). */
  get ok(): bool {
    return this.status >= 200 && this.status < 300;
  }

  /** The first header of this name (lower case), or empty text. */
  header(name: string): string {
    const at = this.headerNames.indexOf(name);
    return at < 0 ? "" : this.headerValues[at];
  }

  /** The body as UTF-8; what is none becomes U+FFFD. */
  text(): string {
    return decodeUtf8(this.body);
  }

  json(): Result<Json> {
    return parse(this.text());
  }
}

export namespace http {
  export function get(url: string): Result<HttpResponse> {
    return new HttpRequest("GET", url).fetch();
  }

  /** An external action: see above. */
  export function post(url: string, body: Json): Result<HttpResponse> {
    return new HttpRequest("POST", url).json(body).fetch();
  }
}
