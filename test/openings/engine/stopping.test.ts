import { describe, expect, test } from "vitest";
import type { RunEvent, RunEventOf, RunKind } from "#core/events.js";
import { driveRun } from "#openings/engine/drive.js";
import { EngineError } from "#openings/engine/error.js";
import { budgetScope, unit } from "#openings/engine/spending.js";
import { budgetLeft } from "#openings/engine/select.js";
import { openRun } from "#openings/journal/open.js";
import { SimClock } from "#openings/sim/clock.js";
import { fails, gives } from "#openings/sim/ends.js";
import type { Agent } from "#openings/sim/guest.js";
import { ROOT, SimProcess } from "#openings/sim/journal.js";
import { beginning, once, port, sketch } from "./world/opening.js";
import { newDisk, simulate, type Setup } from "./world/world.js";

const of = <K extends RunKind>(events: readonly RunEvent[], kind: K): RunEventOf<K>[] =>
  events.filter((event): event is RunEventOf<K> => event.kind === kind);
const kinds = (events: readonly RunEvent[]) => events.map(({ kind }) => kind);

const takes =
  (ms: number): Agent =>
  async (guest) => (await guest.work(ms), gives({ out: guest.spec.node }));
const never = new AbortController().signal;

/** A signal that aborts at a moment of the simulated time. */
function after(clock: SimClock, ms: number, reason?: string): AbortSignal {
  const controller = new AbortController();
  void clock.sleep(ms, never).then(() => controller.abort(reason));
  return controller.signal;
}

const chain = sketch({
  nodes: { a: {}, b: { inputs: { in: port(true) } }, side: {} },
  edges: ["a.out -> b.in"],
});
const agents: Setup["agents"] = (node) => takes(node === "side" ? 500 : 100);

describe("cancel", () => {
  const cancelled = (ms: number) =>
    simulate({ graph: chain, agents, signals: (clock) => ({ cancel: after(clock, ms, "enough") }) });

  test("ends what runs, starts nothing, and is final", async () => {
    const { outcome, events, disk } = await cancelled(150);
    expect(outcome.status).toBe("cancelled");
    expect(outcome.reason).toBe("enough");
    expect(outcome.nodes.map(({ node, status, attempts }) => [node, status, attempts])).toEqual([
      ["a", "ok", 1],
      ["b", "cancelled", 1],
      ["side", "cancelled", 1],
    ]);
    expect(of(events, "node.finished").map(({ meta }) => [meta.node, meta.status])).toEqual([
      ["a", "ok"],
      ["side", "cancelled"],
      ["b", "cancelled"],
    ]);
    expect(kinds(events).slice(-4)).toEqual(["run.cancelled", "node.finished", "node.finished", "run.finished"]);
    await expect(simulate({ graph: chain, agents, disk })).rejects.toThrow(EngineError);
  });

  test("nodes that never started are cancelled without an attempt", async () => {
    const { outcome } = await cancelled(50);
    expect(outcome.nodes.find(({ node }) => node === "b")).toMatchObject({ status: "cancelled", attempts: 0 });
  });

  test("a run that died while it was being cancelled ends as cancelled when it is resumed", async () => {
    const whole = await cancelled(150);
    const at = kinds(whole.events).indexOf("run.cancelled") + 1;
    const disk = newDisk();
    const dying = { graph: chain, agents, disk, dieAfter: at };
    await expect(simulate({ ...dying, signals: (clock) => ({ cancel: after(clock, 150) }) })).rejects.toThrow("died");
    const { outcome, executor } = await simulate({ graph: chain, agents, disk });
    expect(executor.executed).toEqual([]);
    expect(outcome.status).toBe("cancelled");
    expect(outcome.finalHash).toBe(whole.outcome.finalHash);
  });

  test("a parked or interrupted run can still be cancelled", async () => {
    const disk = newDisk();
    await simulate({ graph: chain, agents, disk, signals: (clock) => ({ interrupt: after(clock, 150) }) });
    const { outcome, executor } = await simulate({
      graph: chain,
      agents,
      disk,
      signals: () => ({ cancel: AbortSignal.abort("no") }),
    });
    expect(outcome.status).toBe("cancelled");
    expect(executor.executed).toEqual([]);
  });

  test("comes too late once every node has ended", async () => {
    const { outcome } = await simulate({ graph: chain, agents, signals: (clock) => ({ cancel: after(clock, 501) }) });
    expect(outcome.status).toBe("ok");
  });
});

