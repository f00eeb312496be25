import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { openAiProvider } from "#host/broker/openai.js";
import type { CompletionRequest, Provider } from "#host/broker/provider.js";
import { CallFailure } from "#host/imports/interface.js";

const request: CompletionRequest = {
  model: "tiny",
  messages: [{ role: "user", content: "Say hello." }],
  tools: [],
  maxTokens: 50,
  temperature: 0,
  local: null,
};
const KEY = "sk-canary-1234567890";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

type Handler = (req: IncomingMessage, res: ServerResponse, body: string, hits: number) => void;

/** A real HTTP server on the loopback, speaking what a provider might. */
async function provider(handler: Handler, options: { timeoutMs?: number; maxRetries?: number } = {}) {
  const seen = { hits: 0, bodies: [] as string[], auth: [] as (string | undefined)[] };
  server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += String(chunk);
    seen.hits++;
    seen.bodies.push(body);
    seen.auth.push(req.headers.authorization);
    handler(req, res, body, seen.hits);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    port,
    api: openAiProvider({
      name: "test",
      baseUrl: `http://127.0.0.1:${port}/v1`,
      apiKey: KEY,
      keyVariable: "TEST_KEY",
      timeoutMs: options.timeoutMs ?? 5000,
      maxRetries: options.maxRetries ?? 0,
      price: () => null,
    }),
  };
}

const answer = (content: string, usage: unknown = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 }) =>
  JSON.stringify({
    id: "c1",
    object: "chat.completion",
    created: 1,
    model: "tiny",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    ...(usage ? { usage } : {}),
  });
const ok: Handler = (_req, res) => res.writeHead(200, { "content-type": "application/json" }).end(answer("Hello."));

async function failure(work: Promise<unknown>): Promise<CallFailure> {
  const error: unknown = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CallFailure);
  expect((error as CallFailure).message).not.toContain(KEY);
  return error as CallFailure;
}
/** Tokens of the worst case. */
const worst = (api: Pick<Provider, "worstCase">): number => {
  const { inputTokens, outputTokens } = api.worstCase(request);
  return inputTokens + outputTokens;
};
const never = new AbortController().signal;

test("a completion comes back with its model and its tokens, and the key goes out in the header only", async () => {
  const { api, seen } = await provider(ok);
  const completion = await api.complete(request, never);
  expect(completion).toMatchObject({ text: "Hello.", model: "test/tiny", inputTokens: 7, outputTokens: 3 });
  expect(seen.auth).toEqual([`Bearer ${KEY}`]);
  expect(JSON.parse(seen.bodies[0] ?? "")).toMatchObject({
    model: "tiny",
    max_tokens: 50,
    messages: [{ role: "user", content: "Say hello." }],
  });
});

test("a server that reports no usage is charged the worst case of the prompt, never nothing", async () => {
  const { api } = await provider((_req, res) =>
    res.writeHead(200, { "content-type": "application/json" }).end(answer("Hi", null)),
  );
  const completion = await api.complete(request, never);
  expect(completion.inputTokens).toBeGreaterThanOrEqual("Say hello.".length);
  expect(completion.inputTokens + completion.outputTokens).toBeLessThanOrEqual(worst(api));
});

test.each<[string, Handler, string]>([
  [
    "401",
    (_q, res) => res.writeHead(401, { "content-type": "application/json" }).end(`{"error":{"message":"bad key ${KEY}"}}`),
    "failed",
  ],
  ["400", (_q, res) => res.writeHead(400).end("no such model"), "failed"],
  ["500", (_q, res) => res.writeHead(500).end("boom"), "unavailable"],
  ["malformed JSON", (_q, res) => res.writeHead(200, { "content-type": "application/json" }).end("{oops"), "failed"],
  [
    "JSON that is no completion",
    (_q, res) => res.writeHead(200, { "content-type": "application/json" }).end('{"hello":1}'),
    "failed",
  ],
  ["a redirect", (_q, res) => res.writeHead(302, { location: "http://127.0.0.1:9/elsewhere" }).end(), "unavailable"],
])("%s is a typed failure", async (_name, handler, code) => {
  const { api } = await provider(handler);
  expect((await failure(api.complete(request, never))).error.code).toBe(code);
});

test("a rate limit says when to come back", async () => {
  const { api } = await provider((_q, res) => res.writeHead(429, { "retry-after": "7" }).end("slow down"));
  expect((await failure(api.complete(request, never))).error).toMatchObject({ code: "unavailable", retry_after_ms: 7000 });
});

test("a rate limit is repeated where a repeat is allowed, and may then succeed", async () => {
  const { api, seen } = await provider(
    (q, res, body, hits) => (hits === 1 ? res.writeHead(429, { "retry-after": "0" }).end() : ok(q, res, body, hits)),
    { maxRetries: 1 },
  );
  expect((await api.complete(request, never)).text).toBe("Hello.");
  expect(seen.hits).toBe(2);
});

