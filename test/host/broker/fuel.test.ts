/** A budget in fuel, where attempts wait for a person and where a run is a fork: the broker's accounts in the simulated world. */
import { describe, expect, test } from "vitest";
import type { RunEvent, RunEventDraft, RunEventOf, RunKind } from "#core/events.js";
import type { NodeId, ProposalId, TraceId } from "#core/ids.js";
import { RunBudgets } from "#host/broker/run-budgets.js";
import { simulatedBudgets } from "#host/broker/simulated.js";
import { Spending, unit } from "#openings/engine/spending.js";
import type { Journal } from "#openings/engine/world.js";
import { reuseOf } from "#openings/journal/fork.js";
import { gives } from "#openings/sim/ends.js";
import type { Agent } from "#openings/sim/guest.js";
import { beginning, port, sketch } from "../../openings/engine/world/opening.js";
import { newDisk, replayed, simulate, type Setup } from "../../openings/engine/world/world.js";

const of = <K extends RunKind>(events: readonly RunEvent[], kind: K): RunEventOf<K>[] =>
  events.filter((event): event is RunEventOf<K> => event.kind === kind);
const amounts = (events: readonly RunEvent[], kind: "budget.reserved" | "budget.charged", node: string): readonly number[] =>
  of(events, kind).flatMap(({ meta }) => (meta.scope === `node:${node}` ? [meta.amount] : []));
const codes = (events: readonly RunEvent[]) =>
  Object.fromEntries(of(events, "node.finished").map(({ meta }) => [meta.node, meta.error?.code ?? meta.status]));

/** Uses 300 before it asks, and 200 after the answer. */
const asks: Agent = async (guest) => {
  guest.burn(300);
  await guest.propose({ to: "x" });
  guest.burn(200);
  return gives({ out: 1 });
};
const uses =
  (fuel: number): Agent =>
  (guest) => (guest.burn(fuel), gives({ out: fuel }));

/** Each may use 600. */
const two = (budget_fuel: number) => sketch({ nodes: { asks: {}, works: {} }, policy: { budget_fuel } });
const setup = (budget: number, works: number): Setup => ({
  graph: two(budget),
  agents: (node) => (node === "asks" ? asks : uses(works)),
  fuelOf: () => 600,
  budgets: simulatedBudgets,
});

test("an attempt that is parked holds no fuel: what it has used is charged, and its sibling gets the rest", async () => {
  const disk = newDisk();
  const its = setup(1100, 600);
  const parked = await simulate({ ...its, disk, decide: () => null });
  expect(parked.outcome.status).toBe("parked");
  // 600 of 1,100 were reserved; 600 more were there only once 300 of them had come back.
  expect(amounts(disk.events, "budget.reserved", "asks")).toEqual([600]);
  expect(amounts(disk.events, "budget.charged", "asks")).toEqual([300]);
  expect(codes(disk.events)).toEqual({ works: "ok" });

  const { outcome, events } = await simulate({ ...its, disk, startMs: 1_800_000_000_000 });
  expect(outcome.status).toBe("ok");
  // Executed again from its journal it pays for what goes beyond, out of the 200 that are left to it.
  expect(amounts(events, "budget.reserved", "asks")).toEqual([600, 200]);
  expect(amounts(events, "budget.charged", "asks")).toEqual([300, 200]);
});

test("with less than it still needs, an attempt that goes on after a decision ends within the budget", async () => {
  const disk = newDisk();
  const its = setup(1000, 600);
  await simulate({ ...its, disk, decide: () => null });
  const { outcome, events } = await simulate({ ...its, disk, startMs: 1_800_000_000_000 });
  expect(codes(events)).toEqual({ works: "ok", asks: "host.budget-exhausted" });
  expect(outcome.totals.fuel).toBe(1000);
  expect(await replayed(its.graph, its.agents, disk, { fuelOf: () => 600 })).toMatchObject({ agrees: true });
});

test("an attempt that its process holds while a person decides keeps what it has reserved", async () => {
  const { events } = await simulate({ ...setup(1000, 600), latency: () => 1000 });
  const at = (kind: RunKind, node: string): number =>
    events.findIndex((event) => event.kind === kind && "scope" in event.meta && event.meta.scope === `node:${node}`);
  expect(at("budget.reserved", "works")).toBeGreaterThan(at("budget.charged", "asks"));
  expect(codes(events)).toEqual({ asks: "ok", works: "host.budget-exhausted" });
});

