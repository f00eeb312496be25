/**
 * A metered module computes what the module computes; its fuel is the sum of what ran, and depends on nothing but the module and its
 * inputs. A short piece of the fuzz run (CONTRIBUTING.md, `npm run fuzz`), which says what is generated and what is compared.
 */
import { expect, test } from "vitest";
import { engine } from "#host/component/meter/engine.js";
import { OPCODES } from "#host/component/meter/opcodes.js";
import { Choices } from "../../fuzz/choices.js";
import { check } from "../../fuzz/meter/check.js";
import { generate } from "../../fuzz/meter/generate.js";
import { encodePlain, encodeReference } from "../../fuzz/meter/program.js";
import { fuzzMetering } from "../../fuzz/meter/run.js";
import { shrink } from "../../fuzz/shrink.js";

test("the generator gives valid modules with every instruction of the list, linked ones, and start functions", () => {
  const names = new Set<string>();
  let linked = 0;
  let starting = 0;
  for (let seed = 1; seed <= 1_500; seed++) {
    const { programs } = generate(Choices.seeded(seed));
    linked += Number(programs.length > 1);
    for (const program of programs) {
      starting += Number(program.start !== null);
      for (const { code } of program.functions) for (const { name } of code) names.add(name);
      if (seed % 10 === 0)
        for (const encoded of [encodePlain(program), encodeReference(program)]) expect(engine.validate(encoded)).toBe(true);
    }
  }
  expect(OPCODES.map(({ name }) => name).filter((name) => !names.has(name))).toEqual([]);
  expect(linked).toBeGreaterThan(200);
  expect(starting).toBeGreaterThan(100);
});

test("the same choices give the same modules, from a seed or from the tape that it left", () => {
  const choices = Choices.seeded(77);
  const bytes = generate(choices).programs.map(encodePlain);
  expect(generate(Choices.seeded(77)).programs.map(encodePlain)).toEqual(bytes);
  expect(generate(Choices.replaying(choices.tape)).programs.map(encodePlain)).toEqual(bytes);
});

test("a failing tape is made as small as it can be", async () => {
  const fails = async (tape: readonly number[]): Promise<boolean> => tape.includes(7) && tape.some((value) => value > 40);
  expect(await shrink([3, 90, 7, 1, 2, 7, 55], fails, 500)).toEqual([7, 41]);
});

test("results, traps, memory, globals, host calls and fuel: metered as the reference has them, with every slice and budget", async () => {
  const sum = { calls: 0, traps: 0, limits: 0, nans: 0 };
  for (let seed = 1; seed <= 150; seed++) {
    const checked = await check(Choices.seeded(seed));
    for (const key of ["calls", "traps", "limits"] as const) sum[key] += checked[key];
    sum.nans += Number(checked.nans);
  }
  // Each way to end was met often, or this test would show little.
  expect(sum.traps).toBeGreaterThan(50);
  expect(sum.calls - sum.traps).toBeGreaterThan(200);
  expect(sum.limits).toBeGreaterThan(100);
  expect(sum.nans).toBeGreaterThan(10);
});

test("every tier of the engine sees the same", async () => {
  const lines: string[] = [];
  const tally = await fuzzMetering({ seed: 5_000, programs: 40, until: Infinity }, (line) => lines.push(line));
  expect(lines).toEqual([]);
  expect(tally.findings).toEqual([]);
  expect(tally.programs).toBe(40);
  expect(tally.fuel).toBeGreaterThan(10_000);
});
