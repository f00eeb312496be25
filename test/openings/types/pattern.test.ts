import * as fc from "fast-check";
import { expect, test } from "vitest";
import { longestTried, safePattern } from "#openings/types/pattern.js";

test.each([
  ["^[a-z][a-z0-9_]{0,63}$", 1],
  ["^[0-9a-f]{64}$", 1],
  ["^\\d{4}-\\d{2}-\\d{2}$", 1],
  ["^https?://", 1],
  ["^(?:draft|final)$", 1],
  ["^[^@]+@[^@]+$", 1],
  ["\\S", 1],
  ["^(?:ab){2,}c$", 1],
  ["^(?<year>\\d{4})$", 1],
  ["[a-z]+@[a-z]+", 2], // not anchored: tried from each character
  ["^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", 2], // the dot is one of the characters before it
  ["\\s+$", 2],
  ["^.*x", 2],
  ["^a*a*b", 2],
  ["", 1],
])("/%s/ is safe, of degree %i", (text, degree) => {
  const verdict = safePattern(text);
  expect(verdict).toMatchObject({ ok: true, pattern: { degree } });
});

test.each([
  ["^(a+)+$", "another quantifier"],
  ["^(a*)*b", "another quantifier"],
  ["^(?:a|a)*$", "alternatives"],
  ["^(?:[a-z]+\\.)*$", "another quantifier"],
  ["^((a{1,3}){1,3}){1,3}$", "another quantifier"],
  ["a*a*b", "too fast"], // the second can take what the first gives back, from each character on
  ["^.*x.*y.*z", "too fast"],
  [`^${"a?".repeat(30)}${"a".repeat(30)}$`, "too fast"],
  [`^${"(?:a|ab)".repeat(20)}$`, "too fast"],
  ["(a)\\1", "refers back"],
  ["(?<x>a)\\k<x>", "refers back"],
  ["a(?=b)", "looks ahead"],
  ["a(?!b)", "looks ahead"],
  ["(?<=a)b", "looks behind"],
  ["(?<!a)b", "looks behind"],
  ["(?i:a)", "changes flags"],
  ["a{1,1000000000}", "too large"],
  ["^(?:a{1000}){1000}$", "too large"],
  ["(", "Invalid regular expression"],
  ["[z-a]", "Invalid regular expression"],
  ["\\_", "Invalid regular expression"],
  ["a".repeat(257), "longer than 256"],
])("/%s/ is refused: %s", (text, why) => {
  const verdict = safePattern(text);
  expect(verdict.ok).toBe(false);
  if (!verdict.ok) expect(verdict.why).toContain(why);
});

// Patterns put together from parts, most of them safe.
const atom = fc.constantFrom(
  "a",
  "b",
  ".",
  "[ab]",
  "[^a]",
  "\\d",
  "\\w",
  "\\s",
  "\\W",
  "\\u0061",
  "\\x62",
  "[a-c-]",
  "[\\]\\\\]",
  "é",
  "\\p{L}",
  "(?:ab)",
  "(a)",
  "(?:a|b)",
  "\\b",
);
const piece = fc
  .tuple(atom, fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,3}", "+?", "{2,}"))
  .map(([part, quantifier]) => (part === "\\b" ? part : part + quantifier));
const pattern = fc
  .tuple(fc.constantFrom("^", ""), fc.array(piece, { maxLength: 5 }), fc.constantFrom("$", ""))
  .map(([start, parts, end]) => start + parts.join("") + end);
const subject = fc.string({ unit: fc.constantFrom("a", "b", "c", "1", " ", "_", "é", "-", "]", "\\", "\n"), maxLength: 12 });

test("the bound changes nothing for strings below it", () => {
  fc.assert(
    fc.property(pattern, subject, (text, string) => {
      const verdict = safePattern(text);
      if (verdict.ok) expect(new RegExp(verdict.pattern.source, "u").test(string)).toBe(new RegExp(text, "u").test(string));
    }),
    { numRuns: 1500 },
  );
});

test("the bound holds: a longer string does not match", () => {
  for (const [text, degree] of [
    ["^a*$", 1],
    ["a*$", 2],
  ] as const) {
    const verdict = safePattern(text);
    if (!verdict.ok) throw new Error(verdict.why);
    const regex = new RegExp(verdict.pattern.source, "u");
    expect([regex.test("a".repeat(longestTried[degree])), regex.test("a".repeat(longestTried[degree] + 1))]).toEqual([
      true,
      false,
    ]);
  }
});

/** Steps of a plain backtracking matcher over the same tree would be the measure; what the engine itself does is the fact. */
test("no safe pattern runs away: the worst strings that there are for it end", () => {
  const worst = fc.constantFrom("a", "b", "ab", "a1", " ", "_");
  fc.assert(
    fc.property(pattern, worst, fc.constantFrom("", "!", "\n"), (text, unit, end) => {
      const verdict = safePattern(text);
      if (!verdict.ok) return;
      const length = longestTried[verdict.pattern.degree] - 2;
      new RegExp(verdict.pattern.source, "u").test(unit.repeat(length / unit.length) + end);
    }),
    { numRuns: 300 },
  );
});
