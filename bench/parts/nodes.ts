import { join } from "node:path";
import { component, writeBundle } from "../guests.js";
import { compiled, shapes } from "../graphs.js";
import { benchHost } from "../home.js";
import { repeated } from "../measure.js";
import { sandboxed } from "../runs.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";

const NODES = 100;

/** Whole runs as `rlp` drives them, each node a fresh instance of an agent that ends at once. */
export const measure: Measure<"nodes"> = async (scratch) => {
  const agents = join(scratch, "agents");
  writeBundle(agents, "echo", await component("echo"));
  const host = benchHost(scratch, [agents]);
  try {
    const perNode = { chain: 0, fan: 0 };
    const beside: string[] = [];
    for (const shape of shapes) {
      const opening = await compiled(host, scratch, shape, { agent: "echo", nodes: NODES });
      const times = await repeated({ warmUp: 5, samples: 15 }, () => sandboxed(host, opening));
      perNode[shape] = median(times) / opening.opening.nodes.length;
      beside.push(`${shape}: ${median(times).toFixed(1)} ms a run`);
    }
    return { values: perNode, beside };
  } finally {
    await host.close();
  }
};
