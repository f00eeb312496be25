/** Agents in JavaScript that misbehave, and one that uses what there is: built once, run in jco's plain mode. */
import { beforeAll, describe, expect, test } from "vitest";
import { buildScript } from "#sdk/build/source.js";
import { load, on, refuse, type Answers, type Guest, type GuestCall, type GuestOutcome } from "../guest.js";

/** What the agent does is the case's name in `with`. */
const SCRIPT = `
import { actions, clock, fail, HostError, http, kb, log, message, model, random, several, state } from "runloop";

let kept = 0;
const cases = {
  "throws a text": () => { throw "plainly" },
  "throws null": () => { throw null },
  "throws nothing": () => { throw undefined },
  "throws an object": () => { throw { code: "x", message: "y", retryable: true } },
  "throws an error with a bad message": () => { throw Object.defineProperty(new Error(), "message", { get() { throw 1 } }) },
  "throws a failure": () => { throw fail("mine.code", "why", { retryable: true }) },
  "rejects later": async () => { await null; throw new RangeError("later") },
  "a timer throws": () => new Promise(() => setTimeout(() => { throw new Error("in a timer") }, 5)),
  "never settles": () => new Promise(() => {}),
  "a timer for ever, but done": async () => { setInterval(() => kept++, 1); await new Promise((done) => setTimeout(done, 10)); return { out: kept } },
  "timers in order": async () => {
    const seen = [];
    const at = (ms) => new Promise((done) => setTimeout(() => { seen.push(ms); done() }, ms));
    const gone = setTimeout(() => seen.push("gone"), 1);
    clearTimeout(gone);
    await Promise.all([at(30), at(10), at(20)]);
    return { out: seen };
  },
  "a rejection that nobody awaits": () => { void Promise.reject(new Error("nobody")); return { out: "went on" } },
  "a getter that throws": () => ({ out: { get x() { throw new Error("from a getter") } } }),
  "a cycle": () => { const a = {}; a.a = a; return { out: a } },
  "a BigInt": () => ({ out: 1n }),
  "a thenable": () => ({ then(done) { done({ out: "from then" }) } }),
  "half a character": () => ({ out: "a\\ud800" }),
  "an unknown port": () => ({ elsewhere: 1 }),
  "a huge text": () => ({ out: "é".repeat(400_000) }),
  "no outputs": () => {},
  "a failure given back": async () => fail("mine.given", "back"),
  "inputs": (call) => ({ out: { inputs: call.inputs, all: call.all("a"), messages: call.messages, options: call.with, polluted: {}.polluted, proto: Object.getPrototypeOf(call.with) === Object.prototype } }),
  "prototypes": () => { Object.prototype.toJSON = () => "polluted"; return { out: { a: 1 } } },
  "globals": async () => ({ out: {
    date: [new Date().toISOString(), Date.now(), typeof Date(), new Date(0).toISOString(), new (class extends Date {})(5).getTime(), new Date(2026, 0, 1).getTimezoneOffset(), Date.UTC(2026, 0)],
    elapsed: performance.now(),
    drawn: [Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(3))]],
    text: new TextDecoder().decode(new TextEncoder().encode("é😀\\ud800")),
    url: new URL("?q=é", "https://example.com/a").href,
    clone: structuredClone(new Map([["a", { b: [1] }]])).get("a"),
    base64: atob(btoa("hi")),
    micro: await new Promise((done) => queueMicrotask(() => done("micro"))),
    iterated: Array.from(new Set([1, 2]), (x) => x * 2),
  } }),
  "fetches": async () => {
    const response = await fetch("https://api.example.com/x?y=1", { method: "POST", headers: { Authorization: { secret: "api/token" }, Accept: "a/b" }, body: JSON.stringify({ ä: 1 }), timeoutMs: 5 });
    return { out: [response.status, response.ok, response.headers.get("X-A"), await response.json()] };
  },
  "fetch is denied": async () => { try { await fetch("https://elsewhere.example/"); } catch (error) { return { out: [error instanceof HostError, error.code, error.message, error.retryable] } } },
  "console": () => { console.log("a", 1, { b: [null] }, undefined); console.error(new Error("shown")); console.assert(false, "no"); const c = {}; c.c = c; console.warn(c); return {} },
  "calls": async () => {
    state.set("k", { a: [1] });
    const first = state.get("k");
    state.delete("k");
    return { out: several(first, message(7, "number.v1"), [state.get("missing"), state.keys()].length,
      await kb.search("q", { limit: 3 }), await kb.get("contact:1"), await kb.get("none"), await kb.query({ kind: "contact" }), await kb.propose({ kind: "note.added" }),
      (await model.complete("hi")).text, (await model.chat([{ role: "user", content: "x" }])).toolCalls, await model.embed(["a"]),
      await actions.propose("email.send", { to: "a" }), clock.now(), random.below(10) < 10) };
  },
  "uncaught": () => kb.search("q"),
  "caught": async () => { try { await model.complete("x") } catch (error) { return { out: [error.name, error.code, error.retryAfterMs, error.retryable, error instanceof Error] } } },
};
export default function agent(call) {
  kept++;
  return cases[call.with.case](call);
}`;

