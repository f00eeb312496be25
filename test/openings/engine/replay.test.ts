import { beforeAll, describe, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import type { RunEvent } from "#core/events.js";
import type { Json } from "#core/json.js";
import { replayRun } from "#openings/replay/replay.js";
import type { Divergence, ReplayVerdict } from "#openings/replay/verdict.js";
import { agentOf, generate } from "./world/generate.js";
import { fails, gives } from "#openings/sim/ends.js";
import { SimReplayer } from "#openings/sim/executor.js";
import type { Agent } from "#openings/sim/guest.js";
import { Crash, loadFrom, type Disk } from "#openings/sim/journal.js";
import { once, port, sketch } from "./world/opening.js";
import { Random } from "#openings/sim/random.js";
import { newDisk, replayed, simulate, type Setup } from "./world/world.js";

const never = new AbortController().signal;
const big = "x".repeat(5000);

const graph = sketch({
  nodes: {
    last: { inputs: { in: port(true) } }, // stands before its source: file order is not the order of the run
    a: {},
    flaky: { retry: { ...once, max_attempts: 3 } },
    asks: {},
    unsent: { inputs: { in: port(false) } },
  },
  edges: ["a.out -> last.in", "a.ok==true -> unsent.in", "flaky.n>1 -> last.go"],
  save: ["a.out"],
});
const honest: Record<string, Agent> = {
  a: async (guest) => {
    guest.log("here");
    const first = await guest.call("f", [1], true);
    await guest.work(5);
    const second = await guest.call("g", [first]);
    return { ...gives({ out: [{ first, second }, big], ok: false }), state: { seen: 2 } };
  },
  flaky: async (guest) => {
    const tries = Number(guest.spec.state["tries"] ?? 0) + 1;
    await guest.call("try", [tries]);
    return guest.spec.attempt < 3 ? fails("flaky", true, { tries }) : gives({ n: tries }, { tries });
  },
  asks: async (guest) => gives({ out: await guest.propose({ to: "x" }) }),
  last: (guest) => gives({ out: guest.input("in").length }),
};
const agents: Setup["agents"] = (node) => honest[node] ?? (() => gives({ out: 1 }));

let disk: Disk;
let finalHash: string | null;
beforeAll(async () => {
  const ran = await simulate({ graph, agents, latency: () => 3 });
  disk = ran.disk;
  finalHash = ran.outcome.finalHash;
  expect(ran.outcome.status).toBe("ok");
});

const divergence = (verdict: ReplayVerdict): Divergence => {
  if (verdict.agrees) throw new Error("the replay agrees, and should not");
  return verdict.divergence;
};
const find = (kind: string, where: Record<string, unknown> = {}): number => {
  const index = disk.events.findIndex(
    (event) =>
      event.kind === kind &&
      Object.entries(where).every(([key, value]) => (event.meta as Record<string, unknown>)[key] === value),
  );
  expect(index, kind).toBeGreaterThanOrEqual(0);
  return index;
};
const tampered = (index: number, meta: object): Disk => ({
  inner: disk.inner,
  blobs: disk.blobs,
  events: disk.events.map((event, i) => (i === index ? ({ ...event, meta: { ...event.meta, ...meta } } as RunEvent) : event)),
});

describe("agrees with", () => {
  test("an honest run, and says how much was executed", async () => {
    expect(await replayed(graph, agents, disk)).toEqual({ agrees: true, attempts: 6, calls: 5, finalHash });
  });

  test("generated runs, also those that died and were resumed", async () => {
    for (let world = 0; world < 100; world++) {
      const its = generate(world);
      const made: Setup["agents"] = (node) => {
        const profile = its.profiles.get(node);
        return profile ? agentOf(profile) : () => gives({});
      };
      const random = new Random(world);
      const setup: Setup = {
        graph: its.graph,
        agents: made,
        seed: its.runSeed,
        latency: () => random.below(30),
        disk: newDisk(),
        decide: (node) => (its.profiles.get(node)?.approved ? "approved" : "rejected"),
      };
      const died = await simulate({ ...setup, dieAfter: 1 + random.below(30) }).then(
        () => false,
        (error: unknown) => error instanceof Crash,
      );
      const part = await replayed(its.graph, made, setup.disk!);
      expect(part, `world ${world}, unfinished`).toMatchObject({ agrees: true });
      if (!died) continue;
      const { outcome } = await simulate(setup);
      expect(await replayed(its.graph, made, setup.disk!), `world ${world}`).toMatchObject({
        agrees: true,
        finalHash: outcome.finalHash,
      });
    }
  });

  test("a run that was cancelled, parked, or ran out of time", async () => {
    const slow: Agent = async (guest) => (
      await guest.call("f", []),
      await guest.work(100),
      await guest.work(100),
      gives({ out: 1 })
    );
    const small = sketch({
      nodes: { a: { timeout_ms: 250, retry: { ...once, max_attempts: 2 } }, b: { inputs: { in: port(true) } } },
      edges: ["a.out -> b.in"],
    });
    const timed = sketch({
      nodes: { a: {}, b: { inputs: { in: port(true) } } },
      edges: ["a.out -> b.in"],
      policy: { timeout_ms: 230 },
    });
    const limited = sketch({ nodes: { a: { timeout_ms: 150 } } });
    for (const [which, stop] of [
      [small, "cancel"],
      [small, "interrupt"],
      [timed, null],
      [limited, null],
    ] as const) {
      for (const ms of [0, 50, 150, 210, 300]) {
        const signals: Setup["signals"] = (clock) => {
          const controller = new AbortController();
          void clock.sleep(ms, never).then(() => controller.abort());
          return stop ? { [stop]: controller.signal } : {};
        };
        const ran = await simulate({ graph: which, agents: () => slow, signals });
        expect(ran.outcome.status).not.toBe("ok");
        expect(await replayed(which, () => slow, ran.disk)).toMatchObject({ agrees: true, finalHash: ran.outcome.finalHash });
      }
    }
  });
});

test("agrees with an attempt that was cancelled while it was executed again, before it had come to all its calls", async () => {
  const caller: Agent = async (guest) => {
    for (let i = 0; i < 3; i++) {
      await guest.work(50);
      await guest.call("f", [i]);
    }
    await guest.work(1000);
    return gives({});
  };
  const one = sketch({ nodes: { a: {} } });
  const stopAfter =
    (ms: number, how: "cancel" | "interrupt"): NonNullable<Setup["signals"]> =>
    (clock) => {
      const controller = new AbortController();
      void clock.sleep(ms, never).then(() => controller.abort());
      return { [how]: controller.signal };
    };
  const { disk } = await simulate({ graph: one, agents: () => caller, signals: stopAfter(400, "interrupt") });
  const { outcome } = await simulate({ graph: one, agents: () => caller, disk, signals: stopAfter(60, "cancel") });
  expect(outcome.status).toBe("cancelled");
  expect(await replayed(one, () => caller, disk)).toMatchObject({ agrees: true, calls: 3 });
});

describe("finds, and names the place of", () => {
  const cases: readonly { name: string; disk: () => Disk; at: Partial<Record<keyof Divergence, unknown>> }[] = [
    {
      name: "a changed response",
      disk: () => tampered(find("call.finished", { node: "a", call_seq: 1 }), { response: { value: { ok: "forged" } } }),
      at: { node: "a", attempt: 1, call: 1, what: "response" },
    },
    {
      name: "a changed response with its digest",
      disk: () => {
        const response = { ok: "forged" };
        return tampered(find("call.finished", { node: "a", call_seq: 0 }), {
          response: { value: response },
          response_hash: blake3(JSON.stringify(response)),
        });
      },
      at: { node: "a", attempt: 1, call: 1, what: "request" },
    },
    {
      name: "a changed request digest",
      disk: () => tampered(find("call.finished", { node: "flaky", attempt: 2 }), { request_hash: blake3("other") }),
      at: { node: "flaky", attempt: 2, call: 0, what: "request" },
    },
    {
      name: "a changed output",
      disk: () =>
        tampered(find("node.finished", { node: "last" }), {
          outputs: [{ port: "out", type: "number.v1", labels: [], body: { value: 9 } }],
        }),
      at: { node: "last", attempt: 1, call: null, what: "outputs" },
    },
    {
      name: "fuel",
      disk: () => tampered(find("node.finished", { node: "flaky", attempt: 2 }), { fuel: 99 }),
      at: { node: "flaky", attempt: 2, what: "fuel" },
    },
    {
      name: "a failure that was another",
      disk: () =>
        tampered(find("node.finished", { node: "flaky", attempt: 1 }), {
          error: { code: "flaky", message: "it was nobody's fault", retryable: true },
        }),
      at: { node: "flaky", attempt: 1, what: "failure" },
    },
    {
      name: "state passed from attempt to attempt",
      disk: () => tampered(find("node.finished", { node: "flaky", attempt: 1 }), { state: { value: { tries: 7 } } }),
      at: { node: "flaky", attempt: 1, what: "state" },
    },
    {
      name: "a skip with another reason",
      disk: () => tampered(find("node.skipped"), { reason: "nobody wanted it" }),
      at: { node: "unsent", what: "event", got: { node: "unsent", reason: "guard a.ok==true was false" } },
    },
    {
      name: "a forged final hash",
      disk: () => tampered(find("run.finished"), { final_hash: blake3("other") }),
      at: { node: null, what: "event" },
    },
    {
      name: "a blob with other bytes",
      disk: () => ({
        inner: disk.inner,
        events: disk.events,
        blobs: new Map([...disk.blobs].map(([digest, text]) => [digest, text.replace("xxx", "xyx")])),
      }),
      at: { node: "a", attempt: 1, what: "value" },
    },
    {
      name: "a missing blob",
      disk: () => ({ ...disk, blobs: new Map() }),
      at: { node: "a", attempt: 1, what: "value" },
    },
    {
      name: "a cut history",
      disk: () => ({ ...disk, events: disk.events.filter((_, i) => i !== 4) }),
      at: { node: null, what: "event", expected: "seq 4" },
    },
  ];
  test.each(cases)("$name", async ({ disk, at }) => {
    expect(divergence(await replayed(graph, agents, disk()))).toMatchObject(at);
  });

  test.each([
    {
      name: "asks for something else",
      a: async (guest) => (await guest.call("f", [2]), gives({})),
      at: { node: "a", attempt: 1, call: 0, what: "request" },
    },
    {
      name: "asks for less",
      a: async (guest) => (await guest.call("f", [1]), gives({})),
      at: { node: "a", attempt: 1, call: 1, what: "request", got: null },
    },
    {
      name: "asks for more",
      a: async (guest) => (await honest["a"]?.(guest), await guest.call("h", []), gives({})),
      at: { node: "a", what: "end", got: "stopped" },
    },
    {
      name: "fails",
      a: async (guest) => (await honest["a"]?.(guest), fails("new")),
      at: { node: "a", what: "end", expected: "ok", got: "error" },
    },
    {
      name: "gives something else",
      a: async (guest) => (await honest["a"]?.(guest), gives({ out: 1 })),
      at: { node: "a", what: "outputs" },
    },
    {
      name: "burns more fuel",
      a: async (guest) => (await guest.work(0), honest["a"]?.(guest) ?? gives({})),
      at: { node: "a", attempt: 1 },
    },
  ] satisfies readonly { name: string; a: Agent; at: Partial<Record<keyof Divergence, unknown>> }[])(
    "an agent that $name",
    async ({ a, at }) => {
      const verdict = await replayed(graph, (node, spec) => (node === "a" ? a : agents(node, spec, "")), disk);
      expect(divergence(verdict)).toMatchObject(at);
    },
  );

  test("another opening, and another component, before anything is executed", async () => {
    const load = loadFrom(disk);
    const executor = { replay: () => Promise.reject(new Error("executed")) };
    const other = sketch({ nodes: { a: {} } });
    expect(await replayRun({ graph: other, events: disk.events, executor, load, components: {} })).toMatchObject({
      divergence: { what: "opening" },
    });
    const components = { asks: blake3("another build") };
    expect(await replayRun({ graph, events: disk.events, executor, load, components })).toMatchObject({
      divergence: { node: "asks", what: "component", expected: null, got: components.asks },
    });
  });

  test("a failure of the host is no verdict", async () => {
    const executor = { replay: () => Promise.reject(new Error("no sandbox")) };
    const replay = replayRun({ graph, events: disk.events, executor, load: loadFrom(disk), components: {} });
    await expect(replay).rejects.toThrow("no sandbox");
    const aborted = replayRun({
      graph,
      events: disk.events,
      executor: new SimReplayer(agents, loadFrom(disk)),
      load: loadFrom(disk),
      components: {},
      signal: AbortSignal.abort(),
    });
    await expect(aborted).rejects.toThrow("abort");
  });
});

describe("every value of every event", () => {
  /** What a replay cannot know: times and memory, where and how it ran, what a person was shown and said, what the broker charged. */
  const unknowable = [
    "run.started /epoch_ms",
    "run.started /host/fuel_table",
    "run.started /host/isolation",
    "run.started /host/node",
    "run.started /host/rlp",
    "run.started /kb_watermark",
    "run.finished /duration_ms",
    "run.finished /nodes/*/duration_ms",
    "node.finished /duration_ms",
    "node.finished /peak_memory_bytes",
    "node.waiting /proposal_id",
    "call.started /idempotency_key",
    "call.finished /decision",
    "call.finished /duration_ms",
    "budget.charged /left",
    "budget.charged /scope",
    "action.proposed /action",
    "action.proposed /args/value/to",
    "action.proposed /call_seq",
    "action.proposed /expires_at_ms",
    "action.proposed /summary/value",
    "action.decided /by",
  ];

  test("changed, is found, but for what a replay cannot know", async () => {
    const missed: string[] = [];
    for (const [index, event] of disk.events.entries()) {
      for (const pointer of scalars(event.meta as Json)) {
        const events = [...disk.events];
        events[index] = { ...event, meta: changed(event.meta as Json, pointer) } as RunEvent;
        if ((await replayed(graph, agents, { blobs: disk.blobs, events })).agrees)
          missed.push(`${event.kind} /${pointer.join("/")}`);
      }
    }
    const names = missed.map((name) => name.replace(/\/[0-9]+\//, "/*/"));
    expect([...new Set(names)].sort()).toEqual(unknowable.sort());
  });

  test("left out, or moved to the place before, is found where order or presence means something", async () => {
    const missed: string[] = [];
    for (const [index, event] of disk.events.entries()) {
      const events = disk.events.filter((_, i) => i !== index).map((event, seq) => ({ ...event, seq }) as RunEvent);
      if ((await replayed(graph, agents, { blobs: disk.blobs, events })).agrees) missed.push(event.kind);
    }
    // A log line less, or the record of an effect that was answered: nothing follows from them. The end: the run is unfinished then.
    expect([...new Set(missed)].sort()).toEqual(["call.started", "log", "node.waiting", "run.finished"]);
  });
});

function scalars(value: Json, at: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...at]];
  return Object.entries(value).flatMap(([key, inner]) => scalars(inner as Json, [...at, key]));
}

function changed(value: Json, [key, ...rest]: readonly string[]): Json {
  if (key !== undefined) {
    const copy = structuredClone(value) as Record<string, Json>;
    copy[key] = changed(copy[key] as Json, rest);
    return copy;
  }
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return "something";
  return /^[0-9a-f]{64}$/.test(value) ? blake3(value) : `${value}?`;
}
