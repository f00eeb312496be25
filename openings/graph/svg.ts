/** A drawing as SVG: no script, no style sheet, no font of its own. */
import { visibleLine } from "#core/visible.js";
import type { Arrow, Drawing } from "./drawing.js";
import { LABEL_LINE, layOut, LINE, type PlacedArrow, type PlacedBox, type PlacedGroup, type Point } from "./layout.js";

const INK = "#1f2328";
const SOFT = "#57606a";
const FAILS = "#b3261e";
const LEGEND: readonly (readonly [Arrow["kind"], string])[] = [
  ["value", "carries values"],
  ["guard", "a guard: only gates"],
  ["recovery", "takes over after a failure"],
];

export async function svgText(drawing: Drawing): Promise<string> {
  const { width, height, boxes, groups, arrows } = await layOut(drawing);
  const kinds = new Set(arrows.map(({ arrow }) => arrow.kind));
  const legend = LEGEND.filter(([kind]) => kinds.has(kind));
  const [w, h] = [Math.ceil(Math.max(width, 520)), Math.ceil(height + 40 + (legend.length > 1 ? 28 : 0))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace">`,
    `<title>${escaped(drawing.root.title)}</title>`,
    `<defs>${Object.values(["value", "guard", "recovery"] as const)
      .map(marker)
      .join("")}</defs>`,
    `<rect width="${w}" height="${h}" fill="#ffffff"/>`,
    `<text x="24" y="28" font-size="15" font-weight="bold" fill="${INK}">${escaped(drawing.root.title)}</text>`,
    `<g transform="translate(0 36)">`,
    ...groups.map(groupSvg),
    ...arrows.map(arrowSvg),
    ...boxes.map(boxSvg),
    ...arrows.filter(({ text }) => text.length > 0).map(labelSvg),
    "</g>",
    ...(legend.length > 1 ? [legendSvg(legend, h - 20)] : []),
    "</svg>\n",
  ].join("\n");
}

const colour = (kind: Arrow["kind"]): string => (kind === "recovery" ? FAILS : kind === "guard" ? INK : SOFT);
const dashes = (kind: Arrow["kind"]): string =>
  kind === "value" ? "" : ` stroke-dasharray="${kind === "guard" ? "6 4" : "2 3"}"`;

function marker(kind: Arrow["kind"]): string {
  return `<marker id="head-${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="${colour(kind)}"/></marker>`;
}

function boxSvg({ box, text, x, y, width, height }: PlacedBox): string {
  const [left, top] = [x - width / 2, y - height / 2];
  const round = box.kind === "node" ? 5 : 16;
  const fill = box.kind === "node" ? "#f6f8fa" : "#eef4ff";
  const lines = text.map(
    (line, index) =>
      `<text x="${n(x)}" y="${n(top + 18 + index * LINE)}" text-anchor="middle" font-size="12" fill="${index === 0 ? INK : SOFT}"${index === 0 ? ' font-weight="bold"' : ""}>${escaped(line)}</text>`,
  );
  return `<g><title>${escaped([box.id, ...box.lines].join(", "))}</title><rect x="${n(left)}" y="${n(top)}" width="${n(width)}" height="${n(height)}" rx="${round}" fill="${fill}" stroke="${SOFT}"/>${lines.join("")}</g>`;
}

function groupSvg({ group, x, y, width, height }: PlacedGroup): string {
  const [left, top] = [x - width / 2, y - height / 2];
  const title = escaped([group.id, ...group.lines].join(", "));
  return `<g><title>${title}</title><rect x="${n(left)}" y="${n(top)}" width="${n(width)}" height="${n(height)}" rx="8" fill="${SOFT}" fill-opacity="0.06" stroke="${SOFT}" stroke-opacity="0.5"/></g>`;
}

function arrowSvg({ arrow, points }: PlacedArrow): string {
  const { kind, from, to, labels } = arrow;
  return `<g><title>${escaped(`${from} to ${to}: ${labels.join("; ")}`)}</title><path d="${curve(points)}" fill="none" stroke="${colour(kind)}" stroke-width="1.3"${dashes(kind)} marker-end="url(#head-${kind})"/></g>`;
}

/** Through the middles of its segments, bent at its points. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = points.at(-1);
  if (!first || !last) return "";
  const path = [`M${n(first.x)} ${n(first.y)}`];
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    if (next) path.push(`Q${n(point.x)} ${n(point.y)} ${n((point.x + next.x) / 2)} ${n((point.y + next.y) / 2)}`);
  }
  return `${path.join(" ")} L${n(last.x)} ${n(last.y)}`;
}

/** On a ground of its own, so that it can be read where arrows cross it. */
function labelSvg({ arrow, text, label }: PlacedArrow): string {
  const widest = Math.max(...text.map((line) => [...line].length));
  const top = label.y - (text.length * LABEL_LINE) / 2;
  const ground = `<rect x="${n(label.x - widest * 3)}" y="${n(top)}" width="${n(widest * 6)}" height="${text.length * LABEL_LINE}" fill="#ffffff" fill-opacity="0.85"/>`;
  const lines = text.map(
    (line, index) =>
      `<text x="${n(label.x)}" y="${n(top + 9 + index * LABEL_LINE)}" text-anchor="middle" font-size="9.5" fill="${colour(arrow.kind)}">${escaped(line)}</text>`,
  );
  return `<g>${ground}${lines.join("")}</g>`;
}

function legendSvg(kinds: typeof LEGEND, y: number): string {
  const parts = kinds.map(([kind, says], index) => {
    const x = 24 + index * 165;
    return `<path d="M${x} ${y}h28" stroke="${colour(kind)}" stroke-width="1.3"${dashes(kind)} marker-end="url(#head-${kind})"/><text x="${x + 36}" y="${y + 3}" font-size="9.5" fill="${colour(kind)}">${says}</text>`;
  });
  return `<g>${parts.join("")}</g>`;
}

/** A tenth of a pixel is enough. */
const n = (value: number): number => Math.round(value * 10) / 10;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
/** Hidden characters are shown, and so none is left that XML forbids. */
const escaped = (text: string): string =>
  visibleLine(text)
    .replace(/[\ufffe\uffff]/g, "�")
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