let guest: Guest;
beforeAll(async () => {
  guest = await load(await buildScript(SCRIPT));
});
const run = (name: string, answers: Answers = {}, call: GuestCall = {}): Promise<GuestOutcome> =>
  guest.run({ ...call, with: { case: name, ...(call.with as object) } }, answers);

const failed = (code: string, message: string | RegExp, retryable = false) => ({
  failure: { code, message: typeof message === "string" ? message : expect.stringMatching(message), retryable },
});

describe("an agent that ends badly gives a failure, never a trap", () => {
  test.each([
    ["throws a text", failed("agent.error", "the agent threw a string: plainly")],
    ["throws null", failed("agent.error", "the agent threw null")],
    ["throws nothing", failed("agent.error", "the agent threw undefined")],
    ["throws an object", failed("agent.error", "the agent threw an object of class Object")],
    ["throws an error with a bad message", failed("agent.error", "the agent threw something that cannot be told")],
    ["throws a failure", failed("mine.code", "why", true)],
    ["a failure given back", failed("mine.given", "back")],
    ["rejects later", failed("agent.error", "RangeError: later")],
    ["a timer throws", failed("agent.error", "Error: in a timer")],
    ["never settles", failed("agent.unsettled", /a promise that nothing will ever settle/)],
    ["a getter that throws", failed("agent.output", "from a getter")],
    ["a cycle", failed("agent.output", "out.a: it contains itself")],
    ["a BigInt", failed("agent.output", "out: a BigInt is no JSON value")],
    ["an unknown port", failed("agent.output", /no such port; it has: out/)],
    ["no such case", failed("agent.error", /TypeError: .*function/)],
  ])("%s", async (name, outcome) => expect(await run(name)).toEqual(outcome));

  test("an error is logged with its stack", async () => {
    await run("rejects later");
    expect(guest.log).toEqual([
      { level: "error", message: "RangeError: later", fields: expect.stringContaining("rejects later") },
    ]);
  });
});

describe("what is odd and fine", () => {
  test.each([
    ["a thenable", "from then"],
    ["a rejection that nobody awaits", "went on"],
    ["half a character", "a\ufffd"],
    ["timers in order", [10, 20, 30]],
    ["a huge text", "é".repeat(400_000)],
  ])("%s", async (name, value) => expect(on(await run(name), "out")).toEqual(value));

  test("nothing to give", async () => expect(await run("no outputs")).toEqual({ outputs: [] }));
  test("an interval does not keep an agent that is done", async () =>
    expect(on(await run("a timer for ever, but done"), "out")).toBeGreaterThan(5));

  test("a change of prototypes stays in its own instance", async () => {
    expect(on(await run("prototypes"), "out")).toBe("polluted");
    expect(on(await run("a thenable"), "out")).toBe("from then");
  });
});

test("inputs: by port, in order, with types and labels; members called __proto__ are members", async () => {
  const inputs = [
    { port: "a", type: "json.v1", body: JSON.parse('{"__proto__": {"polluted": true}}') },
    { port: "a", type: "text.v1", body: "two", labels: ["model"] },
    { port: "constructor", type: "text.v1", body: "three" },
  ];
  const given = on(await run("inputs", {}, { inputs, with: JSON.parse('{"__proto__": {"polluted": true}, "x": 1}') }), "out");
  expect(JSON.stringify(given.inputs)).toBe('{"a":{"__proto__":{"polluted":true}},"constructor":"three"}');
  expect(given.all[1]).toBe("two");
  expect(given.messages[1]).toEqual({ port: "a", type: "text.v1", value: "two", labels: ["model"] });
  expect([given.polluted, given.proto, given.options.x]).toEqual([undefined, true, 1]);
});

const clockAndRandom: Answers = {
  "clock.now-ms": () => 1_700_000_000_000n,
  "clock.monotonic-ns": () => 1_500_000n,
  "random.bytes": (length: number) => new Uint8Array(length).fill(0xff),
};

