import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "#core/json.js";
import type { Operator, PortRef } from "#openings/ir.js";
import { evaluateGuard, holds, parseEdgeSource, parseExpression, parsePortRef } from "#openings/language/expression.js";

const value = <T>(parsed: { ok: true; value: T } | { ok: false; fault: unknown }): T => {
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.fault));
  return parsed.value;
};

test.each([
  ["review.ok==true", { op: "==", literal: true }],
  [" review.ok  !=  false ", { op: "!=", literal: false }],
  ["review.ok>=0.5", { op: ">=", literal: 0.5 }],
  ["review.ok<-3", { op: "<", literal: -3 }],
  ["review.ok > 1e3", { op: ">", literal: 1000 }],
  ["review.ok <= -0", { op: "<=", literal: 0 }],
  ['review.ok=="a == b.c"', { op: "==", literal: "a == b.c" }],
  ['review.ok == "say \\"hi\\" \\u00e9"', { op: "==", literal: 'say "hi" é' }],
])("guard %s", (text, guard) => {
  expect(value(parseEdgeSource(text))).toEqual({ ref: { node: "review", port: "ok" }, guard });
});

test("a port, an exists and a comparison", () => {
  expect(value(parsePortRef("a.b_2"))).toEqual({ node: "a", port: "b_2" });
  expect(value(parseEdgeSource("a.b"))).toEqual({ ref: { node: "a", port: "b" }, guard: null });
  expect(value(parseExpression("exists( a.b )"))).toEqual({ kind: "exists", ref: { node: "a", port: "b" } });
  // `exists` is no reserved word: a node may be called so.
  expect(value(parseExpression("exists.b == 1"))).toEqual({
    kind: "compare",
    ref: { node: "exists", port: "b" },
    op: "==",
    literal: 1,
  });
});

test.each([
  [parsePortRef, "", 0, "expected a node's id"],
  [parsePortRef, "a", 1, "expected `.`"],
  [parsePortRef, "a.", 2, "expected a port's name"],
  [parsePortRef, "a.b.c", 3, "nothing may follow"],
  [parsePortRef, "a.b == true", 4, "a comparison cannot stand here"],
  [parsePortRef, "Review.ok", 0, "`Review` is not an identifier"],
  [parseEdgeSource, "a.b = true", 4, "`=` is not an operator"],
  [parseEdgeSource, "a.b ==", 6, "expected a literal"],
  [parseEdgeSource, "a.b == null", 7, "expected a literal"],
  [parseEdgeSource, "a.b == yes", 7, "expected a literal"],
  [parseEdgeSource, "a.b == 'x'", 7, "expected a literal"],
  [parseEdgeSource, "a.b == 9007199254740992", 7, "cannot be held exactly"],
  [parseEdgeSource, "a.b == 1e999", 7, "cannot be held exactly"],
  [parseEdgeSource, "a.b == 01", 7, "expected a literal"],
  [parseEdgeSource, 'a.b == "\\ud800"', 7, "bad escape"],
  [parseEdgeSource, 'a.b == "\\q"', 7, "bad escape"],
  [parseEdgeSource, "a.b == true or c.d", 12, "nothing may follow"],
  [parseExpression, "a.b", 3, "expected an operator"],
  [parseExpression, "exists(a.b", 10, "expected `)`"],
  [parseExpression, "exists(a.b) == true", 12, "nothing may follow"],
] as const)("%o refuses %j at %i", (parser, text, offset, message) => {
  const parsed = parser(text);
  expect(parsed.ok).toBe(false);
  if (parsed.ok) return;
  expect(parsed.fault.message).toContain(message);
  expect(parsed.fault.offset).toBe(offset);
});

test.each<[Json, Operator, boolean | number | string, boolean]>([
  [true, "==", true, true],
  [true, "!=", false, true],
  [true, ">", false, false], // booleans have no order
  [1, "==", 1.0, true],
  [2, ">", 10, false], // numbers compare as numbers, not as text
  ["2", ">", "10", true], // text compares as text
  [0.5, "<=", 0.5, true],
  [1, "==", "1", false],
  [1, "!=", "1", false], // another type is false, whatever the operator
  [null, "!=", true, false],
  [[true], "==", true, false],
  [{ ok: true }, "!=", true, false],
])("%j %s %j is %s", (left, op, literal, expected) => {
  expect(evaluateGuard(op, literal, left)).toBe(expected);
});

test("a missing port is false, and any message that matches is enough", () => {
  const ports = (ref: PortRef): Json[] => (ref.port === "many" ? [false, "no", 7] : []);
  const check = (text: string): boolean => holds(value(parseExpression(text)), ports);
  expect(check("exists(a.many)")).toBe(true);
  expect(check("exists(a.none)")).toBe(false);
  expect(check("a.many == 7")).toBe(true);
  expect(check("a.many > 7")).toBe(false);
  expect(check("a.none != 7")).toBe(false);
});

test("whatever the text, the parsers answer and point inside it", () => {
  const near = fc.string({ unit: fc.constantFrom(...'ab.=!<>()"\\ 01-eE', "exists", "true", "é", "\ud800") });
  fc.assert(
    fc.property(
      fc.oneof(
        near,
        fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
      ),
      (text) => {
        for (const parser of [parsePortRef, parseEdgeSource, parseExpression]) {
          const parsed = parser(text);
          if (parsed.ok) continue;
          expect(parsed.fault.offset).toBeGreaterThanOrEqual(0);
          expect(parsed.fault.offset).toBeLessThanOrEqual(text.length);
          expect(parsed.fault.length).toBeGreaterThan(0);
        }
      },
    ),
  );
});
