import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Json, JsonObject } from "#core/json.js";
import { checkValue, schemaRegistry, withAgentTypes } from "#openings/types/registry.js";
import { misfits, schemaFault } from "#openings/types/schema.js";

const own = (text: string): JsonObject => JSON.parse(text) as JsonObject;

test.each<[string, Json, string, string]>([
  ['{"type": "string"}', 5, "", "expected string, got number"],
  ['{"type": ["string", "null"]}', 5, "", "expected string or null, got number"],
  ['{"properties": {"a/b": {"items": {"type": "integer"}}}}', { "a/b": [1, 1.5] }, "/a~1b/1", "expected integer, got number"],
  ['{"properties": {"ü ~": {"type": "null"}}}', { "ü ~": 1 }, "/ü ~0", "expected null, got number"],
  ['{"required": ["a"]}', {}, "", '"a" is missing'],
  ['{"properties": {"a": true}, "additionalProperties": false}', { a: 1, b: 2 }, "/b", "this is not allowed here"],
  ['{"enum": [1, "a"]}', "b", "", 'the value does not match any of [1,"a"]'],
  [
    '{"anyOf": [{"type": "string"}, {"properties": {"a": {"type": "string"}}, "required": ["a"]}]}',
    { a: 1 },
    "",
    "the value does not match any subschemas",
  ],
  ['{"minLength": 3}', "ab", "", "string is too short (2 < 3)"],
  ['{"pattern": "^a+$"}', "b", "", "string does not match pattern"],
  ['{"format": "date"}', "2026-02-30", "", 'string does not match format "date"'],
  [
    '{"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"next": {"$ref": "#/$defs/x"}}, "type": "object"}}}',
    { next: { next: [] } },
    "/next/next",
    "expected object, got array",
  ],
  ['{"uniqueItems": true}', [1, { a: 1 }, { a: 1 }], "", "duplicate items at indexes 1 and 2"],
  ['{"properties": {"__proto__": {"type": "string"}}}', own('{"__proto__": 5}'), "/__proto__", "expected string, got number"],
  ['{"required": ["constructor"]}', {}, "", '"constructor" is missing'],
  ['{"if": {"type": "string"}, "then": {"minLength": 1}}', "", "", "string is too short (0 < 1)"],
])("%s refuses %j at %j", (schema, value, pointer, message) => {
  expect(misfits(own(schema), value)).toEqual([{ pointer, message }]);
});

test("all misfits at once, when they are asked for", () => {
  const schema = own(
    '{"properties": {"a": {"type": "string"}, "b": {"minimum": 1}}, "required": ["c"], "additionalProperties": false}',
  );
  expect(misfits(schema, { a: 1, b: 0, d: 1 }, true).map(({ pointer }) => pointer)).toEqual(["", "/a", "/b", "/d"]);
});

test.each<[string, string, string]>([
  ['{"typ": "string"}', "/typ", 'unknown keyword "typ", did you mean "type"?'],
  ['{"properties": {"a": {"minLength": -1}}}', "/properties/a/minLength", '"minLength" expects a whole number of at least 0'],
  ['{"type": "text"}', "/type", '"type" expects one or several of'],
  ['{"items": [{}]}', "/items", "a schema is an object"],
  ['{"required": "a"}', "/required", "a list of names"],
  ['{"$ref": "https://example.com/schema"}', "/$ref", "points into its own schema"],
  ['{"$ref": "other.json#/x"}', "/$ref", "points into its own schema"],
  ['{"$ref": "#/$defs/missing"}', "/$ref", "leads nowhere"],
  ['{"$ref": "#/__proto__"}', "/$ref", "leads nowhere"],
  ['{"$ref": "#"}', "", "leads back to itself"],
  ['{"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"not": {"$ref": "#/$defs/a"}}]}}}', "", "leads back to itself"],
  ['{"$dynamicRef": "#x"}', "/$dynamicRef", "unknown keyword"],
  ['{"$recursiveRef": "#"}', "/$recursiveRef", "unknown keyword"],
  ['{"patternProperties": {"^(a+)+$": {}}}', "/patternProperties/^(a+)+$", "is refused"],
  ['{"pattern": "(a)\\\\1"}', "/pattern", "is refused: it refers back"],
  ['{"multipleOf": 0}', "/multipleOf", "expects a number"],
  [`{"description": "${"x".repeat(70_000)}"}`, "", "at most 65536"],
  [`${'{"not": '.repeat(40)}{}${"}".repeat(40)}`, "/not".repeat(33), "nested deeper"],
  [
    JSON.stringify({ properties: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, { pattern: "x" }])) }),
    "/properties/p64/pattern",
    "at most 64 patterns",
  ],
  [
    JSON.stringify({
      $ref: "#/$defs/d0",
      $defs: Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`d${i}`, i < 69 ? { $ref: `#/$defs/d${i + 1}` } : {}])),
    }),
    "",
    "chained longer",
  ],
])("%s is no schema that is used", (text, pointer, message) => {
  const schema = own(text);
  const fault = schemaFault(schema);
  expect(fault?.pointer).toBe(pointer);
  expect(fault?.message).toContain(message);
  expect(misfits(schema, null)[0]?.message).toContain("its schema cannot be used");
});

