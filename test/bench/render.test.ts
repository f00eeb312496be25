import { expect, test } from "vitest";
import { formatValue, renderJson, renderTable, type Machine, type Outcome } from "../../bench/render.js";
import { met, parts, table, unmeasured, type Figure, type Part } from "../../bench/table.js";

const machine: Machine = { cpu: "Abacus", cores: 2, memoryGib: 7.75, system: "Linux 6", node: "v26.0.0", load: 0.5 };
const show = (...outcomes: [Part, Outcome][]): string => renderTable(new Map(outcomes), machine);
const rowOf = (text: string, what: string): string => text.split("\n").find((line) => line.startsWith(what)) ?? "";

test("a goal is met at its very limit, on the side that it is on", () => {
  expect(met({ is: "at most", value: 2 }, 2)).toBe(true);
  expect(met({ is: "at most", value: 2 }, 2.01)).toBe(false);
  expect(met({ is: "at least", value: 100 }, 100)).toBe(true);
  expect(met({ is: "at least", value: 100 }, 99.9)).toBe(false);
});

test("values keep three digits and their unit", () => {
  const cases: readonly [number, Parameters<typeof formatValue>[1], string][] = [
    [0.007171, "ms", "0.00717 ms"],
    [431.6, "ms", "432 ms"],
    [123_456, "/s", "123,000/s"],
    [1.2049, "×", "1.2×"],
    [765.4, "MiB", "765 MiB"],
    [100, "%", "100 %"],
  ];
  for (const [value, unit, text] of cases) expect(formatValue(value, unit)).toBe(text);
});

test("each figure stands beside what neighbours say and its goal, with the verdict; what belongs to it follows", () => {
  const text = show(
    ["start", { values: { start: 1.234 }, beside: ["96 starts"] } as Outcome],
    ["ledger", { values: { batched: 230_000, concurrent: 9_876, verified: 400_000 }, beside: [] } as Outcome],
  );
  expect(text).toContain("Abacus, 2 cores, 7.75 GiB, Linux 6, Node v26.0.0, load 0.5");
  expect(rowOf(text, "agent start")).toMatch(/25 ms +≤ 2 ms +1\.23 ms +met$/);
  expect(text).toContain("    96 starts\n");
  expect(rowOf(text, "ledger, durable appends, batched")).toMatch(/≥ 100,000\/s +230,000\/s +met$/);
  expect(rowOf(text, "ledger, durable appends from")).toMatch(/≥ 20,000\/s +9,880\/s +MISSED$/);
});

test("a part that could not be measured is said to have failed, never to have met a goal", () => {
  const text = show(["lag", { failed: "it took longer than 180 s" }]);
  expect(rowOf(text, "lag of a sandbox")).toMatch(/—  +failed$/);
  expect(text).toContain("    it took longer than 180 s\n");
  const data = JSON.parse(renderJson(new Map([["lag", { failed: "gone" } as Outcome]]), machine));
  expect(data.failed).toEqual([{ part: "lag", why: "gone" }]);
  expect(data.figures).toMatchObject([
    { figure: "sandbox", value: null, met: false },
    { figure: "control", value: null, met: false },
  ]);
});

test("a part that leaves a figure out has not measured it", () => {
  const text = show(["instance", { values: { p50: 0.2 }, beside: [] } as Outcome]);
  expect(rowOf(text, "fresh instance of a loaded agent, p50")).toMatch(/met$/);
  expect(rowOf(text, "fresh instance of a loaded agent, p99")).toMatch(/failed$/);
});

test("columns line up", () => {
  const values = (part: Part): Record<string, number> =>
    Object.fromEntries(Object.keys(table[part]).map((key, index) => [key, 10 ** (index * 3)]));
  const text = show(...parts.map((part): [Part, Outcome] => [part, { values: values(part), beside: [] } as Outcome]));
  const [headings, rule, ...rows] = text.split("\n").slice(2, text.split("\n").indexOf("Not measured:") - 1);
  const verdict = rule!.lastIndexOf(" ") + 1;
  expect(headings!.startsWith("what")).toBe(true);
  expect(rows).toHaveLength(parts.flatMap((part) => Object.keys(table[part])).length);
  const figures = parts.flatMap((part): readonly Figure[] => Object.values(table[part]));
  for (const [index, row] of rows.entries())
    expect(row.slice(verdict), row).toMatch(figures[index]?.goal ? /^(met|MISSED)$/ : /^$/);
});

test("a neighbour that is measured here has a value, and no goal to meet or miss", () => {
  const outcome = { values: { process: 23.4 }, beside: [] } as Outcome;
  expect(rowOf(show(["neighbours", outcome]), "neighbour, measured here: a bare Node process")).toMatch(/per call +23\.4 ms$/);
  const data = JSON.parse(renderJson(new Map([["neighbours", outcome]]), machine));
  expect(data.figures[0]).toMatchObject({ figure: "process", goal: null, value: 23.4, met: null });
});

test("what is not measured is said, and why", () => {
  const text = show();
  for (const { what, why } of unmeasured) expect(text).toContain(`    ${what}: ${why}`);
});

test("as data: every figure with its goal", () => {
  const outcome = { values: { whole: 612.5 }, beside: ["first 900 ms"] } as Outcome;
  const data = JSON.parse(renderJson(new Map([["run", outcome]]), machine));
  expect(data.machine).toEqual(machine);
  expect(data.figures).toEqual([
    { part: "run", figure: "whole", ...table.run.whole, value: 612.5, met: false } satisfies Figure & Record<string, unknown>,
  ]);
  expect(data.beside).toEqual({ run: ["first 900 ms"] });
});
