/** `rlp fmt`: one form, the same meaning, comments kept. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { compileOpening } from "#openings/language/compile.js";
import { formatOpening } from "#openings/formatting/format-opening.js";
import { world } from "../language/agents.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function formatted(text: string | Uint8Array): string {
  const made = formatOpening("t.yaml", typeof text === "string" ? bytes(text) : text);
  if (!made.ok) throw new Error(made.diagnostics.map(({ message }) => message).join("\n"));
  return made.text;
}

const YAML = `# Who is written to.

name: compose   # its name
version: 0
policy: {timeout_ms: 5000,
  budget_tokens: 10}

edges:
  # the draft is judged
  - {to: b.in, from: 'a.out'}   # always
  - to: b.gate
    from: 'a.out=="x"'
nodes:
- use: 'agent:writer'
  id: a
  # few words
  with:
    topic: "{{params.topic}}"
    recipients:
      - email: a very long address that goes on and on for a while@example.com
        name: a very long name that goes on and on too, with a comma
  retry: {backoff_ms: 5, max_attempts: 2}

- {id: b, use: agent:critic, tags: []}
params: {topic: "two
    lines"}
odd: 1
# the end
`;

test("keys in order, one line for what fits, comments where they were", () => {
  expect(formatted(YAML)).toMatchInlineSnapshot(`
    "# Who is written to.

    version: 0
    name: compose # its name
    params: { topic: "two lines" }
    policy: { budget_tokens: 10, timeout_ms: 5000 }
    nodes:
      - id: a
        use: "agent:writer"
        # few words
        with:
          topic: "{{params.topic}}"
          recipients:
            - email: a very long address that goes on and on for a while@example.com
              name: a very long name that goes on and on too, with a comma
        retry: { max_attempts: 2, backoff_ms: 5 }

      - { id: b, use: agent:critic, tags: [] }
    edges:
      # the draft is judged
      - { from: "a.out", to: b.in } # always
      - from: 'a.out=="x"'
        to: b.gate
    odd: 1

    # the end
    "
  `);
});

const BRACE = `// Who is written to.
opening "compose" {
  // what it is about
  params: { topic: "a
b" }
}`;

test("the brace form as YAML, with its comments", () => {
  const text = `// Who is written to.
opening "compose" {
  # what it is about
  params: { topic: "two\\nlines", /* */ }
}`;
  expect(formatOpening("t.opening", bytes(text)).ok).toBe(false);
  expect(formatOpening("t.opening", bytes(BRACE)).ok).toBe(false);
  expect(
    formatted(`// Who is written to.