const nest = (depth: number): Json => Array.from({ length: depth }).reduce<Json>((inner) => ({ next: inner }), {});
const twice = { properties: { next: { $ref: "#/$defs/node" } } };

test.each<[string, JsonObject, Json]>([
  // Each level is checked by both branches: 2^60 visits.
  [
    "branches that double with each level of the value",
    { $ref: "#/$defs/node", $defs: { node: { allOf: [twice, twice], required: ["never"] } } },
    nest(60),
  ],
  [
    "references that double",
    {
      $ref: "#/$defs/d0",
      $defs: Object.fromEntries(
        Array.from({ length: 28 }, (_, i) => [
          `d${i}`,
          i < 27 ? { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] } : {},
        ]),
      ),
    },
    null,
  ],
  ["a long list that must be unique", { uniqueItems: true }, Array.from({ length: 100_000 }, (_, i) => i)],
  [
    "a list of lists that must be unique",
    { items: { uniqueItems: true } },
    Array.from({ length: 10_000 }, () => Array.from({ length: 256 }, (_, i) => i)),
  ],
  ["a long string under a slow pattern", { pattern: "\\s+$" }, `${" ".repeat(1_000_000)}x`],
  [
    "many strings under a slow pattern",
    { items: { pattern: "\\s+$" } },
    Array.from({ length: 20_000 }, () => `${" ".repeat(310)}x`),
  ],
  ["more faults than a stack holds", { items: { contains: { type: "string" } } }, [Array.from({ length: 300_000 }, () => 1)]],
])("%s: refused, and soon", (_, schema, value) => {
  expect(schemaFault(schema)).toBeNull();
  const [found] = misfits(schema, value);
  expect(found?.message).toMatch(/too many|too deep|too long|too many steps|does not match|does not contain/);
});

test("items are compared in short lists and in long ones, up to the limit", () => {
  const schema: JsonObject = { uniqueItems: true };
  for (const length of [2, 32, 33, 256]) {
    const items = Array.from({ length }, (_, i) => ({ i }));
    expect(misfits(schema, items)).toEqual([]);
    expect(misfits(schema, [...items.slice(1), { i: 1 }])[0]?.message).toMatch(/^duplicate items/);
  }
  expect(
    misfits(
      schema,
      Array.from({ length: 257 }, (_, i) => i),
    )[0]?.message,
  ).toBe("array has too many items (257 > 256)");
  expect(misfits(schema, "not a list")).toEqual([]);
});

test("a value that is large but plain is checked whole", () => {
  const schema: JsonObject = {
    type: "array",
    items: { type: "object", required: ["email"], properties: { email: { type: "string", pattern: "^[^@\\s]+@[^@\\s]+$" } } },
  };
  const contacts = Array.from({ length: 5000 }, (_, i) => ({ email: `person${i}@example.com` }));
  expect(misfits(schema, contacts)).toEqual([]);
  expect(misfits(schema, [...contacts, { email: "nobody" }])[0]?.pointer).toBe("/5000/email");
});

test("built-in types, types of the registry and types of one agent", () => {
  const registry = schemaRegistry({ "contact.v1": { type: "object", required: ["email"] } });
  const table: [string, Json, boolean][] = [
    ["text.v1", "a", true],
    ["text.v1", null, false],
    ["bool.v1", false, true],
    ["bool.v1", 0, false],
    ["number.v1", 0.5, true],
    ["number.v1", "0.5", false],
    ["json.v1", [null], true],
    ["any", null, true],
    ["contact.v1", { email: "a" }, true],
    ["contact.v1", {}, false],
    ["contact.v2", {}, false],
    ["constructor", {}, false],
  ];
  for (const [type, value, fits] of table)
    expect([type, value, checkValue(type, value, registry) === null]).toEqual([type, value, fits]);
  expect(checkValue("contct.v1", {}, registry)).toEqual({
    pointer: "",
    message: "unknown type contct.v1, did you mean contact.v1?",
  });

  const local = withAgentTypes(registry, { "mine.v1": { type: "null" }, "contact.v1": {} });
  expect(checkValue("mine.v1", null, local)).toBeNull();
  expect(checkValue("contact.v1", {}, local)).not.toBeNull(); // a bundle cannot loosen a shared type
});

