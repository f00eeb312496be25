import { createServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { dialTcp, systemResolver } from "#host/http/connect.js";
import { CallDenied } from "#host/imports/interface.js";
import { certificate, key } from "./certificate.js";
import { ANOTHER, closeServers, failure, PUBLIC, rule, says, serve, speak, world } from "./world.js";

afterEach(closeServers);

test("a request goes out as it was asked for, with the framing that is the host's, and its response comes back with a label", async () => {
  const server = await serve((_, response) =>
    response.writeHead(200, { "X-Thing": "1", "content-type": "text/plain" }).end("hello"),
  );
  const { fetch } = world({ to: { [PUBLIC]: server.port } });
  const reply = await fetch({ url: "http://api.example.com/a?b=c#d", headers: { Accept: "text/plain" } });
  expect(reply).toMatchObject({ status: 200, text: "hello", labels: ["untrusted:api.example.com"] });
  expect(reply.headers.get("x-thing")).toBe("1");
  for (const name of ["connection", "transfer-encoding", "content-length"]) expect(reply.headers.has(name)).toBe(false);
  expect(server.seen).toEqual([
    {
      method: "GET",
      url: "/a?b=c",
      body: "",
      headers: {
        accept: "text/plain",
        host: "api.example.com",
        "user-agent": "rlp/test",
        "accept-encoding": "gzip, deflate, br",
        connection: "close",
      },
    },
  ]);
});

test("a method that changes something carries the idempotency key and the exact length", async () => {
  const server = await serve((_, response) => response.writeHead(201).end());
  const { fetch } = world({ to: { [PUBLIC]: server.port } });
  expect((await fetch({ method: "POST", body: "" })).status).toBe(201);
  expect((await fetch({ method: "PUT", body: "abc" })).status).toBe(201);
  expect((await fetch({ method: "DELETE" })).status).toBe(201);
  expect(
    server.seen.map(({ method, body, headers }) => [method, body, headers["content-length"], headers["idempotency-key"]]),
  ).toEqual([
    ["POST", "", "0", "key"],
    ["PUT", "abc", "3", "key"],
    ["DELETE", "", undefined, "key"],
  ]);
});

test("HEAD, 204 and 304 have no body, whatever their headers say", async () => {
  const server = await serve((request, response) => {
    if (request.method === "HEAD") return response.writeHead(200, { "content-length": "5", "content-encoding": "gzip" }).end();
    response.writeHead(request.url === "/304" ? 304 : 204).end();
  });
  const { fetch } = world({ to: { [PUBLIC]: server.port } });
  const head = await fetch({ method: "HEAD" });
  expect([head.text, head.headers.get("content-length")]).toEqual(["", "5"]);
  expect((await fetch({ url: "http://api.example.com/304" })).status).toBe(304);
  expect((await fetch({})).status).toBe(204);
});

describe("the address that is connected to", () => {
  test.each([
    ["loopback", ["127.0.0.1"]],
    ["a private one among public ones", [PUBLIC, "10.0.0.1"]],
    ["the metadata service", ["169.254.169.254"]],
    ["IPv6 loopback", ["::1"]],
    ["IPv4 loopback in IPv6", ["::ffff:127.0.0.1"]],
    ["NAT64 of loopback", ["64:ff9b::7f00:1"]],
    ["6to4 of a private one", ["2002:0a00:0001::1"]],
    ["carrier-grade NAT", ["100.100.100.200"]],
    ["a zone", ["fe80::1%lo"]],
    ["nonsense", ["nonsense"]],
  ])("a name that resolves to %s is denied, and nothing is dialled", async (_, addresses) => {
    const { fetch, dialled } = world({ names: { "api.example.com": addresses } });
    const denied = await failure(fetch({}));
    expect(denied).toBeInstanceOf(CallDenied);
    expect((denied as CallDenied).denial).toMatchObject({ cap: "net", target: "api.example.com" });
    for (const address of addresses) expect(denied.message).not.toContain(address);
    expect(dialled).toEqual([]);
  });

  test("a name that changes its mind (DNS rebinding) is asked once, and the answer that was checked is dialled", async () => {
    const server = await serve((_, response) => response.end("public"));
    let times = 0;
    const inside = world({
      names: { "api.example.com": () => (times++ === 0 ? [PUBLIC] : ["127.0.0.1"]) },
      to: { [PUBLIC]: server.port },
    });
    expect((await inside.fetch({})).text).toBe("public");
    expect([times, inside.dialled]).toEqual([1, [`${PUBLIC} 80`]]);
    // The next request asks again, and is checked again.
    expect(await failure(inside.fetch({}))).toBeInstanceOf(CallDenied);
    expect(inside.dialled).toHaveLength(1);
  });

  test("an address of this machine is reached where the grant names that very host, however the URL spells it", async () => {
    const server = await serve((_, response) => response.end("local"));
    const { fetch, asked } = world();
    const grant = { net: [rule("127.0.0.1", server.port)] };
    for (const spelled of ["127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "①②⑦.0.0.1"])
      expect((await fetch({ url: `http://${spelled}:${server.port}/` }, grant)).text).toBe("local");
    expect(asked).toEqual([]);
    expect(await failure(fetch({ url: `http://[::ffff:127.0.0.1]:${server.port}/` }, grant))).toBeInstanceOf(CallDenied);
    expect(await failure(fetch({ url: `http://127.0.0.2:${server.port}/` }, grant))).toBeInstanceOf(CallDenied);
  });

  test("`localhost` is loopback and nothing else that is not public", async () => {
    const server = await serve((_, response) => response.end("local"));
    const at = (addresses: string[]) =>
      world({ names: { localhost: addresses }, to: { "::1": 1 } }).fetch(
        { url: `http://localhost:${server.port}/` },
        { net: [rule("localhost", server.port)] },
      );
    expect((await at(["127.0.0.1"])).text).toBe("local");
    expect((await at(["::1", "127.0.0.1"])).text).toBe("local");
    expect(await failure(at(["10.0.0.1"]))).toBeInstanceOf(CallDenied);
    const named = world({ names: { "api.example.com": ["127.0.0.1"] } });
    expect(
      await failure(named.fetch({}, { net: [rule("api.example.com"), rule("localhost"), rule("127.0.0.1")] })),
    ).toBeInstanceOf(CallDenied);
  });

  test("the next address is tried where one does not answer; where none does the host is unavailable", async () => {
    const server = await serve((_, response) => response.end("second"));
    const { fetch } = world({ names: { "api.example.com": [ANOTHER, PUBLIC] }, to: { [ANOTHER]: 1, [PUBLIC]: server.port } });
    expect((await fetch({})).text).toBe("second");
    expect((await failure(world({ to: { [PUBLIC]: 1 } }).fetch({}))).error).toMatchObject({
      code: "unavailable",
      message: /ECONNREFUSED/,
    });
    expect((await failure(world({ names: {} }).fetch({}))).error).toMatchObject({ code: "unavailable", message: /ENOTFOUND/ });
    expect((await failure(world({ names: { "api.example.com": [] } }).fetch({}))).error.code).toBe("unavailable");
  });

  test("the patience for connecting ends with the connection", async () => {
    const port = await speak((socket) => socket.write("still here"));
    const patience = new AbortController();
    const socket = await dialTcp("127.0.0.1", port, patience.signal);
    patience.abort(new Error("too late for this"));
    socket.write("x");
    expect(await new Promise((done) => socket.once("data", (chunk) => done(String(chunk))))).toBe("still here");
    socket.destroy();
    await expect(dialTcp("127.0.0.1", port, patience.signal)).rejects.toThrow("too late");
  });

  test("names are resolved as the system does it, all of them, however many are asked for at once", async () => {
    const resolve = systemResolver();
    const all = await Promise.allSettled(
      ["localhost", "x".repeat(300), "localhost", "localhost", "127.0.0.1"].map((name) => resolve(name)),
    );
    expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"]);
    expect(all.at(-1)).toMatchObject({ value: ["127.0.0.1"] });
  });

  test("the dialler takes addresses only: a name could be resolved again", async () => {
    await expect(dialTcp("localhost", 1, new AbortController().signal)).rejects.toThrow(/not a name/);
  });
});

describe("redirects", () => {
  const to = (location: string, status = 302) => serve((_, response) => response.writeHead(status, { location }).end("moved"));

  test("are followed within the grant, labelled with every host on the way", async () => {
    const last = await serve((_, response) => response.end("there"));
    const first = await to("http://b.example.net/x");
    const { fetch } = world({
      names: { "api.example.com": [PUBLIC], "b.example.net": [ANOTHER] },
      to: { [PUBLIC]: first.port, [ANOTHER]: last.port },
    });
    expect(await fetch({})).toMatchObject({ text: "there", labels: ["untrusted:api.example.com", "untrusted:b.example.net"] });
    expect(last.seen[0]).toMatchObject({ url: "/x", headers: { host: "b.example.net" } });
  });

  test.each([
    ["another host", "http://evil.example/"],
    ["another port", "http://api.example.com:8080/"],
    ["this machine", "http://127.0.0.1/"],
    ["this machine by a number", "http://2130706433/"],
    ["the metadata service", "http://169.254.169.254/latest/meta-data/"],
    ["IPv6 loopback", "http://[::1]/"],
    ["another host, scheme left out", "//evil.example/"],
    ["another host, with backslashes", "\\\\evil.example\\"],
  ])("across the grant are denied: %s", async (_, location) => {
    const server = await to(location);
    const { fetch, dialled } = world({ to: { [PUBLIC]: server.port } });
    const denied = await failure(fetch({}));
    expect(denied).toBeInstanceOf(CallDenied);
    expect(denied.labels).toEqual(["untrusted:api.example.com"]);
    expect(dialled).toHaveLength(1);
  });

  test("to a granted name that resolves to this machine are denied", async () => {
    const server = await to("http://in.example.net/");
    const { fetch } = world({
      names: { "api.example.com": [PUBLIC], "in.example.net": ["127.0.0.1"] },
      to: { [PUBLIC]: server.port },
    });
    expect(await failure(fetch({}))).toBeInstanceOf(CallDenied);
  });

  test("to a path or with a method that the grant does not hold are denied", async () => {
    const server = await to("/admin");
    const { fetch } = world({ to: { [PUBLIC]: server.port } });
    expect(
      await failure(fetch({ url: "http://api.example.com/v1/x" }, { net: [rule("api.example.com", null, { paths: ["/v1/"] })] })),
    ).toBeInstanceOf(CallDenied);
  });

  test.each(["ftp://api.example.com/", "javascript:alert(1)", "http://user:pw@api.example.com/", "http://[", "http://a b/"])(
    "that cannot be followed are failures: %s",
    async (location) => {
      const server = await to(location);
      const failed = await failure(world({ to: { [PUBLIC]: server.port } }).fetch({}));
      expect(failed.error).toMatchObject({ code: "failed", message: /redirect/ });
    },
  );

  test("five are followed, the sixth is too many", async () => {
    const server = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) return response.end("there");
      response.writeHead(301, { location: `/${left - 1}` }).end();
    });
    const { fetch } = world({ to: { [PUBLIC]: server.port } });
    expect((await fetch({ url: "http://api.example.com/5" })).text).toBe("there");
    expect((await failure(fetch({ url: "http://api.example.com/6" }))).error).toMatchObject({
      code: "failed",
      message: /more than 5/,
    });
  });

  test.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "POST", "GET"],
    [303, "PUT", "GET"],
    [303, "DELETE", "GET"],
    [303, "HEAD", "HEAD"],
    [302, "HEAD", "HEAD"],
    [307, "GET", "GET"],
    [308, "GET", "GET"],
    // To act at another place is another action: the agent gets the redirect itself.
    [307, "POST", null],
    [308, "POST", null],
    [307, "DELETE", null],
    [301, "PUT", null],
    [302, "DELETE", null],
    // No redirects.
    [300, "GET", null],
    [304, "GET", null],
    [305, "GET", null],
  ])("%i after %s becomes %s", async (status, method, next) => {
    const server = await serve((request, response) => {
      if (request.url === "/next") return response.end("there");
      response.writeHead(status, { location: "/next" }).end();
    });
    const { fetch } = world({ to: { [PUBLIC]: server.port } });
    const body = method === "POST" || method === "PUT" ? "body" : "";
    const reply = await fetch({ method, body, headers: body ? { "content-type": "text/plain" } : {} });
    expect(server.seen.map((one) => one.method)).toEqual(next === null ? [method] : [method, next]);
    if (next === null) expect(reply).toMatchObject({ status });
    else {
      expect(server.seen[1]).toMatchObject({ body: "" });
      expect(server.seen[1]?.headers["content-type"]).toBeUndefined();
      expect(server.seen[1]?.headers["idempotency-key"]).toBeUndefined();
    }
  });

  test("credentials stay behind when the host changes, and do not come back with it", async () => {
    const second = await serve((_, response) => response.writeHead(302, { location: "http://api.example.com/end" }).end());
    const first = await serve((request, response) => {
      if (request.url === "/end") return response.end("end");
      response.writeHead(302, { location: request.url === "/" ? "/near" : "http://b.example.net/" }).end();
    });
    const { fetch } = world({
      names: { "api.example.com": [PUBLIC], "b.example.net": [ANOTHER] },
      to: { [PUBLIC]: first.port, [ANOTHER]: second.port },
    });
    await fetch({ headers: { authorization: "Bearer x", cookie: "a=b", "x-other": "stays" } });
    expect(first.seen.map(({ url, headers }) => [url, headers.authorization, headers.cookie, headers["x-other"]])).toEqual([
      ["/", "Bearer x", "a=b", "stays"],
      ["/near", "Bearer x", "a=b", "stays"],
      ["/end", undefined, undefined, "stays"],
    ]);
    expect(second.seen[0]?.headers).not.toHaveProperty("authorization");
  });
});

