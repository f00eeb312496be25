/** A metered module computes what the module computes, and its fuel depends on nothing but the module and its inputs. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { engine } from "#host/component/meter/engine.js";
import { generate } from "./generate.js";
import { runMetered, runPlain } from "./guest.js";

const tape = fc.array(fc.nat(1 << 20), { minLength: 20, maxLength: 400 });
const SLICES = [50, 1_000, 10_000_000];

test("the generator gives valid modules that differ", () => {
  const sizes = new Set<number>();
  fc.assert(
    fc.property(tape, (choices) => {
      const { bytes } = generate(choices);
      sizes.add(bytes.length);
      expect(engine.validate(bytes)).toBe(true);
    }),
    { numRuns: 200, seed: 1 },
  );
  expect(sizes.size).toBeGreaterThan(100);
});

test("results, traps, memory, globals and host calls are the same metered and not", async () => {
  let calls = 0;
  let traps = 0;
  await fc.assert(
    fc.asyncProperty(tape, async (choices) => {
      const guest = generate(choices);
      const plain = runPlain(guest.bytes, guest.calls);
      const { ends, ticks, memory, globals } = await runMetered(guest.bytes, guest.calls);
      expect({ ends, ticks, memory, globals }).toEqual(plain);
      calls += plain.ends.length;
      traps += plain.ends.filter((end) => end.includes("Error")).length;
    }),
    { numRuns: 300, seed: 2 },
  );
  // Both ways to end were met often, or this test would show little.
  expect(traps).toBeGreaterThan(calls / 20);
  expect(calls - traps).toBeGreaterThan(calls / 20);
});

test("fuel, at each host call and at the end, is the same with every slice, paused or not", async () => {
  let paused = 0;
  await fc.assert(
    fc.asyncProperty(tape, fc.integer(), async (choices, seed) => {
      const guest = generate(choices);
      const { pauses: _, ...expected } = await runMetered(guest.bytes, guest.calls, { due: () => false });
      for (const slice of SLICES) {
        let turn = seed;
        const due = (): boolean => slice !== 1_000 || ((turn = Math.imul(turn, 16807) + 11) & 8) !== 0;
        const { pauses, ...seen } = await runMetered(guest.bytes, guest.calls, { slice, due });
        expect(seen).toEqual(expected);
        paused += pauses;
      }
    }),
    { numRuns: 120, seed: 3 },
  );
  expect(paused).toBeGreaterThan(1_000);
});

test("out of fuel at the same instruction with every slice", async () => {
  let stopped = 0;
  await fc.assert(
    fc.asyncProperty(tape, fc.double({ min: 0, max: 1, noNaN: true }), async (choices, part) => {
      const guest = generate(choices);
      const whole = await runMetered(guest.bytes, guest.calls);
      const budget = Math.floor((whole.fuel.at(-1) ?? 0) * part);
      const { pauses: _, ...expected } = await runMetered(guest.bytes, guest.calls, { budget });
      stopped += expected.ends.some((end) => end.startsWith("LIMIT_FUEL")) ? 1 : 0;
      for (const slice of SLICES) {
        const { pauses: _, ...seen } = await runMetered(guest.bytes, guest.calls, { budget, slice });
        expect(seen).toEqual(expected);
      }
    }),
    { numRuns: 120, seed: 4 },
  );
  expect(stopped).toBeGreaterThan(40);
});
