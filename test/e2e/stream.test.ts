/** An agent that reads a model's answer in chunks, from a real service, to its end or not. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRunEvent, type RunEvent } from "#core/events.js";
import { writeAgent } from "./bundle.js";
import { events, freshHome, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
let server: Server;
let requests = 0;
let closed: (() => void)[] = [];
/** What the service does with a request. */
let serve: (res: ServerResponse) => void;

const chunk = (content: string, more: object = {}): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })}\n\n`;
/** More than one chunk. */
const LONG = "One after the other. ".repeat(7);
const END = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: { prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 } })}\n\ndata: [DONE]\n\n`;

beforeAll(async () => {
  home = await freshHome();
  folder = await mkdtemp(join(tmpdir(), "rlp-stream-"));
  server = createServer(async (req, res) => {
    req.resume();
    await once(req, "end");
    requests++;
    res.on("close", () => closed.splice(0).forEach((tell) => tell()));
    res.writeHead(200, { "content-type": "text/event-stream" });
    serve(res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const provider = `{name: web, kind: openai-compatible, base_url: "http://127.0.0.1:${port}/v1", max_retries: 0, timeout_ms: 60000}`;
  await writeFile(join(home.path, "config.yaml"), `models: {default: web/m, broker: {providers: [${provider}]}}\n`);
  await writeAgent(folder, {
    name: "reader",
    policy: "model = true\n",
    code: `const options = new CompletionOptions();
      options.maxTokens = 100;
      options.local("Dear {{name}}, {{name}}, {{name}}, {{name}}!", parse('{"name":"a friend of ours whose name is very long"}').value);
      if (mode.startsWith("local")) options.model = "local/template";
      if (mode == "many") { for (let i = 0; i < 20; i++) { const s = model.stream("x", options); if (!s.ok) return fail("many", i.toString() + " " + s.error.toString()); } }
      const opened = model.stream("Tell me.", options);
      if (!opened.ok) return failed(opened.error, "asking");
      let stream = opened.value;
      let said = "";
      let chunks = 0;
      while (!stream.ended) {
        const next = stream.next();
        if (!next.ok) {
          // What was cut off with its run is asked again.
          if (next.error.code != "unavailable") return fail("cut", next.error.toString());
          log.warn("again");
          said = ""; chunks = 0;
          stream = model.stream("Tell me.", options).value;
          continue;
        }
        said += next.value;
        if (next.value.length > 0) { chunks++; log.info("chunk " + chunks.toString()); }
        if (mode == "drop" && chunks == 1) { stream.close(); if (stream.next().value != "") unreachable(); }
      }
      mode = said;`,
    ports: '[ports.out.out]\ntype = "text.v1"\n[schemas.with]\ntype = "object"\n',
    limits: "wall_ms = 60_000",
  });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

const opening = async (mode: string, policy = ""): Promise<string> => {
  const file = join(folder, `${mode}.yaml`);
  await writeFile(
    file,
    `version: 0\nname: ${mode}\n${policy}nodes:\n  - { id: read, use: "agent:reader", with: { mode: ${mode} } }\n`,
  );
  return file;
};
const output = (all: readonly RunEvent[]): unknown => only(all, "node.finished").at(-1)?.meta.outputs[0];
const budget = (all: readonly RunEvent[]): unknown[] =>
  [...only(all, "budget.reserved"), ...only(all, "budget.charged")].map(({ kind, meta }) => [kind, meta.amount]);

test("to its end: text, label, what it cost, and a replay without the service", async () => {
  serve = (res) => {
    for (const word of ["One", " two", " three"]) res.write(chunk(word));
    res.end(END);
  };
  const all = events((await home.rlp("run", await opening("whole"), "--local", "--json")).stdout);
  expect(output(all)).toMatchObject({ body: { value: "One two three" }, labels: ["model"] });
  expect(budget(all)).toEqual([
    ["budget.reserved", expect.any(Number)],
    ["budget.charged", 11],
  ]);
  expect(only(all, "run.finished")[0]?.meta.totals.tokens).toBe(11);
  expect(only(all, "call.finished").map(({ meta }) => meta.function)[0]).toBe("stream");
  const before = requests;
  serve = (res) => res.destroy();
  expect((await home.rlp("replay", all[0]?.trace_id ?? "")).code).toBe(0);
  expect(requests).toBe(before);
});

test("from the local provider, in chunks", async () => {
  const all = events((await home.rlp("run", await opening("local"), "--local", "--json")).stdout);
  expect(output(all)).toMatchObject({ body: { value: expect.stringMatching(/^Dear a friend.*long!$/) } });
  expect(only(all, "log").length).toBeGreaterThan(1);
  expect((await home.rlp("replay", all[0]?.trace_id ?? "")).code).toBe(0);
});

test("dropped in the middle: the request ends, the worst case is charged, and the agent goes on", async () => {
  const ended = new Promise<void>((resolve) => closed.push(resolve));
  serve = (res) => void res.write(chunk(LONG)); // and then it waits for ever
  const all = events((await home.rlp("run", await opening("drop"), "--local", "--json")).stdout);
  await ended;
  expect(output(all)).toMatchObject({ body: { value: LONG.slice(0, 128) } });
  const [reserved, charged] = budget(all) as [string, number][];
  expect(charged?.[1]).toBe(reserved?.[1]);
  expect(all.findIndex(({ kind }) => kind === "budget.charged")).toBeLessThan(
    all.findIndex(({ kind }) => kind === "node.finished"),
  );
  expect((await home.rlp("replay", all[0]?.trace_id ?? "")).code).toBe(0);
});

test("no more than sixteen at once, and what is left open ends with the attempt", async () => {
  serve = (res) => void res.write(chunk(LONG));
  const all = events((await home.rlp("run", await opening("many"), "--local", "--json")).stdout);
  expect(only(all, "node.finished")[0]?.meta.error).toMatchObject({
    code: "many",
    message: expect.stringMatching(/^16 failed: more than 16/),
  });
  expect(only(all, "limit.hit")[0]?.meta).toMatchObject({ limit: "streams", ceiling: 16 });
  expect(only(all, "budget.charged")).toHaveLength(16);
});

test("a budget that does not cover the worst case: nothing is asked", async () => {
  const before = requests;
  const all = events(
    (await home.rlp("run", await opening("poor", "policy: { budget_tokens: 50 }\n"), "--local", "--json")).stdout,
  );
  expect(only(all, "node.finished")[0]?.meta.error).toMatchObject({ code: "call.budget-exhausted" });
  expect(requests).toBe(before);
});

test("killed in the middle and taken up again: what came is kept, the rest is asked for anew", async () => {
  serve = (res) => void res.write(chunk(LONG));
  const run = home.start("run", await opening("killed"), "--local", "--json");
  run.stdin.end();
  run.stderr.resume();
  let trace = "";
  for await (const line of createInterface({ input: run.stdout })) {
    const event = parseRunEvent(JSON.parse(line));
    trace = event.trace_id;
    if (event.kind === "log") run.kill("SIGKILL");
  }
  serve = (res) => res.end(chunk("All of it") + END);
  const resumed = await home.rlp("resume", trace, "--json");
  const all = events(resumed.stdout);
  expect([resumed.code, output(all)]).toMatchObject([0, { body: { value: "All of it" } }]);
  expect((await home.rlp("replay", trace)).code).toBe(0);
});
