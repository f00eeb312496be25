/** The plan as rows: sources above what they feed, one column for each figure. */
import { visibleLine } from "#core/visible.js";
import { count, duration } from "../rlp/terminal/quantity.js";
import { mark } from "../rlp/terminal/state.js";
import { cut, pad, width } from "../rlp/terminal/width.js";
import type { Model, NodeRow } from "./model.js";
import type { Row } from "./row.js";

export interface Placed {
  readonly node: NodeRow;
  /** Longest way from a node without sources. */
  readonly depth: number;
}

const placed = new WeakMap<ReadonlyMap<string, NodeRow>, readonly Placed[]>();

/** By depth, and within one depth in the order in which the run named them. A cycle, which no run has, is cut where it closes. */
export function inOrder(nodes: ReadonlyMap<string, NodeRow>): readonly Placed[] {
  const known = placed.get(nodes);
  if (known) return known;
  const depths = new Map<string, number>();
  // An explicit stack: a chain can be as long as a plan.
  for (const start of nodes.keys()) {
    const open = [start];
    const entered = new Set<string>();
    while (open.length > 0) {
      const id = open.at(-1) ?? "";
      const sources = (nodes.get(id)?.sources ?? []).filter((source) => nodes.has(source));
      const missing = depths.has(id) ? [] : sources.filter((source) => !depths.has(source) && !entered.has(source));
      entered.add(id);
      if (missing.length > 0) {
        open.push(...missing);
        continue;
      }
      open.pop();
      if (!depths.has(id)) depths.set(id, Math.max(0, ...sources.map((source) => (depths.get(source) ?? -1) + 1)));
    }
  }
  const rows = [...nodes.values()].map((node) => ({ node, depth: depths.get(node.id) ?? 0 })).sort((a, b) => a.depth - b.depth);
  placed.set(nodes, rows);
  return rows;
}

export function matching(rows: readonly Placed[], filter: string): readonly Placed[] {
  const wanted = filter.toLowerCase();
  return wanted === ""
    ? rows
    : rows.filter(({ node }) => `${node.id} ${node.agent} ${node.state}`.toLowerCase().includes(wanted));
}

/** The widest that names of nodes and agents get. */
const NAME = 24;

/** A heading and the `height` rows around the selected one. */
export function planRows(rows: readonly Placed[], model: Model, selected: number, height: number, unicode: boolean): Row[] {
  const first = Math.max(0, Math.min(selected - Math.floor(height / 2), rows.length - height));
  const visible = rows.slice(first, first + height);
  const names = columnWidth("node", visible.map(nameOf));
  const agents = columnWidth(
    "agent",
    visible.map(({ node }) => visibleLine(node.agent)),
  );
  const heading = `    ${pad("state", 9)}  ${pad("node", names)}  ${pad("agent", agents)}  ${figures("try", "time", "fuel", "tokens", "calls")}  from`;
  return [
    { text: heading, look: "dim" },
    ...visible.map((row, index): Row => {
      const chosen = first + index === selected;
      return {
        text: planRow(row, model.nowMs, chosen, names, agents, unicode),
        look: chosen ? "selected" : "plain",
        tone: row.node.state,
      };
    }),
  ];
}

const columnWidth = (heading: string, texts: readonly string[]): number =>
  Math.min(NAME, Math.max(heading.length, ...texts.map(width)));
const nameOf = ({ node, depth }: Placed): string => "  ".repeat(Math.min(depth, 6)) + visibleLine(node.id);
const figures = (attempt: string, time: string, fuel: string, tokens: string, calls: string): string =>
  [attempt.padStart(3), time.padStart(9), fuel.padStart(6), tokens.padStart(6), calls.padStart(5)].join(" ");

function planRow(row: Placed, nowMs: number, chosen: boolean, names: number, agents: number, unicode: boolean): string {
  const { node } = row;
  const running = node.state === "running" || node.state === "waiting" || node.state === "retrying";
  const ms = node.durationMs ?? (running && node.startedMs !== null ? Math.max(0, nowMs - node.startedMs) : null);
  const some = (value: number): string => (value === 0 ? "" : count(value));
  const from = node.sources.map(visibleLine).join(", ");
  return [
    `${chosen ? ">" : " "} ${mark(node.state, unicode)} ${pad(node.state, 9)}`,
    pad(cut(nameOf(row), names), names),
    pad(cut(visibleLine(node.agent), agents), agents),
    figures(some(node.attempt), ms === null ? "" : duration(ms), some(node.fuel), some(node.tokens), some(node.calls)),
    [from === "" ? "" : `${unicode ? "←" : "<-"} ${from}`, visibleLine(node.note)].filter((part) => part !== "").join("  "),
  ].join("  ");
}
