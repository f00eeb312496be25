import { join } from "node:path";
import { jsonDigest } from "#core/json.js";
import { newOpeningId, newTraceId } from "#core/ids.js";
import type { MetaOf } from "#core/events.js";
import type { Digest } from "#core/digest.js";
import { LedgerJournal } from "#host/run/journal.js";
import { runLedger } from "#host/run/run-ledger.js";
import { realClock } from "#host/run/session.js";
import { openLedger, type Ledger } from "#kb/ledger/ledger.js";
import { buildGraph } from "#openings/engine/graph.js";
import { driveRun } from "#openings/engine/drive.js";
import type { AttemptEnd, Executor } from "#openings/engine/world.js";
import { openingAsJson } from "#openings/ir.js";
import { component, writeBundle } from "../guests.js";
import { compiled, shapes, type Runnable } from "../graphs.js";
import { benchHost } from "../home.js";
import { repeated } from "../measure.js";
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
      const times = await repeated({ warmUp: 10, samples: 25 }, () => run(ledger, opening));
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

const costs = {
  fuel: 1,
  peakMemoryBytes: 0,
  journalHash: "0".repeat(64) as Digest,
  localHash: "0".repeat(64) as Digest,
  tokens: 0,
  usd: 0,
  calls: 0,
};
const done: AttemptEnd = {
  status: "ok",
  outputs: [{ port: "out", type: "text.v1", body: "done", labels: [] }],
  state: {},
  ...costs,
};
const executor: Executor = { execute: () => Promise.resolve(done) };

async function run(ledger: Ledger, { opening, agents }: Runnable): Promise<void> {
  const journal = new LedgerJournal(runLedger(ledger), { traceId: newTraceId(), openingId: newOpeningId() });
  journal.keep(openingAsJson(opening));
  const begin: MetaOf<"run.started"> = {
    opening_name: opening.name,
    opening: jsonDigest(openingAsJson(opening)),
    params: {},
    seed: 7,
    epoch_ms: 1_700_000_000_000,
    kb_watermark: 0,
    components: {},
    grants: {},
    budgets: { tokens: null },
    host: { rlp: "bench", node: process.version, isolation: "none", fuel_table: 1 },
  };
  const outcome = await driveRun({
    graph: buildGraph(opening, (node) => agents.get(node.agent)!.inputs),
    run: { begin },
    journal,
    clock: realClock,
    executor: () => executor,
    maxParallel: 64,
  });
  if (!outcome.success) throw new Error(JSON.stringify(outcome));
}
