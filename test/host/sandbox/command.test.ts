/** Commands in a real sandbox process: hostile ones, then how they get an invocation and give a result. */
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { admit } from "#host/component/admit.js";
import type { Admitted, GuestSpec, Sandbox } from "#host/component/contract.js";
import { startSandbox } from "#host/sandbox/process.js";
import { witSource as sdkWit } from "#sdk/build/wit.js";
import { componentOf, moduleText, ok } from "../component/guest.js";
import { adapted, admitted, command, data, importLines, linkedOf, preview1, READ_ALL, type Command } from "./command.js";
import { failure, run as runGuest, type Answer, type Ran } from "./run.js";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = startSandbox();
});
afterAll(() => sandbox.close());

async function run(component: Admitted, given: Partial<GuestSpec> = {}, answer?: Answer): Promise<Ran> {
  return runGuest(sandbox, component, { linked: linkedOf(component), ...given }, answer);
}
const guest = (given: Command): Promise<Admitted> => admitted(command(given));

const STREAMS = ["wasi:io/poll", "wasi:io/streams"];
const POLL = ["wasi:io/poll", "wasi:clocks/monotonic-clock"];
const OK = "(i32.const 0)";

describe("hostile", () => {
  test.each<[string, Command, RegExp]>([
    [
      "a stream that was let go of",
      {
        uses: [...STREAMS, "wasi:cli/stdout"],
        run: `(local.set $a (call $get-stdout)) (call $drop-output-stream (local.get $a))
          (call $blocking-write-and-flush (local.get $a) (i32.const 0) (i32.const 1) (i32.const 64)) ${OK}`,
      },
      /no handle/,
    ],
    [
      "a pollable that was let go of",
      {
        uses: POLL,
        run: `(local.set $a (call $subscribe-duration (i64.const 1))) (i32.store (i32.const 0) (local.get $a))
          (call $drop-pollable (local.get $a)) (call $poll (i32.const 0) (i32.const 1) (i32.const 64)) ${OK}`,
      },
      /no handle/,
    ],
    [
      "a handle let go of twice",
      {
        uses: [...STREAMS, "wasi:cli/stdin"],
        run: `(local.set $a (call $get-stdin)) (call $drop-input-stream (local.get $a)) (call $drop-input-stream (local.get $a)) ${OK}`,
      },
      /no handle/,
    ],
    [
      "an input where an output belongs",
      {
        uses: [...STREAMS, "wasi:cli/stdin"],
        run: `(call $check-write (call $get-stdin) (i32.const 64)) ${OK}`,
      },
      /no handle|another resource/,
    ],
    [
      "an output spliced into itself",
      {
        uses: [...STREAMS, "wasi:cli/stdout"],
        run: `(local.set $a (call $get-stdout)) (call $splice (local.get $a) (local.get $a) (i64.const 10) (i32.const 64)) ${OK}`,
      },
      /no handle|another resource/,
    ],
    [
      "a write that has not asked",
      {
        uses: [...STREAMS, "wasi:cli/stdout"],
        run: `(call $write (call $get-stdout) (i32.const 0) (i32.const 1) (i32.const 64)) ${OK}`,
      },
      /check-write/,
    ],
    [
      "a write of more than was allowed",
      {
        uses: [...STREAMS, "wasi:cli/stdout"],
        run: `(local.set $a (call $get-stdout)) (call $check-write (local.get $a) (i32.const 64))
          (call $write (local.get $a) (i32.const 0) (i32.const 65537) (i32.const 64)) ${OK}`,
      },
      /65537 bytes/,
    ],
    ["a poll of nothing", { uses: POLL, run: `(call $poll (i32.const 0) (i32.const 0) (i32.const 64)) ${OK}` }, /never end/],
  ])("%s is a trap", async (_, given, message) => {
    expect(failure((await run(await guest(given))).end)).toMatchObject({
      code: "host.trap",
      message: expect.stringMatching(message),
    });
  });

  test("during an allocation nothing is answered, and the attempt is over", async () => {
    const reentrant = await guest({
      uses: [...STREAMS, "wasi:cli/stdin"],
      run: `(call $read (call $get-stdin) (i64.const 10) (i32.const 64)) ${OK}`,
      realloc: "(drop (call $get-stdin))",
    });
    expect(failure((await run(reentrant)).end)).toMatchObject({
      code: "host.trap",
      message: expect.stringContaining("outside of `run`"),
    });
  });

  test("who polls for ever ends with its fuel, who waits for ever with its sleep, and neither takes any time", async () => {
    const spinning = await guest({
      uses: POLL,
      run: `(local.set $a (call $subscribe-duration (i64.const 0))) (i32.store (i32.const 0) (local.get $a))
        (loop $again (call $poll (i32.const 0) (i32.const 1) (i32.const 64)) (br $again)) ${OK}`,
    });
    const limits = { fuel: 5e6, memoryMib: 64, calls: 10 };
    expect(failure((await run(spinning, { limits })).end)).toMatchObject({ code: "host.fuel-exhausted" });
    const waiting = await guest({
      uses: POLL,
      run: `(i32.store (i32.const 0) (call $subscribe-duration (i64.const -1)))
        (call $poll (i32.const 0) (i32.const 1) (i32.const 64)) ${OK}`,
    });
    for (const time of [true, false])
      expect((await run(waiting, { limits, granted: { time, random: false } })).end).toMatchObject({
        failure: { code: "host.timeout" },
        limit: { name: "sleep_ms", ceiling: 86_400_000 },
      });
  });

  test("a flood of pollables ends at the limit of handles", async () => {
    const leaking = await guest({
      uses: POLL,
      run: `(loop $again (drop (call $subscribe-duration (i64.const 1))) (br $again)) ${OK}`,
    });
    expect((await run(leaking)).end).toMatchObject({
      failure: { code: "host.handles-exhausted" },
      limit: { name: "handles", ceiling: 1024 },
    });
  });

  test("a flood of standard output ends at its limit; one of standard error is dropped and counted", async () => {
    const flood = (fd: number) =>
      adapted(preview1(`(loop $again (call $write (i32.const ${fd}) (i32.const 1000) (i32.const 4000)) (br $again))`));
    expect((await run(await flood(1))).end).toMatchObject({
      failure: { code: "host.component", message: expect.stringContaining("standard output is too large") },
      limit: { name: "output_bytes", ceiling: 1 << 20 },
    });
    const limits = { fuel: 2e7, memoryMib: 64, calls: 10 };
    const { end, lines } = await run(await flood(2), { limits });
    expect(failure(end)).toMatchObject({ code: "host.fuel-exhausted" });
    expect(lines.at(-1)).toMatchObject({ stream: "stderr", level: "warn", chunk: expect.stringContaining("were dropped") });
    expect(lines.reduce((sum, { chunk }) => sum + chunk.length, 0)).toBeLessThan(70_000);
  });

  test("who reads for ever gets the end for ever, and skips no more than there is", async () => {
    const reading = await adapted(preview1(`(loop $again ${READ_ALL} (br $again))`));
    const limits = { fuel: 5e6, memoryMib: 64, calls: 10 };
    expect(failure((await run(reading, { limits })).end)).toMatchObject({ code: "host.fuel-exhausted" });
    // 1: exactly the 50 bytes of an invocation without inputs were skipped.
    const skipping = await guest({
      uses: [...STREAMS, "wasi:cli/stdin", "wasi:cli/stdout"],
      run: `(call $skip (call $get-stdin) (i64.const 1073741824) (i32.const 64))
        (i32.store8 (i32.const 0) (i32.add (i32.const 48) (i64.eq (i64.load (i32.const 72)) (i64.const 50))))
        (call $blocking-write-and-flush (call $get-stdout) (i32.const 0) (i32.const 1) (i32.const 96)) ${OK}`,
    });
    expect((await run(skipping)).end).toMatchObject({ kind: "exited", stdout: "1" });
  });

  test("after `exit` nothing of the program runs", async () => {
    const fields = `${data(100, "{}")} ${data(200, "after")} (func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
      (else (call $exit (i32.const 0)))) (call $write (i32.const 1) (i32.const 200) (i32.const 5)))`;
    const leaving = await adapted(
      preview1(`(call $write (i32.const 1) (i32.const 100) (i32.const 2)) (call $deep (i32.const 50))`, fields),
    );
    expect((await run(leaving)).end).toMatchObject({ kind: "exited", stdout: "{}" });
  });

  test("what is no UTF-8 on standard output is shown", async () => {
    const garbled = await adapted(
      preview1(`(call $write (i32.const 1) (i32.const 100) (i32.const 4))`, `(data (i32.const 100) "{\\ff\\c3\\28")`),
    );
    expect(failure((await run(garbled)).end)).toEqual({
      code: "host.component",
      message: "standard output is not UTF-8: 4 bytes that begin with `{\\xff\\xc3(`",
      retryable: false,
    });
  });

  test("randomness that is not granted is not there; optional, its first call is denied and ends the attempt", async () => {
    const drawing = await guest({ uses: ["wasi:random/random"], run: `(drop (call $get-random-u64)) ${OK}` });
    const without = { linked: linkedOf(drawing, ["wasi:random/random"]), granted: { time: false, random: false } };
    const refused = await run(drawing, without);
    expect(failure(refused.end)).toMatchObject({ code: "host.denied", message: expect.stringContaining("wasi:random/random") });
    const denied = await run(drawing, { ...without, stubs: ["wasi:random/random"] }, () => ({
      err: { code: "denied", message: "random: the policy does not grant random" },
    }));
    expect(denied.calls).toMatchObject([{ interface: "wasi:random/random", function: "get-random-u64", args: [] }]);
    expect(failure(denied.end)).toEqual({
      code: "host.denied",
      message: "`wasi:random/random` was called: random: the policy does not grant random",
      retryable: false,
    });
  });

  test("without grants two attempts with other seeds, epochs and work read the same", async () => {
    const reading = await guest({
      uses: [...STREAMS, "wasi:clocks/monotonic-clock", "wasi:clocks/wall-clock", "wasi:random/insecure", "wasi:cli/stdout"],
      run: `(local.set $i (i32.const 1000)) (loop $spin (br_if $spin (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
        (call $wall (i32.const 0)) (i64.store (i32.const 16) (call $now)) (i64.store (i32.const 24) (call $get-insecure-random-u64))
        (loop $hex (i32.store8 (i32.add (i32.const 256) (local.get $i)) (i32.add (i32.const 97) (i32.and (i32.load8_u (local.get $i)) (i32.const 15))))
          (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $hex (i32.lt_u (local.get $i) (i32.const 32))))
        (call $blocking-write-and-flush (call $get-stdout) (i32.const 256) (i32.const 32) (i32.const 512)) ${OK}`,
    });
    const read = async (given: Partial<GuestSpec>): Promise<unknown> => {
      const { end } = await run(reading, given);
      return end.kind === "exited" ? end.stdout : end;
    };
    const [one, other] = [
      { seed: "11".repeat(32), epochMs: 1 },
      { seed: "22".repeat(32), epochMs: 2_000_000_000_000 },
    ];
    const inert = { granted: { time: false, random: false } };
    expect(await read({ ...one, ...inert })).toBe(await read({ ...other, ...inert }));
    expect(await read({ ...one, ...inert })).toMatch(/^a{16}a{8}/);
    expect(await read(one)).not.toBe(await read(other));
  });
});