test.each([
  [{ "text.v1": {} }, "TYPE_BUILT_IN"],
  [{ Contact: {} }, "TYPE_NAME"],
  [{ "contact.v0": {} }, "TYPE_NAME"],
  [{ "contact.v1": { type: "text" } }, "TYPE_SCHEMA"],
])("a registry refuses %j", (record, code) => {
  expect(() => schemaRegistry(record)).toThrow(expect.objectContaining({ code }));
});

// Schemas and values from one small world, so that about half of the pairs fit.
const leafValue = fc.constantFrom<Json>(null, true, false, 0, 1, 2.5, -3, "", "a", "ab", "abc");
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leafValue,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__"), tie("value"), { noNullPrototype: true, maxKeys: 3 }),
  ),
}));
const { schema } = fc.letrec<{ schema: Json }>((tie) => {
  const child = tie("schema");
  return {
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom<Json>(true, false),
      fc.record(
        {
          type: fc.oneof(
            fc.constantFrom("string", "integer", "number", "object", "array", "null", "boolean"),
            fc.constant(["string", "null"]),
          ),
          enum: fc.array(leafValue, { minLength: 1, maxLength: 3 }).map((all) => [...new Set(all)]),
          const: leafValue,
          minimum: fc.constantFrom(0, 2),
          multipleOf: fc.constantFrom(0.5, 2),
          minLength: fc.constantFrom(1, 2),
          pattern: fc.constantFrom("^a", "b$", "^[a-c]*$"),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          properties: fc.dictionary(fc.constantFrom("a", "b"), child, { noNullPrototype: true, maxKeys: 2 }),
          patternProperties: fc.dictionary(fc.constantFrom("^a", "b"), child, { noNullPrototype: true, maxKeys: 1 }),
          additionalProperties: child,
          propertyNames: child,
          required: fc.uniqueArray(fc.constantFrom("a", "b"), { maxLength: 2 }),
          maxProperties: fc.nat(2),
          dependentRequired: fc.constant({ a: ["b"] }),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          items: child,
          prefixItems: fc.array(child, { minLength: 1, maxLength: 2 }),
          minItems: fc.nat(2),
          maxItems: fc.nat(3),
          uniqueItems: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          allOf: fc.array(child, { minLength: 1, maxLength: 2 }),
          anyOf: fc.array(child, { minLength: 1, maxLength: 2 }),
          oneOf: fc.array(child, { minLength: 1, maxLength: 2 }),
          not: child,
        },
        { requiredKeys: [] },
      ),
      // Not beside `prefixItems`: there Ajv lets an empty list pass (2020-12 validation 6.4.4 does not).
      fc.record({ contains: fc.constantFrom<Json>({ type: "string" }, { minimum: 1 }) }),
      fc
        .tuple(child, child, child)
        .map(([a, b, c]) => own(`{"if": ${JSON.stringify(a)}, "then": ${JSON.stringify(b)}, "else": ${JSON.stringify(c)}}`)),
    ),
  };
});

/** Ajv's generated code for `oneOf` inside `if` sometimes names a variable that it never made. */
function verdict(oracle: (value: Json) => unknown, value: Json): boolean | null {
  try {
    return oracle(value) === true;
  } catch (error) {
    if (error instanceof ReferenceError) return null;
    throw error;
  }
}

test("verdicts are those of another validator", () => {
  fc.assert(
    fc.property(schema, fc.array(value, { minLength: 1, maxLength: 5 }), (made, values) => {
      const whole: JsonObject = { allOf: [made] };
      if (schemaFault(whole)) throw new Error(`${JSON.stringify(whole)}: ${schemaFault(whole)?.message}`);
      const oracle = new Ajv2020({ strict: false, allErrors: false }).compile(whole);
      for (const each of values) {
        const expected = verdict(oracle, each);
        if (expected === null) continue;
        expect([whole, each, misfits(whole, each).length === 0]).toEqual([whole, each, expected]);
        expect(misfits(whole, each, true).length === 0).toBe(expected);
      }
    }),
    { numRuns: 120 },
  );
});
