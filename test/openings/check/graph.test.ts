import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compileOpening } from "#openings/language/compile.js";
import { planOpening } from "#openings/plan/plan.js";
import { world } from "../language/agents.js";

type Arc = readonly [from: number, to: number, guard: boolean];
const arcs = fc
  .integer({ min: 1, max: 7 })
  .chain((count) =>
    fc.tuple(fc.constant(count), fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.boolean()), { maxLength: 10 })),
  );

const compile = (count: number, list: readonly Arc[]) => {
  const nodes = Array.from({ length: count }, (_, i) => ({ id: `n${i}`, use: "agent:echo" }));
  const edges = list.map(([from, to, guard]) => ({ from: guard ? `n${from}.out == 1` : `n${from}.out`, to: `n${to}.in` }));
  const bytes = new TextEncoder().encode(JSON.stringify({ version: 0, name: "t", nodes, edges }));
  return compileOpening({ file: "t.yaml", bytes }, world);
};

/** Nodes that can reach themselves. */
function circular(count: number, list: readonly Arc[]): Set<number> {
  const reach = Array.from({ length: count }, (_, i) => new Set(list.filter(([from]) => from === i).map(([, to]) => to)));
  for (let k = 0; k < count; k++) for (const from of reach) if (from.has(k)) for (const to of reach[k] ?? []) from.add(to);
  return new Set(reach.flatMap((targets, i) => (targets.has(i) ? [i] : [])));
}

test("every circle is told, each once, and what is told is one; without any, levels put each node below what it waits for", () => {
  fc.assert(
    fc.property(arcs, ([count, list]) => {
      const { opening, diagnostics } = compile(count, list);
      const told = diagnostics.filter(({ code }) => code === "OPENING_CYCLE");
      expect(told.length).toBe(diagnostics.length);
      const expected = circular(count, list);
      expect(opening === null).toBe(expected.size > 0);

      const named = told.map(({ message }) =>
        (/circle: (.*)$/.exec(message)?.[1] ?? "").split(" → ").map((id) => Number(id.slice(1))),
      );
      for (const path of named) {
        expect(path[0]).toBe(path.at(-1));
        for (let i = 1; i < path.length; i++)
          expect(list.some(([from, to]) => from === path[i - 1] && to === path[i])).toBe(true);
      }
      const flat = named.flatMap((path) => path.slice(1));
      expect(new Set(flat).size).toBe(flat.length);
      for (const node of flat) expect(expected.has(node)).toBe(true);
      if (expected.size > 0) expect(told.length).toBeGreaterThan(0);
      if (!opening) return;

      const levels = planOpening(opening, world.agents, { dearest: () => null }).levels.map((level) =>
        level.map(({ id }) => id as string),
      );
      const depth = new Map(levels.flatMap((level, index) => level.map((id) => [id, index] as const)));
      expect(depth.size).toBe(count);
      for (let i = 0; i < count; i++) {
        const before = list.filter(([, to]) => to === i).map(([from]) => depth.get(`n${from}`) ?? NaN);
        expect(depth.get(`n${i}`)).toBe(Math.max(-1, ...before) + 1);
      }
    }),
    { numRuns: 400 },
  );
});