describe("interrupt", () => {
  test("parks the run; resumed, it ends as if nothing had happened", async () => {
    const undisturbed = await simulate({ graph: chain, agents });
    for (const ms of [0, 50, 100, 150, 250, 499]) {
      const disk = newDisk();
      const stopped = await simulate({ graph: chain, agents, disk, signals: (clock) => ({ interrupt: after(clock, ms) }) });
      expect(stopped.outcome).toMatchObject({ status: "parked", finalHash: null, waiting: [] });
      const last = stopped.events.at(-1);
      expect(last?.kind === "run.parked" && last.meta).toMatchObject({ why: "interrupted", active_ms: ms });
      expect(of(stopped.events, "node.finished").every(({ meta }) => meta.status === "ok")).toBe(true);
      const resumed = await simulate({ graph: chain, agents, disk, startMs: 1_800_000_000_000 });
      expect(resumed.outcome.finalHash).toBe(undisturbed.outcome.finalHash);
      expect(resumed.outcome.totals).toEqual(undisturbed.outcome.totals);
    }
  });

  test("does not keep an end that came after it: the attempt may have seen the interruption", async () => {
    const stubborn: Agent = async (guest) => {
      await guest.work(1000).catch(() => undefined);
      return guest.signal.aborted ? fails("disturbed") : gives({ out: 1 });
    };
    const graph = sketch({ nodes: { a: {} } });
    const disk = newDisk();
    await simulate({ graph, agents: () => stubborn, disk, signals: (clock) => ({ interrupt: after(clock, 10) }) });
    expect(of(disk.events, "node.finished")).toEqual([]);
    const { outcome } = await simulate({ graph, agents: () => stubborn, disk });
    expect(outcome.status).toBe("ok");
  });

  test("leaves a pause between attempts as it was", async () => {
    const graph = sketch({ nodes: { a: { retry: { ...once, max_attempts: 2, backoff_ms: 1000, jitter: 0 } } } });
    const flaky: Agent = (guest) => (guest.spec.attempt === 1 ? fails("flaky", true) : gives({ out: 1 }));
    const disk = newDisk();
    const setup = { graph, agents: () => flaky, disk, startMs: 1000 };
    await simulate({ ...setup, signals: (clock) => ({ interrupt: after(clock, 300) }) });
    const { events, outcome } = await simulate({ ...setup, startMs: 1500 });
    expect(of(events, "node.started").map(({ ts_ms }) => ts_ms)).toEqual([1000, 2000]);
    expect(outcome.status).toBe("ok");
  });
});

describe("the time of the whole run", () => {
  const limited = (timeout_ms: number) =>
    sketch({ nodes: { a: {}, b: { inputs: { in: port(true) } } }, edges: ["a.out -> b.in"], policy: { timeout_ms } });

  test("when it passes, running nodes are cancelled and the run fails", async () => {
    const { outcome, events } = await simulate({ graph: limited(150), agents });
    expect(outcome).toMatchObject({ status: "error", success: false, reason: "the run took longer than 150 ms" });
    expect(outcome.nodes.map(({ status }) => status)).toEqual(["ok", "cancelled"]);
    expect(of(events, "run.cancelled")[0]?.meta).toMatchObject({ by: "policy.timeout_ms", active_ms: 150 });
  });

  test("a pause between attempts counts", async () => {
    const graph = sketch({
      nodes: { a: { retry: { ...once, max_attempts: 2, backoff_ms: 1000 } } },
      policy: { timeout_ms: 200 },
    });
    const { outcome } = await simulate({ graph, agents: () => () => fails("again", true) });
    expect(outcome.status).toBe("error");
    expect(outcome.nodes[0]).toMatchObject({ status: "cancelled", attempts: 1 });
  });

  test.each([
    { before: 120, limit: 280, status: "ok" },
    { before: 120, limit: 210, status: "error" },
  ])("time parked does not count, time used does: $before ms before, limit $limit", async ({ before, limit, status }) => {
    const disk = newDisk();
    const setup = { graph: limited(limit), agents, disk };
    await simulate({ ...setup, startMs: 0, signals: (clock) => ({ interrupt: after(clock, before) }) });
    const { outcome } = await simulate({ ...setup, startMs: 10_000_000 });
    expect(outcome.status).toBe(status);
  });

  test("a process that died counts up to its last event, whoever wrote to the log after it", async () => {
    const disk = newDisk();
    const setup = { graph: limited(1000), agents, disk };
    await expect(simulate({ ...setup, startMs: 0, dieAfter: 3 })).rejects.toThrow("died");
    const { events } = await simulate({ ...setup, startMs: 10_000_000 });
    expect(of(events, "run.resumed")[0]?.meta.active_ms).toBe(100);
  });
});

