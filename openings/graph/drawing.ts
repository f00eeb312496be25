/** An opening as boxes and arrows: what every format of `rlp graph` draws. Openings inside of it are boxes around their own nodes. */
import { ERROR_PORT, INPUTS, usedName, type Opening, type OpeningNode } from "../ir.js";

export interface Box {
  /** Once in the drawing: the path of ids through openings, `review/judge`. */
  readonly id: string;
  readonly kind: "node" | "inputs" | "outputs";
  readonly title: string;
  /** What runs there; below it what is special about it. */
  readonly lines: readonly string[];
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly kind: "value" | "guard" | "recovery";
  /** One for each edge of the file between these two. */
  readonly labels: readonly string[];
}

export interface Group {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly boxes: readonly Box[];
  readonly groups: readonly Group[];
}

export interface Drawing {
  readonly root: Group;
  readonly arrows: readonly Arrow[];
}

export function drawOpening(opening: Opening): Drawing {
  const arrows = new Map<string, { from: string; to: string; kind: Arrow["kind"]; labels: string[] }>();
  const arrow = (from: string, to: string, kind: Arrow["kind"], label: string): void => {
    const key = `${kind}\n${from}\n${to}`;
    const known = arrows.get(key);
    if (known) known.labels.push(label);
    else arrows.set(key, { from, to, kind, labels: [label] });
  };
  const root = drawGroup(opening, "", opening.name, [], arrow);
  return { root, arrows: [...arrows.values()] };
}

type Draw = (from: string, to: string, kind: Arrow["kind"], label: string) => void;

function drawGroup(opening: Opening, path: string, title: string, lines: readonly string[], arrow: Draw): Group {
  const at = (id: string): string => (path === "" ? id : `${path}/${id}`);
  const inner = new Set(opening.nodes.flatMap((node) => (node.opening ? [node.id as string] : [])));
  // An opening is entered by its inputs and left by its outputs.
  const leaves = (id: string): string => (inner.has(id) ? `${at(id)}/${OUTPUTS}` : at(id));
  const enters = (id: string): string => (inner.has(id) ? `${at(id)}/${INPUTS}` : at(id));

  for (const { from, to, guard } of opening.edges)
    if (guard) arrow(leaves(from.node), enters(to.node), "guard", `${from.port} ${guard.op} ${JSON.stringify(guard.literal)}`);
    else arrow(leaves(from.node), enters(to.node), "value", `${from.port} → ${to.port}`);
  for (const { id, on_error: target } of opening.nodes)
    if (target !== undefined) arrow(leaves(id), enters(target), "recovery", `on error → ${ERROR_PORT}`);
  for (const [name, { node, port }] of Object.entries(opening.outputs ?? {}))
    arrow(leaves(node), at(OUTPUTS), "value", `${port} → ${name}`);

  const boxes: Box[] = opening.nodes.flatMap((node) =>
    node.opening ? [] : [{ id: at(node.id), kind: "node", title: node.id, lines: [`agent ${usedName(node)}`, ...notesOf(node)] }],
  );
  // Of an inner opening they are there whatever it declares: a guard may lead to it, and a failure away from it.
  if (opening.inputs || path !== "")
    boxes.push({ id: at(INPUTS), kind: "inputs", title: INPUTS, lines: Object.keys(opening.inputs ?? {}) });
  if (opening.outputs || path !== "")
    boxes.push({ id: at(OUTPUTS), kind: "outputs", title: OUTPUTS, lines: Object.keys(opening.outputs ?? {}) });
  const groups = opening.nodes.flatMap((node) =>
    node.opening ? [drawGroup(node.opening, at(node.id), node.id, [usedName(node), ...notesOf(node)], arrow)] : [],
  );
  return { id: path, title, lines, boxes, groups };
}

const OUTPUTS = "outputs";

/** What makes a node more than one attempt of one agent. */
function notesOf({ for_each: each, retry }: OpeningNode): readonly string[] {
  return [
    ...(each === undefined ? [] : [`for each ${each}`]),
    ...(retry.max_attempts > 1 ? [`${retry.max_attempts} attempts`] : []),
  ];
}
