import * as fc from "fast-check";
import { expect, test } from "vitest";
import { jsonLine } from "../../../tools/rlp/terminal/json.js";
import { bytes, count, duration } from "../../../tools/rlp/terminal/quantity.js";
import { table } from "../../../tools/rlp/terminal/table.js";
import { columnsOf, cut, pad, rowsOf, width, wrap } from "../../../tools/rlp/terminal/width.js";

test.each([
  ["ascii", "abc", 3],
  ["an accent, composed", "é", 1],
  ["an accent, decomposed", "e\u0301", 1],
  ["Han", "東京", 4],
  ["an emoji", "🎉", 2],
  ["a family joined by zero-width joiners", "👩‍👩‍👧", 2],
  ["colours", "\u001b[31mred\u001b[39m", 3],
  ["nothing", "", 0],
])("width of %s", (_, text, columns) => {
  expect(width(text)).toBe(columns);
});

test("a cut line fits, says that it was cut, and closes its colours", () => {
  expect(cut("hello world", 8)).toBe("hello w…");
  expect(cut("hello", 5)).toBe("hello");
  expect(cut("東京都", 4)).toBe("東…");
  expect(cut("\u001b[31mhello world\u001b[39m", 6)).toBe("\u001b[31mhello…\u001b[39m");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 0, max: 40 }), (text, columns) => {
      fc.pre(!text.includes("\u001b"));
      expect(width(cut(text, columns))).toBeLessThanOrEqual(columns);
    }),
    { numRuns: 200 },
  );
});

test("wrapping loses nothing but spaces at line ends, and every line fits", () => {
  expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
  expect(wrap("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
  expect(wrap("a\n\nb", 10)).toEqual(["a", "", "b"]);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), fc.integer({ min: 2, max: 20 }), (text, columns) => {
      fc.pre(!text.includes("\u001b"));
      const lines = wrap(text, columns);
      expect(Math.max(...lines.map(width))).toBeLessThanOrEqual(columns);
      expect(lines.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
    }),
    { numRuns: 200 },
  );
});

test("a table gives way in its flexible column, and shows no control character", () => {
  const rows = [
    { id: "a", text: "short" },
    { id: "bb", text: `a long text \u001b[2J that does not fit` },
  ];
  const columns = [
    { title: "id", of: (row: (typeof rows)[0]) => row.id },
    { title: "text", of: (row: (typeof rows)[0]) => row.text, flexible: true },
  ];
  expect(table(rows, columns, 30)).toEqual(["id  text", "a   short", "bb  a long text \\e[2J that do…"]);
  expect(table(rows, columns, 200)[2]).toBe("bb  a long text \\e[2J that does not fit");
});

test("numbers are aligned on the right", () => {
  expect(table([{ n: 5 }, { n: 1234 }], [{ title: "n", of: ({ n }) => String(n), right: true }], 80)).toEqual([
    "   n",
    "   5",
    "1234",
  ]);
});

test.each([
  [0, "0 ms"],
  [41.4, "41 ms"],
  [1250, "1.3 s"],
  [59_940, "59.9 s"],
  [59_990, "1 min 00 s"],
  [125_000, "2 min 05 s"],
  [3_600_000 * 3 + 420_000, "3 h 07 min"],
])("%d ms is %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("bytes and counts", () => {
  expect([0, 1023, 1024, 4300, 120 * 1024, 3 << 20].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "4.2 KiB",
    "120 KiB",
    "3.0 MiB",
  ]);
  expect([7, 999, 1000, 1_300_000, 2e9].map(count)).toEqual(["7", "999", "1.0k", "1.3M", "2.0G"]);
});

test("JSON for a terminal has every hidden character as an escape and the same value; for a pipe it is left alone", () => {
  const value = { text: "a\u202eb\u009b31m\u2028\u{e0041}é" };
  const shown = jsonLine(value, true);
  expect(shown).toBe('{"text":"a\\u202eb\\u009b31m\\u2028\\udb40\\udc41é"}');
  expect(JSON.parse(shown)).toEqual(value);
  expect(jsonLine(value, false)).toBe(JSON.stringify(value));
});

test("padding counts columns, not characters", () => {
  expect(`${pad("東", 4)}|`).toBe("東  |");
});

test.each([
  [{}, 80, 24],
  [{ columns: 0, rows: 0 }, 80, 24],
  [{ columns: 7, rows: 1 }, 20, 4],
  [{ columns: 132, rows: 50 }, 132, 50],
])("a terminal that says %j has %i columns and %i rows", (says, columns, rows) => {
  expect([columnsOf(says), rowsOf(says)]).toEqual([columns, rows]);
});
