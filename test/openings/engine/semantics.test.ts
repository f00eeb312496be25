import { describe, expect, test } from "vitest";
import { LINE_BYTES, type RunEvent, type RunEventOf, type RunKind } from "#core/events.js";
import { fails, gives } from "#openings/sim/ends.js";
import type { Agent } from "#openings/sim/guest.js";
import { once, port, sketch, type Sketch } from "./world/opening.js";
import { simulate, type Setup } from "./world/world.js";

const of = <K extends RunKind>(events: readonly RunEvent[], kind: K): RunEventOf<K>[] =>
  events.filter((event): event is RunEventOf<K> => event.kind === kind);

const idle: Agent = () => gives({ out: 1 });
async function run(from: Sketch, agents: Record<string, Agent> = {}, setup: Partial<Setup> = {}) {
  const ran = await simulate({ graph: sketch(from), agents: (node) => agents[node] ?? idle, ...setup });
  const nodes = Object.fromEntries(ran.outcome.nodes.map(({ node, status }) => [node, status]));
  const skipped = Object.fromEntries(of(ran.events, "node.skipped").map(({ meta }) => [meta.node, meta.reason]));
  return { ...ran, nodes, skipped };
}

const needs = { in: port(true) };
const may = { in: port(false) };

describe("what a node is given", () => {
  test("a port holds the messages of its edges in the order of the file, not of arrival", async () => {
    const seen: unknown[] = [];
    const from =
      (value: number, ms: number): Agent =>
      async (guest) => (await guest.work(ms), gives({ out: value }));
    await run(
      {
        nodes: { a: {}, b: {}, c: {}, join: { inputs: needs } },
        edges: ["b.out -> join.in", "c.out -> join.in", "a.out -> join.in"],
      },
      { a: from(1, 5), b: from(2, 90), c: from(3, 40), join: (guest) => (seen.push(...guest.input("in")), gives({})) },
    );
    expect(seen).toEqual([2, 3, 1]);
  });

  test("several messages on one port all cross, in the agent's order", async () => {
    const seen: unknown[] = [];
    const { events } = await run(
      { nodes: { a: {}, b: { inputs: needs } }, edges: ["a.out -> b.in"] },
      { a: () => gives({ out: [3, 1, 2] }), b: (guest) => (seen.push(...guest.input("in")), gives({})) },
    );
    expect(seen).toEqual([3, 1, 2]);
    expect(of(events, "edge.delivered")).toHaveLength(3);
  });

  test("a `with` value named like an input port supplies that port, before what edges bring", async () => {
    const { executor, events } = await run(
      { nodes: { a: { with: { query: "q", other: 1 }, inputs: { query: port(true, ["text.v1"]) } } } },
      {
        a: (guest) => gives({ out: guest.spec.inputs as never, with: guest.spec.with }),
      },
    );
    expect(executor.executed).toEqual(["a#1"]);
    const [message, withValues] = of(events, "node.finished")[0]!.meta.outputs;
    expect(message?.body).toEqual({ value: { port: "query", type: "text.v1", body: "q", labels: [] } });
    expect(withValues?.body).toEqual({ value: { query: "q", other: 1 } });
  });

  test("labels travel with the message", async () => {
    const { events } = await run(
      { nodes: { a: {}, b: { inputs: needs } }, edges: ["a.out -> b.in"] },
      {
        a: () => ({ ok: [{ port: "out", type: "json.v1", body: 1, labels: ["model", "untrusted:x"] }] }),
        b: (guest) => gives({ labels: [...guest.spec.inputs[0]!.labels] }),
      },
    );
    expect(of(events, "edge.delivered")[0]?.meta.labels).toEqual(["model", "untrusted:x"]);
    expect(of(events, "node.finished")[1]?.meta.outputs.map(({ body }) => body)).toEqual([
      { value: "model" },
      { value: "untrusted:x" },
    ]);
  });

  test("values over the inline limit go through blobs and arrive whole", async () => {
    const text = "x".repeat(10_000);
    let seen: unknown;
    const { events } = await run(
      { nodes: { a: {}, b: { inputs: needs } }, edges: ["a.out -> b.in"] },
      { a: () => gives({ out: text }), b: (guest) => ((seen = guest.input("in")), gives({})) },
    );
    expect(seen).toEqual([text]);
    expect(of(events, "edge.delivered")[0]?.meta.bytes).toBe(10_002);
    expect(of(events, "node.finished")[0]?.meta.outputs[0]?.body).toHaveProperty("blob");
  });
});

