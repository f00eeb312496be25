/** Runs inside of runs, seen from the outermost: their nodes are called by the way to them, `review/judge`. */
import type { RunEvent } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import type { RunView } from "./view.js";

/** The way to each inner run that has begun, by trace: `review/`. */
export type Ways = ReadonlyMap<string, string>;

/** null where the event begins no inner run. */
export function wayOf(ways: Ways, event: RunEvent): Ways | null {
  if (event.kind !== "run.started" || !event.meta.parent) return null;
  const { trace, node } = event.meta.parent;
  return new Map(ways).set(event.trace_id, `${ways.get(trace) ?? ""}${node}/`);
}

/** The event with its node called as the outermost run calls it; null: it tells of an inner run and of no node. */
export function asOutermost({ ways }: Pick<RunView, "ways">, event: RunEvent): RunEvent | null {
  const way = ways.get(event.trace_id);
  if (way === undefined) return event.kind === "run.started" && event.meta.parent ? null : event;
  if (event.kind.startsWith("run.") || event.kind.startsWith("edge.")) return null;
  if (!("node" in event.meta) || event.meta.node === undefined) return event;
  return { ...event, meta: { ...event.meta, node: `${way}${event.meta.node}` as NodeId } } as RunEvent;
}

/** The node of the outermost opening that a way begins with, and the rest of it: `one`, `[3]`; `review`, `judge`. */
export function outermost(node: string): { readonly node: NodeId; readonly rest: string } {
  const [, first = node, rest = ""] = /^([^[/]*)(.*)$/.exec(node) ?? [];
  return { node: first as NodeId, rest: rest.replace(/^\//, "") };
}
