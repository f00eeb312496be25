/** A sandbox process that was taken over: whatever it says, the control process kills it and goes on. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Admitted, CallAnswer, GuestCall, GuestEnd } from "#host/component/contract.js";
import { startSandbox } from "#host/sandbox/process.js";
import { codeRoot } from "#host/sandbox/spawn.js";
import { COMPLETE, imports, ok, textAt } from "../component/guest.js";
import { admitted, completion, run } from "./run.js";

let dir: string;
let guest: Admitted;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "rlp-child-"));
  guest = await admitted({ imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What every such child begins with; `started` is called once the control process has begun an attempt. */
const PRELUDE = `
  import { Socket } from "node:net";
  const pipe = new Socket({ fd: 3 });
  const frame = (kind, payload) => { const head = Buffer.alloc(5); head.writeUInt32BE(payload.length + 1); head[4] = kind; return Buffer.concat([head, payload]); };
  const say = (text) => pipe.write(frame(0, Buffer.from(typeof text === "string" ? text : JSON.stringify(text))));
  const costs = { fuel: 1, peakMemoryBytes: 1, localHash: "0".repeat(64), state: {} };
  let seen = "";
  pipe.on("data", (chunk) => { const before = seen.includes('"t":"start"'); seen = (seen + chunk.toString("latin1")).slice(-4096); if (!before && seen.includes('"t":"start"')) started(); });
  pipe.on("close", () => process.exit(0));
  setInterval(() => {}, 1000);
`;

let children = 0;
async function attack(body: string, watchdogMs = 5000): Promise<GuestEnd> {
  const entry = join(dir, `child${children++}.mjs`);
  writeFileSync(entry, `${PRELUDE}\nfunction started() { ${body} }`);
  const sandbox = startSandbox({ entry, watchdogMs });
  try {
    return (await run(sandbox, guest)).end;
  } finally {
    await sandbox.close();
  }
}

test.each<[string, string, RegExp]>([
  ["garbage", 'pipe.write(Buffer.from("not a frame at all"))', /frame of/],
  ["a length of 4 GiB", "pipe.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]))", /frame of 4294967295/],
  ["raw bytes", "pipe.write(frame(1, Buffer.alloc(100)))", /raw bytes/],
  ["no JSON", 'say("{")', /JSON/],
  ["JSON nested a hundred thousand times", 'say("[".repeat(100000))', /nested deeper/],
  ["JSON with a million elements", 'say("[" + "1,".repeat(500000) + "1]")', /elements/],
  [
    "a log of sixty thousand members, which would take long to check",
    'say({ t: "log", attempt: 0, level: "info", message: "", fields: Object.fromEntries(Array.from({ length: 60000 }, (_, i) => ["k" + i, i])) })',
    /more than 2000 elements/,
  ],
  [
    "the same as if it were a call",
    'say(\'{"t":"call","t":"log","attempt":0,"level":"info","message":"","fields":{}}\')',
    /two kinds/,
  ],
  ["a message kind that is not there", 'say({ t: "exec", command: "ls" })', /./],
  ["a message with more than its keys", 'say({ t: "pong", n: 1, extra: true })', /./],
  ["an internal message of Node's own ipc", 'say({ cmd: "NODE_HANDLE_ACK" })', /./],
  [
    "a call of an attempt that it does not hold",
    'say({ t: "call", attempt: 99, seq: 0, interface: "kb", function: "get", args: ["x"], fuel: 0 })',
    /attempt 99/,
  ],
  [
    "the end of an attempt that it does not hold",
    'say({ t: "end", kind: "ok", attempt: 7, outputs: [], ...costs })',
    /attempt 7/,
  ],
  [
    "a log of an attempt that it does not hold",
    'say({ t: "log", attempt: 3, level: "info", message: "", fields: {} })',
    /attempt 3/,
  ],
  [
    "calls out of order",
    'say({ t: "call", attempt: 0, seq: 1, interface: "kb", function: "get", args: ["x"], fuel: 0 })',
    /out of order/,
  ],
  [
    "two calls at once",
    'pipe.write(Buffer.concat([0, 1].map((seq) => frame(0, Buffer.from(JSON.stringify({ t: "call", attempt: 0, seq, interface: "model", function: "complete", args: ["x"], fuel: 0 }))))))',
    /out of order/,
  ],
  ["a digest that is none", 'say({ t: "end", kind: "ok", attempt: 0, outputs: [], ...costs, localHash: "zz" })', /./],
  [
    "state that holds something else under a name of objects' own",
    'say(JSON.stringify({ t: "end", kind: "ok", attempt: 0, outputs: [], ...costs }).replace(\'"state":{}\', \'"state":{"__proto__":{"a":[1]}}\'))',
    /short texts/,
  ],
  [
    "outputs without end",
    'say({ t: "end", kind: "ok", attempt: 0, outputs: Array(5000).fill({ port: "a", type: "b", body: "" }), ...costs })',
    /./,
  ],
  [
    "a log without end",
    'for (let i = 0; i < 5000; i++) say({ t: "log", attempt: 0, level: "info", message: "x", fields: {} })',
    /logs without end/,
  ],
  [
    "a flood",
    "const much = frame(2, Buffer.alloc(1 << 19, 32)); for (let i = 0; i < 100; i++) pipe.write(much)",
    /message of more than/,
  ],
  ["its own end", "process.exit(3)", /exit status 3/],
  ["a crash", "throw new Error('taken over')", /taken over/],
])("the child sends %s: its attempt is lost, and nothing else", async (_, body, reason) => {
  const end = await attack(body);
  expect(end).toMatchObject({ kind: "lost", reason: expect.stringMatching(reason) });
});