opening "compose" {
  # what it is about
  params: { topic: "two\\nlines" } // in two lines
  nodes: // first
    a := agent("writer", topic="{{params.topic}}") // the writer
    // the critic
    b := agent("critic") {
      # loosely
      tags: [loose]
      budget: 5s
    }
  edges:
    a.out -> b.in // judged
    a.out=="x" -> b.gate
  // the end
}
# behind
`),
  ).toMatchInlineSnapshot(`
    "# Who is written to.

    version: 0
    name: compose
    # what it is about
    # in two lines
    params:
      topic: |-
        two
        lines
    # first
    nodes:
      # the writer
      - id: a
        use: agent:writer
        with: { topic: "{{params.topic}}" }
      # the critic
      # loosely
      - id: b
        use: agent:critic
        timeout_ms: 5000
        tags: [loose]
    edges:
      # judged
      - { from: a.out, to: b.in }
      - { from: a.out=="x", to: b.gate }

    # the end
    # behind
    "
  `);
});

const corpus = join(import.meta.dirname, "../corpus");
const files = readdirSync(corpus).filter((name) => /\.(?:yaml|opening)$/.test(name));
const root = join(import.meta.dirname, "../../..");
const examples = ["examples/openings", "examples/guide"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => join(folder, name)),
);

test.each(files)("%s: formatted it means the same, and formatting again changes nothing", (file) => {
  const source = readFileSync(join(corpus, file));
  const made = formatOpening(file, source);
  if (!made.ok) {
    expect(file.startsWith("valid-")).toBe(false);
    return;
  }
  const [before, after] = [
    compileOpening({ file, bytes: source }, world),
    compileOpening({ file, bytes: bytes(made.text) }, world),
  ];
  expect(after.opening).toEqual(before.opening);
  // The same is wrong with it, elsewhere.
  const told = (diagnostics: typeof before.diagnostics): readonly string[] =>
    diagnostics
      .filter(({ code }) => code !== "OPENING_ENCODING")
      .map(({ code, message }) => `${code} ${message.replace(/line \d+/, "")}`)
      .sort();
  if (before.diagnostics.length < 100 && !file.startsWith("brace"))
    expect(told(after.diagnostics)).toEqual(told(before.diagnostics));
  expect(formatted(made.text)).toBe(made.text);
});

test.each(examples)("%s is in its usual form", (file) => {
  const text = readFileSync(join(root, file), "utf8");
  expect(formatted(text)).toBe(text);
});

test("what is no map is refused with its place, not formatted", () => {
  expect(formatOpening("t.yaml", bytes("  é # nor here\n"))).toMatchObject({
    ok: false,
    diagnostics: [{ code: "OPENING_TYPE" }],
  });
});

test("a carriage return in a comment does not begin another one each time", () => {
  const made = formatted("# a\r#b\nversion: 0\nname: t # c\rd\n");
  expect(formatted(made)).toBe(made);
});

test("aliases that stand for millions of values are compared without writing them out", () => {
  const levels = Array.from(
    { length: 6 },
    (_, index) => `  l${index + 1}: &l${index + 1} [${Array.from({ length: 9 }, () => `*l${index}`).join(", ")}]`,
  );
  const made = formatted(`version: 0\nname: t\nparams:\n  l0: &l0 x\n${levels.join("\n")}\n`);
  expect(formatted(made)).toBe(made);
});

test("an anchor moves to where its value stands first, and names that are used twice part", () => {
  const text = `version: 0
name: t
nodes:
  - { id: a, use: agent:echo, with: { in: &x [1, 2] } }
  - { id: b, use: agent:echo, with: { in: *x } }
  - { id: c, use: agent:echo, with: { in: &x [3] } }
  - { id: d, use: agent:echo, with: { in: *x } }
params: { p: *x }
`;
  const made = formatted(text);
  const open = (source: string) => compileOpening({ file: "t", bytes: bytes(source) }, world).opening;
  expect(open(made)).toEqual(open(text));
  expect(open(made)?.params).toEqual({ p: [3] });
  expect(made).toContain("&x [3]");
  expect(made).toContain("&x2");
});

test("whatever is in it, and however it was written: the same values, and once is enough", () => {
  const word = fc.oneof(
    fc.string({
      unit: fc.constantFrom(
        "a",
        " ",
        "\n",
        ":",
        "#",
        "-",
        "'",
        '"',
        "\\",
        "{",
        "}",
        "é",
        "漢",
        "\t",
        "0",
        ",",
        "&",
        "*",
        "!",
        "|",
        "%",
        "@",
        "~",
      ),
      maxLength: 30,
    }),
    fc.constantFrom("true", "null", "1e3", "0x10", "2020-01-01", "yes", "~", "", "- a", "a: b", "<<", "=", "long ".repeat(40)),
  );
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      word,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("value"), { maxLength: 4 }),
    map: fc.dictionary(word, tie("value"), { maxKeys: 4 }),
  })).value;
  const style = fc.record({
    defaultStringType: fc.constantFrom(
      "PLAIN" as const,
      "QUOTE_SINGLE" as const,
      "QUOTE_DOUBLE" as const,
      "BLOCK_LITERAL" as const,
      "BLOCK_FOLDED" as const,
    ),
    collectionStyle: fc.constantFrom("any" as const, "block" as const, "flow" as const),
    lineWidth: fc.constantFrom(0, 20, 80),
  });
  fc.assert(
    fc.property(value, value, style, (params, given, how) => {
      const text = stringify(
        { nodes: [{ with: { in: given }, use: "agent:echo", id: "a" }], params: { params }, name: "t", version: 0 },
        { ...how, defaultKeyType: "QUOTE_DOUBLE" },
      );
      const made = formatOpening("t.yaml", bytes(text));
      if (!made.ok) return; // a merge key, say
      expect(formatted(made.text)).toBe(made.text);
    }),
    { numRuns: 200 },
  );
});
