import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Json, JsonObject } from "#core/json.js";
import { misfits } from "#openings/types/schema.js";
import { Random } from "#openings/sim/random.js";
import { valueFor } from "#openings/sim/values.js";

const types = `${import.meta.dirname}/../../../sdk/types`;
const shipped = readdirSync(types)
  .filter((name) => name.endsWith(".json"))
  .map((name) => [name, JSON.parse(readFileSync(`${types}/${name}`, "utf8")) as JsonObject] as const);

const made: readonly (readonly [string, JsonObject])[] = [
  ["a constant", { const: { a: 1 } }],
  ["one of a few", { enum: ["a", 2, null] }],
  ["bounds", { type: "integer", minimum: 3, maximum: 4 }],
  ["exclusive bounds", { type: "integer", exclusiveMinimum: 3, exclusiveMaximum: 6 }],
  ["steps", { type: "integer", minimum: 7, multipleOf: 5, maximum: 10 }],
  ["a long text", { type: "string", minLength: 200, maxLength: 210 }],
  ["a list", { type: "array", minItems: 2, maxItems: 2, items: { type: "boolean" } }],
  ["a choice", { oneOf: [{ type: "string" }, { type: "object", required: ["x"], properties: { x: { type: "number" } } }] }],
  [
    "all of several",
    {
      type: "object",
      allOf: [
        { required: ["a"], properties: { a: { type: "string" } } },
        { required: ["b"], properties: { b: { type: "null" } } },
      ],
    },
  ],
  [
    "a reference to itself",
    {
      $ref: "#/$defs/tree",
      $defs: { tree: { type: "object", properties: { next: { anyOf: [{ $ref: "#/$defs/tree" }, { type: "null" }] } } } },
    },
  ],
];

test.each([...shipped, ...made])("what is drawn for %s fits it, whatever the seed", (_, schema) => {
  for (let seed = 0; seed < 200; seed++) {
    const value: Json = valueFor(schema, new Random(seed));
    expect(misfits(schema, value), JSON.stringify(value)).toEqual([]);
  }
});
