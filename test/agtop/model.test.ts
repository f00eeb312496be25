import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyModel, fold, LINE_CHARACTERS, LOG_LINES, NODE_SOURCES, PLAN_NODES, type Model } from "../../tools/agtop/model.js";
import { inOrder } from "../../tools/agtop/plan.js";
import { composeRun, entries, modelOf, OTHER, Recorder, TRACE } from "./run.js";

const states = (model: Model) => Object.fromEntries([...model.nodes.values()].map(({ id, state }) => [id, state]));

describe("the plan of a run", () => {
  const model = modelOf(composeRun());

  test("each node's state, attempt, time, fuel, tokens and calls", () => {
    expect(states(model)).toEqual({ resolve: "ok", gather: "ok", draft: "ok", review: "ok", send: "skipped" });
    expect(model.nodes.get("draft")).toMatchObject({
      agent: "writer",
      attempt: 2,
      durationMs: 7,
      fuel: 99,
      tokens: 42,
      calls: 0,
    });
    expect(model.nodes.get("resolve")).toMatchObject({ attempt: 1, durationMs: 41, fuel: 1234, calls: 1 });
    expect(model.nodes.get("send")).toMatchObject({ attempt: 0, note: "guard `review.ok` is false" });
  });

  test("the edges that events tell of, and sources above what they feed", () => {
    expect(model.nodes.get("draft")?.sources).toEqual(["resolve", "gather"]);
    expect(model.nodes.get("send")?.sources).toEqual(["review"]);
    expect(inOrder(model.nodes).map(({ node, depth }) => [node.id, depth])).toEqual([
      ["resolve", 0],
      ["gather", 0],
      ["draft", 1],
      ["review", 2],
      ["send", 3],
    ]);
  });

  test("before anything has run all nodes are known and pending", () => {
    const { events } = composeRun();
    const started = fold(emptyModel(), entries(events.slice(0, 1)));
    expect(new Set(Object.values(states(started)))).toEqual(new Set(["pending"]));
    expect(started.nodes.size).toBe(5);
  });

  test("between two attempts a node is retrying, with the reason", () => {
    const { events } = composeRun();
    const model = fold(emptyModel(), entries(events.slice(0, 10)));
    expect(model.nodes.get("draft")).toMatchObject({ state: "retrying", note: "unreachable; again in 250 ms" });
  });

  test("waiting, parked, going on, cancelled", () => {
    const run = new Recorder().add("run.started").add("node.started").add("node.waiting");
    expect(states(modelOf(run))).toEqual({ draft: "waiting" });
    run.add("run.parked");
    expect(modelOf(run).run?.state).toBe("parked");
    run.add("run.resumed").add("call.finished");
    expect(modelOf(run)).toMatchObject({ run: { state: "running", endedMs: null } });
    expect(states(modelOf(run))).toEqual({ draft: "running" });
    run.add("run.cancelled").add("run.finished", { status: "cancelled" });
    expect(modelOf(run).run?.state).toBe("cancelled");
  });
});

describe("the fold", () => {
  const all = entries(composeRun().events);

  test("gives the same whatever the batches", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 6 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), all.length];
        const model = places.slice(1).reduce((before, to, i) => fold(before, all.slice(places[i], to)), emptyModel());
        expect(model).toEqual(fold(emptyModel(), all));
      }),
    );
  });

  test("leaves the model that it was given as it was", () => {
    const before = fold(emptyModel(), all.slice(0, 5));
    const copy = structuredClone(before);
    fold(before, all.slice(5));
    expect(before).toEqual(copy);
  });

  test("invalid lines stand in the log, in their place, and are counted", () => {
    const model = fold(emptyModel(), [
      { type: "invalid", text: "what?" },
      ...all.slice(0, 2),
      { type: "invalid", text: "again" },
    ]);
    expect(model.log.map(({ kind, text }) => (kind === "invalid" ? text : kind))).toEqual([
      "what?",
      "run.started",
      "node.started",
      "again",
    ]);
    expect(model.log.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
    expect(model).toMatchObject({ invalid: 2, events: 2 });
  });
});

