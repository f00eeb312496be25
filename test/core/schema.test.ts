import * as fc from "fast-check";
import { expect, test } from "vitest";
import * as z from "zod";
import { checkMeta } from "#core/events.js";
import { INTERPRETED, Pace } from "#core/schema.js";

test("a schema finds the same right and wrong whichever way it checks", () => {
  const schema = () =>
    z.strictObject({
      a: z.int().max(9),
      b: z.array(z.string().max(3)).optional(),
      c: z.record(z.string(), z.union([z.null(), z.boolean()])),
    });
  const [compiled, interpreted] = [schema(), schema()];
  const value = fc.oneof(
    fc.anything(),
    fc.record({
      a: fc.integer({ max: 12 }),
      b: fc.array(fc.string({ maxLength: 4 })),
      c: fc.dictionary(fc.string(), fc.constantFrom(null, true, 1)),
    }),
  );
  fc.assert(
    fc.property(value, (given) => {
      const [one, other] = [compiled.safeParse(given), interpreted.safeParse(given, INTERPRETED)];
      expect(other.success).toBe(one.success);
      expect(other.data).toEqual(one.data);
      expect(other.error?.issues).toEqual(one.error?.issues);
    }),
  );
});

test("values are checked before a schema is code, where it becomes code, and after", () => {
  const pace = new Pace();
  const schema = z.strictObject({ node: z.string(), reason: z.string() });
  for (let index = 0; index < 500; index++) {
    expect(schema.safeParse({ node: "n", reason: `line ${index}` }, pace.next()).success).toBe(true);
    expect(schema.safeParse({ node: "n", reason: index }, pace.next()).error?.issues[0]?.path).toEqual(["reason"]);
    checkMeta("node.skipped", { node: "n", reason: `line ${index}` });
    expect(() => checkMeta("node.skipped", { node: "n", reason: index })).toThrow(/reason/);
  }
});

test("the first values are interpreted, the many after them are not", () => {
  const pace = new Pace();
  const ways = Array.from({ length: 1000 }, () => pace.next());
  expect(ways[0]).toEqual(INTERPRETED);
  expect(ways.at(-1)).not.toEqual(INTERPRETED);
});
