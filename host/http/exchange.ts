/** One request and its response over an open connection, every part of it bounded. */
import type { IncomingMessage } from "node:http";
import { pipeline, type Duplex, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { CallFailure } from "../imports/interface.js";
import { RESPONSE_HEADER_BYTES, RESPONSE_HEADERS } from "./bounds.js";
import { bodyTooLong } from "./response.js";

export interface Sent {
  readonly method: string;
  readonly url: URL;
  /** Without framing, which is set here. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}
export interface Received {
  readonly status: number;
  /** In the order in which they came, names in lower case; without those of framing and coding, which are undone. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

// Imported as a module, it would also load Node's web client: 20 ms.
const { request: httpRequest } = process.getBuiltinModule("node:http");

const ACCEPTED = "gzip, deflate, br";
const UNDONE = new Set(["content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive", "trailer"]);

/** Ends with the connection closed, whatever happens. Rejects with `CallFailure`, Node's own errors, or the signal's reason. */
export async function exchange(connection: Duplex, sent: Sent, maxBytes: number, signal: AbortSignal): Promise<Received> {
  const stop = (): void => void connection.destroy(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const response = await responseTo(connection, sent, signal);
    const headers = pairs(response.rawHeaders);
    const coding = response.headers["content-encoding"];
    const bare = sent.method === "HEAD" || response.statusCode === 204 || response.statusCode === 304;
    const body = bare ? Buffer.alloc(0) : await bodyOf(response, coding, maxBytes);
    signal.throwIfAborted(); // a body that ends with its connection looks whole when it was cut off
    return { status: response.statusCode ?? 0, headers: headers.filter(([name]) => bare || !UNDONE.has(name)), body };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    connection.destroy();
  }
}

function responseTo(connection: Duplex, sent: Sent, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // Without an agent: no pool, no keep-alive, no proxy from the environment.
    const request = httpRequest({
      createConnection: () => connection,
      method: sent.method,
      path: `${sent.url.pathname}${sent.url.search}`,
      setHost: false,
      insecureHTTPParser: false,
      maxHeaderSize: RESPONSE_HEADER_BYTES,
    });
    request.maxHeadersCount = 0; // counted below: the parser would drop what is beyond without a word
    for (const [name, value] of sent.headers) request.setHeader(name, value);
    request.setHeader("host", sent.url.host);
    request.setHeader("accept-encoding", ACCEPTED);
    request.setHeader("connection", "close");
    const hasBody = sent.body.length > 0 || sent.method === "POST" || sent.method === "PUT" || sent.method === "PATCH";
    if (hasBody) request.setHeader("content-length", sent.body.length);
    request.once("response", resolve);
    request.once("upgrade", () => reject(new CallFailure("failed", "the server answered with another protocol")));
    request.on("error", reject);
    request.once("close", () => reject(new CallFailure("unavailable", "the connection was closed before the response")));
    request.end(hasBody ? sent.body : undefined);
  });
}

function pairs(raw: readonly string[]): [string, string][] {
  if (raw.length > RESPONSE_HEADERS * 2)
    throw new CallFailure("failed", `the response has more than ${RESPONSE_HEADERS} headers`);
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[index * 2]!.toLowerCase(), raw[index * 2 + 1]!]);
}

async function bodyOf(response: IncomingMessage, coding: string | undefined, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of decoded(response, coding, maxBytes)) {
    length += chunk.length;
    if (length > maxBytes) throw bodyTooLong(maxBytes);
    chunks.push(chunk);
  }
  if (!response.complete) throw new CallFailure("unavailable", "the response was cut off");
  return Buffer.concat(chunks, length);
}

function decoded(response: IncomingMessage, coding: string | undefined, maxBytes: number): AsyncIterable<Buffer> {
  const decoder = decoderOf(coding?.trim().toLowerCase() ?? "");
  if (!decoder) return response;
  // Coded bytes count too: a stream of empty blocks never decodes to anything.
  return pipeline(counted(response, maxBytes + 65_536), decoder, () => {}) as AsyncIterable<Buffer>;
}

async function* counted(response: IncomingMessage, limit: number): AsyncIterable<Buffer> {
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw bodyTooLong(limit);
    yield chunk;
  }
}

/** One coding at a time: chains of them are how small responses become large ones. */
function decoderOf(coding: string): Transform | null {
  switch (coding) {
    case "":
    case "identity":
      return null;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    default:
      throw new CallFailure("failed", "the response's body is coded in a way that was not offered");
  }
}
