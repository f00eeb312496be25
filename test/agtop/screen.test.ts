/** What stands on the screen: nothing that text from outside could do to a terminal, and no meaning by colour alone. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { visibleLine } from "#core/visible.js";
import { firstControls, type Controls } from "../../tools/agtop/controls.js";
import { emptyModel, fold, type Model } from "../../tools/agtop/model.js";
import { drawScreen } from "../../tools/agtop/screen.js";
import { summary } from "../../tools/agtop/summary.js";
import { width } from "../../tools/rlp/terminal/width.js";
import { composeRun, modelOf, OTHER, Recorder } from "./run.js";

const size = { columns: 120, rows: 24 };
const draw = (model: Model, controls: Partial<Controls> = {}, within = size, paused = false) =>
  drawScreen({ model, paused, ended: false }, { ...firstControls, ...controls }, within, true);
const text = (...given: Parameters<typeof draw>) => draw(...given).rows.map((row) => row.text);

test("the run, the plan, the log and the status of a whole run", () => {
  const lines = text(modelOf(composeRun()), { logAt: null }, { columns: 110, rows: 14 });
  expect(
    lines.map((line) =>
      line
        .replace(/\d\d:00:\d\d/, "00:00:00")
        .replace(/\d\d:\d\d:\d\d\./, "00:00:00.")
        .trimEnd(),
    ),
  ).toMatchInlineSnapshot(`
    [
      "✓ ok  compose_email  19 ms  trace:01993a5c-7c00-7abc-8def-0123456789ab",
      "▸ Plan  5 nodes",
      "    state      node        agent             try      time   fuel tokens calls  from",
      "> ✓ ok         resolve     contact_resolver    1     41 ms   1.2k            1",
      "  ✓ ok         gather      context_gatherer    1      5 ms     10",
      "  ✓ ok           draft     writer              2      7 ms     99     42        ← resolve, gather",
      "  ✓ ok             review  critic              1      2 ms      5               ← draft",
      "  Log  20 lines",
      "00:00:00.015           review            node.started      node.started",
      "00:00:00.016           review            node.finished     node.finished",
      "00:00:00.017                             edge.withheld     edge.withheld",
      "00:00:00.018           send              node.skipped      node.skipped",
      "00:00:00.019                             run.finished      run.finished",
      "live  |  20 events  |  ? help  q quit",
    ]
  `);
});

test("states and levels are words", () => {
  const lines = text(modelOf(composeRun()));
  expect(
    lines.some((line) =>
      /✓ ok\s+draft\s+writer\s+2\s+7 ms\s+99\s+42\s+← resolve, gather/.test(line.replace(/\s+draft/, " draft")),
    ),
  ).toBe(true);
  expect(lines.some((line) => line.includes("– skipped"))).toBe(true);
  expect(text(fold(emptyModel(), [{ type: "invalid", text: "x" }])).some((line) => /invalid\s+.*x/.test(line))).toBe(true);
});

test("the pane with the focus and the selected row are marked in the text", () => {
  const model = modelOf(composeRun());
  expect(text(model).filter((line) => line.startsWith("▸ "))).toEqual([expect.stringContaining("Plan")]);
  expect(text(model, { pane: "log" }).filter((line) => line.startsWith("▸ "))).toEqual([expect.stringContaining("Log")]);
  expect(text(model, { planRow: 2 }).find((line) => line.startsWith("> "))).toContain("draft");
});

describe("a filter", () => {
  test("narrows both panes and says so", () => {
    const lines = text(modelOf(composeRun()), { filter: "REVIEW" });
    expect(lines.find((line) => line.includes("Plan"))).toContain("1 of 5 nodes");
    expect(lines.find((line) => line.includes("  Log"))).toMatch(/2 of 20 lines/);
    expect(lines.at(-1)).toContain("filter: REVIEW");
  });

  test("that fits nothing leaves an empty screen, not a broken one", () => {
    expect(text(modelOf(composeRun()), { filter: "nowhere", planRow: 3 })).toHaveLength(size.rows);
  });
});

test("paused, invalid lines and other runs are on the status line", () => {
  const other = new Recorder(OTHER).add("run.started");
  const model = fold(modelOf(composeRun(), composeRun().trace), [
    ...other.events.map((event) => ({ type: "event", event }) as const),
    { type: "invalid", text: "?" },
  ]);
  const status = text(model, {}, size, true).at(-1);
  for (const part of ["PAUSED", "20 events", "1 invalid line", "1 of other runs"]) expect(status).toContain(part);
});

/** Escape sequences, bidirectional overrides, line ends, wide and combining characters: whatever an agent may write. */
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      "\u001b[2J",
      "\u001b]0;x\u0007",
      "\u009b31m",
      "\r",
      "\n",
      "\t",
      "\b",
      "\u202e",
      "\u2066",
      "\u200b",
      "\ud800",
      "東",
      "😀",
      "e\u0301",
      "a",
    ),
    fc.string({ unit: "binary", maxLength: 2 }),
  ),
  maxLength: 60,
});

test("whatever the text, a row has no hidden character and fits the terminal", () => {
  fc.assert(
    fc.property(hostile, hostile, fc.integer({ min: 1, max: 140 }), fc.integer({ min: 2, max: 30 }), (a, b, columns, rows) => {
      const node = { node: b.slice(0, 64) as never };
      const run = new Recorder()
        .add("run.started", { opening_name: a, grants: {} })
        .add("node.started", { ...node, agent: a }, a)
        .add("edge.delivered", { from: `${a}.x`, to: `${b.slice(0, 64)}.y` })
        .add("node.skipped", { ...node, reason: a }, b)
        .add("cap.denied", { ...node, cap: b });
      const model = fold(modelOf(run), [{ type: "invalid", text: a }]);
      for (const controls of [
        {},
        { filter: b },
        { pane: "log" as const, shift: 8 },
        { help: true },
        { filter: a, typing: true },
      ]) {
        const drawn = text(model, controls, { columns, rows });
        expect(drawn).toHaveLength(rows);
        for (const line of drawn) {
          expect(visibleLine(line)).toBe(line);
          expect(width(line)).toBeLessThanOrEqual(columns);
        }
      }
      for (const line of summary(model, true).trimEnd().split("\n")) expect(visibleLine(line)).toBe(line);
    }),
    { numRuns: 60 },
  );
});

test("the summary says how the run ended, and adds up", () => {
  const lines = summary(modelOf(composeRun()), false).split("\n");
  expect(lines[0]).toMatch(/^\+ ok {2}compose_email {2}\d+ ms {2}trace:/);
  expect(lines).toContain("5 nodes, 1 calls, 1.3k fuel, 42 tokens");
  expect(summary(emptyModel(), false)).toBe("0 events\n");
});
