/** An opening has no cycles; guards order nodes too. */
import type { DraftEdge } from "../language/draft.js";
import type { CheckContext } from "./context.js";

/** Nodes of a cycle that are named in the message. */
const NAMED = 12;

export function checkCycles({ report, draft, nodes }: CheckContext): void {
  const out = new Map<string, { to: string; edge: DraftEdge }[]>();
  for (const id of nodes.keys()) out.set(id, []);
  for (const edge of draft.edges)
    if (edge.from && edge.to && out.has(edge.to.ref.node)) out.get(edge.from.ref.node)?.push({ to: edge.to.ref.node, edge });

  for (const node of draft.nodes)
    if (node.id !== null && node.on_error && out.has(node.on_error.value))
      out.get(node.id)?.push({ to: node.on_error.value, edge: { span: node.on_error.span, from: null, to: null } });

  const component = components(out);
  const told = new Set<number>();
  for (const [id, targets] of out) {
    const own = component.get(id) ?? -1;
    const loops = targets.some(({ to }) => component.get(to) === own);
    if (!loops || told.has(own)) continue;
    told.add(own);
    const path = shortestCycle(id, (node) => (out.get(node) ?? []).filter(({ to }) => component.get(to) === own));
    const last = path.at(-1)?.edge;
    const span =
      last?.to && last.from ? { start: last.to.nodeSpan.start, end: last.to.portSpan.end } : (last?.span ?? { start: 0, end: 1 });
    report.error(
      "OPENING_CYCLE",
      span,
      `the nodes go in a circle: ${shown([id, ...path.map(({ to }) => to)])}`,
      "an opening is a graph without cycles",
    );
  }
}

function shown(ids: readonly string[]): string {
  if (ids.length <= NAMED) return ids.join(" → ");
  return [...ids.slice(0, NAMED - 2), `… ${ids.length - NAMED} more …`, ...ids.slice(-2)].join(" → ");
}

type Step = { readonly to: string; readonly edge: DraftEdge };

/** The shortest way from a node of a strongly connected component back to itself. */
function shortestCycle(start: string, next: (node: string) => readonly Step[]): readonly Step[] {
  const cameBy = new Map<string, { from: string; step: Step }>();
  let frontier = [start];
  while (frontier.length > 0 && !cameBy.has(start)) {
    const found: string[] = [];
    for (const from of frontier)
      for (const step of next(from))
        if (!cameBy.has(step.to)) {
          cameBy.set(step.to, { from, step });
          found.push(step.to);
        }
    frontier = found;
  }
  const path: Step[] = [];
  for (let at = start; ;) {
    const came = cameBy.get(at);
    if (!came) return path.reverse();
    path.push(came.step);
    at = came.from;
    if (at === start) return path.reverse();
  }
}

/** Tarjan's strongly connected components, without recursion: a chain may be as long as a file has nodes. */
function components(out: ReadonlyMap<string, readonly Step[]>): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const component = new Map<string, number>();
  const open: string[] = [];
  let count = 0;
  for (const root of out.keys()) {
    if (index.has(root)) continue;
    const calls: { node: string; next: number }[] = [{ node: root, next: 0 }];
    while (calls.length > 0) {
      const call = calls[calls.length - 1];
      if (!call) break;
      const { node } = call;
      if (call.next === 0) {
        index.set(node, index.size);
        low.set(node, index.get(node) ?? 0);
        open.push(node);
      }
      const step = out.get(node)?.[call.next++];
      if (step) {
        if (!index.has(step.to)) calls.push({ node: step.to, next: 0 });
        else if (!component.has(step.to)) low.set(node, Math.min(low.get(node) ?? 0, index.get(step.to) ?? 0));
        continue;
      }
      calls.pop();
      const caller = calls[calls.length - 1];
      if (caller) low.set(caller.node, Math.min(low.get(caller.node) ?? 0, low.get(node) ?? 0));
      if (low.get(node) !== index.get(node)) continue;
      for (let member = open.pop(); member !== undefined; member = open.pop()) {
        component.set(member, count);
        if (member === node) break;
      }
      count++;
    }
  }
  return component;
}