describe("responses are bounded", () => {
  test("a body that is too long, announced, chunked or endless", async () => {
    const announced = await serve((_, response) => response.end("x".repeat(5000)));
    const endless = await speak((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const more = (): void => {
        while (!socket.destroyed && socket.write("x".repeat(65_536)));
        socket.once("drain", more);
      };
      more();
    });
    for (const port of [announced.port, endless]) {
      const failed = await failure(world({ to: { [PUBLIC]: port } }).fetch({ maxBytes: 4096 }));
      expect(failed).toMatchObject({ error: { code: "failed" }, limit: { name: "http_response_bytes", ceiling: 4096 } });
    }
    const { fetch } = world({ to: { [PUBLIC]: announced.port } });
    expect((await fetch({ maxBytes: 5000 })).text).toHaveLength(5000);
    // A guest cannot ask for more than its limit.
    expect((await failure(fetch({ maxBytes: 1e15 }, {}, { responseBytes: 4999 }))).error.code).toBe("failed");
  });

  test.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ] as const)("%s is decoded, and a bomb in it goes off at the limit", async (coding, compress) => {
    const server = await serve((request, response) =>
      response
        .writeHead(200, { "content-encoding": coding })
        .end(compress(request.url === "/bomb" ? Buffer.alloc(16 << 20) : Buffer.from("small"))),
    );
    const { fetch } = world({ to: { [PUBLIC]: server.port } });
    const reply = await fetch({});
    expect([reply.text, reply.headers.has("content-encoding")]).toEqual(["small", false]);
    expect((await failure(fetch({ url: "http://api.example.com/bomb" }))).limit?.name).toBe("http_response_bytes");
  });

  test("a coded stream that never decodes to anything ends too", async () => {
    // Stored deflate blocks of no bytes.
    const empty = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);
    const port = await speak((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\n\r\n");
      socket.write(Buffer.from([0x78, 0x9c]));
      const block = Buffer.concat(Array<Buffer>(10_000).fill(empty));
      const more = (): void => {
        while (!socket.destroyed && socket.write(block));
        socket.once("drain", more);
      };
      more();
    });
    expect((await failure(world({ to: { [PUBLIC]: port } }).fetch({ maxBytes: 100 }))).limit?.name).toBe("http_response_bytes");
  });

  test.each<[string, string | Buffer]>([
    ["two codings", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip\r\ncontent-length: 1\r\n\r\nx"],
    ["an unknown coding", "HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\ncontent-length: 1\r\n\r\nx"],
    ["a coding that it is not", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope"],
    [
      "half a gzip",
      Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"), gzipSync("hello").subarray(0, 12)]),
    ],
    ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy"],
    ["length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a header with a NUL", "HTTP/1.1 200 OK\r\nx-a: b\0c\r\n\r\n"],
    ["a header of 40 KB", `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(40_000)}\r\n\r\n`],
    ["endless headers", `HTTP/1.1 200 OK\r\n${"x-a: b\r\n".repeat(20_000)}\r\n`],
    ["many headers", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(300)}content-length: 0\r\n\r\n`],
    ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"],
  ])("%s is a failure", async (_, answer) => {
    const port = await says(answer);
    expect((await failure(world({ to: { [PUBLIC]: port } }).fetch({}))).error.code).toBe("failed");
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["half a head", "HTTP/1.1 200 OK\r\nx-a"],
    ["half a body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"],
    ["a wrong chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx\r\n"],
    ["half of its chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"],
  ])("%s, and then the end: unavailable or failed, never half an answer", async (_, answer) => {
    const port = await says(answer);
    expect((await failure(world({ to: { [PUBLIC]: port } }).fetch({}))).error.code).toMatch(/^(?:unavailable|failed)$/);
  });

  test("a server that dribbles, in its head or in its body, or that never answers, times out", async () => {
    const dribble = (head: string) =>
      speak((socket) => {
        socket.write(head);
        const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write("x")), 5);
      });
    for (const port of [
      await dribble("HTTP/1.1 200 OK\r\nx-a: "),
      await dribble("HTTP/1.1 200 OK\r\n\r\n"),
      await speak(() => {}),
    ]) {
      const failed = await failure(world({ to: { [PUBLIC]: port } }).fetch({ timeoutMs: 60 }));
      expect(failed.error).toMatchObject({ code: "timeout", message: "no response within 60 ms" });
    }
  });

  test("the limit of time holds for all redirects together, and for resolving", async () => {
    const slow = await failure(world({ to: { [PUBLIC]: await speak(() => {}) } }).fetch({}, {}, { timeoutMs: 30 }));
    expect(slow.limit).toEqual({ name: "http_timeout_ms", value: 30, ceiling: 30 });
    const loop = await serve((_, response) => setTimeout(() => response.writeHead(302, { location: "/" }).end(), 40));
    expect((await failure(world({ to: { [PUBLIC]: loop.port } }).fetch({ timeoutMs: 100 }))).error.code).toBe("timeout");
    const stuck = world({ names: { "api.example.com": () => new Promise<never>(() => {}) } });
    expect((await failure(stuck.fetch({}, {}, { timeoutMs: 30 }))).error.code).toBe("timeout");
  });
});

describe("TLS", () => {
  async function secure(): Promise<{ port: number; names: unknown[]; close: () => void }> {
    const names: unknown[] = [];
    const server = createServer({ cert: certificate, key }, (request, response) => {
      names.push((request.socket as unknown as { servername: unknown }).servername);
      response.end("secret place");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return { port: (server.address() as AddressInfo).port, names, close: () => void (server as unknown as Server).close() };
  }

  test("the certificate is held against the URL's host; no environment variable turns that off", async () => {
    const server = await secure();
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      const trusting = world({
        names: { "api.example.com": [PUBLIC], "b.example.net": [PUBLIC] },
        to: { [PUBLIC]: server.port },
        ca: certificate,
      });
      expect((await trusting.fetch({ url: "https://api.example.com/" })).text).toBe("secret place");
      expect(server.names).toEqual(["api.example.com"]);
      expect((await failure(trusting.fetch({ url: "https://b.example.net/" }))).error).toMatchObject({
        code: "failed",
        message: /ALTNAME/,
      });
      const wary = world({ to: { [PUBLIC]: server.port } });
      expect((await failure(wary.fetch({ url: "https://api.example.com/" }))).error).toMatchObject({ code: "failed" });
      expect(server.names).toHaveLength(1);
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      server.close();
    }
  });

  test("https to a server that speaks plain HTTP fails; a redirect from https to http is not followed", async () => {
    const plain = await says("HTTP/1.1 200 OK\r\n\r\n");
    expect((await failure(world({ to: { [PUBLIC]: plain } }).fetch({ url: "https://api.example.com/" }))).error.code).toMatch(
      /failed|unavailable/,
    );
    const server = createServer({ cert: certificate, key }, (_, response) =>
      response.writeHead(302, { location: "http://api.example.com/" }).end(),
    );
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { fetch } = world({ to: { [PUBLIC]: (server.address() as AddressInfo).port }, ca: certificate });
    expect((await failure(fetch({ url: "https://api.example.com/" }))).error.message).toContain("from https to http");
    server.close();
  });
});

test("proxy variables are ignored", async () => {
  const proxy = await serve((_, response) => response.end("proxied"));
  const server = await serve((_, response) => response.end("direct"));
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
  for (const name of names) process.env[name] = name === "NODE_USE_ENV_PROXY" ? "1" : `http://127.0.0.1:${proxy.port}`;
  try {
    expect((await world({ to: { [PUBLIC]: server.port } }).fetch({})).text).toBe("direct");
    expect(proxy.seen).toEqual([]);
  } finally {
    for (const name of names) delete process.env[name];
  }
});

describe("secrets", () => {
  const value = "canary-93b1c5f0/+=";
  const secrets = { "api/token": value };
  const grant = (port: number, more: { id: string; hosts: string[] }[] = []) => ({
    net: [rule("127.0.0.1", port), rule("api.example.com"), rule("*.example.net")],
    secrets: [{ id: "api/token", hosts: [`127.0.0.1:${port}`] }, ...more],
  });

  test("are put in on the way out, and taken out of headers and body on the way back, in every usual coding", async () => {
    const server = await serve((request, response) => {
      const echo = request.headers["authorization"] ?? "";
      response.setHeader("x-echo", echo);
      response.setHeader("x-coded", Buffer.from(`me:${echo}`).toString("base64"));
      response.end(
        `${echo} ${encodeURIComponent(echo)} ${Buffer.from(`a${echo}b`).toString("base64")} ${JSON.stringify({ echo })}`,
      );
    });
    const { fetch } = world({ secrets });
    const reply = await fetch(
      { url: `http://127.0.0.1:${server.port}/`, headers: { authorization: { secret: "api/token" } } },
      grant(server.port),
    );
    expect(server.seen[0]?.headers.authorization).toBe(value);
    const all = `${JSON.stringify([...reply.headers])} ${reply.text}`;
    expect(all).toContain("[secret:api/token]");
    for (const form of [value, "canary", encodeURIComponent(value), Buffer.from(value).toString("base64").slice(4, 16)])
      expect(all).not.toContain(form);
  });

  test("a request that does not send the secret gets none of it back either", async () => {
    const server = await serve((_, response) => response.end(`I remember ${value}`));
    const { fetch } = world({ secrets });
    expect((await fetch({ url: `http://127.0.0.1:${server.port}/` }, grant(server.port))).text).toBe(
      "I remember [secret:api/token]",
    );
  });

  test("nor does an error: a redirect that names it", async () => {
    const server = await serve((request, response) =>
      response.writeHead(302, { location: `http://${request.headers["x-key"]?.slice(0, 15)}.evil.example/` }).end(),
    );
    const { fetch } = world({ secrets: { "api/token": "canary-93b1c5f0" } });
    const denied = (await failure(
      fetch({ url: `http://127.0.0.1:${server.port}/`, headers: { "x-key": { secret: "api/token" } } }, grant(server.port)),
    )) as CallDenied;
    expect(server.seen).toHaveLength(1);
    expect(denied.denial.target).toBe("[secret:api/token].evil.example");
    expect(JSON.stringify([denied.denial, denied.error])).not.toContain("canary");
  });

  test("go nowhere but to their hosts: not to others of the grant, not along a redirect, not unencrypted", async () => {
    const other = await serve((_, response) => response.end("thanks"));
    const first = await serve((_, response) => response.writeHead(302, { location: "http://b.example.net/" }).end());
    const { fetch } = world({
      names: { "b.example.net": [PUBLIC], "api.example.com": [PUBLIC] },
      to: { [PUBLIC]: other.port },
      secrets,
    });
    const headers = { "x-key": { secret: "api/token" } };
    const denied = (await failure(fetch({ url: "http://b.example.net/", headers }, grant(first.port)))) as CallDenied;
    expect(denied.denial).toMatchObject({ cap: "secrets", target: "api/token" });
    expect(other.seen).toEqual([]);
    await fetch({ url: `http://127.0.0.1:${first.port}/`, headers }, grant(first.port));
    expect(first.seen[0]?.headers["x-key"]).toBe(value);
    expect(other.seen[0]?.headers).not.toHaveProperty("x-key");
    const bound = grant(first.port, [{ id: "open", hosts: ["api.example.com"] }]);
    expect((await failure(fetch({ headers: { "x-key": { secret: "open" } } }, bound))).message).toContain("https only");
    expect((await failure(fetch({ headers: { "x-key": { secret: "nobody's" } } }, bound))).message).toContain("does not declare");
  });

  test("a server that says a secret over and over does not make a long body of it", async () => {
    const server = await serve((request, response) => response.end(String(request.headers["x-key"]).repeat(100_000)));
    const id = "a".repeat(128);
    const { fetch } = world({ secrets: { [id]: "12345678" } });
    const asked = { url: `http://127.0.0.1:${server.port}/`, headers: { "x-key": { secret: id } } };
    const failed = await failure(
      fetch(asked, { net: [rule("127.0.0.1", server.port)], secrets: [{ id, hosts: [`127.0.0.1:${server.port}`] }] }),
    );
    expect(failed).toMatchObject({ error: { code: "failed" }, limit: { name: "http_response_bytes" } });
  });

  test("text that looks like a reference is text", async () => {
    const server = await serve((_, response) => response.end("ok"));
    const { fetch } = world({ secrets });
    const text = "{{secret:api/token}} {secret: api/token} [secret:api/token]";
    await fetch(
      { url: `http://127.0.0.1:${server.port}/`, method: "POST", headers: { "x-key": text }, body: text },
      grant(server.port),
    );
    expect(server.seen[0]).toMatchObject({ headers: { "x-key": text }, body: text });
  });

  test("one without a value, too short or with a line break is a failure that names its variable and nothing more", async () => {
    for (const [id, held] of [
      ["none", undefined],
      ["short", "abc"],
      ["lines", "abcdefgh\r\nx-evil: 1"],
    ] as const) {
      const { fetch } = world({ secrets: held === undefined ? {} : { [id]: held } });
      const failed = await failure(
        fetch({ url: "http://127.0.0.1:9/", headers: { "x-key": { secret: id } } }, grant(9, [{ id, hosts: ["127.0.0.1:9"] }])),
      );
      expect(failed.error.code).toBe("failed");
      expect(failed.message).toContain(`RUNLOOP_SECRET_${id.toUpperCase()}`);
      if (held) expect(failed.message).not.toContain(held);
    }
  });
});
