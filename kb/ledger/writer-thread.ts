/**
 * The ledger's writer thread: the one place of a process that writes to `events.sqlite`. While it waits for the disk the ledger
 * gathers what arrives, so a batch is what came in during the last commit. Rows that nobody waits for are placed as they come, in a
 * transaction that stays open for a few milliseconds: when somebody does wait, the disk is all that is left to wait for.
 */
import { statSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { SqliteError } from "better-sqlite3";
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

/**
 * What is appended is not read again: of the tables only their ends are in use, and a page that has been used before is quicker than one
 * that is new. A transaction that has more keeps it, and does not write it to the log before its time.
 */
const CACHE_KIB = 2048;

/** How long a transaction stays open for what comes next, in milliseconds, and how much it holds at most: other processes wait for it. */
const OPEN_MS = 10;
const MOST_BYTES = 8 << 20;

/** Pages in the log that are worth copying, and after how many milliseconds without a commit. */
const TIDY_PAGES = 500;
const TIDY_MS = 10;

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
  db.pragma(`cache_size = -${CACHE_KIB}`);
  db.pragma("cache_spill = OFF");
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

  /**
   * What the log holds is copied into the database while nobody waits, so that it begins anew before it has grown: to write where a file
   * has been written before takes the disk half of what it takes where the file ends. What fails here is left for the next time, as after a
   * commit.
   */
  const tidying = setTimeout(() => {
    if (db.inTransaction) return;
    try {
      const [log] = db.pragma("wal_checkpoint(NOOP)") as readonly { readonly log: number; readonly checkpointed: number }[];
      if (log && log.log - log.checkpointed >= TIDY_PAGES) db.pragma("wal_checkpoint(PASSIVE)");
    } catch (cause) {
      if (!(cause instanceof SqliteError)) throw cause;
    }
  }, TIDY_MS);

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

  /** Whether somebody has asked for the commit that is to come, and whether somebody waits for it. */
  let asked = false;
  let awaited = false;
  /** When the first of what was placed and not told came, and its bytes. */
  let since = 0;
  let bytes = 0;

  function tell(): void {
    clearTimeout(waiting);
    waiting = undefined;
    commit();
    send({ type: "done", outcomes });
    outcomes = [];
    bytes = 0;
    asked = awaited = false;
    tidying.refresh();
  }

  function orFail(work: () => void): void {
    if (!db.open) return; // it has failed: what was under way to this thread by then is rejected with the rest
    try {
      work();
    } catch (cause) {
      clearTimeout(waiting);
      clearTimeout(tidying);
      db.close();
      fail(cause);
    }
  }

  function close(): void {
    clearTimeout(tidying);
    anchor?.close();
    db.close();
    send({ type: "closed" });
    port.close();
  }

  const received = (): ToWriter | undefined => receiveMessageOnPort(port)?.message as ToWriter | undefined;
  const next = new Lookout(LOOK_MS, received);
  /** While a transaction is open, and whoever fills it is at work. */
  const more = new Lookout(LOOK_MS, received);

  function work(first: ToWriter): void {
    for (let message: ToWriter | undefined = first; message;) {
      if (message.type === "close") return close();
      if (outcomes.length === 0) since = performance.now();
      take(message.requests, message.rows);
      bytes += message.rows.payloads.length;
      asked ||= message.commit;
      awaited ||= message.awaited;
      // What has come meanwhile shares the commit, and where nobody has asked for it yet, what comes in a moment.
      const full = bytes >= MOST_BYTES || performance.now() - since >= OPEN_MS;
      message = full ? undefined : (received() ?? (asked ? undefined : more.look()));
      if (message?.type === "batch") continue;
      if (!asked) {
        // The lock is not held for longer, whatever becomes of the one who was to ask for the commit.
        waiting ??= setTimeout(() => orFail(tell), OPEN_MS);
        return;
      }
      const soon = awaited;
      tell();
      if (soon) message ??= next.look();
    }
  }
  port.on("message", (message: ToWriter) => orFail(() => work(message)));
}

try {
  start();
} catch (cause) {
  fail(cause);
}
