/** A memory that was another guest's is, for whoever has it next, a new one. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engine, type WasmMemory } from "#host/component/meter/engine.js";
import type { MemoryLimits } from "#host/component/meter/protocol.js";
import type { Json } from "#core/json.js";
import type { Instance } from "#host/sandbox/inside/bind.js";
import { Memories } from "#host/sandbox/inside/memories.js";
import { startSandbox, type StartedSandbox } from "#host/sandbox/process.js";
import { COMPLETE, component, imports, ok, type Guest } from "../component/guest.js";
import { account, instance, load } from "./instance.js";
import { admitted, failure, run } from "./run.js";

type Growing = WasmMemory & { grow(pages: number): number };
const PAGE = 65_536;
const ONE: MemoryLimits = { initial: 1, maximum: 4 };
const bytesOf = ({ buffer }: WasmMemory): Uint8Array => new Uint8Array(buffer);

describe("what is kept", () => {
  test.each([
    ["at once", () => Promise.resolve()],
    ["a moment later", () => new Promise(setImmediate)],
  ])("a memory that is asked for %s comes back as it was made: of its size and its maximum, all zeros", async (_, moment) => {
    const memories = new Memories();
    const memory = memories.take(ONE) as Growing;
    bytesOf(memory).fill(0xa5);
    memories.giveBack(ONE, memory);
    await moment();
    const again = memories.take({ ...ONE }) as Growing;
    expect(again).toBe(memory);
    expect(bytesOf(again).every((byte) => byte === 0)).toBe(true);
    expect(again.buffer.byteLength).toBe(PAGE);
    expect(again.grow(3)).toBe(1);
    expect(() => again.grow(1)).toThrow(RangeError);
    expect(memories.take(ONE)).not.toBe(memory);
  });

  test("none of other limits", () => {
    const memories = new Memories();
    const memory = memories.take(ONE);
    memories.giveBack(ONE, memory);
    for (const limits of [
      { ...ONE, initial: 2 },
      { ...ONE, maximum: 5 },
      { ...ONE, initial: 0 },
    ]) {
      const other = memories.take(limits);
      expect(other).not.toBe(memory);
      expect(other.buffer.byteLength).toBe(limits.initial * PAGE);
    }
  });

  test("none that has grown, even to a size that another begins with", () => {
    const memories = new Memories();
    const memory = memories.take(ONE) as Growing;
    memory.grow(1);
    memories.giveBack(ONE, memory);
    expect(memories.take(ONE)).not.toBe(memory);
    expect(memories.take({ initial: 2, maximum: 4 })).not.toBe(memory);
  });

  test("all are cleared by themselves, whoever is asked for meanwhile", async () => {
    const memories = new Memories();
    const made = Array.from({ length: 6 }, () => memories.take(ONE));
    for (const memory of made) {
      bytesOf(memory).fill(0xa5);
      memories.giveBack(ONE, memory);
    }
    await new Promise(setImmediate);
    const taken = memories.take(ONE);
    bytesOf(taken).fill(0x5a);
    memories.giveBack(ONE, taken);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    for (const memory of made) expect(bytesOf(memory).every((byte) => byte === 0)).toBe(true);
  });

  test.each<[string, MemoryLimits, number]>([
    ["none beyond a size at which clearing is as dear as mapping", { initial: 33, maximum: 64 }, 0],
    ["a few of a small size", { initial: 1, maximum: 64 }, 32],
    ["fewer of a large one", { initial: 16, maximum: 64 }, 8],
  ])("%s", (_, limits, most) => {
    const memories = new Memories();
    const made = Array.from({ length: 100 }, () => memories.take(limits));
    for (const memory of made) memories.giveBack(limits, memory);
    const again = Array.from({ length: 100 }, () => memories.take(limits));
    expect(again.filter((memory) => made.includes(memory)).length).toBe(most);
  });

  test("who comes with new limits pushes out who has not been asked for", () => {
    const memories = new Memories();
    const old = Array.from({ length: 40 }, () => memories.take(ONE));
    for (const memory of old) memories.giveBack(ONE, memory);
    const limits = { initial: 2, maximum: 4 };
    const fresh = memories.take(limits);
    memories.giveBack(limits, fresh);
    expect(memories.take(limits)).toBe(fresh);
  });
});

/** Writes a secret into every byte of its memory but those that its answer lies in, and its name into a global. */
const SECRET = 0x5e;
const hoards: Guest = {
  run: `(memory.fill (i32.const 4096) (i32.const ${SECRET}) (i32.sub (i32.mul (memory.size) (i32.const ${PAGE})) (i32.const 4096)))
    (memory.fill (i32.const 512) (i32.const ${SECRET}) (i32.const 3584)) ${ok("(i32.const 0)", "(i32.const 0)")}`,
  postReturn: `(memory.fill (i32.const 0) (i32.const ${SECRET}) (i32.mul (memory.size) (i32.const ${PAGE})))`,
};
/** Looks at its whole memory before anything has been written there, and answers with what it found. */
const looks: Guest = {
  fields: `(global $found (mut i32) (i32.const 0)) (data (i32.const 4000) "mine")
    (func $look (local $at i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (global.set $found (i32.add (global.get $found) (i32.const 1)))))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.mul (memory.size) (i32.const ${PAGE}))))))
    (start $look)`,
  run: `(i32.store8 (i32.const 1000) (i32.add (i32.const 65) (i32.sub (global.get $found) (i32.const 3))))
    (i32.store8 (i32.const 1001) (i32.add (i32.const 48) (memory.size)))
    (i32.store8 (i32.const 1002) (i32.add (i32.const 48) (memory.grow (i32.const 0))))
    (i32.store8 (i32.const 1003) (i32.load8_u (i32.const 4000)))
    ${ok("(i32.const 1000)", "(i32.const 4)")}`,
};
/** The three words that its data lie in, "out", "text.v1" and "mine", and no other; its size, twice; the first of its own bytes. */
const CLEAN = "A22m";

