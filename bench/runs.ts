/** Whole runs of an opening: the engine alone, and as `rlp` drives them. */
import type { Digest } from "#core/digest.js";
import type { MetaOf } from "#core/events.js";
import { newOpeningId, newTraceId } from "#core/ids.js";
import type { Host } from "#host/host.js";
import { LedgerJournal } from "#host/run/journal.js";
import { runLedger } from "#host/run/run-ledger.js";
import { realClock } from "#host/run/session.js";
import { startRun } from "#host/run/start.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import { driveRun } from "#openings/engine/drive.js";
import { buildGraph, type Graph } from "#openings/engine/graph.js";
import type { AttemptEnd, Executor } from "#openings/engine/world.js";
import { openingDocument } from "#openings/document.js";
import { outputsHash } from "#openings/journal/hash.js";
import type { Runnable } from "./graphs.js";

const costs = {
  fuel: 1,
  peakMemoryBytes: 0,
  journalHash: "0".repeat(64) as Digest,
  localHash: "0".repeat(64) as Digest,
  tokens: 0,
  usd: 0,
  calls: 0,
};
const outputs = [{ port: "out", type: "text.v1", body: "done", labels: [] }];
const done: AttemptEnd = {
  status: "ok",
  outputs,
  outputsHash: outputsHash(outputs),
  state: {},
  ...costs,
};
const executor: Executor = { execute: () => Promise.resolve(done) };

/** What is made of an opening once, however often it runs: as LangGraph.js compiles a graph once. */
export const graphOf = ({ opening, agents }: Runnable): Graph => buildGraph(opening, (node) => agents.get(node.agent)!.inputs);

/** With the real ledger and an executor that has its result at once. */
export async function engineAlone(ledger: Ledger, graph: Graph): Promise<void> {
  const { opening } = graph;
  const journal = new LedgerJournal(runLedger(ledger), { traceId: newTraceId(), openingId: newOpeningId() });
  const begin: MetaOf<"run.started"> = {
    opening_name: opening.name,
    opening: journal.keepDocument(openingDocument(opening)),
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
    graph,
    run: { begin },
    journal,
    clock: realClock,
    executor: () => executor,
    maxParallel: 64,
  });
  if (!outcome.success) throw new Error(JSON.stringify(outcome));
}

/** Each node a fresh instance of its agent: sandboxed, metered, journaled. */
export async function sandboxed(host: Host, opening: Runnable): Promise<void> {
  const result = await startRun(host, opening, { decider: { ask: () => Promise.resolve(null) } });
  if (!result.success) throw new Error(JSON.stringify(result));
}
