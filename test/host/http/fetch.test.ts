/** `http.fetch` as an attempt makes it: what only looks is answered, what changes something is decided, journaled and done once. */
import { afterEach, describe, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import type { RunEventOf } from "#core/events.js";
import type { Json } from "#core/json.js";
import { httpFunctions } from "#host/imports/http.js";
import type { ActionDesk } from "#host/imports/actions.js";
import type { Decision } from "#host/run/contract.js";
import { agent, attempt, MemoryJournal, recordedIn, says, type Guest } from "../run/world.js";
import {
  ANOTHER,
  closeServers,
  guestRequest,
  PUBLIC,
  rule,
  serve,
  speak,
  world,
  type Asked,
  type World,
  type WorldOptions,
} from "./world.js";

afterEach(closeServers);

const asking =
  (...asked: (Partial<Asked> | Json)[]): Guest =>
  async (_spec, hooks) => {
    const answers = [];
    for (const [seq, one] of asked.entries()) {
      const args = [
        one !== null && typeof one === "object" && "raw" in one
          ? (one.raw as Json)
          : (guestRequest(one as Partial<Asked>) as unknown as Json),
      ];
      answers.push(await hooks.call({ seq, interface: "http", function: "fetch", args, fuel: 7 + seq }));
    }
    return says(JSON.stringify(answers));
  };

const yes: Decision = { decision: "approved", by: "user" };
function run(
  options: WorldOptions & {
    readonly guest: Guest;
    readonly journal?: MemoryJournal;
    readonly desk?: Partial<ActionDesk>;
    readonly again?: boolean;
    readonly limits?: object;
    readonly gate?: World["gate"];
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  },
) {
  const journal = options.journal ?? new MemoryJournal();
  const desk: ActionDesk = {
    kinds: new Map(),
    decider: { ask: async () => yes },
    needsDecision: () => true,
    decided: () => null,
    decide: async (draft) => ((await journal.append([draft]))[0] as RunEventOf<"action.decided">).meta,
    expiryMs: 60_000,
    storeBlob: (bytes) => blake3(bytes),
    ...options.desk,
  };
  return attempt({
    guests: [options.guest],
    functions: httpFunctions(options.gate ?? world(options).gate, desk),
    agent: agent(
      { net: [rule("api.example.com"), rule("*.example.net")], secrets: [{ id: "token", hosts: ["api.example.com"] }] },
      { limits: { memory_mib: 64, fuel: 1e9, wall_ms: 60_000, ...options.limits } },
    ),
    journal,
    ...(options.again && { recorded: recordedIn(journal) }),
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    ...(options.signal && { signal: options.signal }),
  });
}
const calls = (journal: MemoryJournal) =>
  journal.events
    .filter((event): event is RunEventOf<"call.finished"> => event.kind === "call.finished")
    .map((event) => event.meta);
const response = (journal: MemoryJournal): any =>
  (calls(journal).at(-1) as unknown as { response: { value: Json } }).response.value;
const outcomes = (journal: MemoryJournal) =>
  journal.events.flatMap((event) => (event.kind === "action.finished" ? [event.meta.outcome] : []));

test("a GET is answered directly, in the JSON of its WIT type, with the host it came from as label", async () => {
  const server = await serve((_, reply) => reply.writeHead(200, { "x-a": "1" }).end(Buffer.from([0, 255])));
  const { journal, end } = await run({ guest: asking({}), to: { [PUBLIC]: server.port } });
  expect(journal.kinds()).toEqual(["call.finished"]);
  expect(calls(journal)[0]).toMatchObject({ interface: "http", labels: ["untrusted:api.example.com"], decision: "allowed" });
  expect(response(journal).ok).toMatchObject({ status: 200, body: Buffer.from([0, 255]).toString("base64") });
  expect(response(journal).ok.headers).toContainEqual(["x-a", "1"]);
  expect(end).toMatchObject({ status: "ok", outputs: [{ labels: ["untrusted:api.example.com"] }] });
});

test("a denial is an event with host and reason, and the call's answer", async () => {
  const { journal } = await run({ guest: asking({ url: "http://evil.example/" }) });
  expect(journal.kinds()).toEqual(["cap.denied", "call.finished"]);
  expect((journal.events[0] as RunEventOf<"cap.denied">).meta).toMatchObject({
    cap: "net",
    op: "http.fetch",
    target: "evil.example",
  });
  expect(calls(journal)[0]).toMatchObject({ decision: "denied" });
});

test.each<[string, Json]>([
  ["no record", "x"],
  ["a member too many", { ...guestRequest({}), more: 1 } as unknown as Json],
  [
    "a value of another kind",
    { ...guestRequest({}), headers: [{ name: "a", value: { tag: "raw", val: "x" } }] } as unknown as Json,
  ],
  ["a body that is not base64", { ...guestRequest({ method: "POST" }), body: "%%%%" } as unknown as Json],
  ["a negative time", { ...guestRequest({}), timeout_ms: -1 } as unknown as Json],
])("arguments that do not fit are invalid: %s", async (_, raw) => {
  const { journal } = await run({ guest: asking({ raw } as Json) });
  expect(response(journal).err.code).toBe("invalid");
});

test("the number of requests of an attempt is limited, by the manifest or the host, and the limit is an event", async () => {
  const server = await serve((_, reply) => reply.end("x"));
  const { journal } = await run({ guest: asking({}, {}, {}), to: { [PUBLIC]: server.port }, limits: { http_requests: 2 } });
  expect(server.seen).toHaveLength(2);
  expect(journal.kinds()).toEqual(["call.finished", "call.finished", "limit.hit", "call.finished"]);
  expect((journal.events[2] as RunEventOf<"limit.hit">).meta).toMatchObject({ limit: "http_requests", value: 3, ceiling: 2 });
  // A resumed attempt has made its requests already.
  journal.events.pop();
  journal.events.pop();
  await run({ guest: asking({}, {}, {}), to: { [PUBLIC]: server.port }, limits: { http_requests: 2 }, journal, again: true });
  expect(server.seen).toHaveLength(2);
  expect(response(journal).err.code).toBe("failed");
});

test("a body over the manifest's limit is a failure with its event", async () => {
  const server = await serve((_, reply) => reply.end("x".repeat(2000)));
  const { journal } = await run({ guest: asking({}), to: { [PUBLIC]: server.port }, limits: { http_response_bytes: 1000 } });
  expect(journal.kinds()).toEqual(["limit.hit", "call.finished"]);
  expect((journal.events[0] as RunEventOf<"limit.hit">).meta).toMatchObject({ limit: "http_response_bytes", ceiling: 1000 });
});

describe("a request that changes something", () => {
  const post: Partial<Asked> = {
    method: "POST",
    url: "http://api.example.com/orders",
    headers: { "content-type": "text/plain" },
    body: "one",
  };

  test("is proposed, decided, started, and only then sent, with the journal's idempotency key", async () => {
    const journal = new MemoryJournal();
    const server = await serve((_, reply) => reply.writeHead(201).end(`after ${journal.kinds().join(" ")}`));
    await run({ guest: asking(post), to: { [PUBLIC]: server.port }, journal });
    expect(journal.batches.map((batch) => batch.map((draft) => draft.kind))).toEqual([
      ["action.proposed", "node.waiting"],
      ["action.decided"],
      ["call.started"],
      ["action.finished", "call.finished"],
    ]);
    expect(Buffer.from(response(journal).ok.body, "base64").toString()).toBe(
      "after action.proposed node.waiting action.decided call.started",
    );
    const started = journal.events.find((event) => event.kind === "call.started") as RunEventOf<"call.started">;
    expect(started.meta).toMatchObject({ interface: "http", function: "fetch" });
    expect(server.seen[0]?.headers["idempotency-key"]).toBe(started.meta.idempotency_key);
    expect(calls(journal)[0]?.labels).toEqual(["untrusted:api.example.com"]);
    expect(outcomes(journal)).toEqual(["done"]);
  });

  test("rejected: denied with the reason, and nothing is sent; nobody there: the attempt parks", async () => {
    const server = await serve((_, reply) => reply.end());
    const { journal } = await run({
      guest: asking(post),
      to: { [PUBLIC]: server.port },
      desk: { decider: { ask: async () => ({ decision: "rejected", by: "user", reason: "not today" }) } },
    });
    expect(response(journal).err).toMatchObject({ code: "denied", message: "not today" });
    const { end, journal: parked } = await run({
      guest: asking(post),
      to: { [PUBLIC]: server.port },
      desk: { decider: { ask: async () => null } },
    });
    expect([end.status, parked.kinds()]).toEqual(["parked", ["action.proposed", "node.waiting"]]);
    expect(server.seen).toEqual([]);
  });

  test("what may not be sent is refused before anybody is asked", async () => {
    for (const wrong of [
      { ...post, url: "http://evil.example/" },
      { ...post, headers: { host: "evil.example" } },
      { ...post, headers: { "x-key": { secret: "token" } } }, // not encrypted
      { ...post, url: "https://api.example.com/", headers: { "x-key": { secret: "token" } } }, // no value
      { ...post, url: "https://b.example.net/", headers: { "x-key": { secret: "token" } } },
    ]) {
      const { journal } = await run({
        guest: asking(wrong),
        desk: { decider: { ask: () => Promise.reject(new Error("asked")) } },
      });
      expect(journal.kinds()).not.toContain("action.proposed");
    }
  });

  test("is shown whole: URL, headers, secrets by their ids, every line of the body with its hidden characters", async () => {
    let shown = "";
    const canary = "canary-value-93b1c5f0";
    const ask: ActionDesk["decider"]["ask"] = async ({ text }) => {
      shown = text;
      return { decision: "rejected", by: "user" };
    };
    const body = `first\nlast \u202eevil\u001b[2J\n${"long ".repeat(20_000)}end`;
    const { journal } = await run({
      guest: asking({
        method: "PUT",
        url: "https://api.example.com/ü?q=1",
        headers: { authorization: { secret: "token" }, "x-note": "hello" },
        body,
      }),
      secrets: { token: canary },
      desk: { decider: { ask } },
    });
    expect(shown).toContain("PUT https://api.example.com/%C3%BC?q=1");
    expect(shown).toContain("authorization: [the secret token]");
    expect(shown).toContain("x-note: hello");
    expect(shown).toContain("last \\u{202e}evil\\e[2J");
    expect(shown.endsWith("end")).toBe(true);
    expect(shown + JSON.stringify(journal.events)).not.toContain(canary);
    await run({ guest: asking({ ...post, body: "\u0080" }), desk: { decider: { ask } } });
    expect(shown).toContain("NOT encrypted");
    const bytes = { ...guestRequest(post), body: Buffer.from([0, 255, 16]).toString("base64") } as unknown as Json;
    await run({ guest: asking({ raw: bytes } as Json), desk: { decider: { ask } } });
    expect(shown).toContain("00ff10");
  });

  test("an approval is bound to all of it: method, URL, headers, secret, body, and the hosts of the secret", async () => {
    const hashOf = async (change: Partial<Asked>): Promise<string> => {
      const asked = { ...post, url: "https://api.example.com/orders", ...change };
      const { journal } = await run({
        guest: asking(asked),
        secrets: { token: "abcdefgh1234" },
        desk: { decider: { ask: async () => null } },
      });
      return (journal.events[0] as RunEventOf<"action.proposed">).meta.args_hash;
    };
    const hashes = await Promise.all(
      [
        {},
        { method: "PUT" },
        { url: "https://api.example.com/orders?x" },
        { body: "two" },
        { headers: {} },
        { headers: { "content-type": { secret: "token" } } },
        { timeoutMs: 1 },
      ].map(hashOf),
    );
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(await hashOf({})).toBe(hashes[0]);
  });

  test("it is not done again elsewhere: a 307 comes back to the agent", async () => {
    const other = await serve((_, reply) => reply.end());
    const server = await serve((_, reply) => reply.writeHead(307, { location: "http://b.example.net/" }).end());
    const { journal } = await run({
      guest: asking(post),
      names: { "api.example.com": [PUBLIC], "b.example.net": [ANOTHER] },
      to: { [PUBLIC]: server.port, [ANOTHER]: other.port },
    });
    expect(response(journal).ok.status).toBe(307);
    expect(other.seen).toEqual([]);
  });

  describe("the host dies", () => {
    test.each([
      [1, "done", 1, 1],
      [2, "done", 1, 1],
      [3, "done", 0, 1],
      // It may have been sent: nothing is sent again without a person.
      [4, "unknown", 0, 0],
    ])("after event %i: %s, asked %i times more, sent %i times more", async (count, outcome, questions, requests) => {
      const server = await serve((_, reply) => reply.end("ok"));
      const whole = (await run({ guest: asking(post), to: { [PUBLIC]: server.port } })).journal;
      const before = server.seen.length;
      const journal = new MemoryJournal();
      journal.events.push(...whole.events.slice(0, count));
      let asked = 0;
      await run({
        guest: asking(post),
        to: { [PUBLIC]: server.port },
        journal,
        again: true,
        desk: { decider: { ask: async () => (asked++, yes) } },
      });
      expect([outcomes(journal).at(-1), asked, server.seen.length - before]).toEqual([outcome, questions, requests]);
      if (outcome === "unknown") expect(response(journal).err).toMatchObject({ code: "failed", message: /not known/ });
      else expect(server.seen.at(-1)?.headers["idempotency-key"]).toBe(server.seen[0]?.headers["idempotency-key"]);
    });
  });

  test("no answer, half an answer, too late: whether it happened is unknown, and says so; never reached: it failed", async () => {
    for (const [port, timeoutMs, code, outcome] of [
      [await speak((socket) => socket.destroy()), 0, "unavailable", "unknown"],
      [await speak(() => {}), 400, "timeout", "unknown"],
      [1, 0, "unavailable", "failed"],
    ] as const) {
      const { journal } = await run({ guest: asking({ ...post, timeoutMs }), to: { [PUBLIC]: port } });
      expect(response(journal).err.code).toBe(code);
      expect(outcomes(journal)).toEqual([outcome]);
    }
  });

  test("an attempt that is stopped in the middle leaves the outcome as unknown, once, also when it is resumed", async () => {
    const journal = new MemoryJournal();
    const stop = new AbortController();
    const port = await speak(() => stop.abort(new Error("interrupted")));
    await run({ guest: asking(post), to: { [PUBLIC]: port }, journal, signal: stop.signal }).catch(() => {});
    expect([outcomes(journal), calls(journal)]).toEqual([["unknown"], []]);
    const server = await serve((_, reply) => reply.end());
    await run({ guest: asking(post), to: { [PUBLIC]: server.port }, journal, again: true });
    expect(outcomes(journal)).toEqual(["unknown"]);
    expect(server.seen).toEqual([]);
    expect(response(journal).err.code).toBe("failed");
  });
});
