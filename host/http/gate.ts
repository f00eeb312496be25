/**
 * The one gate to the network. Whatever wants to go out is checked here against the grant, each hop of a redirect as if it were the
 * first request; secrets are put in here, on the way out, and taken out of what comes back.
 */
import type { Labels } from "#core/values.js";
import type { Grant } from "#openings/agent.js";
import { refuse, CallDenied, CallFailure } from "../imports/interface.js";
import { bareHost, mayFetch, maySend } from "../capability/net.js";
import { Scrubber, SHORTEST_SECRET, type HeldSecret } from "../secrets/scrub.js";
import type { Secrets } from "../secrets/secrets.js";
import { REDIRECTS } from "./bounds.js";
import type { Road } from "./connect.js";
import type { Received } from "./exchange.js";
import { HEADER_VALUE } from "./header.js";
import type { HttpLimits } from "./limits.js";
import { isSafe } from "./method.js";
import { bodyTooLong } from "./response.js";
import { checkUrl, type Header, type HttpRequest } from "./request.js";

export interface GateOptions {
  readonly secrets: Secrets;
  /** Asked for once, with the first request. */
  readonly road: () => Promise<Road>;
  readonly userAgent: string;
}

export interface Reply extends Received {
  /** `untrusted:<host>` for each host that had a part in it. */
  readonly labels: Labels;
}

/** What is sent with a request that changes something. */
export interface Effect {
  readonly idempotencyKey: string;
  /** Called at the moment from which on the server may have acted. */
  readonly dispatched: () => void;
}

interface Hop {
  readonly method: HttpRequest["method"];
  readonly url: URL;
  readonly headers: readonly Header[];
  readonly body: Buffer;
}

export class HttpGate {
  private readonly options: GateOptions;
  private road: Promise<Road> | undefined;
  constructor(options: GateOptions) {
    this.options = options;
  }

  /** Whether the grant lets this request begin, with all that it needs at hand. Throws `CallDenied` and `CallFailure`. */
  check(grant: Grant, { method, url, headers }: Pick<HttpRequest, "method" | "url" | "headers">): void {
    refuse(mayFetch(grant, url, method));
    for (const { value } of headers)
      if (value.tag === "secret") {
        refuse(maySend(grant, value.val, url));
        this.valueOf(value.val);
      }
  }

  /** Throws `CallFailure` (`denied`, `timeout`, `unavailable`, `failed`, `invalid`), labelled with whose words its text may hold. */
  async send(
    grant: Grant,
    request: HttpRequest,
    limits: HttpLimits,
    signal: AbortSignal,
    effect: Effect | null = null,
  ): Promise<Reply> {
    const scrubber = new Scrubber(this.held(grant));
    const timeoutMs = Math.min(request.timeoutMs || limits.timeoutMs, limits.timeoutMs);
    const maxBytes = Math.min(request.maxBytes || limits.responseBytes, limits.responseBytes);
    const late = AbortSignal.timeout(timeoutMs);
    const labels: string[] = [];
    try {
      const received = await this.follow(grant, request, maxBytes, AbortSignal.any([signal, late]), effect, labels);
      const body = await scrubber.bytes(received.body, maxBytes);
      if (!body) throw bodyTooLong(maxBytes);
      return {
        status: received.status,
        headers: received.headers.map(([name, value]) => [scrubber.text(name), scrubber.text(value)] as const),
        body,
        labels: [...labels].sort(),
      };
    } catch (error) {
      if (signal.aborted) throw error;
      const limit = timeoutMs < limits.timeoutMs ? null : { name: "http_timeout_ms", value: timeoutMs, ceiling: timeoutMs };
      const failure = late.aborted
        ? new CallFailure("timeout", `no response within ${timeoutMs} ms`, { limit })
        : failureOf(error);
      throw scrubbed(failure, scrubber, labels);
    }
  }

  private async follow(
    grant: Grant,
    request: HttpRequest,
    maxBytes: number,
    signal: AbortSignal,
    effect: Effect | null,
    labels: string[],
  ): Promise<Received> {
    // Not before a request is made: Node's own HTTP takes tens of milliseconds to load.
    const [{ openRoad }, { exchange }] = await Promise.all([import("./connect.js"), import("./exchange.js")]);
    const road = await (this.road ??= this.options.road());
    let hop: Hop = request;
    for (let redirects = 0; ; redirects++) {
      this.check(grant, hop);
      const label = `untrusted:${bareHost(hop.url)}`;
      const headers = this.filledIn(hop.headers);
      const connection = await openRoad(hop.url, road, signal);
      if (!labels.includes(label)) labels.push(label);
      if (!isSafe(hop.method)) {
        if (!effect) throw new TypeError(`a ${hop.method} that nobody has decided on`);
        headers.push(["idempotency-key", effect.idempotencyKey]);
        effect.dispatched();
      }
      const received = await exchange(connection, { ...hop, headers }, maxBytes, signal);
      const next = redirected(hop, received);
      if (!next) return received;
      if (redirects === REDIRECTS) throw new CallFailure("failed", `more than ${REDIRECTS} redirects`);
      hop = next;
    }
  }

