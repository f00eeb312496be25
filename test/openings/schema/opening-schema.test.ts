/** The schema for editors says what the readers say: about every file of the corpus, and about numbers at their bounds. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { JsonObject } from "#core/json.js";
import { compileOpening, readTree } from "#openings/language/compile.js";
import type { OpeningCode } from "#openings/language/diagnostic.js";
import { Reporter } from "#openings/language/reporter.js";
import { decodeSource } from "#openings/language/source.js";
import { plainValue } from "#openings/language/value.js";
import * as vocabulary from "#openings/language/vocabulary.js";
import { schemaFor } from "#openings/schema/agents-schema.js";
import { openingSchema, schemaDocument } from "#openings/schema/opening-schema.js";
import { outlineOf } from "#openings/schema/outline.js";
import { agents, world } from "../language/agents.js";

const published = join(import.meta.dirname, "../../../docs/reference/opening.schema.json");
const ABOUT = "What an opening's file looks like, whatever agents it uses. `rlp schema` makes one for the agents at hand.";
const corpus = join(import.meta.dirname, "../corpus");
const files = readdirSync(corpus).filter((name) => /\.(?:yaml|opening)$/.test(name));

const compiled = (document: JsonObject): ValidateFunction => new Ajv({ strict: false, allErrors: true }).compile(document);
const general = compiled(schemaDocument(openingSchema(), ABOUT));

function valueOf(file: string): unknown {
  const { source, faults } = decodeSource(file, readFileSync(join(corpus, file)));
  if (faults.some(({ severity }) => severity === "error")) return undefined;
  const report = new Reporter(source);
  const tree = readTree(report);
  return tree && !report.hasErrors ? plainValue(tree) : undefined;
}

test("the published schema is the one that the language gives (UPDATE_SCHEMA=1 writes it)", () => {
  const text = `${JSON.stringify(schemaDocument(openingSchema(), ABOUT), null, 2)}\n`;
  if (process.env["UPDATE_SCHEMA"] === "1") writeFileSync(published, text);
  expect(readFileSync(published, "utf8")).toBe(text);
});

test.each(files.filter((file) => file.startsWith("valid-")))("%s is valid by every schema", (file) => {
  const value = valueOf(file);
  expect(general(value), JSON.stringify(general.errors)).toBe(true);
  const outline = outlineOf(file, readFileSync(join(corpus, file)));
  for (const surroundings of [
    { agents, openings: ["review"] },
    { agents, openings: [], outline },
  ]) {
    const validate = compiled(schemaDocument(schemaFor(surroundings), ""));
    expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
  }
});

test("examples are valid", () => {
  const folder = join(import.meta.dirname, "../../../examples/openings");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".yaml")))
    expect(general(parse(readFileSync(join(folder, file), "utf8"))), `${file}: ${JSON.stringify(general.errors)}`).toBe(true);
});

/** What can be seen without agents, types, other nodes, parameters and the places of things. */
const SHAPE: readonly OpeningCode[] = [
  "OPENING_VERSION",
  "OPENING_UNKNOWN_KEY",
  "OPENING_MISSING_KEY",
  "OPENING_TYPE",
  "OPENING_NUMBER",
  "OPENING_IDENTIFIER",
  "OPENING_EXPRESSION",
];

/** How many digits an amount of dollars has is nothing that a schema could ask for; nor is how a number is spelled. */
const FINER = /finer than a millionth/;
const SPELLED = /finer than a millionth|cannot be held exactly/;

test.each(files.filter((file) => !file.startsWith("valid-")))(
  "%s: refused if and only if the reader refuses its shape",
  (file) => {
    const value = valueOf(file);
    if (value === undefined) return;
    const { diagnostics } = compileOpening({ file, bytes: readFileSync(join(corpus, file)) }, world);
    const shape = diagnostics.filter(
      ({ code, severity, message }) => severity === "error" && SHAPE.includes(code) && !FINER.test(message),
    );
    const refused = !general(value);
    const told = `${shape.map(({ message }) => message).join("\n")}\n${JSON.stringify(general.errors)}`;
    if (shape.length > 0) expect(refused, told).toBe(true);
    // Templates where none are filled in, and capabilities' fine print, are told by codes of their own.
    else if (!diagnostics.some(({ code }) => code === "OPENING_TEMPLATE" || code === "OPENING_CAPS"))
      expect(refused, told).toBe(false);
  },
);

const smallest = { version: 0, name: "t", nodes: [{ id: "a", use: "agent:echo" }] };
type Place = readonly [name: string, words: vocabulary.Vocabulary, put: (part: Record<string, unknown>) => unknown];
const places: readonly Place[] = [
  ["the opening", vocabulary.openingKeys, (part) => ({ ...smallest, ...part })],
  ["policy", vocabulary.policyKeys, (policy) => ({ ...smallest, policy })],
  ["a node", vocabulary.nodeKeys, (part) => ({ ...smallest, nodes: [{ ...smallest.nodes[0], for_each: "in", ...part }] })],
  [
    "retry",
    vocabulary.retryKeys,
    (retry) => ({ ...smallest, nodes: [{ ...smallest.nodes[0], retry: { max_attempts: 2, ...retry } }] }),
  ],
  ["an edge", vocabulary.edgeKeys, (part) => ({ ...smallest, edges: [{ from: "a.out", to: "a.in", ...part }] })],
  ["an input", vocabulary.inputKeys, (part) => ({ ...smallest, inputs: { x: { type: "text.v1", ...part } } })],
  ["success", vocabulary.successKeys, (success) => ({ ...smallest, success })],
  ["artifacts", vocabulary.artifactKeys, (artifacts) => ({ ...smallest, artifacts })],
];

