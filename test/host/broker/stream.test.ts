/** Answers in chunks: what a service may do to whoever reads them, and what a reader may do to the service. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { Chunks } from "#host/broker/chunks.js";
import { localProvider } from "#host/broker/local.js";
import { Outgoing } from "#host/broker/openai-stream.js";
import { openAiProvider } from "#host/broker/openai.js";
import type { CompletionRequest, Usage } from "#host/broker/provider.js";
import { CallFailure } from "#host/imports/interface.js";

const KEY = "sk-canary-1234567890";
const USAGE = { inputTokens: 3, outputTokens: 4 };
const request: CompletionRequest = {
  model: "tiny",
  messages: [{ role: "user", content: "Say hello." }],
  tools: [],
  maxTokens: 50,
  temperature: 0,
  local: null,
};
const never = new AbortController().signal;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function service(handler: (res: ServerResponse, req: IncomingMessage, body: string) => void, timeoutMs = 5000) {
  server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += String(chunk);
    handler(res, req, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return openAiProvider({
    name: "test",
    baseUrl: `http://127.0.0.1:${port}/v1`,
    apiKey: KEY,
    keyVariable: "K",
    timeoutMs,
    maxRetries: 0,
    price: () => null,
  });
}

const part = (delta: object, more: object = {}): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "tiny", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
const says = (content: string): string => part({ content });
const usage = (prompt: unknown, completion: unknown): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "tiny", choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: 0 } })}\n\n`;
const stop = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "tiny", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`;
const DONE = "data: [DONE]\n\n";
const begin = (res: ServerResponse): ServerResponse => res.writeHead(200, { "content-type": "text/event-stream" });

async function whole(source: AsyncGenerator<string, Usage>): Promise<{ text: string; usage: Usage }> {
  let text = "";
  for (;;) {
    const { done, value } = await source.next();
    if (done) return { text, usage: value };
    text += value;
  }
}
const fault = async (work: Promise<unknown>): Promise<CallFailure["error"]> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CallFailure);
  expect((error as CallFailure).message).not.toContain(KEY);
  return (error as CallFailure).error;
};

test.each<[string, (res: ServerResponse) => void, object]>([
  [
    "a refusal",
    (res) => res.writeHead(401).end(`no ${KEY}`),
    { code: "failed", message: expect.stringContaining("refused the key") },
  ],
  [
    "too many requests",
    (res) => res.writeHead(429, { "retry-after": "2" }).end("{}"),
    { code: "unavailable", retry_after_ms: 2000 },
  ],
  ["a redirect", (res) => res.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), { code: expect.any(String) }],
  ["nothing at all", (res) => begin(res).flushHeaders(), { code: "timeout" }],
  ["a beginning, and then nothing", (res) => void begin(res).write(says("He")), { code: "timeout" }],
  [
    "a beginning, and then a broken line",
    (res) => begin(res).write(says("He"), () => res.destroy()),
    { code: expect.any(String) },
  ],
  ["what is no event", (res) => begin(res).end("data: {broken\n\n"), { code: "failed" }],
])("a service that gives %s", async (_, handler, expected) => {
  // Only where it is waited for: a busy machine answers late.
  const api = await service(handler, "code" in expected && expected.code === "timeout" ? 400 : 60_000);
  expect(await fault(whole(api.stream!(request, never)))).toMatchObject(expected);
});

test("a stream without end ends at the bytes that an answer may have", async () => {
  const api = await service((res) => {
    begin(res);
    const more = (): void => {
      while (!res.destroyed && res.write(says("x".repeat(100_000))));
      if (!res.destroyed) res.once("drain", more);
    };
    more();
  });
  expect(await fault(whole(api.stream!(request, never)))).toMatchObject({
    code: "failed",
    message: expect.stringContaining("bytes"),
  });
});

test("text, usage and the key that a service repeats in pieces", async () => {
  const bodies: string[] = [];
  const api = await service((res, _req, body) => {
    bodies.push(body);
    begin(res).write(part({ role: "assistant", content: "" }));
    for (const char of `Your key is ${KEY}, `) res.write(says(char));
    res.write(says("he\ud83d"));
    res.end(says("\ude00llo") + stop + usage(7, 9) + DONE);
  });
  const { text, usage: used } = await whole(api.stream!(request, never));
  expect(text.replaceAll("\ufffd", "")).toMatch(/^Your key is \[key\], he.*llo$/u);
  expect(used).toEqual({ inputTokens: 7, outputTokens: 9 });
  expect(JSON.parse(bodies[0] ?? "")).toMatchObject({ stream: true, stream_options: { include_usage: true }, max_tokens: 50 });
});

test.each([
  ["none", ""],
  ["nonsense", usage(-1, "many")],
])("usage that is %s counts as the worst case", async (_, told) => {
  const api = await service((res) => begin(res).end(says("Hello there, friend.") + stop + told + DONE));
  const { usage: used } = await whole(api.stream!(request, never)).catch(() => ({ usage: { inputTokens: 0, outputTokens: 0 } }));
  const total = used.inputTokens + used.outputTokens;
  const worst = api.worstCase(request);
  expect(total).toBeLessThanOrEqual(worst.inputTokens + worst.outputTokens);
  if (told === "") expect(used.outputTokens).toBe(50);
});

test("who stops reading stops the request", async () => {
  const gone = Promise.withResolvers<void>();
  const api = await service((res) => {
    begin(res).write(says("one".repeat(50)));
    res.on("close", () => gone.resolve());
  });
  const cut = new AbortController();
  const chunks = new Chunks(api.stream!(request, cut.signal));
  expect(await chunks.next()).toBe("one".repeat(50).slice(0, 128));
  cut.abort();
  await chunks.close();
  await gone.promise;
});

test("the local provider streams the same text that it completes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 300 }), async (name) => {
      const local = { ...request, local: { template: "Hello {{name}}!", data: { name } } };
      const { text, usage: used } = await whole(localProvider.stream!(local, never));
      const complete = await localProvider.complete(local, never);
      expect(text).toBe(complete.text);
      expect(used).toEqual(localProvider.worstCase(local));
    }),
  );
});

test("chunks end where the text says and not where the network does: never within a character, and nothing is lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 3000 }),
      async (text, times) => {
        const all = text.repeat(times);
        const chunks = new Chunks(
          (async function* () {
            for (const unit of all.split("")) yield unit;
            return USAGE;
          })(),
        );
        let got = "";
        for (;;) {
          const chunk = await chunks.next();
          if (typeof chunk !== "string") break;
          expect(chunk.isWellFormed()).toBe(true);
          expect(chunk.length === 128 || chunk.length === 129 || got.length + chunk.length === all.length).toBe(true);
          got += chunk;
        }
        expect(got).toBe(all);
      },
    ),
    { numRuns: 20 },
  );
});

test("a provider is not read ahead of its reader without end", async () => {
  let made = 0;
  const chunks = new Chunks(
    (async function* () {
      for (;;) {
        made++;
        yield "x".repeat(1000);
      }
    })(),
  );
  await chunks.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(made).toBeLessThan(200);
  await chunks.close();
});

test("the key does not get out, however it is cut up", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(KEY), fc.constantFrom("sk-", "canary", "sk-can", "x", "")), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (parts, cuts) => {
        const text = parts.join("");
        const outgoing = new Outgoing(KEY);
        let got = "";
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const step = cuts[turn % cuts.length] as number;
          got += outgoing.push(text.slice(at, at + step));
          at += step;
        }
        got += outgoing.end();
        expect(got).toBe(text.replaceAll(KEY, "[key]"));
      },
    ),
  );
});
