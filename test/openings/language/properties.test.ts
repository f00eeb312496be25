/** Whatever the bytes: an answer, places inside the file, and an opening exactly where there is no error. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { canonicalJson } from "#core/json.js";
import { compileOpening } from "#openings/language/compile.js";
import { formatDiagnostic } from "#openings/language/format.js";
import { world } from "./agents.js";

const corpus = join(import.meta.dirname, "../corpus");
const files = readdirSync(corpus)
  .filter((name) => /\.(?:yaml|opening)$/.test(name) && name !== "too-many-errors.yaml")
  .map((name) => readFileSync(join(corpus, name)));

function examine(bytes: Uint8Array): void {
  const { opening, diagnostics } = compileOpening({ file: "f.yaml", bytes }, world);
  expect(opening === null).toBe(diagnostics.some(({ severity }) => severity === "error"));
  if (opening) canonicalJson(opening);
  const text = new TextDecoder().decode(bytes);
  const lines = text.split("\n");
  for (const each of diagnostics) {
    const { line, column, span, excerpt } = each;
    expect(span.start >= 0 && span.start <= span.end && span.end <= text.length).toBe(true);
    expect(line >= 1 && line <= lines.length).toBe(true);
    const own = lines[line - 1] ?? "";
    expect(column >= 1 && column <= Array.from(own).length + 1).toBe(true);
    if (excerpt) {
      expect(own).toContain(excerpt.text);
      expect(excerpt.caret.start >= 0 && excerpt.caret.start <= excerpt.text.length).toBe(true);
    }
    const shown = formatDiagnostic(each);
    expect(shown).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}\u2028\u2029]/u);
    expect(shown.split("\n").every((row) => row.length < 1000)).toBe(true);
  }
}

type Mutation = { readonly at: number; readonly remove: number; readonly insert: Uint8Array };
const pieces = [
  "&a ",
  "*a",
  "{{",
  "}}",
  "{{params.x}}",
  ": ",
  "- ",
  "[",
  "]",
  "{",
  "}",
  "|\n",
  ">\n",
  "\t",
  "\r",
  "'",
  '"',
  "\\",
  "#",
  "!!x ",
  "<<: *a",
  "---\n",
  "é",
  "漢",
  "\u202e",
  "==",
  "1e999",
  "null",
  "\0",
];
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(4000),
  remove: fc.nat(12),
  insert: fc.oneof(
    fc.constantFrom(...pieces).map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 6 }),
  ),
});
const mutated = fc.tuple(fc.constantFrom(...files), fc.array(mutation, { maxLength: 6 })).map(([file, mutations]) => {
  let bytes: Uint8Array = file;
  for (const { at, remove, insert } of mutations) {
    const from = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)]);
  }
  return bytes;
});

test("files that are nearly right", () => {
  fc.assert(fc.property(mutated, examine), { numRuns: 400 });
});

test("two files run together", () => {
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.constantFrom(...files), fc.nat(), fc.nat(), (a, b, i, j) => {
      examine(Buffer.concat([a.subarray(0, i % (a.length + 1)), b.subarray(j % (b.length + 1))]));
    }),
    { numRuns: 150 },
  );
});

test("random bytes and random text", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), examine), { numRuns: 150 });
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom(...pieces, "\n", " ", "a"),
      fc.nat(0xffff).map((unit) => String.fromCharCode(unit)),
    ),
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, (body) =>
      examine(new TextEncoder().encode(`version: 0\nname: t\nnodes: [{id: a, use: "agent:echo"}]\nparams: ${body}`)),
    ),
    { numRuns: 250 },
  );
});

test("a template is pointed at wherever a scalar's text lies in the file: any style, folded, indented, escaped", () => {
  const unit = fc.constantFrom(
    "a",
    "b ",
    "  ",
    "\n",
    "\n\n",
    "'",
    '"',
    "\\",
    "\t",
    ":",
    "#",
    "é",
    "漢",
    "👍",
    "\u00a0",
    "- ",
    "{",
  );
  const around = fc.string({ unit, maxLength: 40 });
  const style = fc.constantFrom("PLAIN", "QUOTE_SINGLE", "QUOTE_DOUBLE", "BLOCK_LITERAL", "BLOCK_FOLDED");
  fc.assert(
    fc.property(around, around, style, fc.constantFrom(20, 80), (before, after, defaultStringType, lineWidth) => {
      const template = "{{params.nowhere}}";
      const opening = {
        version: 0,
        name: "t",
        nodes: [{ id: "a", use: "agent:echo", with: { in: { deep: [before + template + after] } } }],
      };
      const text = stringify(opening, { defaultStringType, defaultKeyType: "PLAIN", lineWidth });
      const { diagnostics } = compileOpening({ file: "f.yaml", bytes: new TextEncoder().encode(text) }, world);
      // A `{` before the template makes `{{{`, which begins one character earlier.
      const found = diagnostics.filter(({ code }) => code === "OPENING_TEMPLATE");
      expect(found.length, text).toBeGreaterThan(0);
      if (before.includes("{{") || before.endsWith("{")) return;
      // A double-quoted text may be broken within a word, by an escaped line end.
      const pointed = text.slice(found[0]?.span.start, found[0]?.span.end);
      expect(pointed.replace(/\\\n\s*/, "")).toBe(template);
    }),
    { numRuns: 250 },
  );
});
