/**
 * The broker's budgets in the simulated world: generated openings with budgets in tokens, fuel and money, on themselves and their nodes and around openings
 * inside, run in parallel, killed at any event and resumed. `RLP_SEEDS=10000` runs more; a failing world says how to run it alone.
 */
import { expect, test } from "vitest";
import type { RunEvent } from "#core/events.js";
import { simulatedBudgets } from "#host/broker/simulated.js";
import { eventsOn, logsOf, newDisk, ROOT, type Disk } from "#openings/sim/journal.js";
import { Random } from "#openings/sim/random.js";
import {
  chunks,
  checkDisk,
  essence,
  graphsOf,
  repeating,
  replayOf,
  resumed,
  setup,
  worlds,
} from "../../openings/engine/world/case.js";
import { generate, type Shape } from "../../openings/engine/world/generate.js";
import { simulate, type Setup } from "../../openings/engine/world/world.js";

const named = repeating("test/host/broker/simulated.test.ts");
const LONG = 600_000;
const all = worlds(150);

const tight: Shape = {
  depth: 2,
  policy: (random) => ({
    ...(random.chance(0.5) && { budget_tokens: random.below(300) }),
    ...(random.chance(0.5) && { budget_fuel: 200 + random.below(3000) }),
    ...(random.chance(0.5) && { budget_microusd: random.below(6000) }),
  }),
  node: (random) => ({
    ...(random.chance(0.3) && { budget_tokens: random.below(150) }),
    ...(random.chance(0.3) && { budget_fuel: 100 + random.below(1500) }),
    ...(random.chance(0.3) && { budget_microusd: random.below(3000) }),
  }),
};
const ample: Shape = {
  depth: 2,
  policy: () => ({ budget_tokens: 1e9, budget_fuel: 1e9, budget_microusd: 1e9 }),
  node: (random) => (random.chance(0.5) ? { budget_fuel: 1e8 } : {}),
};
const more: Partial<Setup> = { budgets: simulatedBudgets, fuelOf: () => 1000 };

const spent = (log: readonly RunEvent[], of: string): number =>
  log.reduce((sum, { kind, meta }) => (kind === "budget.charged" && meta.unit === of ? sum + meta.amount : sum), 0);

/** What a run inside has spent stands in the log around it, to the last token. */
function checkSums(its: ReturnType<typeof generate>, disk: Disk): void {
  const graphs = graphsOf(its, disk);
  for (const [trace, log] of [[ROOT, disk.events] as const, ...disk.inner]) {
    if (!graphs.has(trace)) continue;
    for (const of of ["tokens", "fuel", "microusd"]) {
      const own = log.filter((event) => event.kind === "budget.charged" && !event.meta.scope.includes("/"));
      const inside = [...disk.inner.values()].filter(
        (each) => each[0]?.kind === "run.started" && each[0].meta.parent?.trace === trace,
      );
      const sum = inside.reduce((total, each) => total + spent(each, of), spent(own, of));
      expect(spent(log, of), `${of} in ${trace}`).toBe(sum);
    }
  }
}

test.each(chunks(all, 50))(
  "worlds %j… overspend no account, at no moment, and add up",
  async (...chunk) => {
    for (const world of chunk)
      await named(world, async () => {
        const its = generate(world, tight);
        for (const seed of [world, world + 1000]) {
          const { disk } = await simulate(setup(its, seed, more));
          checkDisk(its, disk);
          checkSums(its, disk);
          expect(await replayOf(its, disk, more)).toMatchObject({ agrees: true });
        }
      });
  },
  LONG,
);

test.each(chunks(all, 50))(
  "worlds %j… overspend nothing when they are killed and resumed",
  async (...chunk) => {
    for (const world of chunk)
      for (let time = 0; time < 4; time++)
        await named(
          world,
          async () => {
            const its = generate(world, tight);
            const whole = await simulate(setup(its, world, more));
            const random = new Random(world * 10 + time);
            const disk = newDisk();
            const effects = new Map<string, number>();
            const dieAfter = 1 + random.below(Math.max(1, eventsOn(whole.disk) - 1));
            await simulate(setup(its, world, { ...more, disk, effects, dieAfter })).catch(() => undefined);
            await resumed(its, disk, effects, random, more);
            checkDisk(its, disk);
            expect(await replayOf(its, disk, more)).toMatchObject({ agrees: true });
          },
          `killed, time ${time}`,
        );
  },
  LONG,
);

test.each(chunks(all, 50))(
  "worlds %j… with enough for everybody come to the same as without budgets, also when killed",
  async (...chunk) => {
    for (const world of chunk)
      await named(world, async () => {
        const its = generate(world, ample);
        const whole = await simulate(setup(its, world, more));
        expect(whole.outcome.finalHash).toBe((await simulate(setup(its, world))).outcome.finalHash);
        const random = new Random(world);
        const disk = newDisk();
        const effects = new Map<string, number>();
        const dieAfter = 1 + random.below(Math.max(1, eventsOn(whole.disk) - 1));
        await simulate(setup(its, world, { ...more, disk, effects, dieAfter })).catch(() => undefined);
        const ran = await resumed(its, disk, effects, random, more);
        checkDisk(its, disk);
        expect(ran.outcome.finalHash).toBe(whole.outcome.finalHash);
        expect(essence(its, ran).nodes).toEqual(essence(its, whole).nodes);
        expect(logsOf(disk).every((log) => log.at(-1)?.kind === "run.finished")).toBe(true);
      });
  },
  LONG,
);
