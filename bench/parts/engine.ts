import { join } from "node:path";
import { openLedger } from "#kb/ledger/ledger.js";
import { component, writeBundle } from "../guests.js";
import { compiled, shapes } from "../graphs.js";
import { benchHost } from "../home.js";
import { repeated } from "../measure.js";
import { engineAlone } from "../runs.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";

const NODES = 100;

/** Whole runs with the real ledger and an executor that has its result at once. */
export const measure: Measure<"engine"> = async (scratch) => {
  const agents = join(scratch, "agents");
  writeBundle(agents, "echo", await component("echo"));
  const host = benchHost(scratch, [agents]);
  const ledger = await openLedger({ root: join(scratch, "pog") });
  try {
    const perNode = { chain: 0, fan: 0 };
    const beside: string[] = [];
    for (const shape of shapes) {
      const opening = await compiled(host, scratch, shape, { agent: "echo", nodes: NODES });
      const before = ledger.watermark();
      const times = await repeated({ warmUp: 10, samples: 25 }, () => engineAlone(ledger, opening));
      const events = (ledger.watermark() - before) / 35;
      perNode[shape] = median(times) / opening.opening.nodes.length;
      beside.push(`${shape}: ${median(times).toFixed(1)} ms a run, ${events} events`);
    }
    return { values: perNode, beside };
  } finally {
    await host.close();
    await ledger.close();
  }
};
