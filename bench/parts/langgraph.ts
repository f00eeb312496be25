import { join } from "node:path";
import { openLedger } from "#kb/ledger/ledger.js";
import { component, writeBundle } from "../guests.js";
import { compiled, type Shape } from "../graphs.js";
import { benchHost } from "../home.js";
import { durable, langGraph } from "../langgraph.js";
import { timed } from "../measure.js";
import { engineAlone, graphOf, sandboxed } from "../runs.js";
import { median } from "../statistics.js";
import type { Measure, Measured } from "../table.js";

const graphs: readonly { readonly shape: Shape; readonly nodes: number; readonly warmUp: number; readonly samples: number }[] = [
  // The engine goes on compiling what is run often for some two thousand nodes, on both sides.
  { shape: "chain", nodes: 100, warmUp: 20, samples: 15 },
  { shape: "fan", nodes: 100, warmUp: 20, samples: 15 },
  { shape: "dag", nodes: 1000, warmUp: 2, samples: 5 },
];

/** One after the other in turns, so that all meet the same machine. */
export const measure: Measure<"langgraph"> = async (scratch) => {
  const agents = join(scratch, "agents");
  writeBundle(agents, "echo", await component("echo"));
  const host = benchHost(scratch, [agents]);
  const ledger = await openLedger({ root: join(scratch, "pog") });
  const values: Record<string, number> = {};
  const beside: string[] = [];
  try {
    for (const { shape, nodes, warmUp, samples } of graphs) {
      const opening = await compiled(host, scratch, shape, { agent: "echo", nodes });
      const graph = graphOf(opening);
      const theirs = await langGraph(scratch, shape, nodes);
      const ways = {
        async: () => theirs.run("async"),
        sync: () => theirs.run("sync"),
        engine: () => engineAlone(ledger, graph),
        sandboxed: () => sandboxed(host, opening),
      };
      const times: Record<keyof typeof ways, number[]> = { async: [], sync: [], engine: [], sandboxed: [] };
      const first = { async: 0, sync: 0, engine: 0, sandboxed: 0 };
      for (let round = 0; round < warmUp + samples; round++)
        for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
          const time = await timed(ways[way]);
          if (round === 0) first[way] = time;
          if (round >= warmUp) times[way].push(time / opening.opening.nodes.length);
        }
      theirs.close();
      const perNode = { async: median(times.async), sync: median(times.sync) };
      const quicker = Math.min(...durable.map((mode) => perNode[mode]));
      values[shape] = quicker;
      values[`${shape}Engine`] = median(times.engine) / quicker;
      values[`${shape}Sandboxed`] = median(times.sandboxed) / quicker;
      const ms = (value: number): string => `${value.toFixed(2)} ms`;
      beside.push(
        `${shape}, a node: LangGraph.js ${ms(perNode.async)} (durability async, its default) or ${ms(perNode.sync)} (sync), whichever is less counts; rlp's engine alone ${ms(median(times.engine))}, sandboxed ${ms(median(times.sandboxed))}. The first run of all, with code that is not compiled yet: LangGraph.js ${first.async.toFixed(0)} or ${first.sync.toFixed(0)} ms, the engine alone ${first.engine.toFixed(0)} ms, sandboxed ${first.sandboxed.toFixed(0)} ms`,
      );
    }
    beside.push(
      "LangGraph.js runs bare functions in its own thread and commits with synchronous = NORMAL, as its checkpointer comes: after a power cut the last steps may be gone. rlp syncs each batch",
    );
    return { values: values as Measured<"langgraph">["values"], beside };
  } finally {
    await host.close();
    await ledger.close();
  }
};
