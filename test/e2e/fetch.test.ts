/** An agent on the network: the real command line, a server of this machine, and afterwards nothing but the journal. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { buildCached } from "#sdk/build/source.js";
import { eachLine, events, freshHome, only, root, type HomeFolder, type Outcome } from "./rlp.js";

const CANARY = "canary-5f1d/93b+1c==";
let home: HomeFolder;
let folder: string;
let server: Server;
let port: number;
let answer: (request: IncomingMessage & { readonly body: string }, response: ServerResponse) => void;
const seen: { method: string; headers: IncomingMessage["headers"]; body: string }[] = [];

beforeAll(async () => {
  home = await freshHome({ RUNLOOP_SECRET_FETCHER_TOKEN: CANARY });
  folder = await mkdtemp(join(tmpdir(), "rlp-fetch-"));
  await open();
  port = (server.address() as AddressInfo).port;
  await agentFor(port);
  await writeFile(
    join(home.path, "config.yaml"),
    `version: 1\nagents: { search_dirs: [${JSON.stringify(join(folder, "agents"))}] }\n`,
  );
});
afterAll(async () => {
  await close();
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      seen.push({ method: request.method ?? "", headers: request.headers, body });
      answer(Object.assign(request, { body }), response);
    });
  });
  await new Promise<void>((done) => server.listen(port ?? 0, "127.0.0.1", done));
}
async function close(): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

/** The bundled `fetcher` under another name, its policy naming the port of this test's server. */
async function agentFor(at: number): Promise<void> {
  const from = join(root, "examples/agents/fetcher");
  const to = join(folder, "agents/asker");
  await mkdir(join(to, "src"), { recursive: true });
  const policy = (await readFile(join(from, "policy.caps"), "utf8")).replaceAll("127.0.0.1:8080", `127.0.0.1:${at}`);
  const before = blake3(await readFile(join(from, "policy.caps")));
  const manifest = (await readFile(join(from, "manifest.toml"), "utf8"))
    .replace('"fetcher"', '"asker"')
    .replace(before, blake3(policy));
  await writeFile(join(to, "policy.caps"), policy);
  await writeFile(join(to, "manifest.toml"), manifest);
  await writeFile(join(to, "src/agent.ts"), await readFile(join(from, "src/agent.ts")));
  await writeFile(join(to, "agent.wasm"), (await buildCached({ folder: from })).component);
}

async function opening(name: string, options: object): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(
    file,
    `version: 0\nname: ${name}\nnodes:\n  - { id: ask, use: "agent:asker", with: ${JSON.stringify(options)} }\n`,
  );
  return file;
}
const url = (path = "/"): string => `http://127.0.0.1:${port}${path}`;
const traceOf = (run: Outcome): string => events(run.stdout)[0]?.trace_id ?? "";

/** Every byte of a folder, names included. */
async function bytesOf(path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    parts.push(Buffer.from(entry.name));
    if (entry.isFile()) parts.push(await readFile(join(entry.parentPath, entry.name)));
  }
  return Buffer.concat(parts);
}

test("the example's own cases pass, without any network", async () => {
  const tested = await home.rlp("agent", "test", "examples/agents/fetcher");
  expect([tested.code, JSON.parse(tested.stdout)]).toMatchObject([0, { passed: 3, failed: 0 }]);
});

test("a GET is answered, labelled, and replays when the server is gone", async () => {
  answer = (_, response) => response.writeHead(200, { "content-type": "text/plain" }).end("hello ü");
  const run = await home.rlp("run", await opening("get", { url: url("/x?y") }), "--local", "--json");
  expect(run.stderr).not.toContain("error");
  expect(run.code).toBe(0);
  const all = events(run.stdout);
  expect(only(all, "node.finished")[0]?.meta.outputs[0]).toMatchObject({
    labels: ["untrusted:127.0.0.1"],
    body: { value: { status: 200, type: "text/plain", text: "hello ü" } },
  });
  expect(only(all, "call.finished")[0]?.meta).toMatchObject({
    interface: "http",
    function: "fetch",
    labels: ["untrusted:127.0.0.1"],
  });
  const before = seen.length;
  await close();
  const replay = await home.rlp("replay", traceOf(run));
  expect([replay.code, replay.stderr]).toEqual([0, expect.not.stringContaining("error")]);
  await open();
  expect(seen).toHaveLength(before);
});

