/** One commit of files at a time, in all processes that work on this home. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TraceId } from "#core/ids.js";
import { KbError } from "#kb/errors.js";
import type { Ledger } from "#kb/ledger/ledger.js";

/** What the lease is called; no run has this name. */
const COMMITS = "trace:files" as TraceId;
const LOOK_MS = 50;

/** In this process, whichever run asks. */
let before: Promise<unknown> = Promise.resolve();

export function commitLock(ledger: Pick<Ledger, "acquireLease">): <T>(work: () => Promise<T>) => Promise<T> {
  return (work) => {
    const mine = before.then(async () => {
      const lease = await acquired(ledger);
      try {
        return await work();
      } finally {
        await lease.release().catch(() => {}); // ends with this process then
      }
    });
    before = mine.catch(() => {});
    return mine;
  };
}

async function acquired(ledger: Pick<Ledger, "acquireLease">): ReturnType<Ledger["acquireLease"]> {
  for (;;) {
    try {
      return await ledger.acquireLease(COMMITS, { owner: `rlp ${process.pid}` });
    } catch (error) {
      // Whoever holds it is writing files, which takes moments; a dead holder's lease is taken over.
      if (!(error instanceof KbError) || error.code !== "KB_LEASED") throw error;
      await sleep(LOOK_MS);
    }
  }
}
