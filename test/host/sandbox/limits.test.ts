/** Limits that bite inside a sandbox process: each ends or refuses what it says, with its name, the value and the ceiling. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GuestEnd, Sandbox } from "#host/component/contract.js";
import { Domains } from "#host/sandbox/domains.js";
import { startSandbox } from "#host/sandbox/process.js";
import { COMPLETE, imports, ok, textAt, type Guest } from "../component/guest.js";
import { admitted, completion, run, spec } from "./run.js";

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = startSandbox();
});
afterAll(() => sandbox.close());

const WITH = ok("(local.get $with)", "(local.get $with_len)");
const base = { fuel: 1e9, memoryMib: 64, calls: 1000 };
const again = (body: string): string => `(loop $again ${body} (br $again)) (unreachable)`;
const OPEN = `(call $model.stream (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7) (f64.const 0.5) (i32.const 0) (i32.const 0) (i32.const 512))`;
const LOG = `(call $log.write (i32.const 2) (local.get $with) (local.get $with_len) (i32.const 0) (i32.const 0))`;
/** As the allocators of real languages do it: memory is grown for what is wanted, and cleared. */
const GROWING = `
  (drop (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
  (memory.fill (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)) (i32.const 0) (local.get $size))`;

test.each<[string, Guest, object, string, object]>([
  [
    "an invocation that is too large",
    { run: WITH },
    { bytesIn: 5000 },
    "host.bytes-exhausted",
    { name: "bytes_in", ceiling: 5000 },
  ],
  [
    "answers without end",
    { imports: [imports.complete], run: again(`${COMPLETE} (global.set $heap (i32.const 20000))`) },
    { bytesIn: 100_000 },
    "host.bytes-exhausted",
    { name: "bytes_in", ceiling: 100_000 },
  ],
  [
    "questions without end",
    { imports: [imports.complete], run: again(`${COMPLETE} (global.set $heap (i32.const 20000))`) },
    { bytesOut: 100_000 },
    "host.bytes-exhausted",
    { name: "bytes_out", ceiling: 100_000 },
  ],
  [
    "a log without end, most of which is dropped",
    { imports: [imports.log], run: again(LOG) },
    { bytesOut: 1_000_000 },
    "host.bytes-exhausted",
    { name: "bytes_out", ceiling: 1_000_000 },
  ],
  ["outputs that are too large", { run: WITH }, { bytesOut: 5000 }, "host.bytes-exhausted", { name: "bytes_out", ceiling: 5000 }],
  [
    "handles without end",
    { imports: [imports.stream], run: again(OPEN) },
    { handles: 5 },
    "host.handles-exhausted",
    { name: "handles", value: 6, ceiling: 5 },
  ],
  [
    "calls without end",
    { imports: [imports.stream], run: again(OPEN) },
    { calls: 4 },
    "host.calls-exhausted",
    { name: "calls", value: 5, ceiling: 4 },
  ],
])("%s", async (_, guest, limits, code, limit) => {
  const { end } = await run(
    sandbox,
    await admitted(guest),
    { with: JSON.stringify("x".repeat(9000)), limits: { ...base, ...limits } },
    (call) => (call.function === "stream" ? { ok: call.seq } : completion(call)),
  );
  expect(end).toMatchObject({ kind: "failed", failure: { code, retryable: false }, limit });
});

test("what bites on the way and ends nothing is told at the end, once for each limit", async () => {
  const large = `(call $model.complete (i32.const 8192) (i32.const 3000000) (i32.const 0) (i32.const 0) (i32.const 7) (f64.const 0.5) (i32.const 0) (i32.const 0) (i32.const 512))`;
  const guest = await admitted({
    imports: [imports.complete, imports.log],
    pages: 64,
    run: `${LOG} ${LOG} ${LOG} ${LOG} ${large} ${large} ${ok(...textAt(520))}`,
  });
  const { end, logs } = await run(sandbox, guest, { with: '"x"', limits: { ...base, logLines: 2 } });
  expect(end).toMatchObject({
    kind: "ok",
    outputs: [{ body: expect.stringContaining("the arguments of model.complete have more than") }],
    met: [
      { name: "log_lines", value: 4, ceiling: 2 },
      { name: "call_bytes", value: expect.any(Number), ceiling: 1 << 20 },
    ],
  });
  expect(logs).toHaveLength(3);
});

