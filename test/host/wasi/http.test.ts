/** `wasi:http` as programs use it, first against whoever uses it wrongly. What it asks of the gate is what `http.fetch` is asked. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "#core/json.js";
import { URL_CHARACTERS } from "#host/http/bounds.js";
import { checkRequest, type GuestRequest } from "#host/http/request.js";
import { bodyTooLong } from "#host/http/response.js";
import { GuestTrap } from "#host/sandbox/inside/ends.js";
import { Resource, type Native } from "#host/sandbox/inside/wasi/contract.js";
import { ROOM_BYTES } from "#host/sandbox/inside/wasi/http/room.js";
import { bytes, text, World } from "./world.js";

const MIB = 1 << 20;
const CLOSED = { err: { tag: "closed", val: null } };
const NO = { err: null };
const DONE = { ok: null };
const some = (tag: string, val: Native = null) => ({ tag, val });
const answered = (body: string | Uint8Array = "hello", headers: readonly (readonly [string, string])[] = []): Json => ({
  ok: { status: 200, headers: headers.map(([name, value]) => [name, value]), body: Buffer.from(body).toString("base64") },
});

/** A program and the gate that it talks to. */
class Program extends World {
  readonly asked: GuestRequest[];

  constructor(answer: (request: GuestRequest) => Json | Promise<Json> = () => answered()) {
    const asked: GuestRequest[] = [];
    super({
      fetch: async (request) => {
        asked.push(request as unknown as GuestRequest);
        return answer(request as unknown as GuestRequest);
      },
    });
    this.asked = asked;
  }

  http(name: string, ...args: Native[]): Native {
    return this.call(`wasi:http/types#${name}`, ...args);
  }
  on(resource: Resource, method: string, ...args: Native[]): Native {
    return this.http(`[method]${resource.resource}.${method}`, resource, ...args);
  }
  /** What `{ok}` holds. */
  got(value: Native): Resource {
    const { ok } = value as { readonly ok?: Native };
    if (!(ok instanceof Resource)) throw new Error(`no resource: ${JSON.stringify(value)}`);
    return ok;
  }
  fields(...entries: (readonly [string, string])[]): Resource {
    return this.got(
      this.http(
        "[static]fields.from-list",
        entries.map(([name, value]) => [name, bytes(value)]),
      ),
    );
  }
  request(method = "get", path: string | null = "/x", headers = this.fields()): Resource {
    const made = this.http("[constructor]outgoing-request", headers) as Resource;
    expect(this.on(made, "set-method", some(method))).toEqual(DONE);
    expect(this.on(made, "set-scheme", some("HTTP"))).toEqual(DONE);
    expect(this.on(made, "set-authority", "api.example.com")).toEqual(DONE);
    expect(this.on(made, "set-path-with-query", path)).toEqual(DONE);
    return made;
  }
  handle(request: Resource, options: Resource | null = null): Promise<Native> {
    return Promise.resolve(this.answer("wasi:http/outgoing-handler#handle", request, options));
  }
  finish(body: Resource, trailers: Resource | null = null): Promise<Native> {
    return Promise.resolve(this.answer("wasi:http/types#[static]outgoing-body.finish", body, trailers));
  }
  body(request: Resource): Resource {
    return this.got(this.on(request, "body"));
  }
  write(stream: Resource, content: Uint8Array): Native {
    let last: Native = DONE;
    for (let at = 0; at < content.length; at += 4096)
      last = this.output("blocking-write-and-flush", stream, content.subarray(at, at + 4096));
    return last;
  }
  ready(future: Resource): Native {
    return this.call("wasi:io/poll#[method]pollable.ready", this.on(future, "subscribe"));
  }
  /** Sends a request without a body and gives what its future says. */
  async fetch(request = this.request(), options: Resource | null = null): Promise<any> {
    const handled = (await this.handle(request, options)) as { err?: Native; ok?: Resource };
    return handled.ok ? (this.on(handled.ok, "get") as { ok: Native }).ok : handled;
  }
}

