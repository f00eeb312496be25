/**
 * Generated openings of the whole language in the simulated world, against an oracle that knows no engine, whatever the timing, and
 * with a process that dies at any event of any of the run's logs. `RLP_SEEDS=10000 RLP_FIRST=0` runs more of them, `RLP_CRASHES=100` more
 * deaths of each; a failing world says how to run it alone.
 */
import { expect, test } from "vitest";
import { eventsOn } from "#openings/sim/journal.js";
import { Random } from "#openings/sim/random.js";
import { chunks, checkDisk, crashed, essence, repeating, replayOf, undisturbed, worlds } from "./world/case.js";
import { generate } from "./world/generate.js";
import { expected } from "./world/oracle.js";

const named = repeating("test/openings/engine/crash.test.ts");
const all = worlds(500);
const deaths = Number(process.env["RLP_CRASHES"] ?? (process.env["RLP_WORLD"] === undefined ? 2 : 1000));
const LONG = 600_000;

test.each(chunks(all, 100))(
  "worlds %j… end as the reference says, whatever the timing; a replay agrees",
  async (...chunk) => {
    for (const world of chunk)
      await named(world, async () => {
        const its = generate(world);
        const ran = await undisturbed(its, world);
        checkDisk(its, ran.disk);
        const oracle = expected(its);
        expect(ran.outcome.nodes.map(({ status, attempts }) => ({ status, attempts }))).toEqual(
          oracle.nodes.map(({ status, attempts }) => ({ status, attempts })),
        );
        expect(ran.outcome.finalHash).toBe(oracle.finalHash);
        expect(ran.outcome.success).toBe(oracle.success);
        for (const [seed, maxParallel] of [
          [world + 1000, 1],
          [world + 2000, 100],
        ] as const) {
          const other = await undisturbed(its, seed, { maxParallel });
          expect(essence(its, other)).toEqual(essence(its, ran));
        }
        expect(await replayOf(its, ran.disk)).toMatchObject({ agrees: true, finalHash: oracle.finalHash });
      });
  },
  LONG,
);

test.each(chunks(all, 100))(
  "worlds %j… die at any event of any log, are resumed, and end the same",
  async (...chunk) => {
    for (const world of chunk) {
      const its = generate(world);
      const whole = await undisturbed(its, world);
      const effects = [...whole.effects.keys()].sort();
      for (const died of crashPoints(world, eventsOn(whole.disk)))
        await named(
          world,
          async () => {
            const ran = await crashed(its, world, died);
            checkDisk(its, ran.disk);
            expect(essence(its, ran)).toEqual(essence(its, whole));
            expect([...ran.effects.keys()].sort()).toEqual(effects);
            expect(await replayOf(its, ran.disk)).toMatchObject({ agrees: true });
          },
          `died after event ${died}`,
        );
    }
  },
  LONG,
);

/** All of them where there are few. */
function crashPoints(world: number, events: number): readonly number[] {
  const points = Array.from({ length: events - 1 }, (_, i) => i + 1);
  return points.length <= deaths ? points : new Random(world).shuffle(points).slice(0, deaths);
}
