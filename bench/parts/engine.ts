import { join } from "node:path";
import { openLedger } from "#kb/ledger/ledger.js";
import { component, writeBundle } from "../guests.js";
import { compiled, shapes } from "../graphs.js";
import { benchHost } from "../home.js";
import { repeated, timed } from "../measure.js";
import { engineAlone, graphOf } from "../runs.js";
import { compileLarge, largeText, planAndRun } from "../simulated.js";
import { median } from "../statistics.js";
import type { Opening } from "#openings/ir.js";
import type { Measure } from "../table.js";

const NODES = 100;
const LARGE = { nodes: 10_000, edges: 50_000 };

/** Whole runs with the real ledger and an executor that has its result at once; then a large one with a log in memory. */
export const measure: Measure<"engine"> = async (scratch) => {
  const small = await durable(scratch);
  const large = await simulated();
  return {
    values: { ...small.values, simulated: LARGE.nodes / (large.ms / 1000) },
    beside: [...small.beside, large.beside],
  };
};

async function durable(scratch: string) {
  const agents = join(scratch, "agents");
  writeBundle(agents, "echo", await component("echo"));
  const host = benchHost(scratch, [agents]);
  const ledger = await openLedger({ root: join(scratch, "pog") });
  try {
    const perNode = { chain: 0, fan: 0 };
    const beside: string[] = [];
    for (const shape of shapes) {
      const opening = await compiled(host, scratch, shape, { agent: "echo", nodes: NODES });
      const graph = graphOf(opening);
      const before = ledger.watermark();
      const times = await repeated({ warmUp: 10, samples: 25 }, () => engineAlone(ledger, graph));
      const events = (ledger.watermark() - before) / 35;
      perNode[shape] = median(times) / opening.opening.nodes.length;
      beside.push(`${shape}: ${median(times).toFixed(1)} ms a run, ${events} events`);
    }
    return { values: perNode, beside };
  } finally {
    await host.close();
    await ledger.close();
  }
}

async function simulated() {
  const text = largeText(LARGE.nodes, LARGE.edges);
  let opening: Opening | undefined;
  const reading = await timed(() => (opening = compileLarge(text)));
  const times = await repeated({ warmUp: 2, samples: 5 }, () => planAndRun(opening!));
  const ms = median(times);
  const beside = `large: ${ms.toFixed(0)} ms to plan it and run it; its ${(text.length / 1024).toFixed(0)} KiB of text are read and checked once, in ${reading.toFixed(0)} ms`;
  return { ms, beside };
}