test.each(places)("%s: whatever stands at a key, schema and reader agree on its shape", (_, words, put) => {
  const values = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      "",
      "a",
      "A",
      "a.out",
      "a.out==1",
      "exists(a.out)",
      "text.v1",
      "any",
      "stop",
      "inputs.x",
    ),
    fc.constantFrom<unknown>(
      -1,
      0,
      0.5,
      1,
      1.5,
      2,
      1e9,
      1e9 + 1,
      2 ** 53,
      1e300,
      "0",
      "{{params.x}}",
      "agent:a",
      "agent:a@b.c",
      "opening:a",
    ),
    fc.constantFrom<unknown>([], ["a"], ["a.out"], [1], [{}], {}, { a: 1 }, { a: "a.out" }, { type: "text.v1" }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(words), "unknown"), values, (key, value) => {
      const opening = put({ [key]: value });
      const text = stringify(opening, { aliasDuplicateObjects: false });
      const { diagnostics } = compileOpening({ file: "t.yaml", bytes: new TextEncoder().encode(text) }, world);
      const shape = diagnostics.filter(
        ({ code, severity, message }) => severity === "error" && SHAPE.includes(code) && !FINER.test(message),
      );
      if (diagnostics.some(({ message }) => SPELLED.test(message))) return;
      if (diagnostics.some(({ code }) => code === "OPENING_TEMPLATE" || code === "OPENING_CAPS")) return;
      expect(
        general(opening),
        `${text}\n${shape.map(({ message }) => message).join("\n")}\n${JSON.stringify(general.errors)}`,
      ).toBe(shape.length === 0);
    }),
    { numRuns: 200 },
  );
});

const node = (more: object): object => ({ ...smallest, nodes: [{ id: "a", ...more }] });
const mine = compiled(schemaDocument(schemaFor({ agents, openings: ["review"] }), ""));

test.each([
  ["an agent that is there", node({ use: "agent:echo" }), true],
  ["one that is not", node({ use: "agent:ehco" }), false],
  ["a variant", node({ use: "agent:echo@fast" }), true],
  ["an opening", node({ use: "opening:anything" }), true],
  ["a key of its schema", node({ use: "agent:contact_resolver", with: { query: "x", limit: 3 } }), true],
  ["a template for a number", node({ use: "agent:contact_resolver", with: { query: "x", limit: "{{params.n}}" } }), true],
  ["another type", node({ use: "agent:contact_resolver", with: { query: "x", limit: "3" } }), false],
  ["a key that it does not know", node({ use: "agent:contact_resolver", with: { query: "x", limits: 3 } }), false],
  ["without what it needs", node({ use: "agent:contact_resolver" }), false],
  ["an input", node({ use: "agent:writer", with: { topic: "x" } }), true],
  ["a key of an agent without a schema", node({ use: "agent:writer", with: { topics: "x" } }), false],
  [
    "asking a person, where there is something to ask",
    node({ use: "agent:mailer", with: { draft: {}, require_human_confirm: true } }),
    true,
  ],
  ["asking a person, where there is not", node({ use: "agent:writer", with: { require_human_confirm: true } }), false],
  ["for_each over an input", node({ use: "agent:writer", for_each: "context" }), true],
  ["for_each over something else", node({ use: "agent:writer", for_each: "contexts" }), false],
])("of the agents at hand: %s", (_, opening, valid) => {
  expect(mine(opening), JSON.stringify(mine.errors)).toBe(valid);
});

test("references within an agent's schema are found where it stands now", () => {
  const withSchema = {
    type: "object",
    properties: { a: { $ref: "#/$defs/few" } },
    $defs: { few: { type: "integer", maximum: 3 } },
  };
  const [echo] = agents.filter(({ name }) => name === "echo");
  if (!echo) throw new Error("no echo");
  const validate = compiled(schemaDocument(schemaFor({ agents: [{ ...echo, withSchema }], openings: [] }), ""));
  expect(validate(node({ use: "agent:echo", with: { a: 3 } }))).toBe(true);
  expect(validate(node({ use: "agent:echo", with: { a: 4 } }))).toBe(false);
});

test("of one file: edges go between its own ports", () => {
  const text = "version: 0\nname: t\nnodes:\n  - { id: a, use: agent:writer }\n  - { id: b, use: agent:critic }\n";
  const outline = outlineOf("t.yaml", new TextEncoder().encode(text));
  const validate = compiled(schemaDocument(schemaFor({ agents, openings: [], outline }), ""));
  const edge = (from: string, to: string): boolean =>
    validate({ ...smallest, nodes: [{ id: "a", use: "agent:writer" }], edges: [{ from, to }] }) === true;
  expect(edge("a.out", "b.in")).toBe(true);
  expect(edge("b.ok == true", "a.gate")).toBe(true);
  expect(edge("a.outt", "b.in")).toBe(false);
  expect(edge("c.out", "b.in")).toBe(false);
});
