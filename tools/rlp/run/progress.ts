/** The same for a terminal that cannot be drawn on: one line when something ends, or when a person is needed. */
import type { RunEvent } from "#core/events.js";
import { visibleLine } from "#core/visible.js";
import { duration } from "../terminal/quantity.js";
import { mark, type Shown } from "../terminal/state.js";
import type { Look } from "./lines.js";
import type { RunView } from "./view.js";

export function progressLine(event: RunEvent, view: RunView, { unicode }: Look): string | null {
  switch (event.kind) {
    case "run.started":
      return `${visibleLine(event.meta.opening_name)}  ${event.trace_id}`;
    case "node.finished":
    case "node.skipped":
    case "node.collected":
    case "node.retrying":
    case "node.waiting": {
      const node = view.nodes.get(event.meta.node);
      if (!node) return null;
      const state: Shown = node.state;
      const took = node.durationMs === null ? "" : `  ${duration(node.durationMs)}`;
      return `  ${mark(state, unicode)} ${state}  ${visibleLine(node.id)}${took}  ${visibleLine(node.note)}`.trimEnd();
    }
    default:
      return null;
  }
}
