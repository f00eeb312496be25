/**
 * Generated openings of the whole language that are disturbed: cancelled, interrupted, out of time, stopped at their first failure, at
 * any moment, also while they die. `RLP_SEEDS=10000 RLP_FIRST=0` runs more of them; a failing world says how to run it alone.
 */
import { expect, test } from "vitest";
import type { RunEvent } from "#core/events.js";
import { logsOf, newDisk, type Disk } from "#openings/sim/journal.js";
import { Random } from "#openings/sim/random.js";
import type { SimClock } from "#openings/sim/clock.js";
import { chunks, checkDisk, essence, repeating, replayOf, resumed, setup, undisturbed, worlds } from "./world/case.js";
import { generate, type Shape } from "./world/generate.js";
import { simulate } from "./world/world.js";

const named = repeating("test/openings/engine/disturbed.test.ts");
const all = worlds(300);
const LONG = 600_000;
const never = new AbortController().signal;

function after(clock: SimClock, ms: number): AbortSignal {
  const controller = new AbortController();
  void clock.sleep(ms, never).then(() => controller.abort("enough"));
  return controller.signal;
}

const lastMs = (disk: Disk): number => Math.max(...logsOf(disk).map((log) => log.at(-1)?.ts_ms ?? 0));
const took = (disk: Disk): number => lastMs(disk) - (disk.events[0]?.ts_ms ?? 0);
const startsAfterCancel = (log: readonly RunEvent[]): boolean => {
  const at = log.findIndex(({ kind }) => kind === "run.cancelled");
  return at >= 0 && log.slice(at).some(({ kind }) => kind === "node.started");
};

test.each(chunks(all, 100))(
  "worlds %j… cancelled at any moment end, and start nothing more in any of their runs",
  async (...chunk) => {
    for (const world of chunk)
      await named(world, async () => {
        const its = generate(world);
        const random = new Random(world);
        const whole = await undisturbed(its, world);
        const ms = random.below(took(whole.disk) + 1);
        const { disk, outcome } = await simulate(setup(its, world, { signals: (clock) => ({ cancel: after(clock, ms) }) }));
        checkDisk(its, disk);
        if (outcome.status !== "cancelled") return expect(essence(its, { outcome, disk })).toEqual(essence(its, whole)); // too late
        expect(outcome).toMatchObject({ success: false, reason: "enough" });
        expect(logsOf(disk).filter(startsAfterCancel)).toEqual([]);
        // What ran was cancelled with it: no run inside goes on, and none is left without an end.
        expect(disk.events.filter(({ ts_ms }) => ts_ms > lastMs(disk))).toEqual([]);
        for (const log of disk.inner.values()) expect(log.at(-1)?.kind).toBe("run.finished");
        expect(await replayOf(its, disk)).toMatchObject({ agrees: true });
      });
  },
  LONG,
);

test.each(chunks(all, 100))(
  "worlds %j… interrupted at any moment, again and again, end as if nothing had been",
  async (...chunk) => {
    for (const world of chunk)
      await named(world, async () => {
        const its = generate(world);
        const random = new Random(world);
        const whole = await undisturbed(its, world);
        const disk = newDisk();
        const effects = new Map<string, number>();
        let ran = whole;
        for (let round = 0; round < 3; round++) {
          const ms = random.below(took(whole.disk) + 1);
          const startMs = lastMs(disk) > 0 ? lastMs(disk) + random.below(100_000) : 1_700_000_000_000;
          ran = await simulate(
            setup(its, world + round, { disk, effects, startMs, signals: (clock) => ({ interrupt: after(clock, ms) }) }),
          );
          if (ran.outcome.status !== "parked") break;
          expect(disk.events.at(-1)?.kind).toBe("run.parked");
          for (const log of disk.inner.values()) expect(log.at(-1)?.kind).toMatch(/^run\.(parked|finished)$/);
        }
        if (ran.outcome.status === "parked") ran = await resumed(its, disk, effects, random);
        checkDisk(its, disk);
        expect(essence(its, ran)).toEqual(essence(its, whole));
        expect(await replayOf(its, disk)).toMatchObject({ agrees: true });
      });
  },
  LONG,
);

const limited: Shape = {
  depth: 2,
  policy: (random) => ({
    ...(random.chance(0.4) && { timeout_ms: 20 + random.below(400) }),
    ...(random.chance(0.4) && { on_failure: "stop" as const }),
  }),
  node: (random) => (random.chance(0.3) ? { timeout_ms: 20 + random.below(200) } : {}),
  expiryMs: (random) => random.pick([null, 10, 25, 50_000]),
};

/** What expired before it was decided is turned down by the host; what was decided in time, by a person. How many expired. */
function expired(disk: Disk): number {
  const proposed = new Map<string, number | null>();
  let lapsed = 0;
  for (const { kind, meta, ts_ms } of logsOf(disk).flat())
    if (kind === "action.proposed") proposed.set(meta.proposal_id, meta.expires_at_ms);
    else if (kind === "action.decided") {
      const expires = proposed.get(meta.proposal_id) ?? null;
      const late = expires !== null && ts_ms >= expires;
      expect([meta.by, late && meta.decision], meta.proposal_id).toEqual(late ? ["host", "rejected"] : ["user", false]);
      if (late) lapsed++;
    }
  return lapsed;
}

test.each(chunks(all, 100))(
  "worlds %j… with little time, whose proposals expire, or that stop at a failure, end whole, also after they died",
  async (...chunk) => {
    let lapsed = 0;
    for (const world of chunk)
      await named(world, async () => {
        const its = generate(world, limited);
        const { disk } = await undisturbed(its, world);
        checkDisk(its, disk);
        expect(await replayOf(its, disk)).toMatchObject({ agrees: true });
        const random = new Random(world);
        const died = newDisk();
        const dieAfter = 1 + random.below(Math.max(1, logsOf(disk).reduce((sum, log) => sum + log.length, 0) - 1));
        const effects = new Map<string, number>();
        await simulate(setup(its, world, { disk: died, effects, dieAfter })).catch(() => undefined);
        if (died.events.at(-1)?.kind !== "run.finished") await resumed(its, died, effects, random);
        checkDisk(its, died);
        expect(await replayOf(its, died)).toMatchObject({ agrees: true });
        lapsed += expired(disk) + expired(died);
      });
    if (chunk.length === 100) expect(lapsed).toBeGreaterThan(0);
  },
  LONG,
);