const INVOCATION: readonly Json[] = [{ node: "n", attempt: 1, with: "{}", inputs: [] }];
const body = (result: Json): unknown => (result as { ok: readonly { body: string }[] }).ok[0]!.body;

describe("an instance", async () => {
  const [hoarder, looker] = [load(await component(hoards)), load(await component(looks))];
  /** Keeps what it gave, and whether it got that back. */
  class Watched extends Memories {
    readonly gave: WasmMemory[] = [];
    readonly back: WasmMemory[] = [];
    override take(limits: MemoryLimits): WasmMemory {
      const memory = super.take(limits);
      this.gave.push(memory);
      return memory;
    }
    override giveBack(limits: MemoryLimits, memory: WasmMemory): void {
      this.back.push(memory);
      super.giveBack(limits, memory);
    }
  }
  const make = (loaded: typeof hoarder, memories: Memories, budget?: number, host = {}): Instance =>
    instance(loaded, new Map(), account(budget), host, memories);

  test("finds nothing of the one before it in the same memory, of the same agent or of another", async () => {
    const memories = new Watched();
    const first = make(hoarder, memories);
    expect(body(await first.run(INVOCATION))).toBe("");
    expect(bytesOf(memories.gave[0]!).every((byte) => byte === SECRET)).toBe(true);
    first.end();
    for (const component of [looker, hoarder, looker]) {
      const next = make(component, memories);
      expect(body(await next.run(INVOCATION))).toBe(component === looker ? CLEAN : "");
      next.end();
    }
    expect(new Set(memories.gave).size).toBe(1);
    expect(memories.back.length).toBe(4);
  });

  test("pays the same in a memory that was another's", async () => {
    const memories = new Watched();
    const used: number[] = [];
    for (let round = 0; round < 3; round++) {
      const fuel = account();
      const guest = instance(looker, new Map(), fuel, {}, memories);
      await guest.run(INVOCATION);
      guest.end();
      used.push(fuel.used);
    }
    expect(new Set(memories.gave).size).toBe(1);
    expect(new Set(used).size).toBe(1);
  });

  test("does not share its memory with one that lives beside it", async () => {
    const memories = new Watched();
    const together = [make(hoarder, memories), make(looker, memories), make(hoarder, memories)];
    expect(new Set(memories.gave).size).toBe(3);
    await together[0]!.run(INVOCATION);
    expect(body(await together[1]!.run(INVOCATION))).toBe(CLEAN);
  });

  test("that has ended runs nothing any more", async () => {
    const guest = make(looker, new Memories());
    await guest.run(INVOCATION);
    guest.end();
    await expect(guest.run(INVOCATION)).rejects.toThrow(TypeError);
  });

  test("that never ran, traps, is out of fuel, fails in its start function or after its result: its memory is nobody's any more", async () => {
    const spoil = `(memory.fill (i32.const 512) (i32.const ${SECRET}) (i32.const 60000))`;
    const SPIN = "(loop $again (br $again)) (unreachable)";
    const memories = new Watched();
    make(looker, memories).end();
    const cases: Guest[] = [
      { run: `${spoil} (unreachable)` },
      { run: `${spoil} ${SPIN}` },
      { run: ok("(i32.const 0)", "(i32.const -1)") },
      { run: ok("(i32.const 0)", "(i32.const 0)"), postReturn: "(unreachable)" },
      { run: ok("(i32.const 0)", "(i32.const 0)"), postReturn: SPIN },
      { run: ok("(i32.const 0)", "(i32.const 0)"), realloc: "(unreachable)" },
    ];
    for (const guest of cases) {
      const failing = make(load(await component(guest)), memories, 5_000_000);
      await expect(failing.run(INVOCATION)).rejects.toThrow();
      failing.end();
    }
    const starting = load(await component({ fields: `(func $s ${spoil} (unreachable)) (start $s)`, run: "(i32.const 0)" }));
    expect(() => make(starting, memories)).toThrow(/unreachable/);
    expect(memories.back).toEqual([]);
    expect(new Set(memories.gave).size).toBe(cases.length + 2);
  });

  test("that grows, even after its result, does not hand its memory on", async () => {
    const memories = new Watched();
    const grows = load(
      await component({ run: ok("(i32.const 0)", "(i32.const 0)"), postReturn: "(drop (memory.grow (i32.const 1)))" }),
    );
    for (let round = 0; round < 2; round++) {
      const guest = make(grows, memories);
      await guest.run(INVOCATION);
      guest.end();
    }
    expect(new Set(memories.gave).size).toBe(2);
  });

  test("that is ended while it waits: what it is answered too late goes nowhere near a memory that is in use", async () => {
    const memories = new Watched();
    const waits = load(
      await component({ imports: [imports.complete], run: `${COMPLETE} ${ok("(i32.const 0)", "(i32.const 0)")}` }),
    );
    const answer = Promise.withResolvers<Json>();
    const guest = make(waits, memories, undefined, { remote: () => answer.promise });
    const ended = guest.run(INVOCATION);
    guest.end();
    const next = make(looker, memories);
    answer.resolve({ ok: { text: "too late", model: "m", input_tokens: 1, output_tokens: 1 } });
    await expect(ended).rejects.toThrow();
    expect(body(await next.run(INVOCATION))).toBe(CLEAN);
    expect(memories.back).toEqual([]);
    expect(memories.gave[0]).not.toBe(memories.gave[1]);
  });

  test("is given one memory, for the module that defines it", () => {
    const given = [...hoarder.modules.values()].flatMap((module) =>
      engine.Module.imports(module).filter(({ module: from, kind }) => from === "rlp" && kind === "memory"),
    );
    expect(given).toEqual([{ module: "rlp", name: "memory:2:1024", kind: "memory" }]);
  });
});

