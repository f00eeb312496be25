import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstControls, position, press, type Controls, type Effect, type Key, type Shown } from "../../tools/agtop/controls.js";

const shown: Shown = { planRows: 5, logIndices: [10, 11, 12, 20, 21], pageRows: 3 };

/** Single characters are typed, longer names are keys. */
function keys(start: Partial<Controls>, ...pressed: readonly string[]): Controls & { effect: Effect } {
  let controls: Controls = { ...firstControls, ...start };
  let effect: Effect = null;
  for (const name of pressed) [controls, effect] = press(controls, name.length === 1 ? { text: name } : (name as Key), shown);
  return { ...controls, effect };
}

test.each<[string, Partial<Controls>, readonly string[], Partial<Controls & { effect: Effect }>]>([
  ["Tab goes to the other pane", {}, ["tab"], { pane: "log" }],
  ["and round", {}, ["tab", "tab"], { pane: "plan" }],
  ["Shift-Tab goes back", {}, ["shift-tab"], { pane: "log" }],
  ["j and k are down and up", {}, ["j", "j", "k"], { planRow: 1 }],
  ["arrows too", {}, ["down", "down", "up"], { planRow: 1 }],
  ["the plan ends at its last row", {}, ["j", "j", "j", "j", "j", "j", "j"], { planRow: 4 }],
  ["and at its first", {}, ["k"], { planRow: 0 }],
  ["a page", {}, ["page-down"], { planRow: 3 }],
  ["up in the log stops following", { pane: "log" }, ["k"], { logAt: 20 }],
  ["down past the newest line follows again", { pane: "log" }, ["k", "k", "j", "j"], { logAt: null }],
  ["up stops at the oldest line", { pane: "log" }, ["page-up", "page-up", "page-up"], { logAt: 10 }],
  ["right and left shift the log", { pane: "log" }, ["l", "right", "h"], { shift: 8 }],
  ["and not beyond its beginning", {}, ["left"], { shift: 0 }],
  ["q quits", {}, ["q"], { effect: "quit" }],
  [". pauses", {}, ["."], { effect: "pause" }],
  ["? shows help and hides it", {}, ["?"], { help: true }],
  ["twice", {}, ["?", "?"], { help: false }],
  ["Esc hides help and keeps the filter", { help: true, filter: "x" }, ["escape"], { help: false, filter: "x" }],
  [
    "/ begins a filter: letters that are commands are text there",
    {},
    ["/", "q", ".", "?", "j"],
    { filter: "q.?j", typing: true, effect: null },
  ],
  ["Enter keeps it", {}, ["/", "a", "enter", "j"], { filter: "a", typing: false, planRow: 1 }],
  ["Backspace takes a character", {}, ["/", "a", "b", "backspace"], { filter: "a" }],
  ["Esc clears it while typing", {}, ["/", "a", "escape"], { filter: "", typing: false }],
  ["and after", { filter: "a" }, ["escape"], { filter: "" }],
  ["a filter starts at the top", { planRow: 3 }, ["/", "a"], { planRow: 0 }],
  ["other keys do nothing", {}, ["x", "enter", "backspace"], firstControls],
])("%s", (_, start, pressed, expected) => {
  expect(keys(start, ...pressed)).toMatchObject(expected);
});

test("a pasted filter has an end", () => {
  expect(press({ ...firstControls, typing: true }, { text: "x".repeat(100_000) }, shown)[0].filter.length).toBeLessThanOrEqual(
    200,
  );
});

describe("the place of a line in a log that moves on", () => {
  test.each([
    [null, 4],
    [21, 4],
    [20, 3],
    [15, 2],
    [10, 0],
    [3, 0],
    [99, 4],
  ])("index %s", (at, place) => {
    expect(position(at, shown.logIndices)).toBe(place);
  });

  test("is that of the last line that is not beyond it", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(100), { minLength: 1 }), fc.nat(100), (numbers, at) => {
        const indices = numbers.toSorted((a, b) => a - b);
        expect(position(at, indices)).toBe(
          Math.max(
            0,
            indices.findLastIndex((index) => index <= at),
          ),
        );
      }),
    );
  });
});
