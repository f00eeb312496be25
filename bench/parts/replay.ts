import { join } from "node:path";
import type { TraceId } from "#core/ids.js";
import type { Host } from "#host/host.js";
import { replayTrace } from "#host/run/replay.js";
import { startRun } from "#host/run/start.js";
import type { Decider } from "#host/run/contract.js";
import { ingest } from "#kb/ingest/ingest.js";
import { projectRoot } from "#sdk/build/layout.js";
import { component, guestSpec, writeBundle } from "../guests.js";
import { compiled } from "../graphs.js";
import { benchHost } from "../home.js";
import { repeated, timed } from "../measure.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";

const NODES = 10;
const ROUNDS = 1500;
const MAILS = 5;
const PAIRS = 11;

const approve: Decider = { ask: () => Promise.resolve({ decision: "approved", by: "bench" }) };

export const measure: Measure<"replay"> = async (scratch) => {
  const agents = join(scratch, "agents");
  writeBundle(agents, "computes", await component("computes"));
  const host = benchHost(scratch, [agents]);
  try {
    const mails = await mailRuns(host);
    const computing = await computingRun(host, scratch);
    let identical = 0;
    for (const trace of [...mails, computing]) if ((await replayTrace(host, { trace })).agrees) identical++;
    // In turns, so that both meet the same machine.
    const replays: number[] = [];
    const own: number[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      own.push(await timed(() => computeOnly(host)));
      replays.push(await timed(() => replayTrace(host, { trace: computing })));
    }
    const mail = await repeated({ warmUp: 1, samples: 5 }, () => replayTrace(host, { trace: mails[0]! }));
    const all = mails.length + 1;
    return {
      values: { identical: (100 * identical) / all, ratio: median(replays.map((time, pair) => time / own[pair]!)) },
      beside: [
        `${all} runs executed again; the time is that of ${NODES} agents that compute ${(median(own) / NODES).toFixed(0)} ms each: ${median(replays).toFixed(0)} against ${median(own).toFixed(0)} ms`,
        `compose_email, whose agents hardly compute: ${median(mail).toFixed(1)} ms`,
      ],
    };
  } finally {
    await host.close();
  }
};

async function mailRuns(host: Host): Promise<readonly TraceId[]> {
  await ingest(await host.kb(), { path: join(projectRoot, "examples", "data") });
  const opening = await host.compile(join(projectRoot, "examples", "openings", "compose_email.yaml"), {});
  const traces: TraceId[] = [];
  for (let seed = 0; seed < MAILS; seed++) traces.push((await startRun(host, opening, { decider: approve, seed })).traceId);
  return traces;
}

async function computingRun(host: Host, scratch: string): Promise<TraceId> {
  const given = `{rounds: ${ROUNDS}}`;
  const opening = await compiled(host, scratch, "chain", { agent: "computes", nodes: NODES, given });
  const { success, traceId } = await startRun(host, opening, { decider: approve });
  if (!success) throw new Error("the computing run failed");
  return traceId;
}

/** The same work without engine, ledger and journal, in the same process. */
async function computeOnly(host: Host): Promise<void> {
  const { component: loaded } = await host.agent("computes");
  const hooks = { call: () => Promise.reject(new Error("no calls")), log: () => {} };
  for (let node = 0; node < NODES; node++) {
    const end = await host.sandbox().run(guestSpec(loaded, { rounds: ROUNDS }), hooks, new AbortController().signal);
    if (end.kind !== "ok") throw new Error(JSON.stringify(end));
  }
}