test("a program that imports one function twice, as those of Go do, runs with both", async () => {
  const twice = await adapted(
    preview1(
      `(call $write (i32.const 2) (i32.const 1000) (i32.const 6))
      (i32.store (i32.const 0) (i32.const 1006)) (i32.store (i32.const 4) (i32.const 7))
      (drop (call $other (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))`,
      data(1000, 'first\n{"a":1}'),
      '(import "wasi_snapshot_preview1" "fd_write" (func $other (param i32 i32 i32 i32) (result i32)))',
    ),
  );
  const { end, lines } = await run(twice);
  expect(end).toMatchObject({ kind: "exited", stdout: '{"a":1}' });
  expect(lines.map(({ stream, chunk }) => [stream, chunk])).toEqual([["stderr", "first"]]);
});

test("the invocation is one line of canonical JSON, its bodies values", async () => {
  const echo = await adapted(preview1(`${READ_ALL} (call $write (i32.const 1) (i32.const 65536) (local.get $n))`));
  const { end } = await run(echo, {
    node: "count",
    attempt: 2,
    with: '{"deep":{"a":1},"name":"Zoë 🎈"}',
    inputs: [
      { port: "text", type: "text.v1", body: '"one"', labels: ["model", "private:x"] },
      { port: "rows", type: "json.v1", body: "[1,null]", labels: [] },
      { port: "text", type: "text.v1", body: '"two"', labels: [] },
    ],
  });
  expect(end).toMatchObject({
    kind: "exited",
    stdout: `{"attempt":2,"inputs":{"rows":[{"body":[1,null],"labels":[],"type":"json.v1"}],"text":[{"body":"one","labels":["model","private:x"],"type":"text.v1"},{"body":"two","labels":[],"type":"text.v1"}]},"node":"count","with":{"deep":{"a":1},"name":"Zoë 🎈"}}\n`,
  });
});

