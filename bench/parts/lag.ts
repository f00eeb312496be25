import { writeFileSync } from "node:fs";
import { join } from "node:path";
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
export const measure: Measure<"lag"> = async (scratch) => {
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
    const attacked = await underAttack(scratch, asker);
    return {
      values: { sandbox: quantile(beside, 0.99), control: Math.max(0, own.percentile(99) / 1e6 - 1) },
      beside: [
        `sandbox process: from an answer to the same guest's next call, while two others compute without end; p50 ${median(beside).toFixed(2)} ms; without them p50 ${median(alone).toFixed(2)}, p99 ${quantile(alone, 0.99).toFixed(2)} ms`,
        `control process, while sandbox processes that were taken over flood it with the largest messages that it takes: p99 ${attacked.p99.toFixed(1)} ms, the longest ${attacked.longest.toFixed(1)} ms, ${attacked.processes} processes ended for it`,
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

/** As much as the pipe lets through, of everything that is costly to check, until the process is ended for it. */
const FLOOD = `
  import { Socket } from "node:net";
  const pipe = new Socket({ fd: 3 });
  const frame = (kind, payload) => { const head = Buffer.alloc(5); head.writeUInt32BE(payload.length + 1); head[4] = kind; return Buffer.concat([head, payload]); };
  const log = (fields) => frame(0, Buffer.from(JSON.stringify({ t: "log", attempt: 0, level: "info", message: "x".repeat(16000), fields })));
  const wide = log(Object.fromEntries(Array.from({ length: 60000 }, (_, index) => ["k" + index, index])));
  const long = log({ text: "\\u0000".repeat(150000) });
  const messages = [wide, long];
  // Last comes what it is ended for.
  pipe.once("data", () => { for (let left = 30; left > 0; left--) for (const one of messages) pipe.write(one); pipe.write("no frame"); });
  pipe.on("error", () => process.exit(0));
  setInterval(() => {}, 1000);
`;
const ATTACKED_MS = 3000;

async function underAttack(
  scratch: string,
  component: Awaited<ReturnType<typeof admitted>>,
): Promise<{ p99: number; longest: number; processes: number }> {
  const entry = join(scratch, "flood.mjs");
  writeFileSync(entry, FLOOD);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let processes = 0;
  const until = performance.now() + ATTACKED_MS;
  delay.enable();
  const attacks = [1, 2].map(async () => {
    while (performance.now() < until) {
      const sandbox = startSandbox({ entry });
      const { kind } = await sandbox.run(guestSpec(component, { calls: 1 }, ["model"]), nothing, new AbortController().signal);
      if (kind !== "lost") throw new Error(`a process that floods was not ended: ${kind}`);
      processes++;
      await sandbox.close();
    }
  });
  await Promise.all(attacks);
  delay.disable();
  return { p99: Math.max(0, delay.percentile(99) / 1e6 - 1), longest: Math.max(0, delay.max / 1e6 - 1), processes };
}
