/** Programs that ask by `wasi:http`: a server of this machine, the gate, and afterwards nothing but the journal. */
import { createServer, type Server } from "node:http";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { componentOf } from "../../host/component/guest.js";
import { data } from "../../host/sandbox/command.js";
import { rlp, type Called } from "./call.js";

let cwd: string;
let server: Server;
let port: number;
const seen: string[] = [];
const call = (...words: string[]): Promise<Called> => rlp(words, { cwd, env: { RUNLOOP_HOME: join(cwd, "home") } });

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "rlp-requests-"));
  await open();
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  await close();
  rmSync(cwd, { recursive: true, force: true });
});
async function open(): Promise<void> {
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${body}`);
      response.end(body.length > 4 ? `${body.length} bytes` : `hello ${request.method} ${seen.length}`);
    });
  });
  await new Promise<void>((done) => server.listen(port ?? 0, "127.0.0.1", done));
}
async function close(): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

/** Asks `http://127.0.0.1:<to>/x`, with this many zeroes behind `ping`; says what came: the body, or the number of the error code. */
async function asking(to: number, post: boolean, zeroes = 0): Promise<Uint8Array> {
  const authority = `127.0.0.1:${to}`;
  const http = (func: string, as: string, type: string): string =>
    `(import "wasi:http/types@0.2.0" "${func}" (func $${as} ${type}))`;
  const say = (at: string, length: string): string => `(call $say (call $stdout) ${at} ${length} (i32.const 64))`;
  return componentOf(
    await parse(`(module
      ${http("[constructor]fields", "fields", "(result i32)")}
      ${http("[constructor]outgoing-request", "request", "(param i32) (result i32)")}
      ${http("[method]outgoing-request.set-method", "set-method", "(param i32 i32 i32 i32) (result i32)")}
      ${http("[method]outgoing-request.set-scheme", "set-scheme", "(param i32 i32 i32 i32 i32) (result i32)")}
      ${http("[method]outgoing-request.set-authority", "set-authority", "(param i32 i32 i32 i32) (result i32)")}
      ${http("[method]outgoing-request.set-path-with-query", "set-path", "(param i32 i32 i32 i32) (result i32)")}
      ${http("[method]outgoing-request.body", "body", "(param i32 i32)")}
      ${http("[method]outgoing-body.write", "open", "(param i32 i32)")}
      ${http("[static]outgoing-body.finish", "finish", "(param i32 i32 i32 i32)")}
      ${http("[method]future-incoming-response.subscribe", "subscribe", "(param i32) (result i32)")}
      ${http("[method]future-incoming-response.get", "get", "(param i32 i32)")}
      ${http("[method]incoming-response.consume", "consume", "(param i32 i32)")}
      ${http("[method]incoming-body.stream", "stream", "(param i32 i32)")}
      (import "wasi:http/outgoing-handler@0.2.0" "handle" (func $handle (param i32 i32 i32 i32)))
      (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
      (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
      (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $say (param i32 i32 i32 i32)))
      (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-zeroes-and-flush" (func $zeroes (param i32 i64 i32)))
      ;; As runtimes of languages import it, without a call.
      ${http("[constructor]outgoing-response", "respond", "(param i32) (result i32)")}
      (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
      (memory (export "memory") 4)
      (global $heap (mut i32) (i32.const 8192))
      ${data(1000, authority)} ${data(1100, "/x")} ${data(1200, '{"out":"')} ${data(1300, '"}')} ${data(1400, "ping")}
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (global.set $heap (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
      (func (export "wasi:cli/run@0.2.0#run") (result i32) (local $request i32) (local $body i32) (local $stream i32) (local $future i32) (local $left i32)
        (local.set $request (call $request (call $fields)))
        (drop (call $set-method (local.get $request) (i32.const ${post ? 2 : 0}) (i32.const 0) (i32.const 0)))
        (drop (call $set-scheme (local.get $request) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
        (drop (call $set-authority (local.get $request) (i32.const 1) (i32.const 1000) (i32.const ${authority.length})))
        (drop (call $set-path (local.get $request) (i32.const 1) (i32.const 1100) (i32.const 2)))
        ${post ? `(call $body (local.get $request) (i32.const 128)) (local.set $body (i32.load (i32.const 132)))` : ""}
        (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 256))
        (if (i32.load8_u (i32.const 256)) (then (return (i32.const 1))))
        (local.set $future (i32.load (i32.const 264)))
        ${
          post
            ? `(call $open (local.get $body) (i32.const 128))
              (local.set $stream (i32.load (i32.const 132)))
              (call $say (local.get $stream) (i32.const 1400) (i32.const 4) (i32.const 64))
              (local.set $left (i32.const ${zeroes}))
              (loop $more
                (call $zeroes (local.get $stream) (i64.extend_i32_u (select (local.get $left) (i32.const 4096)
                  (i32.lt_u (local.get $left) (i32.const 4096)))) (i32.const 64))
                (local.set $left (i32.sub (local.get $left) (i32.const 4096)))
                (br_if $more (i32.gt_s (local.get $left) (i32.const 0))))
              (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 512))`
            : ""
        }
        (call $block (call $subscribe (local.get $future)))
        (call $get (local.get $future) (i32.const 512))
        ${say("(i32.const 1200)", "(i32.const 8)")}
        (if (i32.load8_u (i32.const 528))
          (then
            (i32.store8 (i32.const 300) (i32.add (i32.const 48) (i32.div_u (i32.load8_u (i32.const 536)) (i32.const 10))))
            (i32.store8 (i32.const 301) (i32.add (i32.const 48) (i32.rem_u (i32.load8_u (i32.const 536)) (i32.const 10))))
            ${say("(i32.const 300)", "(i32.const 2)")})
          (else
            (call $consume (i32.load (i32.const 536)) (i32.const 128))
            (call $stream (i32.load (i32.const 132)) (i32.const 128))
            (call $read (i32.load (i32.const 132)) (i64.const 4096) (i32.const 128))
            ${say("(i32.load (i32.const 132))", "(i32.load (i32.const 136))")}))
        ${say("(i32.const 1300)", "(i32.const 2)")}
        (i32.const 0)))`),
    "utf8",
    "command",
  );
}