test("a fork has its budget in fuel to itself: what it takes over was paid for by the other run", async () => {
  const graph = sketch({
    nodes: { first: {}, second: { inputs: { in: port(true) } } },
    edges: ["first.out -> second.in"],
    policy: { budget_fuel: 1000 },
  });
  const agents: Setup["agents"] = (node) => uses(node === "first" ? 700 : 300);
  const its: Setup = { graph, agents, fuelOf: () => 800, budgets: simulatedBudgets };
  const whole = await simulate(its);
  expect(whole.outcome.totals.fuel).toBe(1000);

  const traceId = "trace:00000000-0000-7000-8000-000000000001" as TraceId;
  const forked_from = { trace: traceId, node: "second" as NodeId };
  const reuse = reuseOf({
    origin: { traceId, opening: graph.opening, events: whole.events.map((event) => ({ ...event, trace_id: traceId })) },
    begun: { ...beginning(graph), forked_from },
    graph,
    from: "second" as NodeId,
    proposalId: () => "proposal:none" as ProposalId,
  });
  // The second node wants more than the 300 that the other run had left for it.
  const forked = await simulate({
    ...its,
    agents: (node) => uses(node === "first" ? 700 : 800),
    fork: { begun: { forked_from }, reuse },
  });
  expect(of(forked.events, "node.started").map(({ meta }) => [meta.node, meta.reused_from])).toEqual([
    ["first", traceId],
    ["second", undefined],
  ]);
  expect(codes(forked.events)).toEqual({ first: "ok", second: "ok" });
  expect(amounts(forked.events, "budget.charged", "first")).toEqual([]);
  expect(forked.outcome.totals.fuel).toBe(800);
});

describe("a process that died between the log of a run inside and the one around it, and another one after it", () => {
  const inner = sketch({ nodes: { x: {} } }).opening;
  const outer = sketch({ nodes: { n: { opening: inner } }, policy: { budget_fuel: 1000 } }).opening;
  const x = "x" as NodeId;

  /** Each process finds what the one before it has left in the log around; in that of the run inside 200 are reserved still. */
  function logAround(charged: number) {
    const spending = new Spending();
    const written: [kind: string, amount: number][] = [];
    const write = (kind: "budget.reserved" | "budget.charged", amount: number): void =>
      spending.apply({ kind, meta: { scope: "node:n/x", unit: unit.fuel, amount, left: null } });
    write("budget.reserved", 200);
    write("budget.charged", charged);
    const journal = {
      append: (drafts: readonly RunEventDraft[]) => {
        for (const { kind, meta } of drafts)
          if (kind === "budget.reserved" || kind === "budget.charged") {
            written.push([kind, meta.amount]);
            write(kind, meta.amount);
          }
        return Promise.resolve([]);
      },
    } as unknown as Journal;
    const process = () => {
      const around = new RunBudgets(outer, spending);
      return new RunBudgets(inner, new Spending(), { budgets: around, node: "n" as NodeId, journal });
    };
    return { written, process, spent: () => spending.used(null, unit.fuel) };
  }

  test("what was charged there in full is not reserved again, however often it is taken up", () => {
    const { written, process, spent } = logAround(200);
    process().takeUp(x, { unit: unit.fuel, amount: 200 });
    const last = process().takeUp(x, { unit: unit.fuel, amount: 200 });
    expect(written).toEqual([]);
    last.settle(unit.fuel, 200);
    expect(written).toEqual([["budget.charged", 0]]);
    expect(spent()).toBe(200);
  });

  test("what was charged there in part is reserved again once, and the charge at the end is of the rest", () => {
    const { written, process, spent } = logAround(120);
    process().takeUp(x, { unit: unit.fuel, amount: 200 });
    expect(written).toEqual([["budget.reserved", 80]]);
    const last = process().takeUp(x, { unit: unit.fuel, amount: 200 });
    expect(written).toHaveLength(1);
    last.settle(unit.fuel, 200);
    expect(written.at(-1)).toEqual(["budget.charged", 80]);
    expect(spent()).toBe(200);
  });
});
