/** `rlp graph`: what is drawn, that boxes lie apart, and that nothing in an opening breaks out of a drawing. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { NodeId } from "#core/ids.js";
import { dotText } from "#openings/graph/dot.js";
import { drawOpening } from "#openings/graph/drawing.js";
import { layOut } from "#openings/graph/layout.js";
import { mermaidText } from "#openings/graph/mermaid.js";
import { svgText } from "#openings/graph/svg.js";
import type { Opening, OpeningEdge, OpeningNode } from "#openings/ir.js";
import { compileOpening } from "#openings/language/compile.js";
import { world } from "../language/agents.js";

function opened(text: string): Opening {
  const { opening, diagnostics } = compileOpening({ file: "t.yaml", bytes: new TextEncoder().encode(text) }, world);
  if (!opening) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return opening;
}

const WHOLE = opened(
  `
version: 0
name: whole
inputs: { recipients: contact.list.v1 }
outputs: { verdicts: each.ok }
nodes:
  - { id: draft, use: agent:writer, on_error: spare, retry: { max_attempts: 3 } }
  - { id: each, use: opening:review, for_each: draft }
  - { id: send, use: "agent:mailer@fast" }
  - { id: spare, use: agent:fallback }
edges:
  - { from: inputs.recipients, to: draft.recipients }
  - { from: draft.out, to: each.draft }
  - { from: draft.out, to: each.note }
  - { from: draft.out, to: send.draft }
  - { from: 'each.out=="fine; <b>\\"-->"', to: send.gate }
`.replace("- { from: draft.out, to: each.note }\n", "- { from: spare.out, to: each.note }\n"),
);

test("Mermaid: openings as subgraphs, guards dotted, recovery in red, quotes and HTML as numbers", () => {
  expect(mermaidText(drawOpening(WHOLE))).toMatchInlineSnapshot(`
    "flowchart TD
      %% whole
      n0["draft<br/>agent writer<br/>3 attempts"]
      n1["send<br/>agent mailer@fast"]
      n2["spare<br/>agent fallback"]
      n3(["inputs<br/>recipients"])
      n4(["outputs<br/>verdicts"])
      subgraph g5["each · opening:review · for each draft"]
        n5["judge<br/>agent critic"]
        n6["asked<br/>agent writer"]
        n7(["inputs<br/>draft<br/>note"])
        n8(["outputs<br/>ok<br/>out"])
      end
      n3 -->|"recipients → recipients"| n0
      n0 -->|"out → draft"| n7
      n2 -->|"out → note"| n7
      n0 -->|"out → draft"| n1
      n8 -.->|"out == #34;fine#59; #60;b#62;#92;#34;--#62;#34;"| n1
      n0 -.->|"on error → error"| n2
      n8 -->|"ok → verdicts"| n4
      n7 -->|"draft → in"| n5
      n5 -->|"ok → ok<br/>review → out"| n8
      linkStyle 5 stroke:#b3261e
    "
  `);
});

test("DOT: openings as clusters", () => {
  expect(dotText(drawOpening(WHOLE))).toMatchInlineSnapshot(`
    "digraph "whole" {
      rankdir=TB;
      node [shape=box, style=rounded, fontname="monospace", fontsize=11];
      edge [fontname="monospace", fontsize=9];
      "draft" [label="draft\\nagent writer\\n3 attempts"];
      "send" [label="send\\nagent mailer@fast"];
      "spare" [label="spare\\nagent fallback"];
      "inputs" [label="inputs\\nrecipients", shape=ellipse];
      "outputs" [label="outputs\\nverdicts", shape=ellipse];
      subgraph cluster_0 {
        label="each\\nopening:review\\nfor each draft";
        "each/judge" [label="judge\\nagent critic"];
        "each/asked" [label="asked\\nagent writer"];
        "each/inputs" [label="inputs\\ndraft\\nnote", shape=ellipse];
        "each/outputs" [label="outputs\\nok\\nout", shape=ellipse];
      }
      "inputs" -> "draft" [label="recipients → recipients"];
      "draft" -> "each/inputs" [label="out → draft"];
      "spare" -> "each/inputs" [label="out → note"];
      "draft" -> "send" [label="out → draft"];
      "each/outputs" -> "send" [label="out == \\"fine; <b>\\\\\\"-->\\"", style=dashed];
      "draft" -> "spare" [label="on error → error", style=dotted, color="#b3261e", fontcolor="#b3261e"];
      "each/outputs" -> "outputs" [label="ok → verdicts"];
      "each/inputs" -> "each/judge" [label="draft → in"];
      "each/judge" -> "each/outputs" [label="ok → ok\\nreview → out"];
    }
    "
  `);
});

test("SVG: every box and arrow, guards and recovery drawn apart, and a legend of what is in it", async () => {
  const svg = await svgText(drawOpening(WHOLE));
  for (const title of ["draft", "send", "spare", "judge", "asked"]) expect(svg).toContain(`>${title}</text>`);
  expect(svg).toContain('stroke-dasharray="6 4" marker-end="url(#head-guard)"');
  expect(svg).toContain('stroke-dasharray="2 3" marker-end="url(#head-recovery)"');
  expect(svg).toContain("fine; &lt;b&gt;");
  expect(svg).not.toContain("<b>");
  const plain = await svgText(drawOpening(opened("version: 0\nname: t\nnodes: [{ id: a, use: agent:echo }]\n")));
  expect(plain).not.toContain("takes over");
});

const node = (id: string, more: Partial<OpeningNode> = {}): OpeningNode => ({
  id: id as NodeId,
  agent: "echo",
  variant: null,
  with: {},
  retry: { max_attempts: 1, backoff_ms: 0, multiplier: 1, max_backoff_ms: 0, jitter: 0 },
  timeout_ms: null,
  budget_tokens: null,
  tags: [],
  ...more,
});
const opening = (nodes: readonly OpeningNode[], edges: readonly OpeningEdge[], more: Partial<Opening> = {}): Opening => ({
  version: 0,
  name: "t",
  goals: [],
  params: {},
  policy: { budget_tokens: null, timeout_ms: null, confirm_external: true, max_parallel: null },
  nodes,
  edges,
  success: null,
  artifacts: { save: [] },
  ...more,
});

/** Edges go forward only. */
const graphs = fc.integer({ min: 1, max: 50 }).chain((count) =>
  fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.boolean()), { maxLength: count * 2 }).map((pairs) =>
    opening(
      Array.from({ length: count }, (_, index) => node(`node_${index}`)),
      pairs.flatMap(([a, b, guard]) =>
        a === b
          ? []
          : [
              {
                from: { node: `node_${Math.min(a, b)}` as NodeId, port: "out" },
                to: { node: `node_${Math.max(a, b)}` as NodeId, port: "in" },
                guard: guard ? ({ op: "==", literal: "x" } as const) : null,
              },
            ],
      ),
    ),
  ),
);