test("globals: the run's clock and seed, and what needs neither", async () => {
  expect(on(await run("globals", clockAndRandom), "out")).toEqual({
    date: ["2023-11-14T22:13:20.000Z", 1_700_000_000_000, "string", "1970-01-01T00:00:00.000Z", 5, 0, 1_767_225_600_000],
    elapsed: 1.5,
    drawn: [1 - 2 ** -53, "ffffffff-ffff-4fff-bfff-ffffffffffff", [255, 255, 255]],
    text: "é😀\ufffd",
    url: "https://example.com/a?q=%C3%A9",
    clone: { b: [1] },
    base64: "hi",
    micro: "micro",
    iterated: [2, 4],
  });
});

test("fetch: the request as it is, a secret by its id, the answer as a Response", async () => {
  const body = new TextEncoder().encode('{"é":2}');
  const out = on(
    await run("fetches", {
      "http.fetch": () => ({
        status: 201,
        headers: [
          ["x-a", "1"],
          ["x-a", "2"],
        ],
        body,
      }),
    }),
    "out",
  );
  expect(out).toEqual([201, true, "1, 2", { é: 2 }]);
  const [asked] = guest.calls[0]!.args;
  expect({
    ...asked,
    body: new TextDecoder().decode(asked.body),
    timeoutMs: Number(asked.timeoutMs),
    maxBytes: Number(asked.maxBytes),
  }).toEqual({
    method: "POST",
    url: "https://api.example.com/x?y=1",
    headers: [
      { name: "authorization", value: { tag: "secret", val: "api/token" } },
      { name: "accept", value: { tag: "text", val: "a/b" } },
      { name: "content-type", value: { tag: "text", val: "text/plain;charset=UTF-8" } },
    ],
    body: '{"ä":1}',
    timeoutMs: 5,
    maxBytes: 0,
  });
  const denied = await run("fetch is denied", { "http.fetch": () => refuse("denied", "the grant does not name it") });
  expect(on(denied, "out")).toEqual([true, "denied", "fetching https://elsewhere.example/: the grant does not name it", false]);
});

test("the console is the log", async () => {
  await run("console");
  expect(guest.log.map(({ level, message }) => [level, message.split("\n")[0]])).toEqual([
    ["info", 'a 1 {"b":[null]} undefined'],
    ["error", "Error: shown"],
    ["error", "assertion failed: no"],
    ["warn", "an object of class Object"],
  ]);
});

test("every interface: arguments and results in the language's own forms", async () => {
  const store = new Map<string, string>();
  const hit = { citation: "1#0", title: "T", text: "x", uri: "u", domain: "notes", score: 0.5 };
  const outcome = await run("calls", {
    ...clockAndRandom,
    "state.set": (key: string, value: string) => void store.set(key, value),
    "state.get": (key: string) => store.get(key),
    "state.delete": (key: string) => void store.delete(key),
    "state.keys": () => [...store.keys()],
    "kb.search": () => [hit],
    "kb.get": (key: string) => (key === "none" ? undefined : '{"name":"Ada"}'),
    "kb.query": () => "[1]",
    "kb.propose": () => 12n,
    "model.complete": () => ({ text: "hello", model: "local/template", inputTokens: 1, outputTokens: 2 }),
    "model.chat": () =>
      JSON.stringify({ text: "", tool_calls: [{ name: "t" }], model: "m", usage: { input_tokens: 1, output_tokens: 1 } }),
    "model.embed": () => [Float32Array.of(0.5)],
    "actions.propose": () => ({ tag: "rejected", val: "no" }),
  });
  if ("failure" in outcome) throw new Error(outcome.failure.message);
  expect(outcome.outputs.map(({ body }) => body)).toEqual([
    { a: [1] },
    7,
    2,
    [hit],
    { name: "Ada" },
    null,
    [1],
    12,
    "hello",
    [{ name: "t" }],
    [[0.5]],
    { done: false, reason: "no" },
    1_700_000_000_000,
    true,
  ]);
  expect(outcome.outputs[1]!.type).toBe("number.v1");
  expect(guest.calls.find(({ name }) => name === "kb.search")!.args).toEqual(["q", { limit: 3, kind: "", domain: "" }]);
});

test("a host's error: caught with its code, uncaught a failure of the attempt", async () => {
  const away: Answers = {
    "kb.search": () => refuse("unavailable", "away", 250),
    "model.complete": () => refuse("unavailable", "busy", 250),
  };
  expect(await run("uncaught", away)).toEqual(failed("call.unavailable", "away", true));
  expect(on(await run("caught", away), "out")).toEqual(["HostError", "unavailable", 250, true, true]);
});