describe("headers", () => {
  const spell = (name: string, value: string | Uint8Array): Native => {
    const program = new Program();
    const fields = program.fields();
    return program.on(fields, "append", name, typeof value === "string" ? bytes(value) : value);
  };

  test.each<[string, string, string | Uint8Array]>([
    ["a line break", "x-a", "b\r\nx-evil: 1"],
    ["a line feed", "x-a", "b\nc"],
    ["a NUL", "x-a", "b\0c"],
    ["a blank before it", "x-a", " b"],
    ["bytes that are no ASCII", "x-a", new Uint8Array([0xc3, 0xa4])],
    ["no name", "", "b"],
    ["a name with a colon", "x-a: b\r\nx", "c"],
    ["a name with a blank", "x a", "b"],
    ["a name beyond ASCII", "ſec-x", "b"],
    ["a pseudo header", ":authority", "evil.example"],
    ["a name without end", "x".repeat(129), "b"],
  ])("%s is no header", (_, name, value) => {
    expect(spell(name, value)).toEqual({ err: some("invalid-syntax") });
    const program = new Program();
    const listed = program.http("[static]fields.from-list", [[name, typeof value === "string" ? bytes(value) : value]]);
    expect(listed).toEqual({ err: some("invalid-syntax") });
    expect(program.on(program.fields(), "set", name, [typeof value === "string" ? bytes(value) : value])).toEqual({
      err: some("invalid-syntax"),
    });
  });

  test.each([
    "Host",
    "connection",
    "TRANSFER-ENCODING",
    "proxy-authorization",
    "x-forwarded-for",
    "x-http-method-override",
    "te",
  ])("%s is the host's to set, whichever way it is tried", (name) => {
    const program = new Program();
    const fields = program.fields(["x-a", "1"]);
    const no = { err: some("forbidden") };
    expect(program.on(fields, "append", name, bytes("x"))).toEqual(no);
    expect(program.on(fields, "set", name, [bytes("x")])).toEqual(no);
    expect(program.on(fields, "delete", name)).toEqual(no);
    expect(program.http("[static]fields.from-list", [[name, bytes("x")]])).toEqual(no);
    expect(program.on(fields, "entries")).toEqual([["x-a", bytes("1")]]);
  });

  test("a hundred thousand of them, or few that are large, are refused, and what stood there stays", () => {
    const program = new Program();
    const many = Array.from({ length: 100_000 }, (_, index) => [`x-${index}`, bytes("1")]);
    expect(program.http("[static]fields.from-list", many)).toEqual({ err: some("forbidden") });
    const fields = program.fields();
    let taken = 0;
    for (const [name] of many.slice(0, 1000)) if ("ok" in (program.on(fields, "append", name!, bytes("1")) as object)) taken++;
    expect(taken).toBe(200);
    expect(program.on(fields, "entries")).toHaveLength(200);
    const large = program.fields(["x-a", "1"]);
    expect(program.on(large, "set", "x-a", [bytes("v".repeat(40_000))])).toEqual({ err: some("forbidden") });
    expect(program.on(large, "get", "x-a")).toEqual([Buffer.from("1")]);
  });

  test("those of a request that is made, and of a response, do not change; a clone does, alone", async () => {
    const program = new Program(() => answered("", [["x-b", "2"]]));
    const request = program.request("get", "/", program.fields(["x-a", "1"]));
    const fixed = program.on(request, "headers") as Resource;
    for (const no of [
      program.on(fixed, "append", "x-c", bytes("3")),
      program.on(fixed, "set", "x-a", []),
      program.on(fixed, "delete", "x-a"),
    ])
      expect(no).toEqual({ err: some("immutable") });
    const clone = program.on(fixed, "clone") as Resource;
    expect(program.on(clone, "append", "x-c", bytes("3"))).toEqual(DONE);
    expect(program.on(fixed, "has", "x-c")).toBe(false);
    const { ok: response } = await program.fetch(request);
    expect(program.on(program.on(response, "headers") as Resource, "delete", "x-b")).toEqual({ err: some("immutable") });
  });

  test("a response's headers that are no request's cannot be cloned into one", async () => {
    for (const header of [
      ["connection", "close"],
      ["x-a", "caf\u00e9"],
    ] as const) {
      const program = new Program(() => answered("", [header]));
      const { ok: response } = await program.fetch();
      const clone = program.on(program.on(response, "headers") as Resource, "clone") as Resource;
      expect(await program.fetch(program.request("get", "/", clone))).toEqual({
        err: some("HTTP-request-header-size", { field_name: header[0], field_size: null }),
      });
      expect(program.asked).toHaveLength(1);
    }
  });

  test("names compare without case; values keep their order; several are one list on the way out", async () => {
    const program = new Program();
    const fields = program.fields(["X-A", "1"], ["cookie", "a=1"], ["x-a", "2"], ["Cookie", "b=2"]);
    expect(program.on(fields, "get", "x-A")).toEqual([Buffer.from("1"), Buffer.from("2")]);
    expect(program.on(fields, "get", "no name")).toEqual([]);
    await program.fetch(program.request("get", "/", fields));
    expect(program.asked[0]!.headers).toEqual([
      { name: "x-a", value: { tag: "text", val: "1, 2" } },
      { name: "cookie", value: { tag: "text", val: "a=1; b=2" } },
    ]);
  });

  test("a list on the way out has no empty elements, and a field without a value stays one", async () => {
    const program = new Program();
    const empty = ["x-a", "x-a", "x-b", "x-b", "x-c", "cookie", "cookie"].map((name) => [name, ""] as const);
    await program.fetch(program.request("get", "/", program.fields(...empty, ["x-b", "1"], ["x-b", ""], ["cookie", "a=1"])));
    expect(program.asked[0]!.headers).toEqual(
      Object.entries({ "x-a": "", "x-b": "1", "x-c": "", cookie: "a=1" }).map(([name, val]) => ({
        name,
        value: { tag: "text", val },
      })),
    );
  });

  test("whatever fields are made of, the gate has nothing to say against them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom("x-a", "cookie")), fc.uint8Array({ maxLength: 6 })),
          {
            maxLength: 8,
          },
        ),
        async (entries) => {
          const program = new Program();
          const fields = program.fields();
          for (const [name, value] of entries) program.on(fields, "append", name, value);
          await program.fetch(program.request("get", "/", fields));
          for (const request of program.asked) checkRequest(request);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("where it goes", () => {
  test.each<[string, string, Native]>([
    ["a user and a password", "set-authority", "user:password@api.example.com"],
    ["a user that looks like the host", "set-authority", "api.example.com@evil.example"],
    ["a path in it", "set-authority", "api.example.com/x"],
    ["a backslash", "set-authority", "api.example.com\\@evil.example"],
    ["a fragment", "set-authority", "evil.example#api.example.com"],
    ["a line break", "set-authority", "api.example.com\r\nx: y"],
    ["nothing", "set-authority", ""],
    ["an escaped dot", "set-authority", "api%2eexample.com"],
    ["a host without end", "set-authority", "a".repeat(URL_CHARACTERS + 1)],
    ["a path that is absolute", "set-path-with-query", "http://evil.example/"],
    ["a path that goes on from the host", "set-path-with-query", ".evil.example/"],
    ["a path that makes the host a user", "set-path-with-query", "@evil.example/"],
    ["a path with a line break", "set-path-with-query", "/x HTTP/1.1\r\nhost: evil.example"],
    ["a path with a fragment", "set-path-with-query", "/x#y"],
    ["a path with a backslash", "set-path-with-query", "/\\evil.example"],
    ["the scheme `file`", "set-scheme", some("other", "file")],
    ["a scheme with more in it", "set-scheme", some("other", "http://evil.example/?")],
    ["a method with a line break", "set-method", some("other", "GET / HTTP/1.1\r\nx:")],
    ["no method", "set-method", some("other", "")],
  ])("%s is refused by %s, and changes nothing", async (_, setter, value) => {
    const program = new Program();
    const request = program.request();
    expect(program.on(request, setter, value)).toEqual(NO);
    await program.fetch(request);
    expect(program.asked).toMatchObject([{ method: "GET", url: "http://api.example.com/x" }]);
  });

  test("two slashes are a path", async () => {
    const program = new Program();
    await program.fetch(program.request("get", "//evil.example/x"));
    expect(checkRequest(program.asked[0]!).url.host).toBe("api.example.com");
  });

  test("whatever authority and path are taken, the host that is asked is the one that was named", async () => {
    const part = fc.string({ unit: fc.constantFrom(..."a.@:/\\?#[]%0 \r\n-"), maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(part, part, async (authority, path) => {
        const program = new Program();
        const request = program.request();
        const [a, b] = [program.on(request, "set-authority", authority), program.on(request, "set-path-with-query", path)];
        await program.fetch(request);
        if ("err" in (a as object) || "err" in (b as object)) return;
        const url = URL.parse(program.asked[0]!.url);
        // What has no meaning as a URL is the gate's to refuse.
        if (url) expect([url.username, url.password, url.host]).toEqual(["", "", URL.parse(`http://${authority}/`)!.host]);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, (program: Program, request: Resource) => unknown, Native]>([
    ["CONNECT", (program, request) => program.on(request, "set-method", some("connect")), some("HTTP-request-method-invalid")],
    ["TRACE", (program, request) => program.on(request, "set-method", some("trace")), some("HTTP-request-method-invalid")],
    ["get", (program, request) => program.on(request, "set-method", some("other", "get")), some("HTTP-request-method-invalid")],
    ["no authority", (program, request) => program.on(request, "set-authority", null), some("HTTP-request-URI-invalid")],
    [
      "a URL that is too long",
      (program, request) => program.on(request, "set-path-with-query", `/${"x".repeat(URL_CHARACTERS - 1)}`),
      some("HTTP-request-URI-too-long"),
    ],
  ])("%s: no request, and nothing is asked", async (_, spoil, err) => {
    const program = new Program();
    const request = program.request();
    spoil(program, request);
    expect(await program.handle(request)).toEqual({ err });
    expect(program.asked).toEqual([]);
  });

  test("https where no scheme is named, `/` where no path is", async () => {
    const program = new Program();
    const request = program.http("[constructor]outgoing-request", program.fields()) as Resource;
    program.on(request, "set-authority", "[2001:db8::1]:8443");
    program.on(request, "set-path-with-query", "?a=b");
    await program.fetch(request);
    expect(program.asked[0]).toEqual({
      method: "GET",
      url: "https://[2001:db8::1]:8443/?a=b",
      headers: [],
      body: "",
      timeout_ms: 0,
      max_bytes: 0,
    });
  });

  test("what was set can be read", () => {
    const program = new Program();
    const request = program.request("post", "/a?b");
    expect(["method", "scheme", "authority", "path-with-query"].map((name) => program.on(request, name))).toEqual([
      some("post"),
      some("HTTP"),
      "api.example.com",
      "/a?b",
    ]);
  });
});

describe("bodies that go out", () => {
  test("there is one, with one stream; it is sent as a whole when it is finished, once", async () => {
    const program = new Program();
    const request = program.request("post");
    const body = program.body(request);
    expect(program.on(request, "body")).toEqual(NO);
    const stream = program.got(program.on(body, "write"));
    expect(program.on(body, "write")).toEqual(NO);
    const future = program.got(await program.handle(request));
    expect([program.ready(future), program.on(future, "get")]).toEqual([false, null]);
    program.write(stream, bytes("one "));
    program.write(stream, bytes("two"));
    expect(program.asked).toEqual([]);
    expect(await program.finish(body)).toEqual(DONE);
    expect(program.asked).toMatchObject([{ method: "POST", body: Buffer.from("one two").toString("base64") }]);
    expect(program.ready(future)).toBe(true);
    expect(() => program.write(stream, bytes("more"))).not.toThrow();
    expect(program.write(stream, bytes("more"))).toEqual(CLOSED);
    await expect(program.finish(body)).rejects.toThrow(GuestTrap);
    await expect(program.handle(request)).rejects.toThrow(GuestTrap);
    expect(program.asked).toHaveLength(1);
  });

  test("finished before it is handled, it is sent then", async () => {
    const program = new Program();
    const request = program.request("put");
    const body = program.body(request);
    program.write(program.got(program.on(body, "write")), bytes("x"));
    expect(await program.finish(body)).toEqual(DONE);
    expect(program.asked).toEqual([]);
    expect(await program.fetch(request)).toMatchObject({ ok: { status: 200 } });
    expect(program.asked).toHaveLength(1);
  });

  test("a flood ends at one MiB with the code for it, and nothing is sent", async () => {
    const program = new Program();
    const request = program.request("post");
    const body = program.body(request);
    const stream = program.got(program.on(body, "write"));
    const future = program.got(await program.handle(request));
    expect(program.write(stream, new Uint8Array(MIB))).toEqual(DONE);
    const failed = program.write(stream, bytes("x")) as { err: { tag: string; val: Resource } };
    expect(failed.err.tag).toBe("last-operation-failed");
    const size = some("HTTP-request-body-size", BigInt(MIB));
    expect(program.http("http-error-code", failed.err.val)).toEqual(size);
    expect(program.write(stream, bytes("x"))).toEqual(CLOSED);
    expect(await program.finish(body)).toEqual({ err: size });
    expect(program.on(future, "get")).toEqual({ ok: { err: size } });
    expect(program.asked).toEqual([]);
  });

  test("bodies that are kept open have a bound in all, and give their room back", async () => {
    const program = new Program();
    const open = Array.from({ length: ROOM_BYTES / MIB }, () => {
      const body = program.body(program.request("post"));
      expect(program.write(program.got(program.on(body, "write")), new Uint8Array(MIB))).toEqual(DONE);
      return body;
    });
    const one = program.body(program.request("post"));
    expect(program.write(program.got(program.on(one, "write")), bytes("x"))).toMatchObject({
      err: { tag: "last-operation-failed" },
    });
    expect(await program.fetch()).toEqual({ err: some("connection-limit-reached") });
    open[0]!.drop();
    expect(await program.fetch()).toMatchObject({ ok: { status: 200 } });
    expect(program.asked).toMatchObject([{ max_bytes: MIB }]);
  });

  test("trailers are refused by name, empty ones are none", async () => {
    const program = new Program();
    const request = program.request("post");
    const future = program.got(await program.handle(request));
    expect(program.on(future, "get")).toMatchObject({ ok: { ok: {} } });
    const other = program.request("post");
    const body = program.body(other);
    const waiting = program.got(await program.handle(other));
    const err = some("HTTP-request-trailer-section-size", 0);
    expect(await program.finish(body, program.fields(["x-a", "1"]))).toEqual({ err });
    expect(program.on(waiting, "get")).toEqual({ ok: { err } });
    const third = program.request("post");
    const empty = program.body(third);
    await program.handle(third);
    expect(await program.finish(empty, program.fields())).toEqual(DONE);
    expect(program.asked).toHaveLength(2);
  });

  test.each(["3", "5", "1, 4", "-4", "4, 4"])("a length of %s that is not the body's is an error", async (length) => {
    const program = new Program();
    const request = program.request("post", "/", program.fields(["content-length", length]));
    const body = program.body(request);
    const future = program.got(await program.handle(request));
    program.write(program.got(program.on(body, "write")), bytes("four"));
    const err = some("HTTP-request-body-size", 4n);
    expect(await program.finish(body)).toEqual({ err });
    expect(program.on(future, "get")).toEqual({ ok: { err } });
    expect(program.asked).toEqual([]);
  });

  test("the right length is the host's to say", async () => {
    const program = new Program();
    const request = program.request("post", "/", program.fields(["Content-Length", "4"]));
    const body = program.body(request);
    await program.handle(request);
    program.write(program.got(program.on(body, "write")), bytes("four"));
    expect(await program.finish(body)).toEqual(DONE);
    expect(program.asked[0]!.headers).toEqual([]);
    const bare = program.request("post", "/", program.fields(["content-length", "4"]));
    expect(await program.handle(bare)).toEqual({ err: some("HTTP-request-body-size", 0n) });
  });

  test("a method that only looks has none", async () => {
    const program = new Program();
    const request = program.request("get");
    const body = program.body(request);
    const future = program.got(await program.handle(request));
    program.write(program.got(program.on(body, "write")), bytes("x"));
    const err = some("HTTP-request-body-size", 1n);
    expect(await program.finish(body)).toEqual({ err });
    expect(program.on(future, "get")).toEqual({ ok: { err } });
    expect(program.asked).toEqual([]);
  });
});

describe("let go of, in any order", () => {
  test("a body unfinished: nothing is sent, and the future says why", async () => {
    const program = new Program();
    const request = program.request("post");
    const body = program.body(request);
    const stream = program.got(program.on(body, "write"));
    const future = program.got(await program.handle(request));
    program.write(stream, bytes("half"));
    body.drop();
    expect(program.on(future, "get")).toMatchObject({
      ok: { err: some("internal-error", expect.stringContaining("unfinished")) },
    });
    expect(program.write(stream, bytes("x"))).toEqual(CLOSED);
    expect(program.asked).toEqual([]);
  });

  test("a body before the request is handled", async () => {
    const program = new Program();
    const request = program.request("post");
    program.body(request).drop();
    expect(await program.fetch(request)).toMatchObject({ err: { tag: "internal-error" } });
    expect(program.asked).toEqual([]);
  });

  test("a future before the body is finished: nothing is sent, and finishing says so", async () => {
    const program = new Program();
    const request = program.request("post");
    const body = program.body(request);
    const future = program.got(await program.handle(request));
    future.drop();
    expect(await program.finish(body)).toEqual({ err: some("connection-terminated") });
    expect(program.asked).toEqual([]);
  });

  test("a request before its body is finished", async () => {
    const program = new Program();
    const request = program.request("post");
    const body = program.body(request);
    const stream = program.got(program.on(body, "write"));
    request.drop();
    expect(program.write(stream, bytes("x"))).toEqual(CLOSED);
    expect(await program.finish(body)).toMatchObject({ err: { tag: "internal-error" } });
  });

  test("whatever is dropped of an exchange, and when, its room comes back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(7), { maxLength: 12 }), fc.boolean(), async (drops, early) => {
        const program = new Program(() => answered(new Uint8Array(1000)));
        const held: Resource[] = [];
        const request = program.request("post");
        const body = program.body(request);
        held.push(program.got(program.on(body, "write")));
        const future = program.got(await program.handle(request));
        held.push(future);
        if (early) body.drop();
        else {
          program.write(held[0]!, new Uint8Array(10));
          await program.finish(body);
          const { ok: response } = (program.on(future, "get") as { ok: { ok: Resource } }).ok;
          const incoming = program.got(program.on(response, "consume"));
          const input = program.got(program.on(incoming, "stream"));
          held.push(response, incoming, input);
        }
        for (const index of drops) held.splice(index, 1)[0]?.drop();
        for (const each of held) each.drop();
        // All of it: a request is given as much as it may have.
        for (let left = ROOM_BYTES / MIB; left > 0; left--) {
          const filled = program.body(program.request("post"));
          expect(program.write(program.got(program.on(filled, "write")), new Uint8Array(MIB))).toEqual(DONE);
        }
      }),
      { numRuns: 10 },
    );
  });
});

describe("waiting", () => {
  test("for an answer to what was never finished is a trap, and no wait; with a timer beside it the timer ends it", async () => {
    const program = new Program();
    const request = program.request("post");
    const body = program.body(request);
    const future = program.got(await program.handle(request));
    const arrival = program.on(future, "subscribe");
    expect(() => program.call("wasi:io/poll#[method]pollable.block", arrival)).toThrow(/body is finished/);
    expect(() => program.poll(arrival, arrival)).toThrow(GuestTrap);
    expect(program.poll(arrival, program.after(1_000_000_000n))).toEqual([1]);
    await program.finish(body);
    expect(program.poll(program.after(1n), arrival)).toEqual([1]);
    expect(program.call("wasi:io/poll#[method]pollable.block", arrival)).toBeNull();
  });

  test("for many at once", async () => {
    const program = new Program();
    const open = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        const request = program.request("post", `/${index}`);
        const body = program.body(request);
        return { body, future: program.got(await program.handle(request)) };
      }),
    );
    const arrivals = open.map(({ future }) => program.on(future, "subscribe"));
    await program.finish(open[500]!.body);
    await program.finish(open[3]!.body);
    expect(program.poll(...arrivals)).toEqual([3, 500]);
    expect(program.asked.map(({ url }) => url)).toEqual(["http://api.example.com/500", "http://api.example.com/3"]);
  });
});

describe("what comes back", () => {
  test("status, headers as bytes, and a body that is read to its end; each is given once", async () => {
    const program = new Program(() =>
      answered("hello world", [
        ["x-a", "caf\u00e9"],
        ["x-a", "2"],
      ]),
    );
    const future = program.got(await program.handle(program.request()));
    const { ok: response } = (program.on(future, "get") as { ok: { ok: Resource } }).ok;
    expect(program.on(future, "get")).toEqual(NO);
    expect(program.on(response, "status")).toBe(200);
    const headers = program.on(response, "headers") as Resource;
    expect(program.on(headers, "get", "X-A")).toEqual([new Uint8Array([0x63, 0x61, 0x66, 0xe9]), new Uint8Array([0x32])]);
    const body = program.got(program.on(response, "consume"));
    expect(program.on(response, "consume")).toEqual(NO);
    const stream = program.got(program.on(body, "stream"));
    expect(program.on(body, "stream")).toEqual(NO);
    expect(text(program.input("read", stream, 5n))).toBe("hello");
    const trailers = program.http("[static]incoming-body.finish", body) as Resource;
    // A stream that was taken reads on, whatever became of the body.
    expect(text(program.input("read", stream, 2n ** 64n - 1n))).toBe(" world");
    expect(program.input("read", stream, 1n)).toEqual(CLOSED);
    expect(program.call("wasi:io/poll#[method]pollable.ready", program.on(trailers, "subscribe"))).toBe(true);
    expect(program.on(trailers, "get")).toEqual({ ok: { ok: null } });
    expect(program.on(trailers, "get")).toEqual(NO);
  });

  test.each<[string, Json, Native]>([
    ["denied", "net: no", some("HTTP-request-denied")],
    ["invalid", "port 0 is no port", some("HTTP-request-URI-invalid")],
    ["timeout", "no response within 5 ms", some("HTTP-response-timeout")],
    ["unavailable", { message: "gone", retry_after_ms: 0 }, some("destination-unavailable")],
    ["failed", bodyTooLong(77).error.message, some("HTTP-response-body-size", 77n)],
    ["failed", "more than 5 redirects", some("internal-error", "more than 5 redirects")],
  ])("the gate's %s (%s) is an error code", async (tag, val, err) => {
    expect(await new Program(() => ({ err: { tag, val } })).fetch()).toEqual({ err });
  });

  test("an answer costs its size when it comes, read or not", async () => {
    const program = new Program(() => answered(new Uint8Array(30_000)));
    await program.fetch();
    expect(program.paid).toBe(10_000);
  });

  test("an attempt that ends while it waits ends there", async () => {
    const program = new Program(() => Promise.reject(new Error("cancelled")));
    await expect(program.fetch()).rejects.toThrow("cancelled");
  });

  test.each<[string, Record<string, bigint>, number]>([
    ["nothing", {}, 0],
    ["only a time to connect", { connect: 5_000_000n }, 0],
    ["a time for the first byte", { "first-byte": 1_500_000n }, 2],
    ["both", { connect: 1_000_000n, "first-byte": 1n }, 2],
    ["no time at all", { "first-byte": 0n }, 1],
  ])("options that say %s", async (_, given, timeoutMs) => {
    const program = new Program();
    const options = program.http("[constructor]request-options") as Resource;
    for (const [name, value] of Object.entries(given)) {
      expect(program.on(options, `set-${name}-timeout`, value)).toEqual(DONE);
      expect(program.on(options, `${name}-timeout`)).toBe(value);
    }
    await program.fetch(program.request(), options);
    expect(program.asked[0]!.timeout_ms).toBe(timeoutMs);
  });
});

test("what is for servers stops whoever calls it, by name", () => {
  const program = new Program();
  expect(() => program.http("[constructor]outgoing-response", program.fields())).toThrow(
    /wasi:http\/types#\[constructor\]outgoing-response.*answer none/,
  );
  expect(() => program.http("[static]response-outparam.set", null, null)).toThrow(GuestTrap);
});

test("without the network there is none of it", () => {
  expect(new World().has("wasi:http/outgoing-handler#handle")).toBe(false);
});

test("the transcript holds what was answered: another body, another digest", async () => {
  const digest = async (body: string): Promise<string> => {
    const program = new Program(() => answered(body));
    const { ok: response } = await program.fetch();
    const incoming = program.got(program.on(response, "consume"));
    program.input("read", program.got(program.on(incoming, "stream")), 100n);
    return program.transcript.digest();
  };
  expect(await digest("a")).toBe(await digest("a"));
  expect(await digest("a")).not.toBe(await digest("b"));
});
