/**
 * The ledger's side of the writer thread.
 *
 * 1. What arrives in one turn of the event loop is asked for together, and what is little waits for the commit that is under way: it goes
 *    with the next. What is more goes ahead, so that the thread places its rows while more of them are made, or while the disk works.
 *    Requests keep their order, whatever their haste.
 * 2. A promise resolves only after the commit that holds its rows was synced.
 * 3. After a failure of storage nothing more is written: everything that waits, and everything that comes later, is rejected
 *    with that failure. So no event is durable whose predecessor was refused by the disk.
 */
import { Worker } from "node:worker_threads";
import { builtFile } from "../built.js";
import { fromRecord, KbError } from "../errors.js";
import type {
  Answer,
  DraftColumns,
  FromWriter,
  LeaseRequest,
  Outcome,
  PlacedAppend,
  Request,
  ToWriter,
  WriterOptions,
} from "./messages.js";
import { pack } from "./packed.js";

/** A batch is cut here, so that one commit does not hold the lock, and its callers, for too long. */
const BATCH_BYTES = 8 << 20;
const BATCH_REQUESTS = 4096;

/** Bytes in the queue above which {@link Writer.room} waits, and above which a caller that never waits is turned away. */
export const HIGH_WATER_BYTES = 32 << 20;
export const HARD_LIMIT_BYTES = 512 << 20;

/** How long what may go soon waits for company, in milliseconds, and how much of it waits at most. */
const SOON_MS = 4;
const SOON_BYTES = 256 << 10;
/** So many bytes, about thirty rows, are worth a message of their own to the thread. */
const AHEAD_BYTES = 32 << 10;

/** The most that closing takes, in milliseconds: the log is copied into the database, which is a second's work on a slow disk. */
const CLOSE_MS = 30_000;

/**
 * `soon`: nobody waits for it. It shares the commit of what comes in the next few milliseconds, since waking the thread and the disk for
 * each row costs more than the row.
 */
export type Haste = "now" | "soon";

interface Waiting {
  readonly request: Request;
  readonly bytes: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: KbError) => void;
}

export class Writer {
  readonly #options: () => WriterOptions;
  #worker: Worker | undefined;
  #queue: Waiting[] = [];
  /** With the thread, and not known to be durable. */
  #underWay: Waiting[] = [];
  /** So many of them, the oldest: the thread was asked to commit these. */
  #asked = 0;
  /** Of all that waits. */
  #bytes = 0;
  #queuedBytes = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  /** Whether somebody waits for something that the thread was not asked to commit. */
  #awaited = false;
  #failure: KbError | undefined;
  #closing: (() => void) | undefined;
  #room: (() => void)[] = [];
  #idle: (() => void)[] = [];

  /** `options` are asked for when the thread starts: a key is read, or made, where something is written and nowhere else. */
  constructor(options: () => WriterOptions) {
    this.#options = options;
  }

