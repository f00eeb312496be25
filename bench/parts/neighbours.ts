import type { Plugin } from "@extism/extism";
import { startSandbox } from "#host/sandbox/process.js";
import { admitted, guestSpec } from "../guests.js";
import { repeated, timed } from "../measure.js";
import { extism, processPerCall, workerPerCall } from "../neighbours.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";

const CALLS = 500;
const PLUGINS = 20;

/** Neighbours and ourselves, one after the other in one process. */
export const measure: Measure<"neighbours"> = async () => {
  const child = await repeated({ warmUp: 2, samples: 20 }, processPerCall);
  const worker = await repeated({ warmUp: 2, samples: 20 }, workerPerCall);
  const apart = await plugins("in a worker");
  const here = await plugins("in this thread");
  const rlp = await ourselves();
  return {
    values: {
      process: median(child),
      worker: median(worker),
      extismWorkerCreate: apart.create,
      extismWorkerCall: apart.call,
      extismThreadCreate: here.create,
      extismThreadCall: here.call,
    },
    beside: [
      `rlp in the same minute: a fresh instance with its call and its end ${rlp.instance.toFixed(2)} ms, in a process that is shut in; a host call over the pipe ${rlp.call.toFixed(3)} ms`,
      "each takes 200 bytes and gives them back; nothing is granted, metered or journaled by neighbours, and what runs in this thread is not kept apart",
    ],
  };
};

async function plugins(where: Parameters<typeof extism>[0]): Promise<{ readonly create: number; readonly call: number }> {
  const host = await extism(where);
  const creating: number[] = [];
  const calling: number[] = [];
  for (let round = 0; round < PLUGINS + 2; round++) {
    let plugin: Plugin | undefined;
    const create = await timed(async () => (plugin = await host.create()));
    const calls = await repeated({ warmUp: CALLS / 5, samples: CALLS }, () => host.call(plugin!));
    await plugin!.close();
    if (round < 2) continue;
    creating.push(create);
    calling.push(median(calls));
  }
  return { create: median(creating), call: median(calling) };
}

async function ourselves(): Promise<{ readonly instance: number; readonly call: number }> {
  const sandbox = startSandbox();
  try {
    const taken: number[] = [];
    let last = 0;
    const hooks = {
      call: () => {
        const now = performance.now();
        if (last > 0) taken.push(now - last);
        last = now;
        return Promise.resolve({ ok: { text: "a".repeat(200), model: "bench", input_tokens: 0, output_tokens: 0 } });
      },
      log: () => {},
    };
    const signal = new AbortController().signal;
    const run = async (spec: ReturnType<typeof guestSpec>): Promise<void> => {
      last = 0;
      const end = await sandbox.run(spec, hooks, signal);
      if (end.kind !== "ok") throw new Error(JSON.stringify(end));
    };
    const echo = guestSpec(await admitted("echo"));
    const instances = await repeated({ warmUp: 200, samples: 1000 }, () => run(echo));
    const asks = guestSpec(await admitted("asks"), { calls: 2000 }, ["model"]);
    for (let round = 0; round < 4; round++) await run(asks);
    return { instance: median(instances), call: median(taken.slice(2000)) };
  } finally {
    await sandbox.close();
  }
}