test("a wait that no number of ours can hold is told as a day", async () => {
  const { api } = await provider((_q, res) => res.writeHead(429, { "retry-after": "1e300" }).end());
  expect((await failure(api.complete(request, never))).error.retry_after_ms).toBe(86_400_000);
});

test("an answer without end is cut off", async () => {
  const { api } = await provider((_q, res) => {
    res.writeHead(200, { "content-type": "application/json" });
    const more = (): void => {
      while (!res.destroyed && res.write(" ".repeat(1 << 20)));
      if (!res.destroyed) res.once("drain", more);
    };
    more();
  });
  expect((await failure(api.complete(request, never))).error.code).toBe("failed");
});

test.each([
  { prompt_tokens: 1.5, completion_tokens: -3 },
  { prompt_tokens: 1e10, completion_tokens: 1e300 },
])("a usage that cannot be one, %j, is charged as if none were reported", async (usage) => {
  const { api } = await provider((_q, res) =>
    res.writeHead(200, { "content-type": "application/json" }).end(answer("Hi", { ...usage, total_tokens: 0 })),
  );
  const { inputTokens, outputTokens } = await api.complete(request, never);
  expect(inputTokens).toBeGreaterThanOrEqual("Say hello.".length);
  expect(outputTokens).toBeGreaterThan(0);
  expect(inputTokens + outputTokens).toBeLessThanOrEqual(worst(api));
});

test("half a character at the end of an answer becomes a whole one, which can be stored", async () => {
  const { api } = await provider((_q, res) =>
    res.writeHead(200, { "content-type": "application/json" }).end(answer("Hi \ud83d")),
  );
  expect((await api.complete(request, never)).text).toBe("Hi \ufffd");
});

test("vectors that hold no numbers are a typed failure", async () => {
  const { api } = await provider((_q, res) =>
    res.writeHead(200, { "content-type": "application/json" }).end('{"data":[{"index":0,"embedding":[1e999]}]}'),
  );
  expect((await failure(api.embed?.(["a"], "tiny", never) ?? Promise.resolve())).error.code).toBe("failed");
});

test("a key that comes back in an answer goes no further", async () => {
  const { api } = await provider((q, res) =>
    res.writeHead(200, { "content-type": "application/json" }).end(answer(`You sent ${q.headers.authorization}.`)),
  );
  expect((await api.complete(request, never)).text).toBe("You sent Bearer [key].");
});

test("time that went into repeats is told with what was wrong with them", async () => {
  const { api } = await provider((_q, res) => res.writeHead(503).end(), { timeoutMs: 300, maxRetries: 5 });
  expect((await failure(api.complete(request, never))).message).toContain("its last answer was 503");
});

test("nobody listening is `unavailable`", async () => {
  const { api } = await provider(ok);
  server?.close();
  server?.closeAllConnections();
  expect((await failure(api.complete(request, never))).error.code).toBe("unavailable");
});

test("a slow provider ends at the time limit", async () => {
  const { api } = await provider(() => {}, { timeoutMs: 200 });
  expect((await failure(api.complete(request, never))).error.code).toBe("timeout");
});

test("a cancelled run ends the request", async () => {
  const { api } = await provider(() => {});
  const cancel = new AbortController();
  const pending = failure(api.complete(request, cancel.signal));
  setTimeout(() => cancel.abort(new Error("stop")), 50);
  expect((await pending).error.code).toBe("cancelled");
});

test("a key that is configured and not set is named, and nothing goes out", async () => {
  const { seen, port } = await provider(ok);
  const api = openAiProvider({
    name: "test",
    baseUrl: `http://127.0.0.1:${port}/v1`,
    apiKey: null,
    keyVariable: "TEST_KEY",
    timeoutMs: 1000,
    maxRetries: 0,
    price: () => null,
  });
  expect((await failure(api.complete(request, never))).message).toContain("TEST_KEY");
  expect(seen.hits).toBe(0);
});

test("tools that a model asks for come back as calls", async () => {
  const { api } = await provider((_q, res) =>
    res.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        id: "c1",
        object: "chat.completion",
        created: 1,
        model: "tiny",
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: null,
              tool_calls: [{ id: "t1", type: "function", function: { name: "add", arguments: '{"a":1}' } }],
            },
            finish_reason: "tool_calls",
          },
        ],
      }),
    ),
  );
  const tools = [{ name: "add", description: "adds", input_schema: { type: "object", properties: { a: { type: "number" } } } }];
  expect((await api.complete({ ...request, tools }, never)).toolCalls).toEqual([{ id: "t1", name: "add", arguments: { a: 1 } }]);
});
