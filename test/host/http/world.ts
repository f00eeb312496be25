/** Real servers on this machine behind names and addresses of the public internet, which a scripted resolver and dialler lead to. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from "node:net";

import { dialTcp, type Road } from "#host/http/connect.js";
import { HttpGate } from "#host/http/gate.js";
import { httpLimits, type HttpLimits } from "#host/http/limits.js";
import { checkRequest, type GuestRequest } from "#host/http/request.js";
import { CallFailure } from "#host/imports/interface.js";
import { variableOf, environmentSecrets } from "#host/secrets/secrets.js";
import { noGrant, type Grant } from "#openings/agent.js";

/** Addresses that are public, and nobody's in these tests. */
export const PUBLIC = "93.184.215.14";
export const ANOTHER = "151.101.1.69";

export interface Served {
  readonly port: number;
  /** Requests as they came in, with their bodies. */
  readonly seen: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }[];
}

const open = new Set<Server>();
const sockets = new Set<Socket>();
export async function closeServers(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await Promise.all([...open].map((server) => new Promise((done) => server.close(done))));
  open.clear();
  sockets.clear();
}

async function listen(server: Server): Promise<number> {
  open.add(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}

export async function serve(
  answer: (request: IncomingMessage & { readonly text: string }, response: ServerResponse) => void,
): Promise<Served> {
  const seen: Served["seen"] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("latin1");
      seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: text });
      answer(Object.assign(request, { text }), response);
    });
  };
  return { port: await listen(createServer(listener)), seen };
}

/** A server that speaks as it likes. */
export async function speak(answer: (socket: Socket) => void): Promise<number> {
  return listen(
    createTcp((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => answer(socket));
    }),
  );
}

/** Once the whole request head is there: says these bytes and hangs up. */
export const says = (text: string | Buffer): Promise<number> => speak((socket) => socket.end(text));

export interface WorldOptions {
  /** Host → addresses, or a script of answers. */
  readonly names?: Readonly<Record<string, readonly string[] | (() => readonly string[] | Promise<never>)>>;
  /** Address → port on this machine. Addresses that are missing are dialled as they are. */
  readonly to?: Readonly<Record<string, number>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly ca?: string;
}

export interface World {
  readonly gate: HttpGate;
  readonly asked: string[];
  readonly dialled: string[];
  fetch(
    request: Partial<Asked>,
    grant?: Partial<Grant>,
    limits?: Partial<HttpLimits>,
  ): Promise<{ status: number; headers: Map<string, string>; text: string; labels: readonly string[] }>;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | { readonly secret: string }>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export function guestRequest(asked: Partial<Asked>): GuestRequest {
  return {
    method: asked.method ?? "GET",
    url: asked.url ?? "http://api.example.com/",
    headers: Object.entries(asked.headers ?? {}).map(([name, value]) => ({
      name,
      value: typeof value === "string" ? { tag: "text", val: value } : { tag: "secret", val: value.secret },
    })),
    body: Buffer.from(asked.body ?? "").toString("base64"),
    timeout_ms: asked.timeoutMs ?? 0,
    max_bytes: asked.maxBytes ?? 0,
  };
}

export const rule = (
  host: string,
  port: number | null = null,
  more: Partial<Grant["net"][number]> = {},
): Grant["net"][number] => ({
  host,
  port,
  methods: null,
  paths: null,
  ...more,
});

export function world(options: WorldOptions = {}): World {
  const asked: string[] = [];
  const dialled: string[] = [];
  const names = options.names ?? { "api.example.com": [PUBLIC] };
  const road: Road = {
    resolve: async (host) => {
      asked.push(host);
      const found = names[host];
      if (!found) throw Object.assign(new Error("not found"), { code: "ENOTFOUND" });
      return typeof found === "function" ? found() : found;
    },
    dial: (address, port, signal) => {
      dialled.push(`${address} ${port}`);
      const local = options.to?.[address];
      return local === undefined ? dialTcp(address, port, signal) : dialTcp("127.0.0.1", local, signal);
    },
    ...(options.ca !== undefined && { ca: options.ca }),
  };
  const variables = Object.fromEntries(Object.entries(options.secrets ?? {}).map(([id, value]) => [variableOf(id), value]));
  const gate = new HttpGate({ secrets: environmentSecrets(variables), road: async () => road, userAgent: "rlp/test" });
  return {
    gate,
    asked,
    dialled,
    async fetch(given, grant = {}, limits = {}) {
      const all: Grant = { ...noGrant, net: [rule("api.example.com"), rule("*.example.net")], ...grant };
      const reply = await gate.send(
        all,
        checkRequest(guestRequest(given)),
        { ...httpLimits({ limits: {} }), ...limits },
        new AbortController().signal,
        {
          idempotencyKey: "key",
          dispatched: () => {},
        },
      );
      return { status: reply.status, headers: new Map(reply.headers), text: reply.body.toString("latin1"), labels: reply.labels };
    },
  };
}

/** The typed error that a call ends with; fails where it does not. */
export async function failure(call: Promise<unknown>): Promise<CallFailure> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CallFailure) return error;
    throw error;
  }
  throw new Error("it went through");
}
