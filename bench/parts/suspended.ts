import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { startSandbox, type StartedSandbox } from "#host/sandbox/process.js";
import { admitted, guestSpec } from "../guests.js";
import { pause, timed } from "../measure.js";
import type { Measure } from "../table.js";

const AGENTS = 10_000;
/** Each process may hold 8,000. */
const PROCESSES = 2;

const answer = { ok: { text: "", model: "bench", input_tokens: 0, output_tokens: 0 } };

/** All agents wait in a host call at the same time. */
export const measure: Measure<"suspended"> = async () => {
  const guest = await admitted("asks");
  const sandboxes = Array.from({ length: PROCESSES }, () => startSandbox());
  const stop = new AbortController();
  try {
    const spec = guestSpec(guest, { calls: 1 }, ["model"]);
    for (const sandbox of sandboxes) await sandbox.run(spec, { call: () => Promise.resolve(answer), log: () => {} }, stop.signal);
    const idle = residentMib(sandboxes);
    const answers = Promise.withResolvers<typeof answer>();
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    const hooks = {
      call: () => {
        if (++waiting === AGENTS) all.resolve();
        return answers.promise;
      },
      log: () => {},
    };
    let ends: Promise<unknown>[] = [];
    const ms = await timed(async () => {
      ends = Array.from({ length: AGENTS }, (_, index) => sandboxes[index % PROCESSES]!.run(spec, hooks, stop.signal));
      await all.promise;
    });
    await pause(500);
    const memory = residentMib(sandboxes);
    answers.resolve(answer);
    const settled = (await Promise.all(ends)) as { kind: string }[];
    const wrong = settled.find(({ kind }) => kind !== "ok");
    if (wrong) throw new Error(JSON.stringify(wrong));
    return {
      values: { memory },
      beside: [
        `${PROCESSES} processes of ${AGENTS / PROCESSES}, resident memory (RSS); without guests ${idle.toFixed(0)} MiB; ${(((memory - idle) * 1024) / AGENTS).toFixed(0)} KiB an agent; all waiting after ${(ms / 1000).toFixed(1)} s, then answered and ended`,
      ],
    };
  } finally {
    for (const sandbox of sandboxes) await sandbox.close();
  }
};

function residentMib(sandboxes: readonly StartedSandbox[]): number {
  return sandboxes.reduce((sum, { pid }) => sum + residentKib(pid!) / 1024, 0);
}

function residentKib(pid: number): number {
  if (process.platform === "linux") return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }));
}
