import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { admit, type AdmitOptions } from "#host/component/admit.js";
import type { Admitted, CallAnswer, GuestCall } from "#host/component/contract.js";
import { AdmissionError } from "#host/component/error.js";
import { homeKey } from "#host/component/key.js";
import { startSandbox } from "#host/sandbox/process.js";
import { run } from "../sandbox/run.js";
import { component, ok, patched } from "./guest.js";

let dir: string;
let good: Uint8Array;
beforeAll(async () => {
  good = await component({ run: ok("(local.get $with)", "(local.get $with_len)") });
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "rlp-admit-"));
});
afterEach(() => {
  chmodSync(dir, 0o700);
  rmSync(dir, { recursive: true, force: true });
});

const refused = async (source: Uint8Array | string, options: AdmitOptions = {}): Promise<AdmissionError> => {
  const error: unknown = await admit(source, options).then(
    () => "admitted",
    (reason: unknown) => reason,
  );
  if (!(error instanceof AdmissionError)) throw new Error(`not refused: ${String(error)}`);
  return error;
};
const cached = async (): Promise<AdmitOptions & { cacheDir: string }> => ({
  cacheDir: join(dir, "cache"),
  homeKey: await homeKey(join(dir, "home.key")),
});
/** A toolchain that cannot start: whatever is admitted with it came from the cache. */
const NO_TOOLCHAIN = { entry: join(tmpdir(), "there-is-no-such-entry.mjs") };
const entryOf = (cacheDir: string): string => join(cacheDir, "components", readdirSync(join(cacheDir, "components"))[0]!);
const plain = ({ modules, plan, ...rest }: Admitted) => ({
  ...rest,
  plan: Buffer.from(plan).toString("hex"),
  modules: modules.map(({ name, bytes }) => [name, blake3(bytes)]),
});

test("bytes whose digest differs go no further: both digests, the file and the way out are named", async () => {
  const path = join(dir, "agent.wasm");
  writeFileSync(path, good);
  const expected = blake3("something else");
  const error = await refused(path, { expectedDigest: expected, toolchain: NO_TOOLCHAIN });
  expect(error).toMatchObject({ code: "ADMIT_DIGEST", place: { file: path }, hint: expect.stringContaining("rlp agent build") });
  expect(error.message).toContain(expected);
  expect(error.message).toContain(blake3(good));
});

test.each<[string, () => string, string]>([
  ["a file that is not there", () => join(dir, "none.wasm"), "ADMIT_UNREADABLE"],
  ["a directory", () => dir, "ADMIT_UNREADABLE"],
  [
    "a named pipe",
    () => {
      const path = join(dir, "pipe");
      execFileSync("mkfifo", [path]);
      return path;
    },
    "ADMIT_UNREADABLE",
  ],
  [
    "a file of terabytes",
    () => {
      const path = join(dir, "huge.wasm");
      writeFileSync(path, good);
      truncateSync(path, 2 ** 40);
      return path;
    },
    "ADMIT_TOO_LARGE",
  ],
  [
    "a text file",
    () => {
      const path = join(dir, "text.wasm");
      writeFileSync(path, "hello");
      return path;
    },
    "ADMIT_MALFORMED",
  ],
])("%s is refused, with its path", async (_, make, code) => {
  const path = make();
  expect(await refused(path)).toMatchObject({ code, place: { file: path } });
});

test("what the inspection refuses comes back as it is; the host goes on", async () => {
  expect(
    await refused(
      patched(
        await component({ run: ok("(i32.const 0)", "(i32.const 0)"), fields: '(func (export "injected"))' }),
        "injected",
        "*/`'\";//",
      ),
    ),
  ).toMatchObject({
    code: "ADMIT_NAME",
    message: expect.stringContaining("core module"),
  });
  expect(await refused(good.slice(0, good.length - 40))).toMatchObject({ code: "ADMIT_MALFORMED" });
  const [a, b] = await Promise.all([admit(good), refused(new Uint8Array(100))]);
  expect(a.imports).toEqual([]);
  expect(b.code).toBe("ADMIT_MALFORMED");
});

test("what cannot be metered is refused, with the module and the feature", async () => {
  const threads = await component({
    run: ok("(i32.const 0)", "(i32.const 0)"),
    fields: "(func (drop (i32.atomic.load (i32.const 0))))",
  });
  expect(await refused(threads)).toMatchObject({ code: "ADMIT_METER", message: expect.stringMatching(/core0/) });
  const memory = await component({ pages: 2000, run: ok("(i32.const 0)", "(i32.const 0)") });
  expect(await refused(memory)).toMatchObject({ code: "ADMIT_METER", message: expect.stringMatching(/memory/i) });
  expect((await admit(memory, { memoryMib: 128 })).stats.bytes).toBe(memory.length);
});

