import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { newOpeningId, newTraceId, type NodeId } from "#core/ids.js";
import { sharedTypes } from "#host/catalog/types.js";
import { refuse, type HostFunction } from "#host/imports/interface.js";
import { AgentExecutor } from "#host/run/executor.js";
import { LedgerJournal } from "#host/run/journal.js";
import { runLedger } from "#host/run/run-ledger.js";
import { realClock } from "#host/run/session.js";
import { mayUseModel } from "#host/capability/authorize.js";
import { startSandbox } from "#host/sandbox/process.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { nothingRecorded, type AttemptSpec } from "#openings/engine/world.js";
import { inputsHash } from "#openings/journal/hash.js";
import { admitted, component, guestSpec, writeBundle } from "../guests.js";
import { benchHost } from "../home.js";
import { repeated } from "../measure.js";
import { median, quantile } from "../statistics.js";
import type { Measure } from "../table.js";

const CALLS = 2000;
const ROUNDS = 6;
const answer = { ok: { text: "a".repeat(200), model: "bench", input_tokens: 0, output_tokens: 0 } };

export const measure: Measure<"calls"> = async (scratch) => {
  const inside = await answeredInside();
  const pipe = await answeredByControl();
  const whole = await checkedAndJournaled(scratch);
  return {
    values: { inside: median(inside), control: median(whole) },
    beside: [
      `by the control process: grant checked, digests taken, journaled; p99 ${quantile(whole, 0.99).toFixed(2)} ms; the pipe alone ${median(pipe).toFixed(3)} ms`,
    ],
  };
};

/** A guest has no clock but its fuel, so what a call takes is what a run with calls takes longer than one without. */
async function answeredInside(): Promise<number[]> {
  const sandbox = startSandbox();
  try {
    const guest = await admitted("keeps");
    const run = async (calls: number): Promise<void> => {
      const hooks = { call: () => Promise.reject(new Error("a call left the process")), log: () => {} };
      const end = await sandbox.run(guestSpec(guest, { calls }), hooks, new AbortController().signal);
      if (end.kind !== "ok") throw new Error(JSON.stringify(end));
    };
    const without = median(await repeated({ warmUp: 5, samples: 20 }, () => run(0)));
    const times = await repeated({ warmUp: 5, samples: 20 }, () => run(CALLS));
    return times.map((time) => (time - without) / CALLS);
  } finally {
    await sandbox.close();
  }
}

/** Times between calls of a guest that does nothing but call. */
class Intervals {
  readonly taken: number[] = [];
  private last = 0;
  mark(): void {
    const now = performance.now();
    if (this.last > 0) this.taken.push(now - this.last);
    this.last = now;
  }
  restart(): void {
    this.last = 0;
  }
}

async function answeredByControl(): Promise<number[]> {
  const sandbox = startSandbox();
  try {
    const guest = await admitted("asks");
    const intervals = new Intervals();
    for (let round = 0; round < ROUNDS; round++) {
      intervals.restart();
      const hooks = { call: () => (intervals.mark(), Promise.resolve(answer)), log: () => {} };
      const end = await sandbox.run(guestSpec(guest, { calls: CALLS }, ["model"]), hooks, new AbortController().signal);
      if (end.kind !== "ok") throw new Error(JSON.stringify(end));
    }
    return intervals.taken.slice(CALLS);
  } finally {
    await sandbox.close();
  }
}

/** The same through the host's executor: what a call costs in a run, apart from what the function itself does. */
async function checkedAndJournaled(scratch: string): Promise<number[]> {
  const agents = join(scratch, "agents");
  writeBundle(agents, "asks", await component("asks"));
  const host = benchHost(scratch, [agents]);
  const ledger = await openLedger({ root: join(scratch, "pog") });
  try {
    const agent = await host.agent("asks");
    const intervals = new Intervals();
    const complete: HostFunction = async ({ grant }) => {
      intervals.mark();
      refuse(mayUseModel(grant, "bench"));
      return { answer, labels: ["model"] };
    };
    for (let round = 0; round < ROUNDS; round++) {
      intervals.restart();
      const ref = { traceId: newTraceId(), openingId: newOpeningId() };
      const journal = new LedgerJournal(runLedger(ledger), ref);
      const executor = new AgentExecutor({
        traceId: ref.traceId,
        agentOf: () => agent,
        types: sharedTypes(),
        sandbox: host.sandbox(),
        journal,
        clock: realClock,
        functions: new Map([["model.complete", complete]]),
      });
      const end = await executor.execute(attempt(), new AbortController().signal);
      if (end.status !== "ok") throw new Error(JSON.stringify(end));
    }
    return intervals.taken.slice(CALLS);
  } finally {
    await host.close();
    await ledger.close();
  }
}

function attempt(): AttemptSpec {
  const given = { calls: CALLS };
  return {
    node: "bench" as NodeId,
    agent: "asks",
    attempt: 1,
    with: given,
    inputs: [],
    inputsHash: inputsHash([], given),
    seed: "07".repeat(32) as AttemptSpec["seed"],
    epochMs: 1_700_000_000_000,
    state: {},
    timeoutMs: null,
    opening: null,
    recorded: nothingRecorded,
  };
}
