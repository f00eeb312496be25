/** Histories that no run can have written are refused, with the seq of the first event that is wrong. */
import { beforeAll, describe, expect, test } from "vitest";
import type { RunEvent } from "#core/events.js";
import { HistoryError } from "#openings/journal/error.js";
import { openRun } from "#openings/journal/open.js";
import { Recordings } from "#openings/journal/recorded.js";
import { fails, gives } from "#openings/sim/ends.js";
import type { Agent } from "#openings/sim/guest.js";
import { once, port, sketch } from "./world/opening.js";
import { simulate } from "./world/world.js";

const graph = sketch({
  nodes: { a: {}, r: { retry: { ...once, max_attempts: 2 } }, b: { inputs: { in: port(true) } }, c: {} },
  edges: ["a.out -> b.in", "a.ok==true -> c.in"],
});
const agents: Record<string, Agent> = {
  a: async (guest) => {
    guest.log("here");
    await guest.call("f", [1], true);
    await guest.call("g", [2]);
    return gives({ out: 1, ok: false });
  },
  r: (guest) => (guest.spec.attempt === 1 ? fails("flaky", true) : gives({})),
};

let events: readonly RunEvent[];
beforeAll(async () => {
  ({ events } = await simulate({ graph, agents: (node) => agents[node] ?? (() => gives({})) }));
});

const at = (kind: string, node?: string): number => {
  const index = events.findIndex((event) => event.kind === kind && (!node || (event.meta as { node?: string }).node === node));
  expect(index).toBeGreaterThanOrEqual(0);
  return index;
};
const renumber = (list: readonly RunEvent[]): RunEvent[] => list.map((event, seq) => ({ ...event, seq }));
const without = (index: number) => renumber(events.filter((_, i) => i !== index));
const twice = (index: number) => renumber(events.flatMap((event, i) => (i === index ? [event, event] : [event])));
const changed = (index: number, meta: object) =>
  events.map((event, i) => (i === index ? ({ ...event, meta: { ...event.meta, ...meta } } as RunEvent) : event));
const moved = (from: number, to: number) => {
  const list = [...events];
  list.splice(to, 0, ...list.splice(from, 1));
  return renumber(list);
};

describe("a damaged history is refused", () => {
  const cases: readonly { name: string; history: () => readonly RunEvent[]; code: string; seq: (() => number) | null }[] = [
    { name: "empty", history: () => [], code: "HISTORY_EMPTY", seq: null },
    { name: "a missing event", history: () => events.filter((_, i) => i !== 5), code: "HISTORY_GAP", seq: () => 5 },
    {
      name: "an event twice",
      history: () => events.flatMap((event, i) => (i === 5 ? [event, event] : [event])),
      code: "HISTORY_GAP",
      seq: () => 6,
    },
    { name: "without its beginning", history: () => without(0), code: "HISTORY_ORDER", seq: () => 0 },
    { name: "begun twice", history: () => twice(0), code: "HISTORY_ORDER", seq: () => 1 },
    {
      name: "another run's event",
      history: () => events.map((event, i) => (i === 3 ? { ...event, trace_id: "trace:other" as never } : event)),
      code: "HISTORY_GAP",
      seq: () => 3,
    },
    {
      name: "an unknown kind",
      history: () => events.map((event, i) => (i === 3 ? ({ ...event, kind: "node.exploded" } as never) : event)),
      code: "HISTORY_UNKNOWN",
      seq: () => 3,
    },
    {
      name: "an unknown node",
      history: () => changed(at("node.started", "a"), { node: "zz" }),
      code: "HISTORY_UNKNOWN",
      seq: () => at("node.started", "a"),
    },
    {
      name: "an unknown edge",
      history: () => changed(at("edge.delivered"), { from: "b.out" }),
      code: "HISTORY_UNKNOWN",
      seq: () => at("edge.delivered"),
    },
    {
      name: "a node started twice",
      history: () => twice(at("node.started", "a")),
      code: "HISTORY_ORDER",
      seq: () => at("node.started", "a") + 1,
    },
    {
      name: "a node ended twice",
      history: () => twice(at("node.finished", "a")),
      code: "HISTORY_ORDER",
      seq: () => at("node.finished", "a") + 1,
    },
    {
      name: "an end without a start",
      history: () => without(at("node.started", "b")),
      code: "HISTORY_ORDER",
      seq: () => at("node.finished", "b") - 1,
    },
    {
      name: "an attempt left out",
      history: () => changed(at("node.started", "r"), { attempt: 2 }),
      code: "HISTORY_ORDER",
      seq: () => at("node.started", "r"),
    },
    {
      name: "a node started before its inputs",
      history: () => moved(at("node.started", "b"), at("edge.delivered")),
      code: "HISTORY_ORDER",
      seq: () => at("edge.delivered"),
    },
    {
      name: "an edge before its source ended",
      history: () => moved(at("edge.delivered"), 2),
      code: "HISTORY_ORDER",
      seq: () => 2,
    },
    {
      name: "an edge that crosses twice",
      history: () => twice(at("edge.delivered")),
      code: "HISTORY_ORDER",
      seq: () => at("edge.delivered") + 1,
    },
    {
      name: "a skip of a node that must run",
      history: () => changed(at("node.skipped"), { node: "b" }),
      code: "HISTORY_ORDER",
      seq: () => at("node.skipped"),
    },
    {
      name: "finished with a node missing",
      history: () => without(at("node.skipped")),
      code: "HISTORY_ORDER",
      seq: () => events.length - 2,
    },
    { name: "finished twice", history: () => twice(events.length - 1), code: "HISTORY_ORDER", seq: () => events.length },
    {
      name: "a retry of what did not fail",
      history: () => changed(at("node.retrying"), { node: "a" }),
      code: "HISTORY_ORDER",
      seq: () => at("node.retrying"),
    },
    {
      name: "an answer to a call of no attempt",
      history: () => changed(at("call.finished"), { attempt: 9 }),
      code: "HISTORY_ORDER",
      seq: () => at("call.finished"),
    },
    {
      name: "a call answered twice",
      history: () => twice(at("call.finished")),
      code: "HISTORY_ORDER",
      seq: () => at("call.finished") + 1,
    },
  ];
  test.each(cases)("$name", ({ history, code, seq }) => {
    let thrown: unknown;
    try {
      openRun(graph, history());
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(HistoryError);
    expect(thrown).toMatchObject({ code, exit: 4, ...(seq && { place: { at: `seq ${seq()}` } }) });
  });

  test("a whole one is not", () => {
    expect(openRun(graph, events).state.finished?.status).toBe("ok");
  });
});

test("an attempt is read back with its calls in order, what is unfinished, and its logs", () => {
  const cut = events.slice(0, at("call.started") + 1);
  expect(new Recordings(cut).of("a" as never, 1)).toMatchObject({ calls: [], unfinished: [{ meta: { call_seq: 0 } }], logs: 1 });
  const { calls, unfinished } = new Recordings(events).of("a" as never, 1);
  expect(calls.map(({ meta }) => [meta.call_seq, meta.function])).toEqual([
    [0, "f"],
    [1, "g"],
  ]);
  expect(unfinished).toEqual([]);
});
