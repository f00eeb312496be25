/** RFC 8785 (JSON Canonicalization Scheme). */
import canonicalize from "canonicalize";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "#core/errors.js";
import { canonicalJson, jsonDigest } from "#core/json.js";

/** Anything JSON can hold; `__proto__` stands for itself in JSON and must not become a prototype. */
const anyJson = fc
  .jsonValue({ noUnicodeString: false, maxDepth: 6 })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

function refused(value: unknown): string {
  try {
    canonicalJson(value);
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).code;
  }
  throw new Error("was accepted");
}

describe("numbers (RFC 8785, appendix B)", () => {
  const double = (bits: string) => Buffer.from(bits, "hex").readDoubleBE();

  test.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("%s → %s", (bits, text) => {
    expect(canonicalJson(double(bits))).toBe(text);
  });

  test.each(["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])("%s is no JSON number", (bits) => {
    expect(refused({ value: [double(bits)] })).toBe("DATA_NOT_CANONICAL");
  });
});

describe("whole texts", () => {
  test("the RFC's example: literals, numbers and escapes (3.2.2), as bytes (3.2.4)", () => {
    const text = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`;
    const bytes =
      "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d";
    expect(Buffer.from(canonicalJson(JSON.parse(text)), "utf8").toString("hex")).toBe(bytes);
  });

  test("members are sorted by UTF-16 code units, not by code points: an emoji stands before U+FB33 (3.2.3)", () => {
    const text = String.raw`{"\u20ac":"euro","\r":"return","\ufb33":"dalet","1":"one","\ud83d\ude00":"face","\u0080":"control","\u00f6":"o"}`;
    expect(canonicalJson(JSON.parse(text))).toBe(
      '{"\\r":"return","1":"one","\u0080":"control","ö":"o","€":"euro","😀":"face","\ufb33":"dalet"}',
    );
  });

  test.each([
    [
      "members of objects inside arrays; numbers as names sort as text",
      '[56, {"d": true, "10": null, "1": [ ]}]',
      '[56,{"1":[],"10":null,"d":true}]',
    ],
    [
      "no language's own order",
      '{"p\u00eache":1,"peach":2,"sin":3,"p\u00e9ch\u00e9":4}',
      '{"peach":2,"p\u00e9ch\u00e9":4,"p\u00eache":1,"sin":3}',
    ],
    [
      "nested structures, the empty name, capital letters first",
      '{"1":{"f":{"f":"x","F":5},"\\n":56.0},"10":{},"":"empty","a":{},"111":[{"e":"y","E":"n"}],"A":{}}',
      '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"x"}},"10":{},"111":[{"E":"n","e":"y"}],"A":{},"a":{}}',
    ],
    ["Unicode is not normalised", '{"x":"A\\u030a"}', '{"x":"A\u030a"}'],
    ["only what must be escaped is", '{"</s>":"\\u007f\\u2028\\/\\b\\f\\t\\u001F"}', '{"</s>":"\u007f\u2028/\\b\\f\\t\\u001f"}'],
    [
      "a name that objects inherit",
      '{"toString":1,"__proto__":{"a":2},"constructor":3}',
      '{"__proto__":{"a":2},"constructor":3,"toString":1}',
    ],
    ["text that spells an escape", '{"x":"\\\\ud800"}', '{"x":"\\\\ud800"}'],
  ])("%s", (_, text, canonical) => {
    expect(canonicalJson(JSON.parse(text))).toBe(canonical);
  });
});

describe("what has no canonical form is refused", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;

  test.each([
    ["a lone high surrogate", "a\ud83d"],
    ["a lone low surrogate", ["\ude00"]],
    ["surrogates in the wrong order", { x: "\ude00\ud83d" }],
    ["a lone surrogate in a name", { "\ud800": 1 }],
    ["a cycle", cycle],
    ["a bigint", { x: 1n }],
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["NaN", Number.NaN],
  ])("%s", (_, value) => {
    expect(refused(value)).toBe("DATA_NOT_CANONICAL");
  });

  test("depth is bounded by memory, not by the stack", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(canonicalJson(deep)).toHaveLength(400_001);
  });

  test.each([
    [{ a: undefined, b: () => 1 }, "{}"],
    [[undefined, () => 1], "[null,null]"],
    [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  ])("as JSON.stringify has it: row %#", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test("the same object twice is no cycle", () => {
    const twice = { a: 1 };
    expect(canonicalJson([twice, twice])).toBe('[{"a":1},{"a":1}]');
  });
});

describe("for any JavaScript value", () => {
  const byLibrary = (value: unknown): string => {
    try {
      return canonicalize(value) ?? "DATA_NOT_CANONICAL";
    } catch {
      return "DATA_NOT_CANONICAL";
    }
  };
  const ours = (value: unknown): string => {
    try {
      return canonicalJson(value);
    } catch (error) {
      return (error as DataError).code;
    }
  };

  test("the text is the one that the library gives", () => {
    const strings = { unit: "binary" } as const;
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withNullPrototype: true,
      withBoxedValues: true,
      key: fc.string(strings),
    });
    fc.assert(
      fc.property(fc.oneof(anything, anyJson, fc.array(fc.string({ ...strings, maxLength: 100 }))), (value) => {
        expect(ours(value)).toBe(byLibrary(value));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["many members", Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${(i * 37) % 60}`, i]))],
    ["members that count", { 10: "a", 9: "b", "-1": "c", "01": "d" }],
    ["a member named __proto__", JSON.parse('{"z":1,"__proto__":{"b":2,"a":1}}')],
    ["a member named toJSON that is no function", { toJSON: 1, b: { toJSON: "x" } }],
    ["toJSON deep inside", { b: [{ c: { toJSON: () => ({ z: 1, y: [undefined] }) } }], a: 1 }],
    ["numbers at the edges", [-0, 1e21, 1e-7, 5e-324, 2 ** 53, 0.1 + 0.2]],
    ["half characters behind 64 others", `${"x".repeat(70)}\ud800`],
    ["holes", [1, , 3]], // eslint-disable-line no-sparse-arrays
    [
      "a map, a class, an error",
      [
        new Map([[1, 2]]),
        new (class A {
          x = 1;
        })(),
        new Error("x"),
      ],
    ],
  ])("%s", (_, value) => {
    expect(ours(value)).toBe(byLibrary(value));
  });
});

describe("for any JSON value", () => {
  test("reading the canonical text gives the value back", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
    );
  });

  test("the canonical text is its own canonical text", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test("the order in which members were added makes no difference", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), anyJson), (members) => {
        const backwards = Object.fromEntries(Object.entries(members).reverse());
        expect(canonicalJson(backwards)).toBe(canonicalJson(members));
        expect(jsonDigest(backwards)).toBe(jsonDigest(members));
      }),
    );
  });

  test("different texts, different digests", () => {
    fc.assert(
      fc.property(anyJson, anyJson, (a, b) => {
        expect(jsonDigest(a) === jsonDigest(b)).toBe(canonicalJson(a) === canonicalJson(b));
      }),
    );
  });
});