describe("several runs in one stream", () => {
  const two = [...composeRun(TRACE).events, ...new Recorder(OTHER).add("run.started", { opening_name: "second" }).events];

  test("the one that started last is shown", () => {
    const model = fold(emptyModel(), entries(two));
    expect(model).toMatchObject({ runs: 2, run: { name: "second", traceId: OTHER } });
    expect([...model.nodes.keys()]).toEqual(["draft"]);
  });

  test("late events of another run change nothing in the plan", () => {
    const late = new Recorder(TRACE).add("node.started", { node: "stranger" as never });
    expect([...fold(emptyModel(), entries([...two, ...late.events])).nodes.keys()]).toEqual(["draft"]);
  });

  test("a chosen run is shown alone; the others are counted", () => {
    const model = fold(emptyModel(TRACE), entries(two));
    expect(model).toMatchObject({ run: { name: "compose_email" }, others: 1, events: two.length - 1 });
  });

  test("a stream that is joined half-way shows what it can", () => {
    const model = fold(emptyModel(), entries(composeRun().events.slice(8)));
    expect(model.run).toMatchObject({ name: "", state: "ok" });
    expect(states(model)).toMatchObject({ draft: "ok", send: "skipped" });
  });
});

describe("memory is bounded", () => {
  test("the log keeps the newest lines, and no line is longer than allowed", () => {
    const lines = Array.from(
      { length: 3 * LOG_LINES },
      (_, i) => ({ type: "invalid", text: `${i} ${"x".repeat(5000)}` }) as const,
    );
    const model = fold(emptyModel(), lines);
    expect(model.log).toHaveLength(LOG_LINES);
    expect(model.log.at(-1)?.text.startsWith(`${3 * LOG_LINES - 1} `)).toBe(true);
    expect(model.log[0]?.index).toBe(2 * LOG_LINES + 1);
    expect(Math.max(...model.log.map(({ text }) => text.length))).toBeLessThanOrEqual(LINE_CHARACTERS + 1);
    expect(model.invalid).toBe(3 * LOG_LINES);
  });

  test("a run with too many nodes keeps as many as allowed and counts the rest", () => {
    const grants = Object.fromEntries(Array.from({ length: PLAN_NODES + 5 }, (_, i) => [`n${i}`, {}]));
    expect(modelOf(new Recorder().add("run.started", { grants }))).toMatchObject({ hiddenNodes: 5 });
    expect(modelOf(new Recorder().add("run.started", { grants })).nodes.size).toBe(PLAN_NODES);
  });

  test("so has a node's list of sources an end", () => {
    const run = new Recorder().add("run.started", { grants: {} });
    for (let i = 0; i < NODE_SOURCES + 10; i++) run.add("edge.delivered", { from: `n${i}.out`, to: "draft.in" });
    expect(modelOf(run).nodes.get("draft")?.sources).toHaveLength(NODE_SOURCES);
  });

  test("edges in a circle, and a chain as long as a plan, are put in some order", () => {
    const circle = new Recorder().add("run.started", { grants: { a: {}, b: {}, c: {} } });
    for (const [from, to] of ["ab", "bc", "ca", "cc"]) circle.add("edge.delivered", { from: `${from}.x`, to: `${to}.y` });
    expect(inOrder(modelOf(circle).nodes)).toHaveLength(3);
    const chain = new Recorder().add("run.started", { grants: {} });
    for (let i = 4000; i > 0; i--)
      chain.add("edge.delivered", { from: `n${i - 1}.x`, to: `n${i}.y` }).add("node.skipped", { node: `n${i - 1}` as never });
    expect(inOrder(modelOf(chain).nodes).at(-1)).toMatchObject({ node: { id: "n4000" }, depth: 4000 });
  });
});

test("a run inside of the shown one stands below its node, and is no run of its own", () => {
  const inner = OTHER;
  const node = (id: string) => ({ node: id as never });
  const outer = new Recorder()
    .add("run.started", { opening_name: "outer", grants: {} })
    .add("node.expanded", { ...node("each"), items: 1 })
    .add("node.started", { ...node("each[0]"), agent: "opening:inner", attempt: 1 });
  const within = new Recorder(inner)
    .add("run.started", {
      opening_name: "inner",
      grants: {},
      parent: { trace: TRACE as never, node: "each[0]" as never, attempt: 1 },
    })
    .add("node.started", { ...node("say"), agent: "greeter", attempt: 1 })
    .add("node.finished", { ...node("say"), status: "ok", error: undefined, fuel: 7 })
    .add("run.finished", {});
  const model = fold(
    emptyModel(),
    [...outer.events, ...within.events].map((event) => ({ type: "event", event }) as const),
  );
  expect(model.run).toMatchObject({ name: "outer", state: "running" });
  expect(model.runs).toBe(1);
  expect([...model.nodes.values()].map(({ id, state, sources }) => [id, state, sources])).toEqual([
    ["each", "running", []],
    ["each[0]", "running", ["each"]],
    ["each[0]/say", "ok", ["each[0]"]],
  ]);
  const alone = fold(
    emptyModel(inner),
    within.events.map((event) => ({ type: "event", event }) as const),
  );
  expect([...alone.nodes.keys()]).toEqual(["say"]);
});
