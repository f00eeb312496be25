import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "#core/nearest.js";
import { visibleLine, visibleText } from "#core/visible.js";

test.each([
  ["an escape sequence", "a\u001b[2Jb", "a\\e[2Jb"],
  ["a C1 control", "a\u009b31m", "a\\x9b31m"],
  ["a bidirectional override", "exe\u202efdp.txt", "exe\\u{202e}fdp.txt"],
  ["an isolate", "\u2066x\u2069", "\\u{2066}x\\u{2069}"],
  ["a zero-width space", "pay\u200bpal", "pay\\u{200b}pal"],
  ["tag characters", "a\u{e0041}", "a\\u{e0041}"],
  ["a bell and a backspace", "\u0007\b", "\\x07\\x08"],
  ["a carriage return that would overwrite the line", "Approve?\rSafe", "Approve?\\rSafe"],
  ["a line separator", "a\u2028b", "a\\u{2028}b"],
  ["a lone surrogate", "a\ud800b", "a\\u{d800}b"],
  ["letters, accents, emoji", "Zoë → 東京 ❤\ufe0f", "Zoë → 東京 ❤\ufe0f"],
])("%s is made visible", (_, text, shown) => {
  expect(visibleLine(text)).toBe(shown);
  expect(visibleText(text)).toBe(shown);
});

test("several lines keep their line feeds, one line does not", () => {
  expect(visibleText("a\r\nb\n\tc")).toBe("a\nb\n  c");
  expect(visibleLine("a\nb\tc")).toBe("a\\nb\\tc");
});

test("nothing that moves a cursor ever comes out", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(visibleLine(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      expect(visibleText(text)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    }),
  );
});

test.each([
  ["retires", ["retry", "timeout_ms"], "retry"],
  ["PLNA", ["plan", "replay"], "plan"],
  ["models", ["models"], "models"],
  ["xyzzy", ["run", "plan"], undefined],
  ["a", [], undefined],
])("nearest to %j of %j is %j", (word, candidates, expected) => {
  expect(nearest(word, candidates)).toBe(expected);
});