test("an event stays shorter than a line, whatever a node gives and however many fail", async () => {
  const nodes = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`n${i}`, {}]));
  const { events, outcome } = await run(
    { nodes },
    {
      n0: () => gives({ out: Array.from({ length: 1000 }, (_, i) => `${i} ${"x".repeat(4000)}`) }),
      ...Object.fromEntries(
        Object.keys(nodes)
          .slice(1)
          .map((id) => [id, () => ({ error: { code: "x", message: "y".repeat(4096), retryable: false } })]),
      ),
    },
  );
  expect(Math.max(...events.map((event) => JSON.stringify(event).length))).toBeLessThan(LINE_BYTES);
  expect(outcome.reason).toMatch(/ and 394 more$/);
});

describe("which nodes run", () => {
  const ok =
    (value: boolean): Agent =>
    () =>
      gives({ ok: value, out: "draft" });
  const cases: readonly {
    readonly name: string;
    readonly from: Sketch;
    readonly agents?: Record<string, Agent>;
    readonly nodes: Record<string, string>;
    readonly skipped?: Record<string, string>;
    readonly status?: string;
  }[] = [
    {
      name: "a guard that holds lets its target run",
      from: { nodes: { r: {}, send: {} }, edges: ["r.ok==true -> send.in"] },
      agents: { r: ok(true) },
      nodes: { r: "ok", send: "ok" },
    },
    {
      name: "a guard that is false keeps its target from running; that alone does not fail the run",
      from: { nodes: { r: {}, send: {} }, edges: ["r.ok==true -> send.in"] },
      agents: { r: ok(false) },
      nodes: { r: "ok", send: "skipped" },
      skipped: { send: "guard r.ok==true was false" },
    },
    {
      name: "a false guard wins over whatever other edges deliver",
      from: { nodes: { r: {}, send: { inputs: may } }, edges: ["r.out -> send.in", "r.ok==true -> send.in"] },
      agents: { r: ok(false) },
      nodes: { r: "ok", send: "skipped" },
      skipped: { send: "guard r.ok==true was false" },
    },
    {
      name: "a guard carries no value: a required input is not satisfied by it",
      from: { nodes: { r: {}, send: { inputs: needs } }, edges: ["r.ok==true -> send.in"] },
      agents: { r: ok(true) },
      nodes: { r: "ok", send: "skipped" },
      skipped: { send: "required input in has no value" },
    },
    {
      name: "a guard passes if any message on the port matches",
      from: { nodes: { r: {}, send: {} }, edges: ["r.n>5 -> send.in"] },
      agents: { r: () => gives({ n: [1, 9, 2] }) },
      nodes: { r: "ok", send: "ok" },
    },
    {
      name: "a guard on a port that gave nothing is false",
      from: { nodes: { r: {}, send: {} }, edges: ["r.nothing==true -> send.in"] },
      nodes: { r: "ok", send: "skipped" },
      skipped: { send: "guard r.nothing==true was false" },
    },
    {
      name: "an optional input may be absent",
      from: { nodes: { a: {}, b: { inputs: may } }, edges: ["a.nothing -> b.in"] },
      nodes: { a: "ok", b: "ok" },
    },
    {
      name: "a required input whose source gave nothing",
      from: { nodes: { a: {}, b: { inputs: needs } }, edges: ["a.nothing -> b.in"] },
      nodes: { a: "ok", b: "skipped" },
      skipped: { b: "a.nothing gave nothing" },
    },
    {
      name: "one of two edges into a required port is enough",
      from: { nodes: { a: {}, b: {}, c: { inputs: needs } }, edges: ["a.nothing -> c.in", "b.out -> c.in"] },
      nodes: { a: "ok", b: "ok", c: "ok" },
    },
    {
      name: "skips pass on through required inputs and guards, not through optional inputs",
      from: {
        nodes: { r: {}, a: {}, b: { inputs: needs }, c: {}, d: { inputs: may } },
        edges: ["r.ok==true -> a.go", "a.out -> b.in", "a.ok==true -> c.go", "a.out -> d.in"],
      },
      agents: { r: ok(false) },
      nodes: { r: "ok", a: "skipped", b: "skipped", c: "skipped", d: "ok" },
      skipped: { a: "guard r.ok==true was false", b: "source a was skipped", c: "source a was skipped" },
    },
    {
      name: "a failure stops what depends on it, through optional inputs too, and nothing else",
      from: {
        nodes: { bad: {}, b: { inputs: may }, c: { inputs: may }, side: {}, after: { inputs: needs } },
        edges: ["bad.out -> b.in", "b.out -> c.in", "side.out -> after.in"],
      },
      agents: { bad: () => fails("nope"), side: async (guest) => (await guest.work(1000), gives({ out: 1 })) },
      nodes: { bad: "error", b: "skipped", c: "skipped", side: "ok", after: "ok" },
      skipped: { b: "source bad failed", c: "source b was skipped" },
      status: "error",
    },
    {
      name: "the same edge twice delivers twice",
      from: { nodes: { a: {}, b: { inputs: needs } }, edges: ["a.out -> b.in", "a.out -> b.in"] },
      agents: { b: (guest) => (guest.input("in").length === 2 ? gives({}) : fails("not twice")) },
      nodes: { a: "ok", b: "ok" },
    },
  ];
  test.each(cases)("$name", async ({ from, agents, nodes, skipped = {}, status = "ok" }) => {
    const ran = await run(from, agents);
    expect(ran.nodes).toEqual(nodes);
    expect(ran.skipped).toEqual(skipped);
    expect(ran.outcome.status).toBe(status);
  });

  test("every edge is accounted for by an event, with its reason", async () => {
    const { events } = await run(
      { nodes: { r: {}, send: { inputs: may } }, edges: ["r.out -> send.in", 'r.word=="yes" -> send.in', "r.none -> send.in"] },
      { r: () => gives({ out: 1, word: "no" }) },
    );
    expect(of(events, "edge.delivered").map(({ meta }) => `${meta.from} -> ${meta.to}`)).toEqual(["r.out -> send.in"]);
    expect(of(events, "edge.withheld").map(({ meta }) => [meta.from, meta.reason])).toEqual([
      ['r.word=="yes"', 'guard r.word=="yes" was false'],
      ["r.none", "r.none gave nothing"],
    ]);
  });
});

