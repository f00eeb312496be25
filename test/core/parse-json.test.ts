/** JSON from outside: limits first, then `JSON.parse`. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "#core/errors.js";
import { canonicalJson, isJsonObject, parseJson, type JsonLimits } from "#core/json.js";

const limits: JsonLimits = { bytes: 64, depth: 3, elements: 4 };

function outcome(text: string, within: JsonLimits = limits): string {
  try {
    return JSON.stringify(parseJson(text, within));
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).code;
  }
}

const canonical = (value: unknown): boolean => {
  try {
    return canonicalJson(value) !== "";
  } catch {
    return false;
  }
};

describe("limits hold to the last unit", () => {
  test.each([
    ["as many bytes as allowed", `"${"a".repeat(62)}"`, `"${"a".repeat(62)}"`],
    ["one more", `"${"a".repeat(63)}"`, "DATA_TOO_LARGE"],
    ["bytes are counted, not characters", `"${"€".repeat(21)}"`, "DATA_TOO_LARGE"],
    ["few enough wide characters", `"${"€".repeat(20)}"`, `"${"€".repeat(20)}"`],
    ["as deep as allowed", "[[[1]]]", "[[[1]]]"],
    ["one deeper", "[[[[1]]]]", "DATA_TOO_DEEP"],
    ["objects and arrays count alike", '{"a":[{"b":[]}]}', "DATA_TOO_DEEP"],
    ["siblings are not nested", "[[],[],[],[]]", "[[],[],[],[]]"],
    ["as many elements as allowed", "[1,2,3,4,5]", "[1,2,3,4,5]"],
    ["one more", "[1,2,3,4,5,6]", "DATA_TOO_LARGE"],
    ["elements count across levels", "[[1,2,3],[4,5,6]]", "DATA_TOO_LARGE"],
    ["brackets and commas in text are text", '"[[[[[,,,,,,{{{"', '"[[[[[,,,,,,{{{"'],
    ["behind an escaped quote too", '"\\"[[[[,,,,,,"', '"\\"[[[[,,,,,,"'],
    ["an escaped backslash ends no text", '["\\\\",[[[[]]]]]', "DATA_TOO_DEEP"],
  ])("%s", (_, text, expected) => {
    expect(outcome(text)).toBe(expected);
  });

  test("a megabyte of brackets is refused and not recursed into", () => {
    expect(outcome("[".repeat(1 << 20), { bytes: 1 << 20, depth: 64, elements: 100 })).toBe("DATA_TOO_DEEP");
  });

  test("closing brackets earn no depth", () => {
    expect(outcome("]]]]]][[[[", limits)).toBe("DATA_NOT_JSON");
  });
});

test.each(["", " ", "{", "[1,]", "{'a':1}", "NaN", "01", "\ufeff1", "nul", '"\u0001"', '"\\x"', "1 2", '{"a":1,}', "// 1"])(
  "%j is no JSON",
  (text) => {
    expect(outcome(text)).toBe("DATA_NOT_JSON");
  },
);

describe("what has no canonical form is refused at once", () => {
  test.each([
    "1e999",
    "[1,-1E+400]",
    '{"a":1e309}',
    "9".repeat(400),
    `[${"2".repeat(309)}]`,
    `[${"0,".repeat(130)}${"8".repeat(310)}.5]`,
    '"\\ud800"',
    '["\\uDC00"]',
    '{"\\udfff":1}',
    '"\\ude00\\ud83d"',
    '"\ud800"',
  ])("%s", (text) => {
    expect(outcome(text, { bytes: 1000, depth: 4, elements: 200 })).toBe("DATA_NOT_CANONICAL");
  });

  test.each(["1e308", "[1e-999]", "8".repeat(308), '"\\ud83d\\ude00"', '"1e999"', '"\\\\ud800"', '"\ud83d\ude00"', '"\\ud7ff"'])(
    "%s is fine",
    (text) => {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    },
  );
});

test("within the limits it is `JSON.parse`, values and refusals alike", () => {
  const wide: JsonLimits = { bytes: 1 << 20, depth: 64, elements: 100_000 };
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json({ maxDepth: 5 }),
        fc.string(),
        fc.string({ unit: fc.constantFrom(...'[],"\\ud8cE9+', "e999") }),
        fc.string({ unit: fc.constantFrom(...'[]{},:"\\1 ') }),
      ),
      (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(outcome(text, wide)).toBe("DATA_NOT_JSON");
          return;
        }
        if (canonical(expected)) expect(parseJson(text, wide)).toEqual(expected);
        else expect(outcome(text, wide)).toBe("DATA_NOT_CANONICAL");
      },
    ),
  );
});

test.each([
  [{}, true],
  [[], false],
  [null, false],
  ["{}", false],
  [undefined, false],
])("isJsonObject(%j) → %s", (value, expected) => {
  expect(isJsonObject(value)).toBe(expected);
});