test("up to fifty nodes: every box is inside, none lies on another, and every arrow has a way", async () => {
  await fc.assert(
    fc.asyncProperty(graphs, async (made) => {
      const { boxes, arrows, width, height } = await layOut(drawOpening(made));
      expect(boxes.length).toBe(made.nodes.length);
      for (const [index, a] of boxes.entries()) {
        expect(
          a.x - a.width / 2 >= 0 && a.x + a.width / 2 <= width && a.y - a.height / 2 >= 0 && a.y + a.height / 2 <= height,
        ).toBe(true);
        for (const b of boxes.slice(index + 1))
          expect(
            Math.abs(a.x - b.x) >= (a.width + b.width) / 2 - 0.01 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2 - 0.01,
          ).toBe(true);
      }
      for (const { points } of arrows) expect(points.length).toBeGreaterThan(1);
    }),
    { numRuns: 15 },
  );
});

test("boxes of an inner opening lie in its own, those of others outside of it", async () => {
  const { boxes, groups } = await layOut(drawOpening(WHOLE));
  const [group] = groups;
  if (!group) throw new Error("no group");
  for (const { box, x, y, width, height } of boxes) {
    const inside =
      Math.abs(x - group.x) + width / 2 <= group.width / 2 + 0.01 &&
      Math.abs(y - group.y) + height / 2 <= group.height / 2 + 0.01;
    expect([box.id, inside]).toEqual([box.id, box.id.startsWith("each/")]);
  }
});

test("whatever stands in a literal, each format stays what it is", async () => {
  const hostile = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        '"',
        "\\",
        "<",
        ">",
        "&",
        "]",
        ")",
        "}",
        ";",
        "#",
        "`",
        "|",
        "\n",
        "\u0000",
        "\u202e",
        "\ud800",
        "\ufffe",
        "%%",
        "-->",
        "]]>",
        "</text>",
        "end",
      ),
      fc.string({ unit: "binary", maxLength: 2 }),
    ),
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(hostile, async (literal) => {
      const made = drawOpening(
        opening(
          [node("a"), node("b")],
          [{ from: { node: "a" as NodeId, port: "out" }, to: { node: "b" as NodeId, port: "in" }, guard: { op: "==", literal } }],
        ),
      );
      expect(mermaidText(made).split("\n")).toHaveLength(6);
      expect(/\|"([^"|]*)"\|/.exec(mermaidText(made))?.[1]).not.toMatch(/[<>`\\;](?<!#\d+;)/);
      const dot = dotText(made);
      expect(dot.split("\n")).toHaveLength(9);
      expect(/"a" -> "b" \[label="(?:[^"\\]|\\["\\n])*", style=dashed\];/.test(dot)).toBe(true);
      const svg = await svgText(made);
      // Well-formed: tags close in order, and no character is left that XML forbids.
      const open: string[] = [];
      for (const [, close, name = "", self] of svg.matchAll(/<(\/?)([a-z]+)(?:\s+[a-zA-Z:-]+="[^"<]*")*\s*(\/?)>/g))
        if (close) expect(open.pop()).toBe(name);
        else if (!self) open.push(name);
      expect(open).toEqual([]);
      expect(svg.replace(/<\/?[a-z]+(?:\s+[a-zA-Z:-]+="[^"<]*")*\s*\/?>/g, "")).not.toMatch(
        /[<\u0000-\u0009\ufffe\uffff]|&(?!(?:amp|lt|gt|quot|#39);)/,
      );
      expect(svg.isWellFormed()).toBe(true);
    }),
    { numRuns: 100 },
  );
});
