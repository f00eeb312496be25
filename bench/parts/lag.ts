import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { startSandbox } from "#host/sandbox/process.js";
import { admitted, guestSpec } from "../guests.js";
import { pause } from "../measure.js";
import { median, quantile } from "../statistics.js";
import type { Measure } from "../table.js";

const ASKED = 1000;
const answer = { ok: { text: "a".repeat(200), model: "bench", input_tokens: 0, output_tokens: 0 } };
const nothing = { call: () => Promise.reject(new Error("no calls")), log: () => {} };

/**
 * A third guest asks and is answered after a pause; from the answer on, it must get the thread to ask again. That takes at least
 * the lag of the process's event loop, so the lag is no more than what is said here.
 */
export const measure: Measure<"lag"> = async () => {
  const sandbox = startSandbox();
  const stop = new AbortController();
  try {
    const [spinner, asker] = [await admitted("computes"), await admitted("asks")];
    const alone = await answered(sandbox, asker, 200);
    const spinning = [1, 2].map(() => sandbox.run(guestSpec(spinner, { rounds: 2 ** 30 }), nothing, stop.signal));
    await pause(200);
    // The histogram's own timer comes every millisecond; what is beyond that is lag.
    const own = monitorEventLoopDelay({ resolution: 1 });
    own.enable();
    const beside = await answered(sandbox, asker, ASKED);
    own.disable();
    stop.abort();
    const ends = await Promise.all(spinning);
    if (ends.some(({ kind }) => kind !== "cancelled")) throw new Error(JSON.stringify(ends));
    return {
      values: { sandbox: quantile(beside, 0.99), control: Math.max(0, own.percentile(99) / 1e6 - 1) },
      beside: [
        `sandbox process: from an answer to the same guest's next call, while two others compute without end; p50 ${median(beside).toFixed(2)} ms; without them p50 ${median(alone).toFixed(2)}, p99 ${quantile(alone, 0.99).toFixed(2)} ms`,
      ],
    };
  } finally {
    stop.abort();
    await sandbox.close();
  }
};

async function answered(
  sandbox: ReturnType<typeof startSandbox>,
  component: Awaited<ReturnType<typeof admitted>>,
  calls: number,
): Promise<number[]> {
  const times: number[] = [];
  let since = 0;
  const call = async (): Promise<typeof answer> => {
    if (since > 0) times.push(performance.now() - since);
    await pause(2);
    since = performance.now();
    return answer;
  };
  const end = await sandbox.run(
    guestSpec(component, { calls }, ["model"]),
    { call, log: () => {} },
    new AbortController().signal,
  );
  if (end.kind !== "ok") throw new Error(JSON.stringify(end));
  return times;
}