describe("in a sandbox process", () => {
  let sandbox: StartedSandbox;
  beforeAll(() => {
    sandbox = startSandbox({});
  });
  afterAll(() => sandbox.close());
  const LIMITS = { fuel: 50_000_000, memoryMib: 64, calls: 20 };

  test("attempts of two agents after each other and beside each other see their own memory alone", async () => {
    const [one, other] = [await admitted(hoards), await admitted(looks)];
    for (let round = 0; round < 10; round++) {
      expect((await run(sandbox, one)).end.kind).toBe("ok");
      expect((await run(sandbox, other)).end).toMatchObject({ kind: "ok", outputs: [{ body: CLEAN }] });
    }
    const ends = await Promise.all(Array.from({ length: 100 }, (_, at) => run(sandbox, at % 2 ? one : other)));
    for (const [at, { end }] of ends.entries())
      expect(end).toMatchObject({ kind: "ok", outputs: [{ body: at % 2 ? "" : CLEAN }] });
  });

  test("so do those that come after one that was cancelled while it waited, ran out of fuel, or trapped", async () => {
    const other = await admitted(looks);
    const spoil = `(memory.fill (i32.const 600) (i32.const ${SECRET}) (i32.const 100000))`;
    const spins = await admitted({ run: `${spoil} (loop $again (br $again)) (unreachable)` });
    const traps = await admitted({ run: `${spoil} (unreachable)` });
    const waits = await admitted({
      imports: [imports.complete],
      run: `${spoil} ${COMPLETE} ${ok("(i32.const 0)", "(i32.const 0)")}`,
    });
    for (let round = 0; round < 5; round++) {
      const cancel = new AbortController();
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<{ ok: Json }>();
      const waiting = run(sandbox, waits, { limits: LIMITS }, () => (asked.resolve(), answer.promise), cancel.signal);
      await asked.promise;
      cancel.abort();
      expect((await waiting).end.kind).toBe("cancelled");
      answer.resolve({ ok: { text: "too late", model: "m", input_tokens: 1, output_tokens: 1 } });
      expect(failure((await run(sandbox, spins, { limits: LIMITS })).end)).toMatchObject({ code: "host.fuel-exhausted" });
      expect(failure((await run(sandbox, traps, { limits: LIMITS })).end)).toMatchObject({ code: "host.trap" });
      const ends = await Promise.all(Array.from({ length: 8 }, () => run(sandbox, other)));
      for (const { end } of ends) expect(end).toMatchObject({ kind: "ok", outputs: [{ body: CLEAN }] });
    }
  });
});
