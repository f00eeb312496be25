/** Hands the parts of a check to as many threads as the machine has cores, and gathers what they say. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { builtFile } from "../../built.js";
import { fromRecord, KbError } from "../../errors.js";
import type { Job, JobReport } from "./job.js";
import type { FromThread } from "./thread.js";

/** Hashing is bound by the processor; beyond these the disk is what waits. */
const MOST = 8;

/** In the order of `jobs`. Rejects with a `KbError` when a thread cannot go on. */
export async function inThreads(file: string, jobs: readonly Job[], onRows: (rows: number) => void): Promise<JobReport[]> {
  const reports: JobReport[] = [];
  const rows = jobs.map(() => 0);
  let next = 0;
  const threads = Array.from({ length: Math.min(MOST, availableParallelism(), jobs.length) }, async () => {
    const worker = new Worker(builtFile("ledger/check/thread.js"), { workerData: { file }, name: "verify" });
    try {
      await new Promise<void>((resolve, reject) => {
        let at = -1;
        const give = (): void => {
          at = next++;
          if (at >= jobs.length) return resolve();
          // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
          worker.postMessage(jobs[at]);
        };
        worker.on("error", reject);
        worker.on("exit", () => reject(new KbError("KB_IO", "a thread that reads the ledger ended", { place: { file } })));
        worker.on("message", (message: FromThread) => {
          if (message.type === "failed") return reject(fromRecord(message.error));
          if (message.type === "rows") {
            rows[at] = message.rows;
            return onRows(rows.reduce((sum, each) => sum + each, 0));
          }
          reports[at] = message.report;
          give();
        });
        give();
      });
    } finally {
      await worker.terminate();
    }
  });
  await Promise.all(threads);
  return reports;
}
