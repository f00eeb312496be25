/** Every interface through a guest that hands each answer straight back: what crosses the border arrives as it was sent. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { buildSource } from "#sdk/build/source.js";
import { load, on, refuse, type Answers } from "./guest.js";

const guest = await load(
  await buildSource(`
    import {
      actions, CallError, clock, CompletionOptions, fail, failed, http, HttpRequest, Invocation, json, Json, kb, list, log, model, ok, Outcome, random,
      SearchOptions, state,
    } from "runloop";

    import { Output } from "runloop/outcome";

    function hex(bytes: Uint8Array): string {
      let text = "";
      for (let i = 0; i < bytes.length; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
      return text;
    }

    function refused(error: CallError): Json {
      return json().set("code", error.code).set("message", error.message).set("retry", error.retryAfterMs.toString());
    }

    function done(value: Json): Outcome {
      return ok().send("out", "json.v1", value);
    }

    export function agent(call: Invocation): Outcome {
      const what = call.options.getString("what");
      const text = call.options.getString("text");
      if (what == "echo") {
        const all = list();
        for (let i = 0; i < call.messages.length; i++) {
          const message = call.messages[i];
          all.push(json().set("port", message.port).set("type", message.type).set("body", message.body).set("labels", message.labels));
        }
        return done(json().set("node", call.node).set("attempt", call.attempt).set("with", call.options).set("messages", all));
      }
      if (what == "port") {
        const input = call.input(text);
        return done(json().set("given", input.given).set("first", input.first()).set("all", input.all()));
      }
      if (what == "many") {
        const outcome = ok();
        for (let i = 0; i < call.options.getInt("count"); i++) outcome.send("p" + i.toString(), text, i);
        return outcome;
      }
      if (what == "pushed") {
        const outcome = new Outcome();
        const first = call.options.getBool("first");
        if (first) outcome.send("sent", text, 1);
        assert(outcome.outputs.length == (first ? 1 : 0));
        outcome.outputs.push(new Output("pushed", text, "[2]"));
        return outcome.send("again", text, "3");
      }
      if (what == "fail") return fail(call.options.getString("code"), text, call.options.getBool("retryable"));
      if (what == "log") {
        log.trace(text);
        log.debug(text, json());
        log.info(text, json().set(text, text));
        log.warn("");
        log.error(text, Json.nothing);
        return ok();
      }
      if (what == "search") {
        const options = new SearchOptions();
        options.limit = call.options.getInt("limit");
        options.kind = text;
        options.domain = text;
        const hits = kb.search(text, options);
        if (!hits.ok) return done(refused(hits.error));
        const all = list();
        for (let i = 0; i < hits.value.length; i++) {
          const hit = hits.value[i];
          all.push(
            json().set("citation", hit.citation).set("title", hit.title).set("text", hit.text).set("uri", hit.uri)
              .set("domain", hit.domain).set("score", hit.score),
          );
        }
        return done(all);
      }
      if (what == "get") {
        const got = kb.get(text);
        return done(got.ok ? got.value : refused(got.error));
      }
      if (what == "query") {
        const got = kb.query(call.options);
        return done(got.ok ? got.value : refused(got.error));
      }
      if (what == "propose") {
        const id = kb.propose(call.options);
        return done(id.ok ? Json.of<string>(id.value.toString()) : refused(id.error));
      }
      if (what == "complete") {
        const options = new CompletionOptions().local(text, call.options);
        options.model = text;
        options.maxTokens = 4294967295;
        options.temperature = 0.7;
        const answer = model.complete(text, options);
        if (!answer.ok) return done(refused(answer.error));
        const got = answer.value;
        return done(
          json().set("text", got.text).set("model", got.model).set("in", got.inputTokens).set("out", got.outputTokens).set("local", got.isLocal),
        );
      }
      if (what == "chat") {
        const answer = model.chat(call.options.get("messages"), call.options.get("tools"));
        return done(answer.ok ? answer.value : refused(answer.error));
      }
      if (what == "embed") {
        const vectors = model.embed(call.options.getStrings("texts"), text);
        return done(vectors.ok ? Json.of<f32[][]>(vectors.value) : refused(vectors.error));
      }
      if (what == "act") {
        const decision = actions.propose(text, call.options);
        if (!decision.ok) return done(refused(decision.error));
        return done(json().set("done", decision.value.done).set("detail", decision.value.detail).set("reason", decision.value.reason));
      }
      if (what == "fetch") {
        const request = new HttpRequest(text, call.options.getString("url")).header("x-a", text).secret("x-b", text);
        request.timeoutMs = 18446744073709551615;
        request.maxBytes = 1;
        if (text != "GET") request.json(call.options);
        const response = text == "" ? http.get("") : request.fetch();
        if (!response.ok) return done(refused(response.error));
        const got = response.value;
        return done(
          json().set("status", got.status).set("ok", got.ok).set("names", got.headerNames).set("values", got.headerValues)
            .set("first", got.header("x-a")).set("none", got.header("x-none")).set("hex", hex(got.body)).set("text", got.text())
            .set("json", got.json().ok),
        );
      }
      if (what == "clock") {
        const now = clock.nowMs();
        const passed = clock.monotonicNs();
        return done(json().set("now", now.ok ? now.value.toString() : now.error.code).set("passed", passed.ok ? passed.value.toString() : passed.error.code));
      }
      if (what == "random") {
        const number = random.nextU64();
        const unit = random.unit();
        const bytes = random.bytes(call.options.getInt("count"));
        return done(
          json().set("number", number.ok ? number.value.toString() : number.error.code).set("unit", unit.or(-1))
            .set("bytes", bytes.ok ? hex(bytes.value) : bytes.error.code),
        );
      }
      if (what == "state") {
        const set = state.set(text, text);
        const got = state.get(text);
        const missing = state.get("");
        const removed = state.remove(text);
        const keys = state.keys();
        if (!keys.ok) return failed(keys.error, "listing keys");
        const value = got.value;
        return done(
          json().set("set", set.ok).set("got", value == null ? "none" : value).set("missing", missing.value == null)
            .set("removed", removed.ok).set("keys", keys.value),
        );
      }
      if (what == "unread") {
        const got = kb.get(text);
        return done(got.value);
      }
      if (what == "bounds") return done(call.input("x").all()[3]);
      if (what == "throw") throw new Error(text);
      if (what == "churn") {
        let joined = "";
        for (let i = 0; i < 20000; i++) joined = (joined + text).substring(0, 4000);
        return done(Json.of<i32>(joined.length));
      }
      return fail("unknown", what);
    }`),
);

const run = async (input: object, answers: Answers = {}) => on(await guest.run({ with: input as never }, answers), "out");
const strange = ["", "a", "é", "😀", "\u0000", '\u2028"\\', "x".repeat(100_000), "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "\uffff\ufeff"];

test("an invocation arrives whole: node, attempt, `with`, messages in order, labels", async () => {
  for (const text of strange) {
    const call = {
      node: text,
      attempt: 2_147_483_647,
      with: { what: "echo", text },
      inputs: [
        { port: text, type: text, body: { [text]: [text] }, labels: [text, "model", ""] },
        { port: "b", type: "t", body: null, labels: [] },
      ],
    };
    expect(on(await guest.run(call), "out")).toEqual({
      node: text,
      attempt: 2_147_483_647,
      with: call.with,
      messages: call.inputs,
    });
  }
});

test("any invocation at all", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const message = fc.record({
    port: text,
    type: text,
    body: fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<any>,
    labels: fc.array(text, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(text, fc.array(message, { maxLength: 8 }), async (node, inputs) => {
      const got = on(await guest.run({ node, attempt: 3, with: { what: "echo" }, inputs }), "out");
      expect(got).toEqual({ node, attempt: 3, with: { what: "echo" }, messages: JSON.parse(JSON.stringify(inputs)) });
    }),
    { numRuns: 60 },
  );
});

test("a port gives its messages in order; one that nothing arrived on gives null and an empty list", async () => {
  const inputs = [1, 2, 3].map((body) => ({ port: body === 2 ? "b" : "a", type: "number.v1", body }));
  const of = async (text: string) => on(await guest.run({ with: { what: "port", text }, inputs }), "out");
  expect(await of("a")).toEqual({ given: true, first: 1, all: [1, 3] });
  expect(await of("b")).toEqual({ given: true, first: 2, all: [2] });
  expect(await of("c")).toEqual({ given: false, first: null, all: [] });
});

test("none, one and ten thousand outputs", async () => {
  for (const count of [0, 1, 10_000]) {
    const outcome = await guest.run({ with: { what: "many", count, text: "number.v1" } });
    expect(outcome).toEqual({
      outputs: Array.from({ length: count }, (_, i) => ({ port: `p${i}`, type: "number.v1", body: i })),
    });
  }
});

test.each([true, false])("outputs that an agent puts into the list itself keep their place", async (first) => {
  const outcome = await guest.run({ with: { what: "pushed", text: "json.v1", first } });
  const outputs = "outputs" in outcome ? outcome.outputs.map(({ port, body }) => [port, body]) : outcome;
  expect(outputs).toEqual([...(first ? [["sent", 1]] : []), ["pushed", [2]], ["again", "3"]]);
});

test("a failure keeps code, message and whether another attempt may help", async () => {
  for (const text of strange)
    for (const retryable of [true, false])
      expect(await guest.run({ with: { what: "fail", code: text, text, retryable } })).toEqual({
        failure: { code: text, message: text, retryable },
      });
});

test("what is not JSON, or too deep, is a failure that says where", async () => {
  expect(await guest.run({ withText: "{" })).toMatchObject({ failure: { code: "input.not-json", retryable: false } });
  const deep = JSON.parse("[".repeat(65) + "]".repeat(65));
  const outcome = await guest.run({ with: {}, inputs: [{ port: "p", type: "t", body: deep }] });
  expect(outcome).toMatchObject({ failure: { code: "input.not-json", message: expect.stringContaining("`p`") } });
});

test("log lines carry level, text and fields", async () => {
  for (const text of strange) {
    await guest.run({ with: { what: "log", text } });
    expect(guest.log).toEqual([
      { level: "trace", message: text, fields: "" },
      { level: "debug", message: text, fields: "{}" },
      { level: "info", message: text, fields: JSON.stringify({ [text]: text }) },
      { level: "warn", message: "", fields: "" },
      { level: "error", message: text, fields: "null" },
    ]);
  }
});

test("kb.search: arguments and hits, none and a thousand", async () => {
  for (const text of strange.slice(0, 6)) {
    const hits = [0, 1, 1000].map((count) =>
      Array.from({ length: count }, (_, i) => ({
        citation: `${text}#${i}`,
        title: text,
        text,
        uri: "",
        domain: text,
        score: i / 3,
      })),
    );
    for (const each of hits) expect(await run({ what: "search", text, limit: 7 }, { "kb.search": () => each })).toEqual(each);
    expect(guest.calls[0]?.args).toEqual([text, { limit: 7, kind: text, domain: text }]);
  }
});

test("kb.get: something, nothing, and what is not JSON", async () => {
  expect(await run({ what: "get", text: "k" }, { "kb.get": () => '{"a":[1]}' })).toEqual({ a: [1] });
  expect(await run({ what: "get", text: "k" }, { "kb.get": () => undefined })).toBeNull();
  expect(await run({ what: "get", text: "k" }, { "kb.get": () => "{" })).toMatchObject({ code: "invalid" });
});

test("kb.query and kb.propose send an object and give rows and an id of 64 bits", async () => {
  expect(await run({ what: "query", text: "ä" }, { "kb.query": (filter: string) => `[${filter}]` })).toEqual([
    { what: "query", text: "ä" },
  ]);
  expect(await run({ what: "propose" }, { "kb.propose": () => 18_446_744_073_709_551_615n })).toBe("18446744073709551615");
  expect(JSON.parse(guest.calls[0]!.args[0])).toEqual({ what: "propose" });
});

test("model.complete: options and counts, and whether the filler answered", async () => {
  const answer = { text: "t😀", model: "local/template", inputTokens: 4_294_967_295, outputTokens: 0 };
  for (const text of strange) {
    expect(await run({ what: "complete", text }, { "model.complete": () => answer })).toEqual({
      text: "t😀",
      model: "local/template",
      in: 4_294_967_295,
      out: 0,
      local: true,
    });
    const local = JSON.stringify({ template: text, data: { what: "complete", text } });
    expect(guest.calls[0]?.args).toEqual([text, { model: text, maxTokens: 4_294_967_295, temperature: 0.7, local }]);
  }
  expect(await run({ what: "complete" }, { "model.complete": () => ({ ...answer, model: "x/local/" }) })).toMatchObject({
    local: false,
  });
});

test("http.fetch: headers of both kinds and the body cross over, and the response comes back", async () => {
  const headers = [
    ["x-a", "1"],
    ["x-a", "ä😀"],
    ["", ""],
  ];
  const answer = { status: 299, headers, body: new TextEncoder().encode("[1]") };
  expect(await run({ what: "fetch", text: "POST", url: "u" }, { "http.fetch": () => answer })).toEqual({
    status: 299,
    ok: true,
    names: ["x-a", "x-a", ""],
    values: ["1", "ä😀", ""],
    first: "1",
    none: "",
    hex: "5b315d",
    text: "[1]",
    json: true,
  });
  expect(guest.calls[0]?.args).toEqual([
    {
      method: "POST",
      url: "u",
      headers: [
        { name: "x-a", value: { tag: "text", val: "POST" } },
        { name: "x-b", value: { tag: "secret", val: "POST" } },
        { name: "content-type", value: { tag: "text", val: "application/json" } },
      ],
      body: new TextEncoder().encode('{"what":"fetch","text":"POST","url":"u"}'),
      timeoutMs: 18_446_744_073_709_551_615n,
      maxBytes: 1n,
    },
  ]);
  const empty = { "http.fetch": () => ({ status: 500, headers: [], body: new Uint8Array(0) }) };
  expect(await run({ what: "fetch" }, empty)).toMatchObject({
    status: 500,
    ok: false,
    names: [],
    hex: "",
    text: "",
    json: false,
  });
  expect(guest.calls[0]?.args).toMatchObject([{ method: "GET", headers: [], timeoutMs: 0n, maxBytes: 0n }]);
  const denied = { "http.fetch": () => refuse("denied", "net") };
  expect(await run({ what: "fetch", text: "GET" }, denied)).toMatchObject({ code: "denied", message: "net" });
});

test("bodies that are no UTF-8 decode as the WHATWG decoder has it", async () => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 12 }),
        fc.array(
          fc.constantFrom(0x41, 0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xa0, 0xed, 0x9f, 0xef, 0xbb, 0xf0, 0x90, 0xf4, 0x8f, 0xff),
          { maxLength: 12 },
        ),
      ),
      async (given) => {
        const body = Uint8Array.from(given);
        const got = await run({ what: "fetch", text: "GET" }, { "http.fetch": () => ({ status: 200, headers: [], body }) });
        expect(got.text).toBe(decoder.decode(body));
      },
    ),
    { numRuns: 60, examples: [[Uint8Array.from(new TextEncoder().encode("aä€😀\ufeff"))]] },
  );
});

test("model.chat and model.embed", async () => {
  const messages = [{ role: "user", content: "hi" }];
  const chat = { "model.chat": (said: string, tools: string) => JSON.stringify({ said: JSON.parse(said), tools }) };
  expect(await run({ what: "chat", messages }, chat)).toEqual({ said: messages, tools: "" });
  expect(await run({ what: "chat", messages, tools: [] }, chat)).toEqual({ said: messages, tools: "[]" });

  const embed = { "model.embed": (texts: string[]) => texts.map((text) => new Float32Array([text.length, 0.5])) };
  const texts = [...strange];
  expect(await run({ what: "embed", text: "m", texts }, embed)).toEqual(texts.map((text) => [text.length, 0.5]));
  expect(guest.calls[0]?.args).toEqual([texts, "m"]);
  expect(await run({ what: "embed", texts: [] }, { "model.embed": () => [] })).toEqual([]);
  expect(await run({ what: "embed", texts: ["a"] }, { "model.embed": () => [new Float32Array(0)] })).toEqual([[]]);
});

test("actions.propose: done with any words, or rejected with the reason", async () => {
  const act = (answer: object) => run({ what: "act", text: "email.send" }, { "actions.propose": () => answer });
  expect(await act({ tag: "done", val: '{"a":1}' })).toEqual({ done: true, detail: { a: 1 }, reason: "" });
  expect(await act({ tag: "done", val: "sent." })).toEqual({ done: true, detail: "sent.", reason: "" });
  expect(await act({ tag: "rejected", val: "no 😀" })).toEqual({ done: false, detail: null, reason: "no 😀" });
});

test("clock and random keep all 64 bits", async () => {
  const all = 2n ** 64n - 1n;
  expect(await run({ what: "clock" }, { "clock.now-ms": () => all, "clock.monotonic-ns": () => 0n })).toEqual({
    now: `${all}`,
    passed: "0",
  });
  const random = { "random.next-u64": () => all, "random.bytes": (count: number) => new Uint8Array(count).fill(0xab) };
  expect(await run({ what: "random", count: 3 }, random)).toEqual({ number: `${all}`, unit: 1 - 2 ** -53, bytes: "ababab" });
  expect(await run({ what: "random", count: 0 }, random)).toMatchObject({ bytes: "" });
  expect((await run({ what: "random", count: 65_536 }, random)).bytes).toHaveLength(131_072);
});

test("state: set, get, nothing there, delete, keys", async () => {
  for (const text of strange.slice(1)) {
    const kept = new Map<string, string>();
    const answers = {
      "state.set": (key: string, value: string) => void kept.set(key, value),
      "state.get": (key: string) => kept.get(key),
      "state.delete": (key: string) => void kept.delete(key),
      "state.keys": () => ["", text],
    };
    expect(await run({ what: "state", text }, answers)).toEqual({
      set: true,
      got: text,
      missing: true,
      removed: true,
      keys: ["", text],
    });
    expect(kept.size).toBe(0);
  }
});

test.each([
  ["denied", 0],
  ["budget-exhausted", 0],
  ["timeout", 0],
  ["cancelled", 0],
  ["invalid", 0],
  ["unavailable", 2 ** 40 + 1],
  ["failed", 0],
] as const)("the error `%s` arrives from every interface with its text", async (code, retry) => {
  for (const message of ["", "because 😀"]) {
    const refusal = () => refuse(code, message, retry);
    const error = { code, message, retry: `${retry}` };
    const table: [object, string][] = [
      [{ what: "search", limit: 1 }, "kb.search"],
      [{ what: "get" }, "kb.get"],
      [{ what: "query" }, "kb.query"],
      [{ what: "propose" }, "kb.propose"],
      [{ what: "complete" }, "model.complete"],
      [{ what: "chat" }, "model.chat"],
      [{ what: "embed" }, "model.embed"],
      [{ what: "act" }, "actions.propose"],
    ];
    for (const [input, name] of table) expect(await run(input, { [name]: refusal }), name).toEqual(error);
    const clock = { "clock.now-ms": refusal, "clock.monotonic-ns": refusal };
    expect(await run({ what: "clock" }, clock)).toEqual({ now: code, passed: code });
    const random = { "random.next-u64": refusal, "random.bytes": refusal };
    expect(await run({ what: "random" }, random)).toEqual({ number: code, unit: -1, bytes: code });
  }
});

test.each([
  [{ what: "unread", text: "k" }, "the value of a failed call was read: denied: no"],
  [{ what: "bounds" }, "Index out of range"],
  [{ what: "throw", text: "wörds" }, "wörds"],
])("%j traps, and the log says why and where", async (input, says) => {
  await expect(guest.run({ with: input }, { "kb.get": () => refuse("denied", "no") })).rejects.toThrow("unreachable");
  expect(guest.log).toHaveLength(1);
  expect(guest.log[0]).toMatchObject({ level: "error", fields: "" });
  expect(guest.log[0]!.message).toContain(says);
  expect(guest.log[0]!.message).toMatch(/ at (agent|~lib\/.+)\.ts:\d+:\d+$/);
});

test("garbage is collected: 300 MB of joined text fit a memory of 4 MiB", async () => {
  expect(await run({ what: "churn", text: "x".repeat(50) })).toBe(4000);
  expect(guest.memoryBytes()).toBeGreaterThan(0);
  expect(guest.memoryBytes()).toBeLessThan(4 << 20);
});
