/** Parameters that nothing asks for are errors: a slip would otherwise run with the file's own value. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "#core/json.js";
import { compileOpening } from "#openings/language/compile.js";
import { world } from "./agents.js";

const found = (file: string, params: JsonObject): string[] =>
  compileOpening({ file: "t.yaml", bytes: Buffer.from(`version: 0\nname: t\n${file}`) }, { ...world, params }).diagnostics.map(
    ({ code, message, hint, line }) => [code, message, hint ?? "", `line ${line}`].join(" | "),
  );
const node = (text: string): string => `nodes: [{id: n, use: "agent:echo", with: {in: "${text}"}}]\n`;
const mail = `params: {recipient: ada, mail: {subject: hi, free: {}}, list: [1], none: null}\n${node("{{params.recipient}} {{params.mail.subject}} {{params.other}}")}`;

test.each<[string, JsonObject, string]>([
  ["a slip", { recpient: "x", other: "" }, "`recpient` | did you mean `recipient`?"],
  ["a slip inside", { mail: { subjct: "x" }, other: "" }, "`mail.subjct` | did you mean `mail.subject`?"],
  ["a slip of what only a template names", { othre: "x", other: "" }, "`othre` | did you mean `other`?"],
  ["what is nowhere near", { zzzzzzzz: 1, other: "" }, "`zzzzzzzz` | there are: `recipient`, `mail`"],
  ["a name out of Object.prototype", { constructor: 1, other: "" }, "`constructor`"],
  ["__proto__", JSON.parse('{"__proto__": 1, "other": ""}') as JsonObject, "`__proto__`"],
  ["keys of a map that has none", { mail: { free: { x: 1 } }, other: "" }, "`mail.free.x` | it has none"],
])("%s is an error, with what was meant", (_, params, says) => {
  const [only, ...more] = found(mail, params);
  expect(only).toContain("OPENING_PARAM | nothing in this opening asks for the parameter");
  expect(only).toContain(says);
  expect(only).toContain("line 3");
  expect(more).toEqual([]);
});

test("what the file or a template names is welcome, also as a whole, also where a map takes the place of a value", () => {
  expect(
    found(mail, { recipient: { any: 1 }, mail: { subject: 2 }, list: { a: 1 }, none: { b: 2 }, other: "x" }),
  ).not.toContainEqual(expect.stringContaining("OPENING_PARAM"));
  const whole = `params: {m: {a: 1}}\n${node("{{params.m}}")}`;
  expect(found(whole, { m: { b: { c: 2 } } })).toEqual([]);
});

test("an opening without parameters is given none; hundreds of strays are ten errors", () => {
  expect(found(node("x"), { a: 1 })).toEqual([expect.stringContaining("OPENING_PARAM")]);
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`p${index}`, index]));
  expect(found(node("x"), many)).toHaveLength(10);
});

test("where the file itself is wrong, only that is said", () => {
  expect(found(`params: {a: 1}\nnodes: [{id: n}]\n`, { b: 1 })).not.toContainEqual(expect.stringContaining("OPENING_PARAM"));
});

test("what is given as the file has it is never stray", () => {
  const value = fc.letrec<{ map: JsonObject; value: unknown }>((tie) => ({
    map: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value")) as fc.Arbitrary<JsonObject>,
    value: fc.oneof({ depthSize: "small" }, fc.integer(), fc.constant(null), tie("map")),
  })).map;
  fc.assert(
    fc.property(value, (params) => {
      expect(found(`params: ${JSON.stringify(params)}\n${node("x")}`, params)).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
