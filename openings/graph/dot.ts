/** A drawing in the language of Graphviz. */
import { visibleLine } from "#core/visible.js";
import type { Arrow, Box, Drawing, Group } from "./drawing.js";

const STYLE: Readonly<Record<Arrow["kind"], string>> = {
  value: "",
  guard: ", style=dashed",
  recovery: ', style=dotted, color="#b3261e", fontcolor="#b3261e"',
};

export function dotText({ root, arrows }: Drawing): string {
  const lines = [
    `digraph ${text([root.title])} {`,
    "  rankdir=TB;",
    '  node [shape=box, style=rounded, fontname="monospace", fontsize=11];',
    '  edge [fontname="monospace", fontsize=9];',
  ];
  let clusters = 0;
  const draw = (group: Group, indent: string): void => {
    for (const box of group.boxes)
      lines.push(`${indent}${text([box.id])} [label=${text([box.title, ...box.lines])}${shape(box)}];`);
    for (const each of group.groups) {
      lines.push(`${indent}subgraph cluster_${clusters++} {`, `${indent}  label=${text([each.title, ...each.lines])};`);
      draw(each, `${indent}  `);
      lines.push(`${indent}}`);
    }
  };
  draw(root, "  ");
  for (const { from, to, kind, labels } of arrows)
    lines.push(`  ${text([from])} -> ${text([to])} [label=${text(labels)}${STYLE[kind]}];`);
  return `${[...lines, "}"].join("\n")}\n`;
}

const shape = ({ kind }: Box): string => (kind === "node" ? "" : ", shape=ellipse");

/** A quoted string, its lines below each other. In it `\` and `"` have meaning, and nothing else. */
function text(lines: readonly string[]): string {
  return `"${lines.map((line) => visibleLine(line).replace(/[\\"]/g, "\\$&")).join("\\n")}"`;
}