test("another port, another host, a redirect out: denied, with an event that says what is missing", async () => {
  answer = (_, response) => response.writeHead(302, { location: "http://169.254.169.254/latest/" }).end();
  for (const [name, where] of [
    ["port", `http://127.0.0.1:${port + 1}/`],
    ["host", "http://localhost:1/"],
    ["redirect", url()],
  ] as const) {
    const run = await home.rlp("run", await opening(name, { url: where }), "--local", "--json");
    expect(run.code).toBe(1);
    expect(only(events(run.stdout), "cap.denied")[0]?.meta).toMatchObject({ cap: "net", op: "http.fetch", agent: "asker" });
  }
});

test("a POST waits for a person, is sent once with its secret, and replays; the secret is nowhere on disk or screen", async () => {
  answer = (request, response) => {
    const echo = request.headers.authorization ?? "";
    response.setHeader("x-echo", echo);
    response.setHeader("content-type", echo);
    response.end(`${echo} ${encodeURIComponent(echo)} ${Buffer.from(`id:${echo}`).toString("base64")} ${request.body}`);
  };
  const before = seen.length;
  const file = await opening("post", { url: url("/orders"), post: { item: "tea" }, token: true });
  const parked = await home.rlp("run", file, "--local", "--json");
  expect([parked.code, seen.length]).toEqual([3, before]);
  const proposed = only(events(parked.stdout), "action.proposed")[0]?.meta;
  expect(proposed?.action).toBe("http");
  const shown = (await home.rlp("proposals", "--json")).stdout + (await home.rlp("proposals")).stdout;
  expect(shown).toContain("[the secret fetcher/token]");
  const approved = await home.rlp("approve", proposed?.proposal_id ?? "");
  const trace = join(folder, "trace.ndjson");
  const resumed = await home.rlp("resume", traceOf(parked), "--json");
  expect(resumed.code).toBe(0);
  expect(seen.slice(before)).toMatchObject([{ method: "POST", body: '{"item":"tea"}', headers: { authorization: CANARY } }]);
  const all = [...events(parked.stdout), ...events(resumed.stdout)];
  expect(seen.at(-1)?.headers["idempotency-key"]).toBe(only(all, "call.started")[0]?.meta.idempotency_key);
  expect(JSON.stringify(only(all, "node.finished")[0]?.meta.outputs)).toContain("[secret:fetcher/token]");

  const whole = await home.rlp("trace", traceOf(parked), "--json");
  await close();
  const replay = await home.rlp("replay", traceOf(parked), "--json");
  expect(replay.code).toBe(0);
  await open();
  expect(seen).toHaveLength(before + 1);

  const direct = await home.rlp("run", file, "--local", "--json", "--yes", "--trace-out", trace);
  expect(direct.code).toBe(0);
  const everything = Buffer.concat([
    await bytesOf(home.path),
    await readFile(trace),
    ...[parked, approved, resumed, whole, replay, direct].map(({ stdout, stderr }) => Buffer.from(stdout + stderr)),
    Buffer.from(shown),
  ]);
  expect(everything.includes("[secret:fetcher/token]")).toBe(true);
  for (const form of [
    CANARY,
    "canary-5f1d",
    encodeURIComponent(CANARY),
    Buffer.from(CANARY).toString("hex"),
    ...[0, 1, 2].map((shift) => Buffer.from(CANARY.slice(shift)).toString("base64").slice(0, 12)),
  ])
    expect(everything.includes(form), form).toBe(false);
});

test("killed while a POST is on its way: nothing is sent again, and the run says that nobody knows", async () => {
  const before = seen.length;
  const child = home.start("run", await opening("killed", { url: url(), post: {} }), "--local", "--json", "--yes");
  answer = () => child.kill("SIGKILL");
  let trace = "";
  await eachLine(child, (line, index) => {
    if (index === 0) trace = (JSON.parse(line) as { trace_id: string }).trace_id;
  });
  expect(seen).toHaveLength(before + 1);
  const resumed = await home.rlp("resume", trace, "--yes", "--json");
  expect(resumed.code).toBe(1);
  expect(seen).toHaveLength(before + 1);
  const all = events(resumed.stdout);
  expect(only(all, "action.finished")[0]?.meta.outcome).toBe("unknown");
  expect((await home.rlp("replay", trace)).code).toBe(0);
  expect((await home.rlp("kb", "verify")).code).toBe(0);
});
