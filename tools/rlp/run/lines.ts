/** The lines of the live view: a pure function of the view, the size of the terminal and the time. */
import { visibleLine } from "#core/visible.js";
import type { Colours } from "../terminal/colours.js";
import { duration } from "../terminal/quantity.js";
import type { Size } from "../terminal/screen.js";
import { mark, paint } from "../terminal/state.js";
import { cut, pad, width } from "../terminal/width.js";
import type { NodeView, RunView } from "./view.js";

export interface Look {
  readonly colours: Colours;
  readonly unicode: boolean;
}

/** A heading, a line for each node (those that matter most where not all fit), and a count of the rest. */
export function liveLines(view: RunView, { columns, rows }: Size, nowMs: number, look: Look): string[] {
  const all = [...view.nodes.values()];
  const space = Math.max(1, rows - 3);
  const chosen = all.length <= space ? all : mostTelling(all, space - 1);
  const names = Math.min(24, Math.max(4, ...chosen.map(({ id }) => width(id))));
  const lines = [heading(view, columns, nowMs, look), ...chosen.map((node) => nodeLine(node, names, nowMs, look))];
  if (chosen.length < all.length) lines.push(look.colours.dim(`  and ${restOf(all.filter((node) => !chosen.includes(node)))}`));
  return lines.map((line) => cut(line, columns - 1));
}

function heading(view: RunView, columns: number, nowMs: number, { colours, unicode }: Look): string {
  const elapsed = view.startedMs === null ? "" : duration(Math.max(0, (view.endedMs ?? nowMs) - view.startedMs));
  const line = [
    paint(view.state, mark(view.state, unicode), colours),
    colours.bold(visibleLine(view.name)),
    paint(view.state, view.state, colours),
    elapsed,
  ]
    .filter((part) => part !== "")
    .join("  ");
  const id = view.traceId ?? "";
  return id !== "" && width(line) + id.length + 3 < columns ? `${line}   ${colours.dim(id)}` : line;
}

function nodeLine(node: NodeView, names: number, nowMs: number, { colours, unicode }: Look): string {
  const { state } = node;
  const ms =
    node.durationMs ??
    (node.startedMs === null || state === "pending" || state === "skipped" ? null : Math.max(0, nowMs - node.startedMs));
  const attempt = node.attempt > 1 ? `attempt ${node.attempt}` : "";
  const calls = node.calls > 0 && node.state === "ok" ? `${node.calls} call${node.calls === 1 ? "" : "s"}` : "";
  const note = [attempt, calls, visibleLine(node.note)].filter((part) => part !== "").join(", ");
  return [
    `  ${paint(state, mark(state, unicode), colours)} ${paint(state, pad(state, 9), colours)}`,
    pad(cut(visibleLine(node.id), names), names),
    (ms === null ? "" : duration(ms)).padStart(8),
    note === "" ? colours.dim(visibleLine(node.agent)) : note,
  ].join("  ");
}

const telling: Readonly<Record<NodeView["state"], number>> = {
  waiting: 0,
  error: 1,
  running: 2,
  retrying: 2,
  cancelled: 3,
  parked: 3,
  interrupted: 3,
  pending: 4,
  skipped: 5,
  ok: 6,
};

/** The `count` nodes that say most, in the order of the opening. */
function mostTelling(nodes: readonly NodeView[], count: number): NodeView[] {
  const ranked = nodes
    .map((node, index) => ({ node, index }))
    .sort((a, b) => telling[a.node.state] - telling[b.node.state] || a.index - b.index);
  return ranked
    .slice(0, Math.max(0, count))
    .sort((a, b) => a.index - b.index)
    .map(({ node }) => node);
}

function restOf(nodes: readonly NodeView[]): string {
  const counts = new Map<string, number>();
  for (const { state } of nodes) counts.set(state, (counts.get(state) ?? 0) + 1);
  return `${nodes.length} more: ${[...counts].map(([state, count]) => `${count} ${state}`).join(", ")}`;
}
