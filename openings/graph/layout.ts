/** Where boxes, groups and arrows go, by dagre: a layered layout, downwards. Lengths in pixels. */
import { cellsOf } from "../language/format.js";
import type { Arrow, Box, Drawing, Group } from "./drawing.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}
/** `x` and `y` are the middle. */
export interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}
export interface PlacedBox extends Rectangle {
  readonly box: Box;
  readonly text: readonly string[];
}
export interface PlacedGroup extends Rectangle {
  readonly group: Group;
}
export interface PlacedArrow {
  readonly arrow: Arrow;
  readonly points: readonly Point[];
  readonly label: Point;
  readonly text: readonly string[];
}
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly PlacedBox[];
  /** Outer ones first. */
  readonly groups: readonly PlacedGroup[];
  readonly arrows: readonly PlacedArrow[];
}

/** Columns of text in a box and at an arrow; what is longer is cut, and whole in its tooltip. */
const COLUMNS = 26;
const LABEL_COLUMNS = 24;
/** A column of the fonts of boxes and of labels, in pixels, with some air for fonts that are wider. */
const CELL = 7.4;
const LABEL_CELL = 6;
export const LINE = 15;
export const LABEL_LINE = 12;

export async function layOut({ root, arrows }: Drawing): Promise<Layout> {
  const { Graph, layout } = await import("@dagrejs/dagre");
  const graph = new Graph({ directed: true, compound: true, multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 34, edgesep: 14, marginx: 24, marginy: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  const boxes: { box: Box; text: readonly string[] }[] = [];
  const groups: Group[] = [];
  const place = (group: Group, parent: string | null): void => {
    for (const box of group.boxes) {
      const text = headed(box, group).map((line) => cut(line, COLUMNS));
      boxes.push({ box, text });
      graph.setNode(boxId(box), { width: widthOf(text, CELL) + 20, height: text.length * LINE + 14 });
      if (parent !== null) graph.setParent(boxId(box), parent);
    }
    for (const each of group.groups) {
      const id = `group ${each.id}`;
      groups.push(each);
      graph.setNode(id, {});
      if (parent !== null) graph.setParent(id, parent);
      place(each, id);
    }
  };
  place(root, null);
  const plain = portsApart(arrows);
  const drawn = arrows.map((arrow) => ({ arrow, text: plain(arrow) ? [] : labelOf(arrow) }));
  for (const [index, { arrow, text }] of drawn.entries()) {
    const size = text.length > 0 ? { width: widthOf(text, LABEL_CELL) + 6, height: text.length * LABEL_LINE + 2 } : {};
    graph.setEdge(`box ${arrow.from}`, `box ${arrow.to}`, { ...size, labelpos: "c", minlen: 1 }, String(index));
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    boxes: boxes.map(({ box, text }) => ({ box, text, ...rectangle(graph.node(boxId(box))) })),
    groups: groups.map((group) => ({ group, ...rectangle(graph.node(`group ${group.id}`)) })),
    arrows: drawn.map(({ arrow, text }, index) => {
      const { points, x, y } = graph.edge(`box ${arrow.from}`, `box ${arrow.to}`, String(index)) as unknown as Partial<Point> & {
        points: readonly Point[];
      };
      return { arrow, text, points, label: { x: x ?? 0, y: y ?? 0 } };
    }),
  };
}

const boxId = ({ id }: Box): string => `box ${id}`;

/** What an inner opening is stands where it is entered: there is room for it, and no arrow crosses it. */
function headed(box: Box, group: Group): readonly string[] {
  if (box.kind !== "inputs" || group.id === "") return [box.title, ...box.lines];
  return [group.title, ...group.lines, ...(box.lines.length > 0 ? [`takes ${box.lines.join(", ")}`] : [])];
}

/** Says of an arrow that its ports go without saying: the only output that its source uses, the only input that its target gets. */
function portsApart(arrows: readonly Arrow[]): (arrow: Arrow) => boolean {
  const used = new Map<string, Set<string>>();
  const note = (box: string, port: string | undefined): void => {
    used.set(box, (used.get(box) ?? new Set()).add(port ?? ""));
  };
  const values = arrows.filter(({ kind }) => kind === "value");
  for (const { from, to, labels } of values)
    for (const label of labels) {
      const [output, input] = label.split(" → ");
      note(`${from} >`, output);
      note(`> ${to}`, input);
    }
  return ({ kind, from, to }) => kind === "value" && used.get(`${from} >`)?.size === 1 && used.get(`> ${to}`)?.size === 1;
}

/** Many edges between two nodes take few lines. */
function labelOf({ labels }: Arrow): readonly string[] {
  const shown = labels.slice(0, 3).map((label) => cut(label, LABEL_COLUMNS));
  return labels.length > 3 ? [...shown, `… ${labels.length - 3} more`] : shown;
}

function rectangle(placed: unknown): Rectangle {
  const { x, y, width, height } = placed as Rectangle;
  return { x, y, width, height };
}

const columnsOf = (text: string): number => [...text].reduce((sum, character) => sum + cellsOf(character), 0);
const widthOf = (lines: readonly string[], cell: number): number => Math.max(...lines.map((line) => columnsOf(line) * cell));

function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let shown = "";
  let width = 1;
  for (const character of text) {
    width += cellsOf(character);
    if (width > columns) break;
    shown += character;
  }
  return `${shown}…`;
}