test("a child that says nothing is killed by the watchdog", async () => {
  expect(await attack("for (;;);", 400)).toMatchObject({ kind: "lost", reason: "it did not answer for 400 ms" });
});

test("standard output and error are read and bounded, whatever comes", async () => {
  const end = await attack(
    'for (let i = 0; i < 200; i++) process.stdout.write("x".repeat(100000)); process.stdout.write("", () => process.exit(4))',
  );
  expect(end.kind === "lost" && end.reason.length).toBeLessThan(1000);
});

test("a child that is killed in the middle of a call takes its attempts with it; the next run has a fresh one", async () => {
  const sandbox = startSandbox();
  const answer = Promise.withResolvers<CallAnswer>();
  let asked: GuestCall | undefined;
  const lost = await run(sandbox, guest, {}, (call) => {
    asked = call;
    process.kill(sandbox.pid ?? 0, "SIGKILL");
    return answer.promise; // comes when the process is long gone
  });
  answer.resolve(completion(asked as GuestCall));
  expect(lost.end).toMatchObject({ kind: "lost", reason: expect.stringContaining("SIGKILL") });
  expect((await run(sandbox, guest)).end.kind).toBe("ok");
  await sandbox.close();
  expect((await run(sandbox, guest)).end).toMatchObject({ kind: "lost" });
});

