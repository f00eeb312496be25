/**
 * Generated runs, forked at each of their nodes. A failing world says how to run it alone:
 * `RLP_WORLD=<n> npx vitest run test/openings/engine/fork.test.ts`.
 */
import { expect, test } from "vitest";
import type { RunEvent, RunEventOf } from "#core/events.js";
import type { NodeId, ProposalId, TraceId } from "#core/ids.js";
import { dependents, reuseOf, type Fork } from "#openings/journal/fork.js";
import { compareRuns } from "#openings/compare/compare.js";
import { Crash, loadFrom, type Disk } from "#openings/sim/journal.js";
import { checkDisk, setup } from "./world/case.js";
import { generate, type Case } from "./world/generate.js";
import { beginning } from "./world/opening.js";
import { newDisk, replayed, simulate, type Ran, type Setup } from "./world/world.js";

const one = process.env["RLP_WORLD"];
const worlds = one === undefined ? Array.from({ length: 60 }, (_, i) => i) : [Number(one)];

const origin = "trace:00000000-0000-7000-8000-000000000001" as TraceId;

function forkOf(its: Case, ran: Ran, from: NodeId, change: Partial<Fork["begun"]> = {}): NonNullable<Setup["fork"]> {
  const events = ran.events.map((event) => ({ ...event, trace_id: origin }) as RunEvent);
  const begun = { ...beginning(its.graph, its.runSeed), ...change, forked_from: { trace: origin, node: from } };
  // The simulated world names proposals by what they are for, whatever the run.
  const proposalId: Fork["proposalId"] = ({ node, attempt, seq }) => {
    const proposed = events.find((event): event is RunEventOf<"action.proposed"> => {
      return (
        event.kind === "action.proposed" &&
        event.meta.node === node &&
        event.meta.attempt === attempt &&
        event.meta.call_seq === seq
      );
    });
    return proposed?.meta.proposal_id as ProposalId;
  };
  const opening = its.graph.opening;
  const reuse = reuseOf({ origin: { traceId: origin, opening, events }, begun, graph: its.graph, from, proposalId });
  return { begun: { ...change, forked_from: begun.forked_from }, reuse };
}

/** Blobs that the ledger has already. */
const diskAfter = (ran: Ran): Disk => ({ ...newDisk(), blobs: new Map(ran.disk.blobs) });
const reusedIn = (events: readonly RunEvent[]): ReadonlySet<string> =>
  new Set(events.flatMap(({ kind, meta }) => (kind === "node.started" && meta.reused_from !== undefined ? [meta.node] : [])));
const endedWell = (events: readonly RunEvent[]): ReadonlySet<string> =>
  new Set(events.flatMap(({ kind, meta }) => (kind === "node.finished" && meta.status === "ok" ? [meta.node] : [])));
const repeat = (world: number, from: string): string =>
  `from ${from}; RLP_WORLD=${world} npx vitest run test/openings/engine/fork.test.ts`;