test.each(["utf8", "utf16"] as const)(
  "an answer of megabytes reaches a guest that clears what it allocates (%s)",
  async (encoding) => {
    const guest = await admitted({
      imports: [imports.complete],
      realloc: GROWING,
      encoding,
      run: `${COMPLETE} ${WITH}`,
      ...(encoding === "utf16" && {
        fields: `(data (i32.const 16) "o\\00u\\00t\\00") (data (i32.const 32) "t\\00e\\00x\\00t\\00.\\00v\\001\\00")`,
      }),
    });
    const { end } = await run(sandbox, guest, { with: '"x"' }, () => ({
      ok: { text: "y".repeat(8 << 20), model: "m", input_tokens: 1, output_tokens: 2 },
    }));
    expect(end).toMatchObject({ kind: "ok", outputs: [{ body: '"x"' }] });
  },
);

test("memory: a growth beyond the cap is told; who traps for another reason has not run out of it", async () => {
  const limits = { ...base, memoryMib: 1 };
  const grow = (pages: number): string => `(drop (memory.grow (i32.const ${pages})))`;
  const memory = { name: "memory_mib", ceiling: 1 };
  const ended = async (instructions: string) =>
    (await run(sandbox, await admitted({ run: instructions, memoryMib: 1 }), { with: '"x"', limits })).end;
  // Nearly all of it, and a trap that has nothing to do with it.
  const full = await ended(`${grow(14)} (unreachable)`);
  expect(full).toMatchObject({ failure: { code: "host.trap" } });
  expect(full).not.toHaveProperty("limit");
  // Very little of it, and more wanted at once than there is.
  expect(await ended(`${grow(15)} (unreachable)`)).toMatchObject({
    failure: { code: "host.memory-exhausted" },
    limit: { ...memory, value: 17 / 16 },
  });
  expect(await ended(`${grow(-1)} (unreachable)`)).toMatchObject({ failure: { code: "host.memory-exhausted" }, limit: memory });
  // Refused, and got by without.
  expect(await ended(`${grow(200)} ${WITH}`)).toMatchObject({ kind: "ok", met: [memory] });
  const within = await ended(`${grow(14)} ${WITH}`);
  expect(within).toMatchObject({ kind: "ok", peakMemoryBytes: 1 << 20, met: [] });
});

test("endless work in allocation ends all the same, however large what is allocated", async () => {
  const guest = await admitted({ imports: [imports.complete], realloc: "(loop $spin (br $spin))", run: `${COMPLETE} ${WITH}` });
  const { end } = await run(sandbox, guest, { with: '"x"', limits: { ...base, fuel: 1e12 } }, () => ({
    ok: { text: "y".repeat(4 << 20), model: "m", input_tokens: 1, output_tokens: 2 },
  }));
  expect(end).toMatchObject({ kind: "failed", failure: { code: "host.fuel-exhausted" }, limit: { name: "unsuspended_fuel" } });
});

test("guests of many domains share the places that there are in all, and each gets one", async () => {
  const domains = new Domains({ maxLiveInAll: 2, maxLive: 2 });
  const guest = await admitted({ imports: [imports.complete], run: `${COMPLETE} ${WITH}` });
  let now = 0;
  let most = 0;
  const one = (domain: string, signal = new AbortController().signal): Promise<GuestEnd> =>
    domains.run(
      spec(guest, { domain, with: '"x"' }),
      {
        call: async (call) => {
          most = Math.max(most, ++now);
          await new Promise((resolve) => setTimeout(resolve, 5));
          now--;
          return completion(call);
        },
        log: () => {},
      },
      signal,
    );
  const gone = new AbortController();
  const ends = [...Array.from({ length: 9 }, (_, index) => one(`d${index % 3}`)), one("d0", gone.signal)];
  gone.abort();
  const kinds = (await Promise.all(ends)).map(({ kind }) => kind);
  expect(kinds.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => "ok"));
  expect(["lost", "cancelled"]).toContain(kinds[9]);
  expect(most).toBeLessThanOrEqual(2);
  await domains.close();
});