test("a status decides: success gives standard output, everything else fails with the last that was said", async () => {
  const program = (start: string) => adapted(preview1(start, `${data(100, "{}")} ${data(200, "first\nlast")}`));
  const silent = await run(await program("(call $exit (i32.const 7))"));
  expect(failure(silent.end)).toEqual({
    code: "agent.exit",
    message: "exit status 1, and nothing on standard error",
    retryable: true,
  });
  const told = await run(
    await program(
      `(call $write (i32.const 1) (i32.const 100) (i32.const 2)) (call $write (i32.const 2) (i32.const 200) (i32.const 10)) (call $exit (i32.const 1))`,
    ),
  );
  expect(failure(told.end)).toMatchObject({ code: "agent.exit", message: "exit status 1: first\nlast" });
  expect(told.lines.map(({ stream, chunk }) => [stream, chunk])).toEqual([
    ["stderr", "first"],
    ["stderr", "last"],
  ]);
  // A line on standard error is no failure.
  const fine = await run(await program(`(call $write (i32.const 2) (i32.const 200) (i32.const 10))`));
  expect(fine.end).toMatchObject({ kind: "exited", stdout: "" });
  const returned = await run(await guest({ uses: [], run: "(i32.const 1)" }));
  expect(failure(returned.end)).toMatchObject({ code: "agent.exit" });
  const trapped = await run(await program(`(call $write (i32.const 2) (i32.const 200) (i32.const 10)) (unreachable)`));
  expect(failure(trapped.end)).toMatchObject({
    code: "host.trap",
    message: expect.stringMatching(/unreachable; it said last: first\nlast$/),
  });
});

