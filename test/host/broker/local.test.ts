import { expect, test } from "vitest";
import { fillTemplate, localProvider } from "#host/broker/local.js";
import { CallFailure } from "#host/imports/interface.js";

test.each<[string, Record<string, string | number | boolean>, string]>([
  ["Hi {{name}}, {{count}} new{{end}}", { name: "Zoë", count: 2, end: "" }, "Hi Zoë, 2 new"],
  ["{{a}}", { a: "{{b}}", b: "never" }, "{{b}}"],
  ["{{Not}} {{a-b}} {{ a }}", { a: "x" }, "{{Not}} {{a-b}} {{ a }}"],
])("%j is filled", (template, data, text) => {
  expect(fillTemplate(template, data)).toBe(text);
});

test.each(["{{missing}}", "{{constructor}}", "{{to_string}}"])("%s has no datum and is refused", (template) => {
  expect(() => fillTemplate(template, {})).toThrow(CallFailure);
});

test("a small template with a long datum and many slots is refused before it is filled", () => {
  const local = { template: "{{a}}".repeat(50_000), data: { a: "x".repeat(10_000) } };
  const request = { model: "template", messages: [], tools: [], maxTokens: 1, temperature: 0, local };
  expect(() => localProvider.worstCase(request)).toThrow("longer than 524288 characters");
});
