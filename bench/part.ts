/** One part, in its own process: `part.js <part> <scratch>`; sends what it measured to its parent. */
import type { Measure, Measured, Part } from "./table.js";

const measures: { readonly [P in Part]: () => Promise<{ readonly measure: Measure<P> }> } = {
  start: () => import("./parts/start.js"),
  instance: () => import("./parts/instance.js"),
  calls: () => import("./parts/calls.js"),
  neighbours: () => import("./parts/neighbours.js"),
  engine: () => import("./parts/engine.js"),
  nodes: () => import("./parts/nodes.js"),
  langgraph: () => import("./parts/langgraph.js"),
  suspended: () => import("./parts/suspended.js"),
  crowd: () => import("./parts/crowd.js"),
  metering: () => import("./parts/metering.js"),
  lag: () => import("./parts/lag.js"),
  cancel: () => import("./parts/cancel.js"),
  ledger: () => import("./parts/ledger.js"),
  search: () => import("./parts/search.js"),
  million: () => import("./parts/million.js"),
  quality: () => import("./parts/quality.js"),
  run: () => import("./parts/run.js"),
  replay: () => import("./parts/replay.js"),
  agtop: () => import("./parts/agtop.js"),
};

const [part, scratch] = process.argv.slice(2) as [Part, string];

async function outcome(): Promise<Measured | { readonly failed: string }> {
  try {
    const { measure } = await (measures as Record<Part, () => Promise<{ readonly measure: Measure<Part> }>>)[part]();
    return await measure(scratch);
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const said = await outcome();
// Without a parent that listens, as when a part is profiled by itself, what was measured is printed.
if (process.send) process.send(said, () => process.disconnect?.());
else process.stdout.write(`${JSON.stringify(said, null, 2)}\n`);