test("the same attempt again is the same to the last unit of fuel and bit of its transcript", async () => {
  const program = await guest({
    uses: [...STREAMS, "wasi:clocks/monotonic-clock", "wasi:random/random", "wasi:cli/stdin", "wasi:cli/stdout"],
    run: `(call $read (call $get-stdin) (i64.const 100) (i32.const 64)) (drop (call $get-random-u64))
      (i32.store (i32.const 0) (call $subscribe-duration (i64.const 5000000))) (call $poll (i32.const 0) (i32.const 1) (i32.const 96))
      (i64.store (i32.const 16) (i64.add (i64.const 48) (i64.rem_u (call $now) (i64.const 10))))
      (call $blocking-write-and-flush (call $get-stdout) (i32.const 16) (i32.const 1) (i32.const 128)) ${OK}`,
  });
  const [one, two] = [await run(program), await run(program)];
  expect(one.end).toEqual(two.end);
  expect(one.end).toMatchObject({ kind: "exited", localHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect((await run(program, { seed: "33".repeat(32) })).end).not.toMatchObject({
    localHash: (one.end as { localHash: string }).localHash,
  });
  expect((await run(program, { with: '{"other":1}' })).end).not.toMatchObject({
    localHash: (one.end as { localHash: string }).localHash,
  });
});

describe("WASI in an agent of the world `agent`", () => {
  const uses = [...STREAMS, "wasi:cli/stdin", "wasi:cli/stdout", "wasi:cli/stderr", "wasi:cli/exit"];
  const both = sdkWit().replace("world agent {", `world agent {\n${uses.map((name) => `import ${name}@0.2.0;`).join("\n")}`);
  const agent = async (run: string): Promise<Admitted> => {
    const text = moduleText({ imports: [importLines(uses)], run, fields: `${data(1000, "one\ntwo")}`, pages: 2 });
    return admit(await componentOf(await parse(text), "utf8", "agent", both));
  };
  const say = (stream: string): string =>
    `(call $blocking-write-and-flush (call $get-${stream}) (i32.const 1000) (i32.const 7) (i32.const 1200))`;

  test("both streams are its log, standard input is empty, and its result is what it returns", async () => {
    const talking = await agent(`${say("stdout")} ${say("stderr")}
      (call $read (call $get-stdin) (i64.const 10) (i32.const 1100))
      (i32.store8 (i32.const 1300) (i32.add (i32.const 48) (i32.load8_u (i32.const 1100))))
      ${ok("(i32.const 1300)", "(i32.const 1)")}`);
    const { end, lines } = await run(talking);
    expect(end).toMatchObject({ kind: "ok", outputs: [{ body: "1" }] });
    expect(lines.map(({ stream, chunk }) => [stream, chunk])).toEqual([
      ["stdout", "one"],
      ["stderr", "one"],
      ["stdout", "two"],
      ["stderr", "two"],
    ]);
  });

  test.each([0, 1])("`exit` with %i is a failure: there is no result", async (status) => {
    const { end } = await run(await agent(`${say("stderr")} (call $exit (i32.const ${status})) (i32.const 0)`));
    expect(failure(end)).toMatchObject({
      code: "agent.exit",
      message: `it left without a result: exit status ${status}: one\ntwo`,
    });
  });
});
