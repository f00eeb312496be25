/** What agtop prints where there is no terminal to draw on. */
import { visibleLine } from "#core/visible.js";
import { count, duration } from "../rlp/terminal/quantity.js";
import { mark } from "../rlp/terminal/state.js";
import type { Model, NodeRow } from "./model.js";
import { inOrder, planRows } from "./plan.js";

export function summary(model: Model, unicode: boolean): string {
  const { run, nodes, events, invalid, others, runs } = model;
  const lines: string[] = [];
  if (run !== null) {
    const elapsed = duration(Math.max(0, (run.endedMs ?? model.nowMs) - run.startedMs));
    lines.push(`${mark(run.state, unicode)} ${run.state}  ${visibleLine(run.name)}  ${elapsed}  ${visibleLine(run.traceId)}`);
    // Nothing is selected, and every node is shown.
    lines.push(...planRows(inOrder(nodes), model, -1, nodes.size, unicode).map(({ text }) => text.trimEnd()));
    // An attempt that is a run of its own has the figures of all that goes on in it.
    const own = [...nodes.values()].filter(({ id }) => !id.includes("/"));
    const sum = (figure: (node: NodeRow) => number): string => count(own.reduce((all, node) => all + figure(node), 0));
    lines.push(`${nodes.size} nodes, ${sum((n) => n.calls)} calls, ${sum((n) => n.fuel)} fuel, ${sum((n) => n.tokens)} tokens`);
  }
  const notes = [
    `${events} events`,
    ...(runs > 1 ? [`${runs} runs, the last is shown`] : []),
    ...(others > 0 ? [`${others} events of other runs`] : []),
    ...(invalid > 0 ? [`${invalid} invalid line${invalid === 1 ? "" : "s"}`] : []),
    ...(model.hiddenNodes > 0 ? ["more nodes than agtop keeps"] : []),
  ];
  lines.push(notes.join(", "));
  return `${lines.join("\n")}\n`;
}