  /** `bytes` is about what the request takes in memory. */
  send(request: Request, bytes: number, haste: Haste = "now"): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#bytes + bytes > HARD_LIMIT_BYTES)
      this.#fail(new KbError("KB_FULL", "the ledger's queue is full: events arrive faster than the disk takes them"));
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, bytes, resolve, reject });
      this.#bytes += bytes;
      this.#queuedBytes += bytes;
      this.#awaited ||= haste === "now";
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#queuedBytes > AHEAD_BYTES) this.#post(false);
    if (this.#scheduled) return;
    if (!this.#awaited && this.#bytes <= SOON_BYTES) {
      this.#timer ??= setTimeout(() => this.#post(true), SOON_MS);
      return;
    }
    if (this.#asked > 0 && !this.#isAhead()) return;
    this.#scheduled = true;
    // After the current turn of the event loop, so that all that is appended in it shares one commit.
    setImmediate(() => this.#post(true));
  }

  /** Whether the thread holds what it was not asked to commit. */
  #isAhead(): boolean {
    return this.#underWay.length > this.#asked;
  }

  /** Resolves when the queue is short again. Whoever produces events without awaiting each append awaits this now and then. */
  room(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#bytes <= HIGH_WATER_BYTES) return Promise.resolve();
    return new Promise((resolve) => this.#room.push(resolve));
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    if (this.#queue.length > 0 || this.#isAhead()) {
      this.#awaited = true;
      this.#schedule();
    }
    if (this.#queue.length + this.#underWay.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    if (this.#failure) throw this.#failure;
  }

  /** Starts the thread, which takes some 25 ms, before it is needed. */
  start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(builtFile("ledger/writer-thread.js"), { workerData: this.#options(), name: "ledger" });
    // The thread alone keeps no process alive; a batch under way does.
    worker.unref();
    worker.on("message", (message: FromWriter) => this.#receive(message));
    worker.on("error", (cause) =>
      this.#fail(new KbError("KB_IO", `the ledger's writer thread died: ${String(cause)}`, { cause })),
    );
    worker.on("exit", () => {
      this.#closing?.();
      this.#fail(new KbError("KB_IO", "the ledger's writer thread ended"));
    });
    return (this.#worker = worker);
  }

  /** Writes what waits, then ends the thread. */
  async close(): Promise<void> {
    await this.idle().catch(() => {});
    const worker = this.#worker;
    const usable = this.#failure === undefined;
    this.#failure ??= new KbError("KB_CLOSED", "the ledger is closed");
    if (!worker || !usable) return;
    worker.ref();
    // A thread on its way out keeps no process alive: on a busy machine that ended before this was settled. A timer does.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    const closed = new Promise<void>((resolve) => (this.#closing = resolve));
    this.#tell({ type: "close" });
    await Promise.race([closed.then(() => worker.terminate()), late]);
    clearTimeout(timer);
  }

  #post(commit: boolean): void {
    if (commit) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#scheduled = false;
    }
    if (this.#failure || (this.#queue.length === 0 && !this.#isAhead())) return;
    const awaited = commit && this.#awaited;
    do {
      let bytes = 0;
      let count = 0;
      while (count < this.#queue.length && count < BATCH_REQUESTS && bytes < BATCH_BYTES) bytes += this.#queue[count++]!.bytes;
      const posted = this.#queue.splice(0, count);
      for (const waiting of posted) this.#underWay.push(waiting);
      this.#queuedBytes -= bytes;
      this.#postBatch(posted, { commit: commit && this.#queue.length === 0, awaited });
    } while (this.#queue.length > 0);
    if (!commit) return;
    this.#asked = this.#underWay.length;
    this.#awaited = false;
  }

  #postBatch(batch: readonly Waiting[], how: { readonly commit: boolean; readonly awaited: boolean }): void {
    this.start().ref();
    const drafts: DraftColumns[] = [];
    // Blobs are copies of ours (see encodeAppend): they move to the thread instead of being copied again, and so do the rows.
    const moved: ArrayBuffer[] = [];
    const requests = batch.map(({ request }): PlacedAppend | LeaseRequest => {
      if (request.type === "lease") return request;
      const { nowMs, rows, blobs, seals, decides, forget } = request;
      const placed = { from: drafts.length, count: rows.length, nowMs };
      for (const row of rows) drafts.push(row);
      if (blobs.length + seals.length + decides.length === 0 && !forget) return placed;
      for (const { bytes } of blobs) moved.push(bytes.buffer as ArrayBuffer);
      return { ...placed, besides: { blobs, seals, decides, forget } };
    });
    const rows = pack(drafts);
    this.#tell({ type: "batch", requests, rows, ...how }, [...moved, rows.columns.buffer, rows.payloads.buffer]);
  }

  #tell(message: ToWriter, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #receive(message: FromWriter): void {
    if (message.type === "failed") return this.#fail(fromRecord(message.error));
    if (message.type === "closed") return this.#closing?.();
    const done = this.#underWay.splice(0, message.outcomes.length);
    this.#asked = Math.max(0, this.#asked - done.length);
    for (const waiting of done) this.#bytes -= waiting.bytes;
    done.forEach((waiting, index) => settle(waiting, message.outcomes[index]!));
    if (this.#bytes <= HIGH_WATER_BYTES) for (const resolve of this.#room.splice(0)) resolve();
    // The promises settled above run first: what they append goes with this batch.
    if (this.#queue.length > 0 || (this.#awaited && this.#isAhead())) this.#schedule();
    if (this.#queue.length + this.#underWay.length > 0) return;
    this.#worker?.unref();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #fail(error: KbError): void {
    if (this.#failure) return;
    this.#failure = error;
    for (const waiting of [...this.#underWay, ...this.#queue]) waiting.reject(error);
    this.#underWay = [];
    this.#queue = [];
    this.#asked = 0;
    this.#bytes = 0;
    this.#queuedBytes = 0;
    clearTimeout(this.#timer);
    for (const resolve of [...this.#room.splice(0), ...this.#idle.splice(0)]) resolve();
  }
}

function settle(waiting: Waiting, outcome: Outcome): void {
  if ("error" in outcome) waiting.reject(fromRecord(outcome.error));
  else waiting.resolve(outcome);
}