  private filledIn(headers: readonly Header[]): [string, string][] {
    const filled = headers.map(({ name, value }): [string, string] => [
      name,
      value.tag === "text" ? value.val : this.valueOf(value.val),
    ]);
    if (!headers.some(({ name }) => name === "user-agent")) filled.push(["user-agent", this.options.userAgent]);
    return filled;
  }

  private valueOf(id: string): string {
    const value = this.options.secrets.get(id);
    const place = this.options.secrets.place(id);
    if (value === undefined) throw new CallFailure("failed", `the secret \`${id}\` has no value: set ${place}`);
    if (value.length < SHORTEST_SECRET || !HEADER_VALUE.test(value))
      throw new CallFailure(
        "failed",
        `what ${place} holds cannot be sent: a line of at least ${SHORTEST_SECRET} ASCII characters`,
      );
    return value;
  }

  /** All that the grant declares, not only what this request sends: a server can give back later what it was told before. */
  private held(grant: Grant): HeldSecret[] {
    return grant.secrets.flatMap(({ id }) => {
      const value = this.options.secrets.get(id);
      return value !== undefined && value.length >= SHORTEST_SECRET ? [{ id, value }] : [];
    });
  }
}

/** The next request, where the response sends on to one that may be made without asking anybody (RFC 9110, 15.4). */
function redirected(hop: Hop, { status, headers }: Received): Hop | null {
  if (![301, 302, 303, 307, 308].includes(status)) return null;
  const location = headers.find(([name]) => name === "location")?.[1];
  if (location === undefined) return null;
  const becomesGet = status === 303 ? hop.method !== "GET" && hop.method !== "HEAD" : status < 303 && hop.method === "POST";
  // To do the same at another place is another action, which nobody has decided on: the agent gets the redirect itself.
  if (!becomesGet && !isSafe(hop.method)) return null;
  const url = locationOf(location, hop.url);
  if (hop.url.protocol === "https:" && url.protocol === "http:")
    throw new CallFailure("failed", `${bareHost(hop.url)} redirects from https to http`);
  const away = url.origin !== hop.url.origin;
  return {
    method: becomesGet ? "GET" : hop.method,
    url,
    body: becomesGet ? Buffer.alloc(0) : hop.body,
    headers: hop.headers.filter(
      ({ name, value }) =>
        !(away && (value.tag === "secret" || CREDENTIALS.has(name))) && !(becomesGet && name.startsWith("content-")),
    ),
  };
}

/** Meant for the host that the agent named, wherever they came from. */
const CREDENTIALS = new Set(["authorization", "cookie", "x-api-key"]);

function locationOf(text: string, base: URL): URL {
  try {
    return checkUrl(text, base);
  } catch (error) {
    throw new CallFailure(
      "failed",
      `a redirect that cannot be followed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Node's own errors by what they mean. Their texts name addresses and files of this machine, so only their codes are told. */
function failureOf(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  if (/^(?:ECONN|ENOT|EAI_|EHOST|ENET|EPIPE|ETIMEDOUT|EADDR|ENODATA)/.test(code))
    return new CallFailure("unavailable", `the host cannot be reached (${code})`);
  if (code.startsWith("HPE_")) return new CallFailure("failed", `the response is not HTTP (${code})`);
  if (code.startsWith("Z_") || code.startsWith("ERR_BROTLI") || code.startsWith("ERR__ERROR_FORMAT"))
    return new CallFailure("failed", `the response's body cannot be decoded (${code})`);
  return new CallFailure("failed", code === "" ? "the request failed" : `the request failed (${code})`);
}

function scrubbed(failure: CallFailure, scrubber: Scrubber, labels: Labels): CallFailure {
  const sorted = [...labels].sort();
  if (failure instanceof CallDenied) {
    const { cap, target, reason } = failure.denial;
    return new CallDenied({ cap, target: scrubber.text(target), reason: scrubber.text(reason) }, sorted);
  }
  const { code, message } = failure.error;
  return new CallFailure(code, scrubber.text(message), { labels: sorted, limit: failure.limit });
}
