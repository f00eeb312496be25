import { startSandbox } from "#host/sandbox/process.js";
import { admitted, guestSpec } from "../guests.js";
import { repeated } from "../measure.js";
import { median, quantile } from "../statistics.js";
import type { Measure } from "../table.js";

const hooks = { call: () => Promise.reject(new Error("no calls")), log: () => {} };

/** One attempt after the other of an agent that ends at once: instance, invocation, outputs, and the way there and back. */
export const measure: Measure<"instance"> = async () => {
  const sandbox = startSandbox();
  try {
    const spec = guestSpec(await admitted("echo"));
    const once = async (): Promise<void> => {
      const end = await sandbox.run(spec, hooks, new AbortController().signal);
      if (end.kind !== "ok") throw new Error(JSON.stringify(end));
    };
    const times = await repeated({ warmUp: 500, samples: 3000 }, once);
    const together = await repeated({ warmUp: 2, samples: 10 }, () => Promise.all(Array.from({ length: 200 }, once)));
    return {
      values: { p50: median(times), p99: quantile(times, 0.99) },
      beside: [`${times.length} in turn; 200 at once take ${(median(together) / 200).toFixed(3)} ms each`],
    };
  } finally {
    await sandbox.close();
  }
};