/** The case of `error-code`. */
const DENIED = "15";

async function write(name: string, component: Uint8Array, policy: string, more = ""): Promise<Called> {
  const bundle = join(cwd, "agents", name);
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, "agent.wasm"), component);
  writeFileSync(join(bundle, "policy.caps"), policy);
  writeFileSync(
    join(bundle, "manifest.toml"),
    `[agent]
name = "${name}"
version = "0.1.0"
description = "A program that asks."
world = "command"
entry = { path = "agent.wasm", blake3 = "" }
${more}
[ports.out.out]
type = "text.v1"
[caps]
file = "policy.caps"
blake3 = ""
`,
  );
  writeFileSync(join(cwd, `${name}.yaml`), `version: 0\nname: ${name}\nnodes:\n  - { id: it, use: "agent:${name}" }\n`);
  return call("agent", "build", name);
}
const net = (): string => `net = ["127.0.0.1:${port}"]\n`;
const eventsOf = ({ stdout }: Called): any[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const outputOf = (events: any[]): unknown => events.find(({ kind }) => kind === "node.finished").meta.outputs[0];

test("a server that the policy does not name: denied, with an event, and the program is told", async () => {
  const built = await write("stranger", await asking(port + 1, false), net());
  expect([built.code, built.stderr]).toEqual([0, ""]);
  const events = eventsOf(await call("run", join(cwd, "stranger.yaml"), "--local", "--json"));
  expect(events.find(({ kind }) => kind === "cap.denied").meta).toMatchObject({ cap: "net", op: "http.fetch" });
  expect(outputOf(events)).toMatchObject({ body: { value: DENIED } });
  expect(seen).toEqual([]);
});

test("without `net` it is refused before the run; as an optional import its first call is denied", async () => {
  const component = await asking(port, false);
  await write("ungranted", component, "");
  const refused = await call("run", join(cwd, "ungranted.yaml"), "--local");
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("wasi:http/outgoing-handler") });
  expect(refused.stderr).toContain("OPENING_GRANT");
  await write("hoping", component, "", '[imports]\noptional = ["wasi:http/types", "wasi:http/outgoing-handler"]\n');
  const events = eventsOf(await call("run", join(cwd, "hoping.yaml"), "--local", "--json"));
  expect(events.find(({ kind }) => kind === "cap.denied").meta).toMatchObject({ cap: "net" });
  expect(events.find(({ kind }) => kind === "node.finished").meta.error.code).toBe("host.denied");
  expect(seen).toEqual([]);
});

test("a GET is answered, labelled, and replays when the server is gone", async () => {
  await write("asker", await asking(port, false), net());
  const events = eventsOf(await call("run", join(cwd, "asker.yaml"), "--local", "--json"));
  expect(outputOf(events)).toMatchObject({ labels: ["untrusted:127.0.0.1"], body: { value: "hello GET 1" } });
  expect(events.filter(({ kind }) => kind === "call.finished").map(({ meta }) => [meta.interface, meta.function])).toEqual([
    ["http", "fetch"],
  ]);
  await close();
  const replayed = await call("replay", events[0].trace_id, "--agents", "agents");
  expect(JSON.parse(replayed.stdout)).toMatchObject({ agrees: true, attempts: 1 });
  await open();
  expect(seen).toEqual(["GET /x "]);
});

test("a POST is decided on: not made when it is turned down, made once when it is not", async () => {
  await write("poster", await asking(port, true), net());
  seen.length = 0;
  const no = eventsOf(await call("run", join(cwd, "poster.yaml"), "--local", "--json", "--deny"));
  expect(outputOf(no)).toMatchObject({ body: { value: DENIED } });
  expect(seen).toEqual([]);
  const yes = eventsOf(await call("run", join(cwd, "poster.yaml"), "--local", "--json", "--yes"));
  expect(outputOf(yes)).toMatchObject({ body: { value: "hello POST 1" } });
  expect(yes.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(["action.proposed", "action.decided", "call.started", "action.finished"]),
  );
  expect(seen).toEqual(["POST /x ping"]);
  const replayed = await call("replay", yes[0].trace_id, "--agents", "agents");
  expect(JSON.parse(replayed.stdout)).toMatchObject({ agrees: true });
  expect(seen).toHaveLength(1);
});

test("the largest body there is goes through", async () => {
  await write("flooder", await asking(port, true, (1 << 20) - 4), net());
  const events = eventsOf(await call("run", join(cwd, "flooder.yaml"), "--local", "--json", "--yes"));
  expect(outputOf(events)).toMatchObject({ body: { value: "1048576 bytes" } });
});