describe("when nodes run", () => {
  const slow: Agent = async (guest) => (await guest.work(10), gives({ out: 1 }));
  const wide = { nodes: Object.fromEntries(["f", "b", "e", "a", "d"].map((id) => [id, {}])) };

  test("all that can run do so at the same time", async () => {
    const { executor } = await run(wide, Object.fromEntries(Object.keys(wide.nodes).map((id) => [id, slow])));
    expect(executor.most).toBe(5);
  });

  test.each([
    { policy: 2, host: 10, most: 2 },
    { policy: null, host: 3, most: 3 },
    { policy: 10, host: 1, most: 1 },
  ])("within max_parallel: opening $policy, host $host", async ({ policy, host, most }) => {
    const agents = Object.fromEntries(Object.keys(wide.nodes).map((id) => [id, slow]));
    const { executor, outcome } = await run({ ...wide, policy: { max_parallel: policy } }, agents, { maxParallel: host });
    expect(executor.most).toBe(most);
    expect(executor.executed.map((name) => name[0])).toEqual(["f", "b", "e", "a", "d"]);
    expect(outcome.status).toBe("ok");
  });
});

describe("retries", () => {
  const flaky =
    (until: number): Agent =>
    (guest) => {
      const tries = Number(guest.spec.state["tries"] ?? 0) + 1;
      return guest.spec.attempt < until ? fails("flaky", true, { tries }) : gives({ out: tries }, { tries });
    };
  const retry = { ...once, max_attempts: 3 };

  test("a retryable failure is tried again, from the state that the attempt before left", async () => {
    const { outcome, events } = await run({ nodes: { a: { retry } } }, { a: flaky(3) });
    expect(outcome.status).toBe("ok");
    expect(of(events, "node.started").map(({ meta }) => meta.attempt)).toEqual([1, 2, 3]);
    expect(of(events, "node.finished").map(({ meta }) => [meta.attempt, meta.status])).toEqual([
      [1, "error"],
      [2, "error"],
      [3, "ok"],
    ]);
    expect(of(events, "node.finished")[2]?.meta.outputs[0]?.body).toEqual({ value: 3 });
    expect(outcome.nodes[0]?.attempts).toBe(3);
  });

  test("the pauses grow by the multiplier, within the jitter and the cap, and come from the seed", async () => {
    const policy = { max_attempts: 6, backoff_ms: 100, multiplier: 3, max_backoff_ms: 2000, jitter: 0.2 };
    const pauses = async (seed: number) => {
      const { events } = await run({ nodes: { a: { retry: policy } } }, { a: flaky(9) }, { seed });
      const started = of(events, "node.started").map(({ ts_ms }) => ts_ms);
      const backoffs = of(events, "node.retrying").map(({ meta }) => meta.backoff_ms);
      expect(started.slice(1).map((ms, i) => ms - started[i]!)).toEqual(backoffs);
      return backoffs;
    };
    const first = await pauses(1);
    expect(first).toEqual(await pauses(1));
    expect(first).not.toEqual(await pauses(2));
    for (const [i, base] of [100, 300, 900, 2000, 2000].entries()) {
      expect(first[i]).toBeGreaterThanOrEqual(base * 0.8);
      expect(first[i]).toBeLessThanOrEqual(Math.min(2000, base * 1.2));
    }
  });

  test.each([
    { name: "not retryable", failure: fails("final"), max_attempts: 3, attempts: 1 },
    { name: "attempts used up", failure: fails("again", true), max_attempts: 2, attempts: 2 },
    { name: "no retry block", failure: fails("again", true), max_attempts: 1, attempts: 1 },
  ])("$name: the node fails after $attempts", async ({ failure, max_attempts, attempts }) => {
    const { outcome, nodes } = await run({ nodes: { a: { retry: { ...once, max_attempts } } } }, { a: () => failure });
    expect(nodes).toEqual({ a: "error" });
    expect(outcome.nodes[0]?.attempts).toBe(attempts);
    expect(outcome.status).toBe("error");
    expect(outcome.reason).toMatch(/^a failed: (final|again)/);
  });

  test("a time-out of one attempt is retried", async () => {
    const late: Agent = async (guest) => (await guest.work(guest.spec.attempt === 1 ? 1000 : 1), gives({ out: 1 }));
    const { outcome, events } = await run({ nodes: { a: { retry, timeout_ms: 50 } } }, { a: late });
    expect(outcome.status).toBe("ok");
    expect(of(events, "node.retrying")[0]?.meta.reason.code).toBe("host.timeout");
  });
});

