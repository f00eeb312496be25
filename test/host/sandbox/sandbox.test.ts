import { afterAll, beforeAll, expect, test } from "vitest";
import type { Admitted, GuestEnd, Sandbox } from "#host/component/contract.js";
import { startSandbox } from "#host/sandbox/process.js";
import { COMPLETE, imports, ok, textAt, type Guest } from "../component/guest.js";
import { admitted, completion, failure, run, SEED } from "./run.js";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = startSandbox();
});
afterAll(() => sandbox.close());

const WITH = ok("(local.get $with)", "(local.get $with_len)");
const SPIN = "(loop $again (br $again)) (unreachable)";
const echo: Guest = { run: WITH };
const asking: Guest = { imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` };

test("an attempt gets its invocation and gives messages", async () => {
  for (const encoding of ["utf8", "utf16"] as const) {
    const utf16 = encoding === "utf16";
    // In UTF-16 the constant strings of the fixture must be wide.
    const fields = utf16
      ? `(data (i32.const 16) "o\\00u\\00t\\00") (data (i32.const 32) "t\\00e\\00x\\00t\\00.\\00v\\001\\00")`
      : "";
    const { end } = await run(sandbox, await admitted({ ...echo, encoding, fields }), { with: '{"name":"Zoë 🎈"}' });
    expect(end).toMatchObject({ kind: "ok", outputs: [{ port: "out", type: "text.v1", body: '{"name":"Zoë 🎈"}' }] });
  }
});

test("inputs arrive in order, with port, type, body and labels", async () => {
  // Gives the body of the second input message: messages have 32 bytes, the body's pointer and length stand at 16.
  const second = await admitted({ run: ok("(i32.load offset=48 (local.get $in))", "(i32.load offset=52 (local.get $in))") });
  const inputs = ["one", "two"].map((body) => ({ port: "in", type: "text.v1", body, labels: ["model", "private:x"] }));
  expect((await run(sandbox, second, { inputs })).end).toMatchObject({ outputs: [{ body: "two" }] });
  const label = await admitted({
    run: `(local $labels i32) (local.set $labels (i32.load offset=24 (local.get $in))) ${ok("(i32.load offset=8 (local.get $labels))", "(i32.load offset=12 (local.get $labels))")}`,
  });
  expect((await run(sandbox, label, { inputs })).end).toMatchObject({ outputs: [{ body: "private:x" }] });
});

test("a host call carries its arguments as JSON, in WIT's names with underscores, and its fuel", async () => {
  const { end, calls } = await run(sandbox, await admitted(asking), { with: '"hello"' });
  expect(calls).toEqual([
    {
      seq: 0,
      interface: "model",
      function: "complete",
      args: ['"hello"', { model: "", max_tokens: 7, temperature: 0.5, local: "" }],
      fuel: expect.any(Number),
    },
  ]);
  expect(end).toMatchObject({ kind: "ok", outputs: [{ body: 'echo "hello"' }] });
});

test("typed errors reach the guest as the variant that they are", async () => {
  const guest = await admitted({
    ...asking,
    // The discriminant of the result, then that of the error, as two digits.
    run: `${COMPLETE}
      (i32.store8 (i32.const 400) (i32.add (i32.const 48) (i32.load8_u (i32.const 512))))
      (i32.store8 (i32.const 401) (i32.add (i32.const 48) (i32.load8_u (i32.const 520))))
      ${ok("(i32.const 400)", "(i32.const 2)")}`,
  });
  const codes = ["denied", "budget-exhausted", "timeout", "cancelled", "invalid", "unavailable", "failed"] as const;
  for (const [index, code] of codes.entries()) {
    const { end } = await run(sandbox, guest, {}, () => ({ err: { code, message: "because", retry_after_ms: 5 } }));
    expect(end, code).toMatchObject({ kind: "ok", outputs: [{ body: `1${index}` }] });
  }
});

test("a stream of the host is a handle: its name comes back with every call on it, and a made-up handle is a trap", async () => {
  const streaming = (handle: string): Guest => ({
    imports: [imports.stream, imports.nextChunk],
    run: `(call $model.stream (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7) (f64.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
      (call $model.next ${handle} (i32.const 600))
      ${ok("(i32.load (i32.const 612))", "(i32.load (i32.const 616))")}`,
  });
  const answer = ({ function: name }: { function: string }) => (name === "stream" ? { ok: "stream-7" } : { ok: "chunk" });
  const { end, calls } = await run(sandbox, await admitted(streaming("(i32.load (i32.const 520))")), {}, answer);
  expect(calls.map((call) => [call.function, call.args.at(0)])).toEqual([
    ["stream", ""],
    ["[method]completion-stream.next", "stream-7"],
  ]);
  expect(end).toMatchObject({ kind: "ok", outputs: [{ body: "chunk" }] });
  expect(failure((await run(sandbox, await admitted(streaming("(i32.const 99)")), {}, answer)).end)).toMatchObject({
    code: "host.trap",
    message: expect.stringContaining("99 is no handle of model/completion-stream"),
  });
});

test("clock, randomness, log and state follow from seed and fuel", async () => {
  const guest = await admitted({
    imports: [imports.now, imports.monotonic, imports.next, imports.log, imports.set],
    fields: '(data (i32.const 700) "key") (data (i32.const 710) "{\\22a\\22: 1}")',
    run: `(call $clock.now-ms (i32.const 520)) (call $clock.monotonic-ns (i32.const 560)) (call $random.next-u64 (i32.const 600))
      (call $log.write (i32.const 3) (local.get $with) (local.get $with_len) (i32.const 710) (i32.const 8))
      (call $state.set (i32.const 700) (i32.const 3) (local.get $with) (local.get $with_len) (i32.const 640))
      ${ok("(i32.const 520)", "(i32.const 0)")}`,
  });
  const first = await run(sandbox, guest, { with: '"text"' });
  expect(first.logs).toEqual([{ level: "warn", message: '"text"', fields: { a: 1 } }]);
  expect(first.calls).toEqual([]);
  expect(first.end).toMatchObject({ kind: "ok", state: { key: '"text"' }, localHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect((await run(sandbox, guest, { with: '"text"' })).end).toEqual(first.end);
  const other = await run(sandbox, guest, { with: '"text"', seed: "00".repeat(32) });
  expect((other.end as { localHash: string }).localHash).not.toBe((first.end as { localHash: string }).localHash);
});

test("random numbers are the key stream of AES-256-CTR under the seed, and one draw continues the other", async () => {
  const { createCipheriv } = await import("node:crypto");
  const stream = createCipheriv("aes-256-ctr", Buffer.from(SEED, "hex"), Buffer.alloc(16)).update(Buffer.alloc(64));
  const guest = await admitted({
    imports: [imports.bytes, imports.log],
    // Bytes of the key stream as the text of an output: each one cut down to a letter.
    run: `(local $i i32) (local $at i32)
      (call $random.bytes (i32.const 8) (i32.const 520)) (call $random.bytes (i32.const 16) (i32.const 520))
      (local.set $at (i32.load (i32.const 528)))
      (loop $next
        (i32.store8 (i32.add (local.get $at) (local.get $i))
          (i32.add (i32.const 65) (i32.and (i32.load8_u (i32.add (local.get $at) (local.get $i))) (i32.const 15))))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16))))
      ${ok("(local.get $at)", "(i32.const 16)")}`,
  });
  const letters = [...stream.subarray(8, 24)].map((byte) => String.fromCharCode(65 + (byte & 15))).join("");
  expect((await run(sandbox, guest)).end).toMatchObject({ kind: "ok", outputs: [{ body: letters }] });
});

test("an agent's own failure is its own, and cannot pass for one of the host's", async () => {
  const failing = (code: string): Guest => ({
    fields: `(data (i32.const 700) "${code}") (data (i32.const 800) "it went wrong")`,
    run: `(i32.store8 (i32.const 256) (i32.const 1))
      (i32.store (i32.const 260) (i32.const 700)) (i32.store (i32.const 264) (i32.const ${code.length}))
      (i32.store (i32.const 268) (i32.const 800)) (i32.store (i32.const 272) (i32.const 13))
      (i32.store8 (i32.const 276) (i32.const 1)) (i32.const 256)`,
  });
  const own = await run(sandbox, await admitted(failing("not-found")));
  expect(own.end).toMatchObject({ kind: "failed", failure: { code: "not-found", message: "it went wrong", retryable: true } });
  expect(failure((await run(sandbox, await admitted(failing("host.denied")))).end)).toMatchObject({ code: "agent.host.denied" });
});

test.each<[string, Guest, string, RegExp]>([
  ["an infinite loop", { run: SPIN }, "host.fuel-exhausted", /100000000 units/],
  [
    "a recursion bomb",
    {
      run: "(call $run (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (drop) (unreachable)",
    },
    "host.depth-exhausted",
    /nested/,
  ],
  [
    "a memory bomb",
    { run: "(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) (unreachable)" },
    "host.memory-exhausted",
    /more than its 8 MiB/,
  ],
  ["unreachable", { run: "(unreachable)" }, "host.trap", /unreachable/],
  ["a division by zero", { run: "(i32.div_u (i32.const 1) (local.get $in_len))" }, "host.trap", /divide by zero/],
  ["a result outside of its memory", { run: "(i32.const -8)" }, "host.trap", /outside of the memory/],
  ["a result that is not aligned", { run: "(i32.const 257)" }, "host.trap", /not aligned/],
  [
    "a discriminant that is not there",
    { run: "(i32.store8 (i32.const 256) (i32.const 9)) (i32.const 256)" },
    "host.trap",
    /case 9/,
  ],
  [
    "a list of 2^32 - 1 messages",
    { run: "(i32.store (i32.const 260) (i32.const 128)) (i32.store (i32.const 264) (i32.const -1)) (i32.const 256)" },
    "host.trap",
    /outside of the memory/,
  ],
  [
    "gigabytes by pointing at the same megabyte many times",
    {
      pages: 64,
      run: `(local $i i32)
        (loop $fill
          (i32.store offset=65556 (i32.mul (local.get $i) (i32.const 24)) (i32.const 2000000))
          (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4000))))
        (i32.store (i32.const 260) (i32.const 65536)) (i32.store (i32.const 264) (i32.const 4000)) (i32.const 256)`,
    },
    "host.component",
    /outputs are too large/,
  ],
  [
    "text that is not UTF-8",
    { fields: '(data (i32.const 700) "\\ff\\fe")', run: ok("(i32.const 700)", "(i32.const 2)") },
    "host.trap",
    /well-formed/,
  ],
  ["endless work in allocation", { realloc: SPIN, run: WITH }, "host.fuel-exhausted", /allocation/],
  ["endless work after its result", { postReturn: SPIN, run: WITH }, "host.fuel-exhausted", /post-return/],
  [
    "endless work in a start function",
    { fields: `(func $start ${SPIN}) (start $start)`, run: WITH },
    "host.fuel-exhausted",
    /start function/,
  ],
  [
    "a host call from allocation",
    {
      imports: [imports.complete],
      realloc: COMPLETE.replaceAll("(local.get $with)", "(i32.const 0)").replaceAll("(local.get $with_len)", "(i32.const 0)"),
      run: WITH,
    },
    "host.trap",
    /outside of `run`/,
  ],
  [
    "a host call from allocation that needs no waiting",
    { imports: [imports.now], realloc: "(call $clock.now-ms (i32.const 512))", run: WITH },
    "host.trap",
    /outside of `run`/,
  ],
  [
    "a host call after its result",
    {
      imports: [imports.log],
      postReturn: "(call $log.write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
      run: WITH,
    },
    "host.trap",
    /outside of `run`/,
  ],
])("stopped, with a reason: %s", async (_, guest, code, message) => {
  const { end, calls, logs } = await run(sandbox, await admitted(guest), {
    limits: { fuel: 100_000_000, memoryMib: 8, calls: 10 },
    with: '"x"',
  });
  expect(failure(end)).toMatchObject({ code, message: expect.stringMatching(message) });
  expect([calls, logs]).toEqual([[], []]);
  // And the process goes on.
  expect((await run(sandbox, await admitted(echo))).end.kind).toBe("ok");
});

test("calls beyond the attempt's limit end it, those before it were made", async () => {
  const guest = await admitted({ imports: [imports.complete], run: `(loop $again ${COMPLETE} (br $again)) (unreachable)` });
  const { end, calls } = await run(sandbox, guest, { limits: { fuel: 1e9, memoryMib: 64, calls: 3 } });
  expect(calls.map(({ seq }) => seq)).toEqual([0, 1, 2]);
  expect(end).toMatchObject({ kind: "failed", failure: { code: "host.calls-exhausted" }, limit: { name: "calls", ceiling: 3 } });
});

test("an interface that is not linked is not there; a stub is asked of the control process, a clock too", async () => {
  const guest = await admitted({
    imports: [imports.now],
    run: `(call $clock.now-ms (i32.const 512)) ${ok("(i32.const 0)", "(i32.load8_u (i32.const 512))")}`,
  });
  const missing = await run(sandbox, guest, { linked: ["log"] });
  expect(failure(missing.end)).toMatchObject({ code: "host.denied", message: expect.stringContaining("`clock`") });
  const stub = await run(sandbox, guest, { linked: ["log"], stubs: ["clock"] }, () => ({
    err: { code: "denied", message: "no `time`" },
  }));
  expect(stub.calls).toMatchObject([{ interface: "clock", function: "now-ms" }]);
  expect(stub.end).toMatchObject({ kind: "ok", outputs: [{ body: "\0" }] });
});

test("a log beyond what an attempt may write is dropped, and the dropping counted", async () => {
  const guest = await admitted({
    imports: [imports.log],
    run: `(local $i i32) (loop $again
        (call $log.write (i32.const 2) (local.get $with) (local.get $with_len) (i32.const 0) (i32.const 0))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1200)))) ${WITH}`,
  });
  const { logs } = await run(sandbox, guest);
  expect(logs).toHaveLength(1001);
  expect(logs.at(-1)).toMatchObject({ level: "warn", fields: { dropped: 200 } });
});

test("a log's fields are carried on if they are a JSON object, and made harmless if they are not", async () => {
  const logged = async (fields: string) => {
    const escaped = [...Buffer.from(fields)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
    const guest = await admitted({
      imports: [imports.log],
      fields: `(data (i32.const 1000) "${escaped}")`,
      run: `(call $log.write (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const ${Buffer.byteLength(fields)})) ${WITH}`,
    });
    return (await run(sandbox, guest)).logs[0]?.fields;
  };
  expect(await logged('{"a":[1,{"b":null}]}')).toEqual({ a: [1, { b: null }] });
  expect(await logged('{"\\ud800":"\\udfff"}')).toEqual({ "\ufffd": "\ufffd" });
  expect(await logged("[1]")).toEqual({ unreadable_fields: "[1]" });
  expect(await logged("{")).toEqual({ unreadable_fields: "{" });
  expect(await logged(`{"a":${"[".repeat(50)}${"]".repeat(50)}}`)).toHaveProperty("unreadable_fields");
});

test("arguments that are too large for a function without a result are a trap", async () => {
  const guest = await admitted({
    imports: [imports.log],
    pages: 64,
    run: `(call $log.write (i32.const 2) (i32.const 8192) (i32.const 3000000) (i32.const 0) (i32.const 0)) ${WITH}`,
  });
  expect(failure((await run(sandbox, guest)).end)).toMatchObject({
    code: "host.trap",
    message: expect.stringContaining("log.write"),
  });
});

test("a state of endless keys is refused to the guest, and the process goes on", async () => {
  const guest = await admitted({
    imports: [imports.set],
    run: `(local $i i32) (loop $again
        (i32.store (i32.const 700) (i32.add (i32.const 0x30303030) (i32.or (i32.and (local.get $i) (i32.const 7)) (i32.or (i32.shl (i32.and (local.get $i) (i32.const 56)) (i32.const 5))
          (i32.or (i32.shl (i32.and (local.get $i) (i32.const 448)) (i32.const 10)) (i32.shl (i32.and (local.get $i) (i32.const 3584)) (i32.const 15)))))))
        (i32.store8 (i32.const 704) (i32.add (i32.const 48) (i32.shr_u (local.get $i) (i32.const 12))))
        (call $state.set (i32.const 700) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 720))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5000))))
      ${ok("(i32.load (i32.const 736))", "(i32.load (i32.const 740))")}`,
  });
  const { end } = await run(sandbox, guest);
  expect(end).toMatchObject({ kind: "ok", outputs: [{ body: "a node's state has at most 4096 keys" }] });
  expect(end.kind === "ok" && Object.keys(end.state)).toHaveLength(4096);
});

test("an answer that the host cannot give ends the attempt, and so does one of another type", async () => {
  const guest = await admitted(asking);
  const thrown = await run(sandbox, guest, {}, () => Promise.reject(new Error("the disk is full")));
  expect(failure(thrown.end)).toMatchObject({ code: "host.component", message: "the disk is full" });
  // Cut within a character, and said again by the child: it must not be taken for an attack.
  const cut = await run(sandbox, guest, {}, () => Promise.reject(new Error(`${"x".repeat(499)}🎈 and more`)));
  expect(failure(cut.end)).toMatchObject({ code: "host.component", message: `${"x".repeat(499)}\ufffd…` });
  const wrong = await run(sandbox, guest, {}, () => ({ ok: { text: 7, model: "m", input_tokens: 1, output_tokens: 1 } }));
  expect(failure(wrong.end)).toMatchObject({ code: "host.component", message: expect.stringContaining("not text") });
});

test("a cancel reaches a guest that computes, one that waits, and one that has not begun", async () => {
  const guests: [Guest, number][] = [
    [{ run: SPIN }, 20],
    [asking, 20],
    [{ run: SPIN }, 0],
  ];
  for (const [guest, after] of guests) {
    const controller = new AbortController();
    if (after === 0) controller.abort();
    else setTimeout(() => controller.abort(), after);
    const never = () => new Promise<never>(() => {});
    const { end } = await run(
      sandbox,
      await admitted(guest),
      { limits: { fuel: 1e15, memoryMib: 64, calls: 10 } },
      never,
      controller.signal,
    );
    expect(end.kind).toBe("cancelled");
  }
});

test("two guests that never stop leave the thread to the others", async () => {
  const controller = new AbortController();
  const spinner = await admitted({ run: SPIN });
  const spinning = [1, 2].map(() =>
    run(sandbox, spinner, { limits: { fuel: 1e15, memoryMib: 64, calls: 10 } }, completion, controller.signal),
  );
  const guest = await admitted(asking);
  for (let i = 0; i < 5; i++) expect((await run(sandbox, guest)).end.kind).toBe("ok");
  controller.abort();
  expect((await Promise.all(spinning)).map(({ end }) => end.kind)).toEqual(["cancelled", "cancelled"]);
});

test("200 guests wait at once, and each gets its own answer", async () => {
  const guest = await admitted(asking);
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  let asked = 0;
  const ends = Array.from({ length: 200 }, (_, index) =>
    run(sandbox, guest, { with: `${index}` }, async (call) => {
      if (++asked === 200) release();
      await gate;
      return completion(call);
    }),
  );
  const bodies = (await Promise.all(ends)).map(({ end }) => (end.kind === "ok" ? end.outputs[0]?.body : end.kind));
  expect(bodies).toEqual(Array.from({ length: 200 }, (_, index) => `echo ${index}`));
});

test("fuel, outputs and local digest do not depend on the slice, nor does the place where the fuel ends", async () => {
  const busy = await admitted({
    imports: [imports.complete, imports.next],
    run: `(local $i i32) (loop $again (call $random.next-u64 (i32.const 600))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))
      ${COMPLETE} (local.set $i (i32.const 0))
      (loop $spin (br_if $spin (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200000))))
      (call $random.next-u64 (i32.const 600)) ${ok(...textAt(512))}`,
  });
  const spin = await admitted({ run: SPIN });
  const seen: [GuestEnd, GuestEnd][] = [];
  for (const slice of [1000, 12_345, 1_000_000]) {
    const other = startSandbox({ slice });
    seen.push([
      (await run(other, busy)).end,
      (await run(other, spin, { limits: { fuel: 3_000_001, memoryMib: 64, calls: 1 } })).end,
    ]);
    await other.close();
  }
  expect(seen[0]?.[0]).toMatchObject({ kind: "ok" });
  expect(failure(seen[0]![1])).toMatchObject({ code: "host.fuel-exhausted" });
  for (const ends of seen) expect(ends).toEqual(seen[0]);
});

test("outputs of more than a mebibyte fail the attempt, with both figures", async () => {
  const { end } = await run(sandbox, await admitted({ pages: 40, run: ok("(i32.const 8192)", "(i32.const 1500000)") }));
  expect(end).toMatchObject({
    kind: "failed",
    failure: { code: "host.component", message: expect.stringContaining("too large") },
  });
});

test("arguments of more than a mebibyte are a typed error, and the guest goes on", async () => {
  const guest = await admitted({
    imports: [imports.complete],
    pages: 64,
    run: `(call $model.complete (i32.const 8192) (i32.const 3000000) (i32.const 0) (i32.const 0) (i32.const 7) (f64.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
      ${ok("(i32.load (i32.const 528))", "(i32.load (i32.const 532))")}`,
  });
  const { end, calls } = await run(sandbox, guest);
  expect(calls).toEqual([]);
  expect(end).toMatchObject({
    kind: "ok",
    outputs: [{ body: expect.stringContaining("the arguments of model.complete have more than") }],
  });
});

test("guests beyond the cap wait for a place", async () => {
  const small = startSandbox({ maxLive: 2 });
  const guest: Admitted = await admitted(asking);
  let now = 0;
  let most = 0;
  const ends = await Promise.all(
    Array.from({ length: 6 }, () =>
      run(small, guest, {}, async (call) => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 5));
        now--;
        return completion(call);
      }),
    ),
  );
  expect(ends.map(({ end }) => end.kind)).toEqual(Array.from({ length: 6 }, () => "ok"));
  expect(most).toBe(2);
  await small.close();
});
