/** A thread that checks parts of the ledger, one after the other, on a connection of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { KbError, storageError, toRecord, type ErrorRecord } from "../../errors.js";
import { openReadOnly } from "../../files.js";
import { ledgerKind } from "../schema.js";
import { doJob, type Job, type JobReport } from "./job.js";

export type FromThread =
  | { readonly type: "rows"; readonly rows: number }
  | { readonly type: "done"; readonly report: JobReport }
  | { readonly type: "failed"; readonly error: ErrorRecord };

const port = parentPort!;
const { file } = workerData as { readonly file: string };
const send = (message: FromThread): void => port.postMessage(message);

function orFail(action: () => void): void {
  try {
    action();
  } catch (cause) {
    const error = storageError(cause, file, "read the ledger");
    if (!(error instanceof KbError)) throw error;
    send({ type: "failed", error: toRecord(error) });
    port.close();
  }
}

orFail(() => {
  const db = openReadOnly(file, ledgerKind);
  port.on("message", (job: Job | null) => {
    if (job === null) {
      db.close();
      return port.close();
    }
    orFail(() => send({ type: "done", report: doJob(db, job, (rows) => send({ type: "rows", rows })) }));
  });
});