describe("how a run ends", () => {
  test.each([
    { of: ["exists(a.out)"], mode: "all_of" as const, status: "ok" },
    { of: ["exists(a.none)", "a.n>=2"], mode: "any_of" as const, status: "ok" },
    { of: ["exists(a.none)", "a.n>=2"], mode: "all_of" as const, status: "error" },
    { of: ["a.n==true"], mode: "any_of" as const, status: "error" },
    { of: ["exists(bad.out)"], mode: "any_of" as const, status: "error" },
  ])("success $mode $of: $status", async ({ of, mode, status }) => {
    const from = { nodes: { a: {}, bad: {} }, success: { mode, of } };
    const { outcome } = await run(from, { a: () => gives({ out: "x", n: 2 }), bad: () => fails("nope") });
    expect(outcome.status).toBe(status);
    expect(outcome.success).toBe(status === "ok");
    if (status === "error") expect(outcome.reason).toContain("success did not hold");
  });

  test("artifacts are created once for each message that was saved, with their blobs, before the run finishes", async () => {
    const from = { nodes: { a: {}, b: { inputs: needs } }, edges: ["a.none -> b.in"], save: ["a.out", "b.out", "a.out"] };
    const { events, disk } = await run(from, { a: () => gives({ out: [{ subject: "Hello" }, 2] }) });
    const created = of(events, "artifact.created");
    expect(created.map(({ meta }) => [meta.node, meta.port, meta.summary])).toEqual([
      ["a", "out", "Hello"],
      ["a", "out", "number.v1 from a.out"],
    ]);
    expect(created.map(({ meta }) => disk.blobs.get(meta.digest))).toEqual(['{"subject":"Hello"}', "2"]);
    expect(events.at(-1)?.kind).toBe("run.finished");
  });

  test("totals come from the log", async () => {
    const caller: Agent = async (guest) => (await guest.call("f", []), await guest.call("g", [1]), gives({ out: 1 }));
    const { outcome } = await run({ nodes: { a: {}, b: {} } }, { a: caller });
    expect(outcome.totals).toEqual({ tokens: 10, usd: 0, fuel: 200, calls: 2 });
  });
});
