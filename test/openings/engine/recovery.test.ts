import { describe, expect, test } from "vitest";
import type { NodeId } from "#core/ids.js";
import { fails, gives } from "#openings/sim/ends.js";
import type { Agent } from "#openings/sim/guest.js";
import { port, sketch, type Sketch } from "./world/opening.js";
import { simulate } from "./world/world.js";

const id = (node: string) => node as NodeId;
const takes = { inputs: { error: port(true, ["node.error.v1"]) } };
const broken: Agent = () => fails("broken");
const fine: Agent = () => gives({ out: 1 });

async function statuses(from: Sketch, agents: Record<string, Agent>) {
  const { outcome } = await simulate({ graph: sketch(from), agents: (node) => agents[node] ?? fine });
  return { ...outcome, statuses: Object.fromEntries(outcome.nodes.map(({ node, status }) => [node, status])) };
}

describe("on_error", () => {
  const chain: Sketch = { nodes: { a: { on_error: id("b") }, b: { ...takes, on_error: id("c") }, c: takes } };

  test("in a chain, whoever recovers the last failure has made up for all of them", async () => {
    const { success, statuses: ends } = await statuses(chain, { a: broken, b: broken });
    expect(ends).toEqual({ a: "error", b: "error", c: "ok" });
    expect(success).toBe(true);
  });

  test("in a chain, a failure that nobody makes up for fails the run, with every failure on the way", async () => {
    const { success, reason } = await statuses(chain, { a: broken, b: broken, c: broken });
    expect(success).toBe(false);
    expect(reason).toMatch(/a failed.*b failed.*c failed/s);
  });

  test("a recovering node that a guard keeps from running makes up for nothing", async () => {
    const from: Sketch = { nodes: { a: { on_error: id("b") }, b: takes, gate: {} }, edges: ["gate.out==2 -> b.in"] };
    const { success, statuses: ends } = await statuses(from, { a: broken });
    expect(ends).toMatchObject({ a: "error", b: "skipped" });
    expect(success).toBe(false);
  });

  test("…and where the policy says stop, that ends the run", async () => {
    const from: Sketch = {
      nodes: { a: { on_error: id("b") }, b: takes, gate: {}, later: {} },
      edges: ["gate.out==2 -> b.in"],
      policy: { on_failure: "stop" },
    };
    const slow: Agent = async (guest) => (await guest.work(10_000), gives({ out: 1 }));
    const { status, reason, statuses: ends } = await statuses(from, { a: broken, later: slow });
    expect(ends).toMatchObject({ a: "error", b: "skipped", later: "cancelled" });
    expect({ status, reason }).toEqual({ status: "error", reason: "a failed: broken" });
  });
});
