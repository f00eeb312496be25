/** A large opening planned and run in the simulated world: the engine with nothing around it but a log in memory. */
import { noGrant, type AgentCatalog, type AgentInterface } from "#openings/agent.js";
import { buildGraph } from "#openings/engine/graph.js";
import { compileOpening } from "#openings/language/compile.js";
import type { Opening } from "#openings/ir.js";
import { planOpening } from "#openings/plan/plan.js";
import { SimClock } from "#openings/sim/clock.js";
import type { Agent } from "#openings/sim/guest.js";
import { newDisk, SimProcess } from "#openings/sim/journal.js";
import { simulateRun } from "#openings/sim/run.js";
import { schemaRegistry } from "#openings/types/registry.js";
import { draws } from "./graphs.js";

const trivial: AgentInterface = {
  name: "e",
  version: "1.0.0",
  description: "",
  digest: "0".repeat(64) as AgentInterface["digest"],
  inputs: { i: { types: ["any"], required: false } },
  outputs: { o: { types: ["any"], required: true } },
  withSchema: null,
  grant: noGrant,
  imports: [],
  optionalImports: [],
  limits: { memory_mib: 1, fuel: 1_000_000, wall_ms: 1000 },
  schemas: {},
};
const agents: AgentCatalog = { get: (name) => (name === trivial.name ? trivial : undefined), names: () => [trivial.name] };
const guest: Agent = () => ({ ok: [{ port: "o", type: "any", body: "done", labels: [] }] });

/**
 * A random DAG in the brace form, in which alone so many edges are less than a file may hold: each node but the first comes after some of
 * the fifty before it.
 */
export function largeText(nodes: number, edges: number): string {
  const random = draws(11);
  const lines = ['opening "large" {', "nodes:"];
  for (let node = 0; node < nodes; node++) lines.push(`n${node}:=agent("${trivial.name}")`);
  lines.push("edges:");
  let left = edges;
  for (let to = 1; to < nodes; to++) {
    const before = new Set<number>();
    for (const most = Math.min(to, Math.ceil(left / (nodes - to))); before.size < most;)
      before.add(to - 1 - (random() % Math.min(50, to)));
    for (const from of before) lines.push(`n${from}.o->n${to}.i`);
    left -= before.size;
  }
  return [...lines, "}", ""].join("\n");
}

export function compileLarge(text: string): Opening {
  const world = { agents, types: schemaRegistry({}), params: {}, defaults: { confirm_external: true } };
  const { opening, diagnostics } = compileOpening({ file: "large.opening", bytes: Buffer.from(text) }, world);
  if (!opening)
    throw new Error(
      diagnostics
        .slice(0, 3)
        .map(({ message }) => message)
        .join("; "),
    );
  return opening;
}

/** Plans it, makes its graph and runs it to its end; every event is checked against its schema and kept as the log keeps it. */
export async function planAndRun(opening: Opening): Promise<void> {
  const plan = planOpening(opening, agents, { dearest: () => 0 });
  const portsOf = () => trivial.inputs;
  const clock = new SimClock(1_700_000_000_000);
  const disk = newDisk();
  const { outcome } = await simulateRun({
    graph: buildGraph(opening, portsOf),
    agents: () => guest,
    seed: 7,
    clock,
    process: new SimProcess(disk, clock, { checked: false }),
    effects: new Map(),
    decide: () => null,
    latency: () => 0,
    maxParallel: 64,
  });
  const planned = plan.levels.reduce((sum, level) => sum + level.length, 0);
  const ran = disk.events.reduce((sum, { kind }) => sum + (kind === "node.finished" ? 1 : 0), 0);
  if (!outcome.success || planned !== opening.nodes.length || ran !== planned)
    throw new Error(`${planned} nodes planned, ${ran} ran: ${JSON.stringify(outcome.reason)}`);
}
