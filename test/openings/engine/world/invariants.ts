/** What must hold for the events of any finished run, however often its process died. */
import { expect } from "vitest";
import type { RunEvent } from "#core/events.js";
import type { Graph } from "#openings/engine/graph.js";

export function checkHistory(graph: Graph, events: readonly RunEvent[]): void {
  const times = new Map<string, number>();
  const count = (what: string) => times.set(what, (times.get(what) ?? 0) + 1);
  const ended = new Set<string>();
  const open = new Map(graph.nodes.map(({ id, inbound }) => [id as string, new Set(inbound.map(({ index }) => index))]));

  events.forEach((event, index) => {
    expect(event.seq).toBe(index);
    const { kind, meta } = event;
    switch (kind) {
      case "run.started":
      case "run.finished":
        count(kind);
        break;
      case "node.started":
        expect(open.get(meta.node)?.size, `${meta.node} starts with open inputs`).toBe(0);
        expect(ended.has(meta.node), `${meta.node} starts after its end`).toBe(false);
        count(`${kind} ${meta.node} ${meta.attempt}`);
        break;
      case "node.finished":
        expect(times.get(`node.started ${meta.node} ${meta.attempt}`)).toBe(1);
        count(`${kind} ${meta.node} ${meta.attempt}`);
        ended.add(meta.node);
        break;
      case "node.retrying":
        expect(ended.delete(meta.node)).toBe(true);
        count(`${kind} ${meta.node} ${meta.attempt}`);
        break;
      case "node.skipped":
        expect(open.get(meta.node)?.size).toBe(0);
        ended.add(meta.node);
        count(`${kind} ${meta.node}`);
        break;
      case "edge.delivered":
      case "edge.withheld": {
        const [edge] = graph.named(meta.from, meta.to).filter(({ index, target }) => open.get(target.id)?.has(index));
        if (kind === "edge.withheld") expect(edge, `${meta.from} -> ${meta.to} was resolved before`).toBeDefined();
        if (edge) {
          expect(ended.has(edge.source.id), `${meta.from} crosses before its source ended`).toBe(true);
          open.get(edge.target.id)?.delete(edge.index);
        }
        break;
      }
      case "call.finished":
      case "call.started":
        count(`${kind} ${meta.node} ${meta.attempt} ${meta.call_seq}`);
        break;
      case "action.proposed":
      case "action.decided":
        count(`${kind} ${meta.proposal_id}`);
        break;
      case "artifact.created":
        count(`${kind} ${meta.node} ${meta.port} ${meta.digest}`);
    }
  });

  for (const [what, n] of times) expect(n, `${what} happens once`).toBe(1);
  expect(times.get("run.started")).toBe(1);
  expect(events.at(-1)?.kind).toBe("run.finished");
  expect([...ended].sort()).toEqual(graph.nodes.map(({ id }) => id as string).sort());
  for (const [id, edges] of open) expect([...edges], `open edges of ${id}`).toEqual([]);
}
