import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { EventDraft } from "#core/events.js";
import { newOpeningId, newTraceId, type NodeId } from "#core/ids.js";
import { openLedger, type Ledger } from "#kb/ledger/ledger.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { repeated } from "../measure.js";
import { median } from "../statistics.js";
import type { Measure } from "../table.js";

const BATCH = 1000;
const BATCHES = 60;
const WRITERS = 16;
const APPENDS = 1500;
const ROUNDS = 3;

const run = { traceId: newTraceId(), openingId: newOpeningId() };
const draft: EventDraft<"log"> = {
  kind: "log",
  level: "info",
  message: "a line of about this length, as agents write them",
  meta: { node: "bench" as NodeId, attempt: 1, fields: { step: 7 } },
};

export const measure: Measure<"ledger"> = async (scratch) => {
  const sync = syncTimes(scratch);
  const ledger = await openLedger({ root: join(scratch, "pog") });
  try {
    const batched = await repeated({ warmUp: 1, samples: ROUNDS }, () => inBatches(ledger));
    const concurrent = await repeated({ warmUp: 1, samples: ROUNDS }, () => fromWriters(ledger));
    const single = await repeated({ warmUp: 20, samples: 200 }, () => ledger.append({ trace: run, drafts: [draft] }));
    const before = ledger.watermark();
    const verified = await repeated({ warmUp: 1, samples: ROUNDS }, async () => {
      const { ok, problems } = await verifyLedger({ root: ledger.root });
      if (!ok) throw new Error(`the ledger does not verify: ${problems[0]?.what}`);
    });
    return {
      values: {
        verified: (before * 1000) / median(verified),
        batched: (BATCH * BATCHES * 1000) / median(batched),
        concurrent: (WRITERS * APPENDS * 1000) / median(concurrent),
      },
      beside: [
        `the disk's own fdatasync of 4 KiB: ${sync.inPlace.toFixed(2)} ms in place, ${sync.grown.toFixed(2)} ms at the end of a file; one append at a time, until it is durable: ${median(single).toFixed(2)} ms`,
        `batched: ${BATCHES} appends of ${BATCH} rows; concurrent: each writer waits for each of its ${APPENDS} rows; verify: ${before} rows, in as many threads as there are cores`,
      ],
    };
  } finally {
    await ledger.close();
  }
};

async function inBatches(ledger: Ledger): Promise<void> {
  const drafts = Array.from({ length: BATCH }, () => draft);
  const appended: Promise<unknown>[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    await ledger.room();
    appended.push(ledger.append({ trace: run, drafts }));
    // What arrives together is one commit: a program that does other things in between is more like real ones.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(appended);
}

async function fromWriters(ledger: Ledger): Promise<void> {
  const writer = async (): Promise<void> => {
    for (let row = 0; row < APPENDS; row++) await ledger.append({ trace: run, drafts: [draft] });
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

/** What the disk takes for a sync of 4 KiB, beside which the ledger's figures are to be read: where a file grows, and where it does not. */
function syncTimes(scratch: string): { readonly grown: number; readonly inPlace: number } {
  const file = openSync(join(scratch, "sync"), "w");
  const block = Buffer.alloc(4096, 1);
  const sync = (at: number): number => {
    const start = performance.now();
    writeSync(file, block, 0, block.length, at * block.length);
    fdatasyncSync(file);
    return performance.now() - start;
  };
  const places = Array.from({ length: 100 }, (_, index) => index);
  const [grown, inPlace] = [median(places.map(sync)), median(places.map(sync))];
  closeSync(file);
  return { grown, inPlace };
}
