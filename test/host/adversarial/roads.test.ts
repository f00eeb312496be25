/**
 * Every road out of a guest that was thought of, on each rung of isolation that this machine has (docs/threat-model.md says which
 * tests try the others). None leads anywhere: the attempt ends with a reason, the process that held it goes on, and nobody else
 * notices.
 */
import { readFileSync } from "node:fs";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { admit } from "#host/component/admit.js";
import type { CallAnswer, GuestCall } from "#host/component/contract.js";
import type { Isolation } from "#host/sandbox/isolation/rung.js";
import { startSandbox, type StartedSandbox } from "#host/sandbox/process.js";
import { COMPLETE, component, imports, ok, textAt, type Guest } from "../component/guest.js";
import { admitted, completion, failure, run, type Ran } from "../sandbox/run.js";
import { forget, rungs } from "../sandbox/rungs.js";

afterAll(forget);

const WITH = ok("(local.get $with)", "(local.get $with_len)");
const SPIN = "(loop $again (br $again)) (unreachable)";
const CALL_RUN = "(call $run (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))";
const LIMITS = { fuel: 200_000_000, memoryMib: 8, calls: 20 };
const honest: Guest = { imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` };
const text = (value: string): string => [...Buffer.from(value)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");

/** Opens a stream; waits for the first chunk of the handle that `handle` leaves. */
const streaming = (handle: string, open = true): Guest => ({
  imports: [imports.stream, imports.nextChunk],
  run: `${open ? "(call $model.stream (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7) (f64.const 0) (i32.const 0) (i32.const 0) (i32.const 512))" : ""}
    (call $model.next ${handle} (i32.const 600)) ${ok("(i32.load (i32.const 612))", "(i32.load (i32.const 616))")}
    ${open ? "" : "(drop) (call $model.stream (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7) (f64.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) (unreachable)"}`,
});

/** Roads that end with a failure of the attempt. */
const STOPPED: readonly (readonly [string, Guest, code: string, RegExp])[] = [
  ["a start function that traps", { fields: "(func $s unreachable) (start $s)", run: WITH }, "host.trap", /unreachable/],
  [
    "a start function that calls the host",
    { imports: [imports.now], fields: "(func $s (call $clock.now-ms (i32.const 512))) (start $s)", run: WITH },
    "host.trap",
    /mismatch|outside of `run`/,
  ],
  ["a start function without end", { fields: `(func $s ${SPIN}) (start $s)`, run: WITH }, "host.fuel-exhausted", /start/],
  [
    "re-entrancy: `run` again while the host allocates",
    { realloc: `${CALL_RUN} (drop)`, ...reentered() },
    "host.trap",
    /outside of `run`/,
  ],
  [
    "re-entrancy: `run` again after its result",
    { imports: [imports.now], postReturn: `${CALL_RUN} (drop)`, run: `(call $clock.now-ms (i32.const 512)) ${WITH}` },
    "host.trap",
    /outside of `run`/,
  ],
  ["post-return that traps", { postReturn: "unreachable", run: WITH }, "host.trap", /unreachable/],
  ["post-return without end", { postReturn: SPIN, run: WITH }, "host.fuel-exhausted", /post-return/],
  [
    "cabi_realloc that answers with what is not aligned",
    { realloc: "(return (i32.const 4097))", run: WITH },
    "host.trap",
    /not aligned/,
  ],
  [
    "cabi_realloc that answers beyond the memory",
    { realloc: "(return (i32.const -16))", run: WITH },
    "host.trap",
    /outside of the memory/,
  ],
  ["cabi_realloc that traps", { realloc: "unreachable", run: WITH }, "host.trap", /unreachable/],
  ["cabi_realloc without end", { realloc: SPIN, run: WITH }, "host.fuel-exhausted", /allocation/],
  ["a handle that it was never given", streaming("(i32.const 7)"), "host.trap", /7 is no handle/],
  ["a negative handle", streaming("(i32.const -1)"), "host.trap", /4294967295 is no handle/],
  ["a handle of another instance", streaming("(i32.const 1)", false), "host.trap", /1 is no handle/],
  [
    "a list of 2^32 - 1",
    { run: "(i32.store (i32.const 260) (i32.const 128)) (i32.store (i32.const 264) (i32.const -1)) (i32.const 256)" },
    "host.trap",
    /outside/,
  ],
  ["text of 4 GiB", { run: ok("(i32.const 0)", "(i32.const -1)") }, "host.trap", /outside/],
  [
    "a list that wraps around the end of the memory",
    { run: "(i32.store (i32.const 260) (i32.const -32)) (i32.store (i32.const 264) (i32.const 3)) (i32.const 256)" },
    "host.trap",
    /outside/,
  ],
  ["recursion", { run: `${CALL_RUN} (drop) (unreachable)` }, "host.depth-exhausted", /nested/],
  [
    "calls without end",
    { imports: [imports.complete], run: `(loop $again ${COMPLETE} (br $again)) (unreachable)` },
    "host.calls-exhausted",
    /20/,
  ],
];

/** A guest whose `run` asks for the time, so that `cabi_realloc`, which calls it, would reach the host. */
function reentered(): Guest {
  return { imports: [imports.now], run: `(call $clock.now-ms (i32.const 512)) ${WITH}` };
}

for (const { rung, isolation } of rungs)
  describe.skipIf(isolation === null)(`on the rung ${rung}`, () => {
    let sandbox: StartedSandbox;
    let pid: number | undefined;
    const cage = isolation as Isolation;
    const attack = async (guest: Guest, answer = completion, given = {}): Promise<Ran> =>
      run(sandbox, await admitted(guest), { limits: LIMITS, with: '"x"', ...given }, answer);
    /** The same process still runs an honest guest, to its end. */
    const goesOn = async (): Promise<void> => {
      expect((await attack(honest)).end).toMatchObject({ kind: "ok", outputs: [{ body: 'echo "x"' }] });
      pid ??= sandbox.pid;
      expect(sandbox.pid).toBe(pid);
    };
    beforeAll(async () => {
      sandbox = startSandbox({ isolation: cage });
      await goesOn();
    });
    afterAll(() => sandbox.close());

    test.each(STOPPED)("%s: it ends, and nothing else", async (_, guest, code, message) => {
      const { end } = await attack(guest, (call) => (call.function === "stream" ? { ok: "s" } : completion(call)));
      expect(failure(end)).toMatchObject({ code, message: expect.stringMatching(message) });
      await goesOn();
    });

    test("handles: what one instance was given is nothing for another that lives beside it", async () => {
      const given = Promise.withResolvers<void>();
      const release = Promise.withResolvers<CallAnswer>();
      const holder = attack(streaming("(i32.load (i32.const 520))"), ({ function: name }) => {
        if (name === "stream") return { ok: "the holder's" };
        given.resolve();
        return release.promise;
      });
      await given.promise;
      const thief = await attack(streaming("(i32.const 1)", false), () => ({ ok: "stolen" }));
      expect(failure(thief.end)).toMatchObject({ code: "host.trap", message: expect.stringContaining("no handle") });
      expect(thief.calls).toEqual([]);
      release.resolve({ ok: "its own" });
      expect((await holder).end).toMatchObject({ kind: "ok", outputs: [{ body: "its own" }] });
      await goesOn();
    });

    test("cabi_realloc that gives the same place every time, or grows the memory under the host: only its own data suffer", async () => {
      const aliased: Guest = { realloc: "(return (i32.const 4096))", run: WITH };
      const { end } = await attack(aliased, completion, {
        with: '"the configuration"',
        inputs: [{ port: "p", type: "t", body: "{}", labels: [] }],
      });
      expect(["ok", "failed"]).toContain(end.kind);
      const growing: Guest = {
        imports: [imports.complete],
        realloc: "(drop (memory.grow (i32.const 1)))",
        run: `${COMPLETE} ${ok(...textAt(512))}`,
      };
      expect((await attack(growing)).end).toMatchObject({ kind: "ok", outputs: [{ body: 'echo "x"' }] });
      const overlapping: Guest = {
        // The place where the result of a call is written, and within it what the result points at.
        imports: [imports.complete],
        realloc: "(if (global.get $late) (then (return (i32.const 512))))",
        fields: "(global $late (mut i32) (i32.const 0))",
        run: `(global.set $late (i32.const 1)) ${COMPLETE} ${ok(...textAt(512))}`,
      };
      expect(["ok", "failed"]).toContain((await attack(overlapping)).end.kind);
      await goesOn();
    });

    test("post-return cannot change what was given", async () => {
      const rewriting: Guest = {
        postReturn: "(memory.fill (i32.const 0) (i32.const 88) (i32.const 60000)) (drop (memory.grow (i32.const 1)))",
        run: WITH,
      };
      expect((await attack(rewriting)).end).toMatchObject({
        kind: "ok",
        outputs: [{ port: "out", type: "text.v1", body: '"x"' }],
      });
      await goesOn();
    });

    test("names of objects' own: as keys of state, members of a log, text of a call", async () => {
      const before = Object.getOwnPropertyNames(Object.prototype).sort();
      for (const key of ["__proto__", "constructor", "prototype", "toString", "then"]) {
        const fields = `{"${key}":{"polluted":"yes"},"__proto__":{"polluted":"yes"}}`;
        const guest: Guest = {
          imports: [imports.set, imports.get, imports.log, imports.complete],
          fields: `(data (i32.const 1000) "${text(key)}") (data (i32.const 1100) "${text(fields)}")`,
          run: `(call $log.write (i32.const 2) (i32.const 1000) (i32.const ${key.length}) (i32.const 1100) (i32.const ${fields.length}))
            (call $state.set (i32.const 1000) (i32.const ${key.length}) (local.get $with) (local.get $with_len) (i32.const 640))
            (call $state.get (i32.const 1000) (i32.const ${key.length}) (i32.const 704))
            ${ok("(i32.load (i32.const 716))", "(i32.load (i32.const 720))")}`,
        };
        const { end, logs } = await attack(guest);
        expect(end, JSON.stringify(end)).toMatchObject({ kind: "ok", outputs: [{ body: '"x"' }] });
        expect(end.kind === "ok" && Object.entries(end.state)).toEqual([[key, '"x"']]);
        const [line] = logs;
        expect(line && "fields" in line && Object.keys(line.fields).sort()).toEqual([...new Set(["__proto__", key])].sort());
        expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      }
      expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
      await goesOn();
    });

    test("clocks: a guest's time is its fuel, whatever the machine does", async () => {
      const timed: Guest = {
        imports: [imports.monotonic, imports.complete],
        run: `(local $i i32) (call $clock.monotonic-ns (i32.const 520)) ${COMPLETE}
          (loop $spin (br_if $spin (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
          (call $clock.monotonic-ns (i32.const 528))
          (i64.store (i32.const 528) (i64.sub (i64.load (i32.const 528)) (i64.load (i32.const 520))))
          (i64.store (i32.const 536) (i64.add (i64.const 0x4141414141414141) (i64.and (i64.load (i32.const 528)) (i64.const 0x0f0f0f0f0f0f0f0f))))
          ${ok("(i32.const 536)", "(i32.const 8)")}`,
      };
      const slow = async (call: GuestCall): Promise<CallAnswer> => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return completion(call);
      };
      const [at_once, later] = [await attack(timed), await attack(timed, slow)];
      expect(at_once.end).toMatchObject({ kind: "ok" });
      expect(later.end).toEqual(at_once.end);
    });

    test("sockets, files and environments that no grant gives are refused by name, before anything runs", async () => {
      // What is admitted does not depend on the rung, and is shared by all of them here; that it works on each is tried in this test.
      const { modules } = await admit(await component(honest), { toolchain: { isolation: cage } });
      expect(modules).toEqual((await admitted(honest)).modules);
      for (const [name, items] of [
        ["wasi:sockets/tcp-create-socket@0.2.0", '(export "create-tcp-socket" (func (param "f" u8) (result u32)))'],
        ["wasi:sockets/ip-name-lookup@0.2.0", '(export "resolve" (func (param "n" string)))'],
        ["wasi:http/incoming-handler@0.2.0", '(export "handle" (func))'],
        ["node:process", '(export "exit" (func))'],
      ] as const) {
        const bytes = new Uint8Array(await parse(`(component (import "${name}" (instance ${items})))`));
        await expect(admit(bytes, { toolchain: { isolation: cage } }), name).rejects.toMatchObject({
          code: expect.stringMatching(/^ADMIT_(WASI_IMPORT|IMPORT|NAME|EXPORT)$/),
        });
      }
      await goesOn();
    });

    test("promises: five hundred guests that wait for ever are let go at once, and leave nothing behind", async () => {
      const stop = new AbortController();
      const guest = await admitted(honest);
      let asked = 0;
      const all = Promise.withResolvers<void>();
      const ends = Array.from({ length: 500 }, () =>
        run(
          sandbox,
          guest,
          { limits: LIMITS },
          () => {
            if (++asked === 500) all.resolve();
            return new Promise<never>(() => {});
          },
          stop.signal,
        ),
      );
      await all.promise;
      stop.abort();
      expect(new Set((await Promise.all(ends)).map(({ end }) => end.kind))).toEqual(new Set(["cancelled"]));
      await goesOn();
    });

    test("a flood of log lines is bounded where it begins, and so is what one line may be", async () => {
      const flood: Guest = {
        imports: [imports.log],
        pages: 20,
        run: `(loop $again (call $log.write (i32.const 2) (i32.const 0) (i32.const 60000) (i32.const 0) (i32.const 0)) (br $again)) (unreachable)`,
      };
      const { end, logs } = await attack(flood);
      expect(failure(end)).toMatchObject({ code: "host.bytes-exhausted" });
      expect(logs.length).toBeLessThanOrEqual(1001);
      expect(JSON.stringify(logs).length).toBeLessThan(8 << 20);
      await goesOn();
    });

    test("memory: guests that fill theirs, one after another, do not add up", async () => {
      const filling: Guest = {
        run: `(local $i i32) (drop (memory.grow (i32.const 120)))
          (memory.fill (i32.const 0) (i32.const 88) (i32.mul (memory.size) (i32.const 65536))) (unreachable)`,
      };
      const guest = await admitted(filling);
      // 8 MiB each, 0.8 GiB in all.
      for (let left = 100; left > 0; left--)
        expect(failure((await run(sandbox, guest, { limits: LIMITS })).end)).toMatchObject({ code: "host.trap" });
      await goesOn();
      if (process.platform === "linux") expect(residentMib(sandbox.pid as number)).toBeLessThan(700);
    });
  });

/** Resident memory of a process and of those in it, in MiB. */
function residentMib(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  const own = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  return own + children.reduce((sum, child) => sum + residentMib(child), 0);
}