test("a fork in which nothing has changed comes to the same, and executes nothing that it need not", async () => {
  for (const world of worlds) {
    const its = generate(world, { depth: 0 });
    const ran = await simulate(setup(its, world));
    for (const { id: from } of its.graph.nodes) {
      const disk = diskAfter(ran);
      const forked = await simulate({ ...setup(its, world + 500), disk, fork: forkOf(its, ran, from) });
      const says = repeat(world, from);
      expect(forked.outcome.finalHash, says).toBe(ran.outcome.finalHash);
      checkDisk(its, disk);
      const after = new Set([...dependents(its.graph, from)].map(({ id }) => id as string));
      const expected = [...endedWell(ran.events)].filter((node) => !after.has(node.replace(/\[.*/, ""))).sort();
      expect([...reusedIn(forked.events)].sort(), says).toEqual(expected);
      // Of what was reused no effect was made again.
      for (const node of expected)
        expect(
          [...forked.effects.keys()].some((effect) => effect.includes(` ${node}/`)),
          says,
        ).toBe(false);
      expect(await replayed(its.graph, setup(its, world).agents, disk), says).toMatchObject({ agrees: true });
      const load = loadFrom(disk);
      const sides = [ran.events, forked.events].map((events) => ({ opening: its.graph.opening, events, load }));
      expect(compareRuns(sides[0]!, sides[1]!), says).toMatchObject({ same: true, parts: null });
    }
  }
});

test("a fork that dies goes on as a fork", async () => {
  for (const world of worlds.slice(0, 15)) {
    const its = generate(world, { depth: 0 });
    const ran = await simulate(setup(its, world));
    const from = its.graph.nodes.at(-1)?.id as NodeId;
    const whole = await simulate({ ...setup(its, world), disk: diskAfter(ran), fork: forkOf(its, ran, from) });
    for (let died = 1; died < whole.events.length; died++) {
      const disk = diskAfter(ran);
      const fork = forkOf(its, ran, from);
      await expect(simulate({ ...setup(its, world), disk, fork, dieAfter: died })).rejects.toThrow(Crash);
      if (isInsideOfCopy(disk.events)) continue; // all of a reused node is one append: the ledger never has half of it
      const resumed = await simulate({
        ...setup(its, world + died),
        disk,
        fork,
        startMs: (disk.events.at(-1)?.ts_ms ?? 0) + 1000,
      });
      expect(resumed.outcome.finalHash, repeat(world, from)).toBe(ran.outcome.finalHash);
      expect([...reusedIn(resumed.events)].sort()).toEqual([...reusedIn(whole.events)].sort());
    }
  }
});

function isInsideOfCopy(events: readonly RunEvent[]): boolean {
  const open = new Set<string>();
  for (const { kind, meta } of events) {
    if (kind === "node.started" && meta.reused_from !== undefined) open.add(meta.node);
    if (kind === "node.finished" && meta.status === "ok") open.delete(meta.node);
  }
  return open.size > 0;
}

test.each([
  ["seed", { seed: 999_999 }, /seed/],
  ["epoch", { epoch_ms: 5 }, /epoch/],
  ["component", { components: { x: "0".repeat(64) } as never }, null],
])("another %s is told in each node that it reaches", async (_, change, why) => {
  const its = generate(3);
  const ran = await simulate(setup(its, 3));
  const from = its.graph.nodes.at(-1)?.id as NodeId;
  const forked = await simulate({ ...setup(its, 4), disk: diskAfter(ran), fork: forkOf(its, ran, from, change) });
  const reasons = forked.events.flatMap(({ kind, meta }) =>
    kind === "node.started" && meta.not_reused !== undefined ? [meta.not_reused] : [],
  );
  if (why === null) return expect(reasons.every((reason) => !/seed|epoch/.test(reason))).toBe(true);
  expect(reasons.some((reason) => why.test(reason))).toBe(true);
  expect(reusedIn(forked.events).size).toBe(0);
});

test("two runs of other agents part where the first of them gave something else", async () => {
  const its = generate(2);
  const first = await simulate(setup(its, 2));
  const its2 = { ...its, profiles: new Map(its.profiles) };
  const gave = its.graph.nodes.filter(({ id }) => endedWell(first.events).has(id));
  const changed = gave[0]?.id ?? "";
  const second = await simulate({
    ...setup(its2, 2),
    agents: (node, spec) => (node === changed ? () => ({ ok: [] }) : setup(its2, 2).agents(node, spec, "")),
    disk: newDisk(),
  });
  const compared = compareRuns(
    { opening: its.graph.opening, events: first.events, load: loadFrom(first.disk) },
    { opening: its.graph.opening, events: second.events, load: loadFrom(second.disk) },
  );
  expect(compared.same).toBe(false);
  expect(compared.parts).toBe(changed);
  expect(compared.nodes[0]?.differences.map(({ what }) => what)).toContain("output");
});