test.each<[string, string, object, RegExp]>([
  ["crashes", "process.exit(7)", {}, /exit status 7/],
  ["throws", "throw new Error('broken by it')", {}, /broken by it/],
  ["hangs", "setInterval(() => {}, 1000)", { timeoutMs: 300 }, /longer than 300 ms/],
  ["computes for ever", "for (;;);", { timeoutMs: 300 }, /longer than 300 ms/],
  [
    "fills its memory",
    "const all = []; for (;;) all.push(new Array(1e5).fill({}).map((_, i) => ({ i })))",
    { heapMib: 32 },
    /memory|SIGABRT|exit status/,
  ],
  ["sends garbage", "pipe.write('garbage garbage garbage')", {}, /rules of the pipe/],
  [
    "sends what is no answer",
    "say({ t: 'admitted', imports: [], exports: [], plan: '{}', large: false, modules: [{ name: '../../etc', bytes: 1 }], functions: 0, fuelTable: 1 })",
    {},
    /rules of the pipe/,
  ],
  [
    "sends bytes that it did not announce",
    "say({ t: 'admitted', imports: [], exports: [], plan: '{}', large: false, modules: [{ name: 'core0', bytes: 4 }], functions: 0, fuelTable: 1 }); pipe.write(frame(1, Buffer.alloc(40)))",
    {},
    /rules of the pipe/,
  ],
  [
    "announces gigabytes",
    "say({ t: 'admitted', imports: [], exports: [], plan: '{}', large: false, modules: [{ name: 'core0', bytes: 2 ** 40 }], functions: 0, fuelTable: 1 })",
    {},
    /metered it has/,
  ],
])("a toolchain process that %s is a refusal, not a crash", async (_, body, options, message) => {
  const entry = join(dir, "toolchain.mjs");
  writeFileSync(
    entry,
    `import { Socket } from "node:net";
    const pipe = new Socket({ fd: 3 });
    const frame = (kind, payload) => { const head = Buffer.alloc(5); head.writeUInt32BE(payload.length + 1); head[4] = kind; return Buffer.concat([head, payload]); };
    const say = (message) => pipe.write(frame(0, Buffer.from(JSON.stringify(message))));
    pipe.once("data", () => { ${body} });`,
  );
  const error = await refused(good, { toolchain: { entry, ...options } });
  expect(error.code === "ADMIT_TOOLCHAIN" || error.code === "ADMIT_LIMIT").toBe(true);
  expect(error.message).toMatch(message);
});

test("the second admission comes from the cache, byte for byte the same", async () => {
  const options = await cached();
  const first = await admit(good, options);
  const second = await admit(good, { ...options, toolchain: NO_TOOLCHAIN });
  expect(plain(second)).toEqual(plain(first));
  expect(statSync(join(options.cacheDir, "components")).mode & 0o777).toBe(0o700);
  expect(statSync(entryOf(options.cacheDir)).mode & 0o777).toBe(0o600);
});

test("a cached file in which any one byte was changed, or that was cut, is made again and never run", async () => {
  const options = await cached();
  const first = await admit(good, options);
  const path = entryOf(options.cacheDir);
  const file = readFileSync(path);
  const attempts = [...Array.from({ length: 10 }, (_, index) => Math.floor((index * (file.length - 1)) / 9)), 0, 20, 50];
  for (const at of attempts) {
    const changed = Buffer.from(file);
    changed[at]! ^= 0x01;
    writeFileSync(path, changed);
    await expect(admit(good, { ...options, toolchain: NO_TOOLCHAIN }), `byte ${at}`).rejects.toMatchObject({
      code: "ADMIT_TOOLCHAIN",
    });
  }
  for (const length of [0, 10, 60, file.length - 1]) {
    writeFileSync(path, file.subarray(0, length));
    await expect(admit(good, { ...options, toolchain: NO_TOOLCHAIN })).rejects.toMatchObject({ code: "ADMIT_TOOLCHAIN" });
  }
  expect(plain(await admit(good, options))).toEqual(plain(first));
  expect(readFileSync(path).equals(file)).toBe(true);
});

test("a cache file of another component, another memory cap or another home is not taken for this one's", async () => {
  const options = await cached();
  await admit(good, options);
  const mine = entryOf(options.cacheDir);
  const other = await component({ run: "(unreachable)" });
  const elsewhere = { ...options, cacheDir: join(dir, "cache2") };
  await admit(other, elsewhere);
  writeFileSync(mine, readFileSync(entryOf(elsewhere.cacheDir)));
  await expect(admit(good, { ...options, toolchain: NO_TOOLCHAIN })).rejects.toMatchObject({ code: "ADMIT_TOOLCHAIN" });
  await admit(good, options);
  await expect(admit(good, { ...options, memoryMib: 32, toolchain: NO_TOOLCHAIN })).rejects.toMatchObject({
    code: "ADMIT_TOOLCHAIN",
  });
  const stranger = { ...options, homeKey: new Uint8Array(32).fill(7) };
  await expect(admit(good, { ...stranger, toolchain: NO_TOOLCHAIN })).rejects.toMatchObject({ code: "ADMIT_TOOLCHAIN" });
  expect((await admit(good, { ...options, toolchain: NO_TOOLCHAIN })).digest).toBe(blake3(good));
});

