/**
 * Generated runs whose process dies at every event. A failing world says how to run it alone:
 * `RLP_WORLD=<n> npx vitest run test/openings/engine/crash.test.ts`.
 */
import { expect, test } from "vitest";
import type { RunEvent, RunEventOf } from "#core/events.js";
import { agentOf, generate, type Case } from "./world/generate.js";
import { checkHistory } from "./world/invariants.js";
import { Crash, type Disk } from "./world/journal.js";
import { expected } from "./world/oracle.js";
import { Random } from "./world/random.js";
import { newDisk, simulate, type Ran, type Setup } from "./world/world.js";

const only = process.env["RLP_WORLD"];
const worlds = only === undefined ? Array.from({ length: 300 }, (_, i) => i) : [Number(only)];

const agents = (its: Case): Setup["agents"] => {
  const made = new Map([...its.profiles].map(([id, profile]) => [id, agentOf(profile)]));
  return (node) => made.get(node) ?? (() => ({ ok: [] }));
};
const answers =
  (its: Case) =>
  (node: string): "approved" | "rejected" =>
    its.profiles.get(node)?.approved ? "approved" : "rejected";

function setup(its: Case, latencySeed: number, more: Partial<Setup> = {}): Setup {
  const random = new Random(latencySeed);
  const latency = () => random.below(40);
  const diskLatency = () => (random.chance(0.5) ? 0 : random.below(10));
  return {
    graph: its.graph,
    agents: agents(its),
    seed: its.runSeed,
    maxParallel: its.maxParallel,
    latency,
    diskLatency,
    decide: answers(its),
    ...more,
  };
}

/** All that two runs must agree on. */
const essence = ({ outcome }: Ran) => ({
  status: outcome.status,
  success: outcome.success,
  reason: outcome.reason,
  finalHash: outcome.finalHash,
  totals: outcome.totals,
  nodes: outcome.nodes.map(({ node, status, attempts, outputs_hash }) => ({ node, status, attempts, outputs_hash })),
});

test.each(chunks(worlds, 50))("worlds %j… end as the reference says, whatever the timing", async (...chunk) => {
  for (const world of chunk) {
    const its = generate(world);
    const ran = await simulate(setup(its, world));
    named(world, () => {
      checkHistory(its.graph, ran.events);
      const oracle = expected(its);
      expect(ran.outcome.nodes.map(({ status, attempts }) => ({ status, attempts }))).toEqual(
        oracle.nodes.map(({ status, attempts }) => ({ status, attempts })),
      );
      expect(ran.outcome.finalHash).toBe(oracle.finalHash);
    });
    for (const [seed, maxParallel] of [
      [world + 1000, 1],
      [world + 2000, 100],
    ] as const) {
      const other = await simulate(setup(its, seed, { maxParallel }));
      named(world, () => expect(essence(other)).toEqual(essence(ran)));
    }
  }
});

test.each(chunks(worlds.slice(0, 200), 25))("worlds %j… die at every event, are resumed, and end the same", async (...chunk) => {
  for (const world of chunk) {
    const its = generate(world);
    const undisturbed = await simulate(setup(its, world));
    for (let died = 1; died < undisturbed.events.length; died++) {
      const random = new Random(world * 1000 + died);
      const disk = newDisk();
      const effects = new Map<string, number>();
      const first = setup(its, world, { disk, effects, dieAfter: died });
      await expect(simulate(first), repeat(world, died)).rejects.toThrow(Crash);
      expect(disk.events.length - died).toBeOneOf([0, 1]);
      const ran = await resumeUntilDone(its, disk, effects, random);
      named(
        world,
        () => {
          checkHistory(its.graph, ran.events);
          expect(essence(ran)).toEqual(essence(undisturbed));
          expect([...ran.effects.keys()].sort()).toEqual([...undisturbed.effects.keys()].sort());
        },
        died,
      );
    }
  }
});

/** May die again, and may find nobody to ask: then it is parked, and somebody decides while no process runs. */
async function resumeUntilDone(its: Case, disk: Disk, effects: Map<string, number>, random: Random): Promise<Ran> {
  for (let round = 1; ; round++) {
    const dieAfter = random.chance(0.3) ? disk.events.length + 1 + random.below(10) : Infinity;
    const startMs = (disk.events.at(-1)?.ts_ms ?? 0) + random.below(100_000);
    const decide = random.chance(0.3) ? () => null : answers(its);
    try {
      const ran = await simulate(setup(its, random.below(1e9), { disk, effects, dieAfter, startMs, decide }));
      if (ran.outcome.status !== "parked") return ran;
      for (const proposal of ran.outcome.waiting) decideFromOutside(its, disk, proposal);
    } catch (error) {
      if (!(error instanceof Crash) || round > 20) throw error;
      if (disk.events.at(-1)?.kind === "run.finished") throw new Error("died after its end", { cause: error });
    }
  }
}

function decideFromOutside(its: Case, disk: Disk, proposal: string): void {
  const { events } = disk;
  const proposed = events.find((event): event is RunEventOf<"action.proposed"> => {
    return event.kind === "action.proposed" && event.meta.proposal_id === proposal;
  });
  const last = events.at(-1);
  if (!proposed || !last) throw new Error(`nobody proposed ${proposal}`);
  const { proposal_id, args_hash, node } = proposed.meta;
  const meta = { proposal_id, args_hash, decision: answers(its)(node), by: "user" };
  events.push({ ...last, seq: events.length, kind: "action.decided", message: "decided", meta } as RunEvent);
}

function named(world: number, check: () => void, died?: number): void {
  try {
    check();
  } catch (error) {
    if (error instanceof Error) error.message = `${repeat(world, died)}\n${error.message}`;
    throw error;
  }
}

const repeat = (world: number, died?: number): string =>
  `${died === undefined ? "" : `died after event ${died}; `}RLP_WORLD=${world} npx vitest run test/openings/engine/crash.test.ts`;

function chunks(all: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
