/**
 * The ledger's writer thread: the one place of a process that writes to `events.sqlite`. While it waits for the disk the ledger
 * gathers what arrives, so a batch is what came in during the last commit. Rows that nobody waits for are placed as they come, in a
 * transaction that stays open for a few milliseconds: when somebody does wait, the disk is all that is left to wait for.
 */
import { statSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Lookout } from "#core/lookout.js";
import { KbError, storageError, toRecord } from "../errors.js";
import { openReadWrite } from "../files.js";
import { Anchor } from "./anchor.js";
import { committer } from "./commit.js";
import { leaseKeeper } from "./leases.js";
import type { FromWriter, LeaseRequest, Outcome, PlacedAppend, ToWriter, WriterOptions } from "./messages.js";
import type { PackedRows } from "./packed.js";
import { ledgerKind } from "./schema.js";

/** Pages in the log before it is copied into the database: 32 MiB, so that a burst is not interrupted every few batches. */
const CHECKPOINT_PAGES = 8192;

/** How long a transaction stays open for what comes next, in milliseconds: other processes wait for it. */
const OPEN_MS = 10;

/**
 * How long the thread looks for the next batch before it sleeps, in milliseconds: what some twenty writers take to be told and to append
 * again where the clock is slow, twice over.
 */
const LOOK_MS = 1;

const port = parentPort!;
const options = workerData as WriterOptions;
const send = (message: FromWriter): void => port.postMessage(message);

function fail(cause: unknown): void {
  const error = storageError(cause, options.file, "append to the ledger");
  if (!(error instanceof KbError)) throw error;
  send({ type: "failed", error: toRecord(error) });
  port.close();
}

function start(): void {
  const db = openReadWrite(options.file, ledgerKind);
  db.pragma(`busy_timeout = ${options.busyMs}`);
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.pragma(`journal_size_limit = ${64 << 20}`);
  if (options.maxPages !== null) db.pragma(`max_page_count = ${options.maxPages}`);
  const anchor = options.anchor && new Anchor(db, options.anchor);
  const ledger = committer(db, anchor);
  const lease = leaseKeeper(db);
  const inode = statSync(options.file).ino;

  /** A commit to a file that has no name any more would be acknowledged and lost. */
  function checkName(): void {
    if (statSync(options.file, { throwIfNoEntry: false })?.ino === inode) return;
    throw new KbError("KB_IO", "the ledger's file was removed or replaced while it was written", {
      place: { file: options.file },
      hint: "put it back, or start again with an empty home; nothing more is written to the old file",
    });
  }

  /** Of what was placed, in order; told once it is durable. */
  let outcomes: Outcome[] = [];
  let waiting: NodeJS.Timeout | undefined;

  function commit(): void {
    if (!ledger.commit()) return;
    checkName();
    anchor?.committed();
  }

  /** Appends share a transaction; a lease has one of its own. */
  function take(requests: readonly (PlacedAppend | LeaseRequest)[], rows: PackedRows): void {
    for (let i = 0; i < requests.length;) {
      const request = requests[i]!;
      if (!("type" in request)) {
        const appends: PlacedAppend[] = [];
        for (let next = requests[i]; next && !("type" in next); next = requests[++i]) appends.push(next);
        outcomes.push(...ledger.place(appends, rows));
        continue;
      }
      i++;
      commit();
      try {
        outcomes.push(lease(request));
      } catch (cause) {
        if (!(cause instanceof KbError)) throw cause;
        outcomes.push({ error: toRecord(cause) });
      }
    }
  }

  function tell(asked: boolean): void {
    clearTimeout(waiting);
    waiting = undefined;
    commit();
    const told = outcomes;
    outcomes = [];
    send({ type: "done", outcomes: told, asked });
  }

  function orFail(work: () => void): void {
    try {
      work();
    } catch (cause) {
      clearTimeout(waiting);
      db.close();
      fail(cause);
    }
  }

  /** Whether nothing is left to do until the next message comes, and that may be soon. */
  function handle(message: ToWriter): boolean {
    if (message.type === "close") {
      anchor?.close();
      db.close();
      send({ type: "closed" });
      port.close();
      return false;
    }
    take(message.requests, message.rows);
    // The lock is not held for longer, whatever becomes of the one who was to ask for the commit.
    if (message.commit) tell(true);
    else waiting ??= setTimeout(() => orFail(() => tell(false)), OPEN_MS);
    return message.commit && message.awaited;
  }

  const next = new Lookout(LOOK_MS, () => receiveMessageOnPort(port)?.message as ToWriter | undefined);
  port.on("message", (first: ToWriter) =>
    orFail(() => {
      for (let message: ToWriter | undefined = first; message && handle(message);) message = next.look();
    }),
  );
}

try {
  start();
} catch (cause) {
  fail(cause);
}
