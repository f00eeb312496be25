import { expect, test } from "vitest";
import type { NodeId } from "#core/ids.js";
import { noGrant, type AgentInterface } from "#openings/agent.js";
import { schemaRegistry } from "#openings/types/registry.js";
import { campaign, type Campaign } from "#openings/sim/campaign.js";
import { never } from "#openings/sim/coverage.js";
import { allFaults } from "#openings/sim/faults.js";
import { once, opening, port, type Sketch } from "../engine/world/opening.js";

const agent = (inputs = {}): AgentInterface => ({
  name: "a",
  version: "1.0.0",
  description: "",
  digest: "0".repeat(64) as never,
  inputs,
  outputs: { out: port(false, ["text.v1"]), ok: port(false, ["bool.v1"]) },
  withSchema: null,
  grant: noGrant,
  imports: [],
  optionalImports: [],
  limits: { memory_mib: 1, fuel: 1e9, wall_ms: 10_000 },
  schemas: {},
});
const takes = agent({ in: port(false, ["text.v1"]), error: port(false, ["node.error.v1"]) });

const inner = opening({ name: "inner", nodes: { x: { agent: "a" } }, inputs: {}, outputs: { out: "x.out" } });
const deep = opening({
  name: "deep",
  nodes: { asks: { agent: "asking" } },
  inputs: { in: { type: "any", required: false } },
  outputs: { out: "asks.out" },
});
const all: Sketch = {
  nodes: {
    a: { agent: "a", retry: { ...once, max_attempts: 3 }, on_error: "rescue" as NodeId },
    b: { agent: "takes", timeout_ms: 1000 },
    rescue: { agent: "takes" },
    within: { opening: inner, for_each: "in" },
  },
  edges: ["a.ok==true -> b.in", "a.out -> b.in"],
  policy: { timeout_ms: 100_000 },
  success: { mode: "any_of", of: ["exists(b.out)"] },
};
const run = (more: Partial<Campaign> = {}) =>
  campaign({
    opening: opening(all),
    agentOf: (name) => (name === "takes" ? takes : agent()),
    types: schemaRegistry({}),
    script: {},
    faults: allFaults,
    seed: 0,
    seeds: 200,
    maxParallel: 8,
    ...more,
  });
const outcomes = (report: Awaited<ReturnType<typeof run>>, what: string, name: string) =>
  report.coverage.find((row) => row.what === what && row.name === name)?.outcomes ?? {};

test("many runs put every precaution to use, and break nothing", async () => {
  const report = await run();
  expect(report.broken).toEqual([]);
  expect(report.runs).toBe(200);
  expect(report.crashed).toBeGreaterThan(150);
  expect(Object.values(outcomes(report, "guard", "a.ok==true -> b.in")).every((times) => times > 0)).toBe(true);
  expect(Object.values(outcomes(report, "retry", "a")).every((times) => times > 0)).toBe(true);
  expect(Object.values(outcomes(report, "recovery", "a by rescue")).every((times) => times > 0)).toBe(true);
  expect(outcomes(report, "time-out", "b")["passed"]).toBeGreaterThan(0);
  expect(outcomes(report, "success", "success")["held"]).toBeGreaterThan(0);
});

test("without faults nothing fails, and what was never put to use is said", async () => {
  const report = await run({ faults: [], seeds: 20 });
  expect(report).toMatchObject({ crashed: 0, broken: [] });
  expect(never(report.coverage)).toContainEqual({ what: "recovery", name: "a by rescue", outcome: "recovered" });
  expect(never(report.coverage)).toContainEqual({ what: "retry", name: "a", outcome: "helped" });
});

test("nodes give what they are said to give", async () => {
  const report = await run({ faults: [], seeds: 10, script: { a: { outputs: { ok: [false] } } } });
  expect(outcomes(report, "guard", "a.ok==true -> b.in")).toEqual({ held: 0, "did not hold": 10 });
  const failing = await run({ faults: [], seeds: 10, script: { a: { fails: { code: "x", retryable: false } } } });
  expect(outcomes(failing, "recovery", "a by rescue")).toEqual({ recovered: 10, "not needed": 0 });
});

test("what a person is said to decide counts by the path of the node, also inside of another opening and for one invocation", async () => {
  const asking = { ...agent({ in: port(false) }), grant: { ...noGrant, actions: ["test.do"] } };
  const outer = opening({
    name: "outer",
    nodes: { asks: { agent: "asking" }, within: { opening: deep, for_each: "in", with: { in: [1, 2] } } },
  });
  const decided = async (script: Campaign["script"]) => {
    const report = await run({ opening: outer, agentOf: () => asking, faults: [], seeds: 5, script });
    expect(report.broken).toEqual([]);
    return report.reasons.map(({ reason }) => reason);
  };
  expect(await decided({})).toEqual([]);
  // The node of the same name outside is not meant.
  const [inside, ...more] = await decided({ "within/asks": { decision: "rejected" } });
  expect(more).toEqual([]);
  expect(inside).toMatch(/^within failed: .*2 of 2 invocations failed/);
  expect((await decided({ asks: { decision: "rejected" } })).join()).toMatch(/^asks failed: host.rejected/);
});

test("the same seed is the same run", async () => {
  const [one, other] = [await run({ seed: 41, seeds: 1 }), await run({ seed: 41, seeds: 1 })];
  expect(one).toEqual(other);
});