test("a cache that cannot be written is got round, and said", async () => {
  writeFileSync(join(dir, "file"), "");
  const notices: string[] = [];
  const options = { cacheDir: join(dir, "file"), homeKey: new Uint8Array(32), notice: (text: string) => notices.push(text) };
  expect((await admit(good, options)).digest).toBe(blake3(good));
  expect(notices).toEqual([expect.stringContaining("cannot be written")]);
});

test("writers of the same entry do not disturb each other", async () => {
  const options = await cached();
  const all = await Promise.all([1, 2, 3].map(() => admit(good, options)));
  expect(new Set(all.map((one) => JSON.stringify(plain(one)))).size).toBe(1);
  expect(readdirSync(join(options.cacheDir, "components"))).toHaveLength(1);
  expect((await admit(good, { ...options, toolchain: NO_TOOLCHAIN })).digest).toBe(blake3(good));
});

test("the home's key is made once, by whoever comes first, for its owner only", async () => {
  const path = join(dir, "sub", "home.key");
  const keys = await Promise.all([1, 2, 3, 4].map(() => homeKey(path)));
  expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(dir, "sub"))).toEqual(["home.key"]);
  writeFileSync(path, "short");
  await expect(homeKey(path)).rejects.toMatchObject({ code: "HOME_KEY_BAD", place: { file: path } });
});

test("what came from the cache runs like what was made", async () => {
  const options = await cached();
  await admit(good, options);
  const sandbox = startSandbox();
  const { end } = await run(sandbox, await admit(good, { ...options, toolchain: NO_TOOLCHAIN }), { with: "42" });
  await sandbox.close();
  expect(end).toMatchObject({ kind: "ok", outputs: [{ body: "42" }] });
});

test("an agent of the SDK, in AssemblyScript, searches, asks a model and answers", async () => {
  const { buildSource } = await import("#sdk/build/source.js");
  const agent = await buildSource(`
    import { failed, Invocation, json, kb, log, model, ok, Outcome } from "runloop";
    export function agent(call: Invocation): Outcome {
      const topic = call.options.getString("topic");
      const hits = kb.search(topic);
      if (!hits.ok) return failed(hits.error, "searching");
      log.info("found", json().set("hits", hits.value.length));
      const answer = model.complete("Say something about " + topic + " from " + hits.value[0].text);
      if (!answer.ok) return failed(answer.error, "asking");
      return ok().send("out", "text.v1", answer.value.text);
    }`);
  const admitted = await admit(agent);
  expect(admitted.imports).toEqual(["runloop:agent/kb@0.1.0", "runloop:agent/log@0.1.0", "runloop:agent/model@0.1.0"]);
  const sandbox = startSandbox();
  const hit = { citation: "d#0", title: "T", text: "größer 🎈", uri: "file:x", domain: "notes", score: 1.5 };
  const answer = ({ interface: name, args }: GuestCall): CallAnswer =>
    name === "kb" ? { ok: [hit] } : { ok: { text: `echo ${String(args[0])}`, model: "m", input_tokens: 1, output_tokens: 2 } };
  const { end, calls, logs } = await run(sandbox, admitted, { with: '{"topic":"engines"}' }, answer);
  const denied = await run(sandbox, admitted, { with: '{"topic":"engines"}' }, () => ({
    err: { code: "denied", message: "no `kb_read`" },
  }));
  await sandbox.close();
  expect(calls.map((call) => `${call.interface}.${call.function}`)).toEqual(["kb.search", "model.complete"]);
  expect(calls[0]?.args[0]).toBe("engines");
  expect(logs).toMatchObject([{ level: "info", message: "found", fields: { hits: 1 } }]);
  expect(end).toMatchObject({
    kind: "ok",
    outputs: [{ port: "out", type: "text.v1", body: JSON.stringify("echo Say something about engines from größer 🎈") }],
  });
  expect(denied.end).toMatchObject({
    kind: "failed",
    failure: { retryable: false, message: expect.stringContaining("no `kb_read`") },
  });
});

test("names of files are never taken from a component", async () => {
  const options = await cached();
  await admit(good, options);
  expect(readdirSync(options.cacheDir)).toEqual(["components"]);
  expect(readdirSync(join(options.cacheDir, "components"))).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.rlp$/)]);
});