describe("waiting for a decision", () => {
  const asks: Agent = async (guest) => {
    const decision = await guest.propose({ to: "x" });
    return decision === "approved"
      ? gives({ out: decision })
      : { error: { code: "host.rejected", message: "no", retryable: false } };
  };
  const graph = sketch({ nodes: { a: {}, side: {}, b: { inputs: { in: port(true) } } }, edges: ["a.out -> b.in"] });
  const asking: Setup["agents"] = (node) => (node === "a" ? asks : takes(50));

  test("with nobody to ask, the rest goes on, then the run parks and says what it waits for", async () => {
    const { outcome, events } = await simulate({ graph, agents: asking, decide: () => null });
    const [proposed] = of(events, "action.proposed");
    expect(outcome.status).toBe("parked");
    expect(outcome.waiting).toEqual([proposed?.meta.proposal_id]);
    expect(of(events, "node.finished").map(({ meta }) => meta.node)).toEqual(["side"]);
    expect(of(events, "node.waiting")).toHaveLength(1);
    expect(events.at(-1)?.kind).toBe("run.parked");
  });

  test("resumed with somebody there, the same attempt goes on and proposes nothing twice", async () => {
    const disk = newDisk();
    await simulate({ graph, agents: asking, decide: () => null, disk });
    const { outcome, events, executor } = await simulate({ graph, agents: asking, disk });
    expect(outcome.status).toBe("ok");
    expect(executor.executed).toEqual(["a#1", "b#1"]);
    expect(of(events, "action.proposed")).toHaveLength(1);
    expect(of(events, "node.started").map(({ meta }) => meta.node)).toEqual(["a", "side", "b"]);
  });

  test("a rejection fails the node and is not retried", async () => {
    const { outcome } = await simulate({ graph, agents: asking, decide: () => "rejected" });
    expect(outcome.status).toBe("error");
    expect(outcome.nodes.map(({ status }) => status)).toEqual(["error", "ok", "skipped"]);
  });
});

describe("when the host fails", () => {
  test("an executor that rejects ends the drive with its error, after all others were stopped", async () => {
    const stopped: string[] = [];
    const broken: Agent = async (guest) => {
      if (guest.spec.node === "a") {
        await guest.work(10);
        throw new Error("disk full");
      }
      await guest.work(1000).catch(() => stopped.push(guest.spec.node));
      return gives({});
    };
    const disk = newDisk();
    await expect(simulate({ graph: chain, agents: () => broken, disk })).rejects.toThrow("disk full");
    expect(stopped).toEqual(["side"]);
    const { outcome } = await simulate({ graph: chain, agents, disk });
    expect(outcome.status).toBe("ok");
  });

  test("an executor that throws at once, or stops although nobody asked, is no different", async () => {
    const clock = new SimClock(0);
    const journal = new SimProcess(newDisk(), clock).journal(ROOT);
    const executor = () => ({
      execute: () => {
        throw new Error("no sandbox");
      },
    });
    const drive = { graph: chain, run: { begin: beginning(chain) }, journal, clock, executor, maxParallel: 1 };
    await expect(clock.run(driveRun(drive))).rejects.toThrow("no sandbox");
  });

  test("a journal that fails stops the attempts and ends the drive", async () => {
    const disk = newDisk();
    await expect(simulate({ graph: chain, agents, disk, dieAfter: 4 })).rejects.toThrow("died");
    expect(disk.events).toHaveLength(4);
  });
});

describe("budgets", () => {
  const graph = sketch({
    nodes: { a: { budget_tokens: 100 }, b: {} },
    policy: { budget_tokens: 150 },
  });
  const amount = (kind: "budget.reserved" | "budget.charged", node: string, n: number) => ({
    kind,
    level: "info" as const,
    message: "",
    meta: { scope: budgetScope(node as never), unit: unit.tokens, amount: n, left: 0 },
  });

  test("what is left is the tighter of the node's and the opening's, with open reservations taken off", async () => {
    const { state } = openRun(graph, (await simulate({ graph, agents: () => () => gives({}) })).events);
    const left = () => [budgetLeft(state, "a" as never, "tokens"), budgetLeft(state, "b" as never, "tokens")];
    expect(left()).toEqual([100, 150]);
    state.spending.apply(amount("budget.reserved", "a", 60));
    expect(left()).toEqual([40, 90]);
    state.spending.apply(amount("budget.charged", "a", 10));
    expect(left()).toEqual([90, 140]);
    state.spending.apply(amount("budget.charged", "b", 200));
    expect(left()).toEqual([0, 0]);
  });

  test("after a crash an open reservation is charged at its worst case, by an event", async () => {
    const clock = new SimClock(0);
    const disk = newDisk();
    const journal = new SimProcess(disk, clock).journal(ROOT);
    const drive = { graph, run: { begin: beginning(graph) }, journal, clock, maxParallel: 1 };
    const dies = driveRun({
      ...drive,
      executor: ({ journal }) => ({
        execute: async () => {
          await journal.append([amount("budget.reserved", "a", 60)]);
          throw new Error("gone");
        },
      }),
    });
    await expect(clock.run(dies)).rejects.toThrow("gone");
    const { events, outcome } = await simulate({ graph, agents: () => () => gives({}), disk });
    expect(of(events, "budget.charged").map(({ meta }) => meta)).toEqual([
      { scope: "node:a", unit: "tokens", amount: 60, left: 40 },
    ]);
    expect(outcome.totals.tokens).toBe(60);
  });
});