test("a sealed process can neither read, run, connect, signal, load nor change what the language means", async () => {
  const probe = join(dir, "probe.mjs");
  const { codeRoot } = await import("#host/sandbox/spawn.js");
  const seal = join(codeRoot().dist, "host", "sandbox", "inside", "seal.js");
  writeFileSync(
    probe,
    `${PRELUDE}
    import { readFileSync } from "node:fs";
    import { spawnSync } from "node:child_process";
    import { seal } from ${JSON.stringify(seal)};
    async function started() {
      const left = seal();
      const changed = (holder, name) => { const { length } = Object.keys(holder); holder[name] = () => "mine"; if (Object.keys(holder).length === length && holder[name]() !== "mine") throw new Error("as before"); };
      const tried = {
        read: () => readFileSync(${JSON.stringify(join(dir, "secret.txt"))}),
        run: () => spawnSync("true").error && (() => { throw new Error("denied"); })(),
        code: () => new Function("return 1")(),
        signal: () => process.kill(process.ppid, 0),
        builtin: () => process.getBuiltinModule("fs"),
        network: () => fetch("http://127.0.0.1:1"),
        "the engine's flags": async () => (await import("node:v8")).setFlagsFromString("--no-wasm-bounds-checks"),
        "a context of its own": async () => (await import("node:vm")).runInThisContext("1"),
        "modules by another road": async () => (await import("node:module")).createRequire(import.meta.url)("node:fs"),
        "code from an address": () => import("data:text/javascript,export default 1"),
        "its own code again": () => import(import.meta.url + "?again"),
        "another program": () => process.execve("/bin/true", [], {}),
        "Object.prototype": () => changed(Object.prototype, "polluted"),
        "Object.prototype by a record": () => { Object.assign(Object.fromEntries([["__proto__", 1]]).constructor.prototype, { polluted: 1 }); },
        "what objects say": () => changed(Object.prototype, "toString"),
        "what errors are called": () => { Error.prototype.name = "mine"; },
        promises: () => changed(Promise.prototype, "then"),
        iteration: () => changed(Object.getPrototypeOf([][Symbol.iterator]()), "next"),
        "the table of asynchronous generators": () => changed(Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})())), "next"),
        "typed arrays": () => changed(Object.getPrototypeOf(Uint8Array.prototype), "set"),
        "WebAssembly": () => changed(WebAssembly, "Instance"),
        "a memory's methods": () => changed(WebAssembly.Memory.prototype, "grow"),
        "a global of the language": () => { globalThis.Promise = class {}; },
        JSON: () => changed(JSON, "parse"),
        text: () => changed(TextDecoder.prototype, "decode"),
      };
      const done = [];
      for (const [name, attempt] of Object.entries(tried)) try { await attempt(); done.push(name); } catch {}
      // What is frozen may still be overridden in what is one's own.
      class Own extends Error { constructor() { super("text"); this.name = "Own"; } }
      const own = Object.assign({}, { toString: 1, constructor: 2 });
      if (new Own().name !== "Own" || own.toString !== 1 || String(new TypeError("text")) !== "TypeError: text" || ({}).polluted !== undefined) done.push("too much is frozen");
      say({ t: "end", attempt: 0, kind: "ok", outputs: [{ port: "out", type: "t", body: JSON.stringify({ done, left, env: Object.keys(process.env) }) }], ...costs });
    }`,
  );
  writeFileSync(join(dir, "secret.txt"), "secret");
  const sandbox = startSandbox({ entry: probe });
  const { end } = await run(sandbox, guest);
  await sandbox.close();
  expect(end.kind === "ok" && JSON.parse(end.outputs[0]?.body ?? "")).toEqual({ done: [], left: [], env: [] });
});

test("a child that could not be started, for want of file descriptors, is tried again; nothing else ends", () => {
  const module = (...path: string[]): string => JSON.stringify(join(codeRoot().dist, "host", "sandbox", ...path));
  const script = `
    const { startSandbox } = await import(${module("process.js")});
    const { climb } = await import(${module("isolation", "ladder.js")});
    const { openSync, closeSync } = await import("node:fs");
    const isolation = await climb("reduced");
    const open = [];
    try { for (;;) open.push(openSync("/dev/null")); } catch {}
    closeSync(open.pop());
    const sandbox = startSandbox({ isolation });
    const component = { digest: "d", plan: new TextEncoder().encode("{}"), modules: [] };
    const spec = { component, node: "n", attempt: 1, with: "{}", inputs: [], seed: "", epochMs: 0, state: {}, limits: { fuel: 1e6, memoryMib: 1, calls: 1 }, linked: [] };
    const run = () => sandbox.run(spec, { call: async () => {}, log: () => {} }, new AbortController().signal).then(({ kind, reason }) => reason ?? kind, ({ message }) => message);
    console.log(await run());
    for (const file of open) closeSync(file);
    await run();
    console.log(await run());
    await sandbox.close();`;
  const { stdout } = spawnSync(
    "/bin/sh",
    ["-c", 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    {
      encoding: "utf8",
    },
  );
  expect(stdout).toMatch(/^a process could not be started.*\nfailed\n$/);
});
