/** The quick check is never wider than the schema it was made of, and takes what is written every day. */
import { inspect } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { eventMeta, type EventKind } from "#core/events.js";
import { fitsOf, type Fits } from "#core/fits.js";
import { INTERPRETED } from "#core/schema.js";
import { examples } from "./examples.js";

class Classy {
  readonly port = "out";
}
const hidden = Object.defineProperty({}, "node", { value: "a", enumerable: false });

/** What is put in the place of something in a good value: of the wrong type, just beside a bound, or only like what is right. */
const others: readonly unknown[] = [
  [undefined, null, true, NaN, Infinity, -Infinity, -0, -1, 0.5, 2 ** 53, 7n, Symbol("s"), () => 1],
  ["", "x", "ok", "x".repeat(73), "x".repeat(300), "x".repeat(5000), "a".repeat(64), "A".repeat(64), "trace:", "proposal:1"],
  [[], [undefined], ["x"], Array(3), Array(1100).fill("x"), {}, { value: 1 }, { blob: "a".repeat(64), bytes: 1, value: 1 }],
  [Object.create(null), Object.create({ port: "out" }), new Classy(), new Map(), new Date(0), hidden, { [Symbol("s")]: 1 }],
  [JSON.parse('{"__proto__": 1}')],
].flat();

/** Each place in a value, the value itself first. */
function* places(value: unknown, way: readonly string[] = []): Iterable<readonly string[]> {
  yield way;
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* places(member, [...way, key]);
}

function changed(value: unknown, [key, ...rest]: readonly string[], change: (there: unknown) => unknown): unknown {
  if (key === undefined) return change(value);
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = changed(copy[key], rest, change);
  return copy;
}

const without = (key: string) => (there: unknown) => {
  const copy = { ...(there as object) } as Record<string, unknown>;
  delete copy[key];
  return copy;
};

const accepts = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value, INTERPRETED).success;

describe.each(Object.keys(eventMeta) as EventKind[])("%s", (kind) => {
  const schema: z.ZodType = eventMeta[kind];
  const example: unknown = JSON.parse(JSON.stringify(examples[kind]));
  // A pattern is the library's affair.
  test.skipIf(kind === "contact.upserted")("has a quick check, which takes the example", () => {
    expect(fitsOf(schema)?.(example)).toBe(true);
    expect(fitsOf(schema)?.(examples[kind])).toBe(true);
  });

  test("lets nothing through that the schema refuses", () => {
    const fits: Fits = fitsOf(schema) ?? (() => false);
    for (const way of places(example)) {
      for (const other of others) {
        const value = changed(example, way, () => other);
        if (fits(value)) expect(accepts(schema, value), `${way.join(".")} is ${inspect(other)}`).toBe(true);
      }
      const more = changed(example, way, (there) => (typeof there === "object" ? { ...there, surprise: 1 } : there));
      if (fits(more)) expect(accepts(schema, more), `${way.join(".")} has more`).toBe(true);
      if (way.length === 0) continue;
      const less = changed(example, way.slice(0, -1), without(way.at(-1)!));
      if (fits(less)) expect(accepts(schema, less), `without ${way.join(".")}`).toBe(true);
    }
  });
});

test("of schemas and values in any shape, nothing is let through that the library refuses", () => {
  const texts = [z.string(), z.string().min(2).max(3), z.enum(["a", "b"]), z.literal([true, "x", null])];
  const numbers = [z.number(), z.int(), z.int().nonnegative(), z.number().min(-1).max(1)];
  const leaf = fc.constantFrom<z.ZodType>(
    ...texts,
    ...numbers,
    z.boolean(),
    z.custom((value) => value === 7),
  );
  const schema = fc.letrec<{ schema: z.ZodType }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      leaf,
      tie("schema").map((inner) => inner.optional()),
      tie("schema").map((inner) => inner.nullable()),
      tie("schema").map((inner) => z.array(inner).max(2)),
      tie("schema").map((inner) => z.record(z.string().max(1), inner)),
      fc.array(tie("schema"), { minLength: 1, maxLength: 2 }).map((inner) => z.union(inner as [z.ZodType])),
      fc.dictionary(fc.constantFrom("a", "b"), tie("schema")).map((shape) => z.strictObject(shape)),
    ),
  })).schema;
  const value = fc.oneof(fc.anything({ key: fc.constantFrom("a", "b", "c") }), fc.constantFrom(...others, 7, "a", 1));
  let taken = 0;
  fc.assert(
    fc.property(schema, fc.array(value, { minLength: 20, maxLength: 20 }), (given, values) => {
      const fits = fitsOf(given)!;
      for (const each of values) {
        if (!fits(each)) continue;
        taken++;
        expect(accepts(given, each)).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
  expect(taken).toBeGreaterThan(500);
});

test.each<[string, z.ZodType]>([
  ["a pattern", z.string().regex(/^a$/)],
  ["a format", z.email()],
  ["a transformation", z.string().transform((text) => text.length)],
  ["a default", z.strictObject({ a: z.string().default("") })],
  ["an open object", z.object({ a: z.string() })],
  ["a refinement of an object", z.strictObject({ a: z.string() }).refine(() => false)],
  ["a refinement of a union", z.union([z.string(), z.null()]).refine(() => false)],
  ["a coercion", z.coerce.number()],
  ["a narrower number", z.int32()],
  ["an exclusive bound", z.number().gt(3)],
  ["a multiple", z.int().multipleOf(2)],
  ["a literal number", z.literal(1)],
  ["one of these within", z.array(z.strictObject({ a: z.record(z.string(), z.string().trim()) }))],
])("%s is left to the library", (_, schema) => {
  expect(fitsOf(schema)).toBeNull();
});
