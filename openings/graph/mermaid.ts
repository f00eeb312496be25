/** A drawing as a Mermaid flowchart. */
import { visibleLine } from "#core/visible.js";
import type { Arrow, Box, Drawing, Group } from "./drawing.js";

const LINK: Readonly<Record<Arrow["kind"], string>> = { value: "-->", guard: "-.->", recovery: "-.->" };

export function mermaidText({ root, arrows }: Drawing): string {
  // Words of Mermaid's own (`end`, `class`) must not be ids: boxes are numbered.
  const ids = new Map<string, string>();
  const lines = ["flowchart TD", `  %% ${root.title}`];
  const draw = (group: Group, indent: string): void => {
    for (const box of group.boxes) {
      const id = `n${ids.size}`;
      ids.set(box.id, id);
      lines.push(`${indent}${id}${shaped(box)}`);
    }
    for (const each of group.groups) {
      lines.push(`${indent}subgraph g${ids.size}["${label([each.title, ...each.lines], " · ")}"]`);
      draw(each, `${indent}  `);
      lines.push(`${indent}end`);
    }
  };
  draw(root, "  ");
  const recoveries: number[] = [];
  for (const [index, { from, to, kind, labels }] of arrows.entries()) {
    lines.push(`  ${ids.get(from)} ${LINK[kind]}|"${label(labels, "<br/>")}"| ${ids.get(to)}`);
    if (kind === "recovery") recoveries.push(index);
  }
  if (recoveries.length > 0) lines.push(`  linkStyle ${recoveries.join(",")} stroke:#b3261e`);
  return `${lines.join("\n")}\n`;
}

function shaped({ kind, title, lines }: Box): string {
  const text = label([title, ...lines], "<br/>");
  return kind === "node" ? `["${text}"]` : `(["${text}"])`;
}

const label = (lines: readonly string[], between: string): string => lines.map(escaped).join(between);

/** Mermaid reads quotes, back-ticks, `#…;` and HTML in labels: whatever is not plain is written as its number. */
function escaped(text: string): string {
  return visibleLine(text).replace(/[^\p{L}\p{N} ._,:@/→·=+*-]/gu, (character) => `#${character.codePointAt(0)};`);
}
