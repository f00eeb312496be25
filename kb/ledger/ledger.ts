/** The append-only log: `events.sqlite`. Everything else in the knowledge base can be made again from it. */
import { join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import { blake3, type Digest } from "#core/digest.js";
import type { RunEvent, EventDraft } from "#core/events.js";
import type { OpeningId, ProposalId, TraceId } from "#core/ids.js";
import { guarded, KbError } from "../errors.js";
import { BUSY_MS, makeRoot, openReadOnly, openReadWrite, type Db } from "../files.js";
import type { LedgerSigner } from "./checkpoint.js";
import type { encodeAppend, LedgerAppend } from "./drafts.js";
import { BEAT_MS, leaseReader } from "./leases.js";
import type { AppendAnswer, AppendRequest, LeaseAnswer, LeaseRequest } from "./messages.js";
import { COLUMNS, placedRow, rowToRunEvent, storedRow, type LedgerRow, type Opener, type RowColumns } from "./row.js";
import { LEDGER_FILE, ledgerKind } from "./schema.js";
import { unseal } from "./seal.js";
import { Writer } from "./writer.js";

export interface LedgerOptions {
  /** The folder of the knowledge base. */
  readonly root: string;
  /** Nothing is created or written; there must be a ledger. */
  readonly readonly?: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Upper bound of `events.sqlite` in pages of 4 KiB; more is `KB_FULL`. */
  readonly maxPages?: number;
  /** How long a commit waits for another process's lock, in milliseconds. */
  readonly busyMs?: number;
  /** What holds the ledger from outside. Without it nothing is signed, and no head is noted elsewhere. */
  readonly anchor?: LedgerAnchor;
}

export interface LedgerAnchor {
  /** Where the last row is noted after each commit: not beside the database. */
  readonly headFile: string;
  /** What signs checkpoints; asked when something is written first. Null: nothing is signed. */
  readonly signer: () => LedgerSigner | null;
}

/** The right to drive a run, kept by heartbeats until it is released. */
export interface Lease {
  readonly traceId: TraceId;
  /** Aborts when another process has taken the lease over. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface Blob {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** A run as the ledger knows it without any view. */
export interface RunHead {
  readonly traceId: TraceId;
  readonly firstId: number;
  readonly startedMs: number;
}

export interface Ledger {
  readonly root: string;
  readonly file: string;
  /**
   * Appends, all or nothing; resolves with the placed rows when they are synced. Appends keep their order, and a durable event's
   * predecessors in its run are durable. Throws `KB_EVENT_INVALID` before anything is queued; rejects with `KB_DECIDED` for a
   * second decision on a proposal, and with `KB_FULL`, `KB_LOCKED`, `KB_READONLY`, `KB_IO`, `KB_CORRUPT` or `KB_BROKEN_CHAIN`
   * when nothing can be written: then every later append is rejected too.
   */
  append(append: LedgerAppend): Promise<readonly LedgerRow[]>;
  /** As {@link append}, for whoever needs no more than to know that the rows are durable. */
  write(append: LedgerAppend): Promise<void>;
  /**
   * Decides a proposal of any run, from any process, once: `KB_NOT_FOUND` without such a proposal, `KB_DECIDED` after a decision
   * or when it has expired, `KB_EVENT_INVALID` when the decision is about other arguments.
   */
  decideProposal(id: ProposalId, draft: EventDraft<"action.decided">): Promise<LedgerRow<"action.decided">>;
  /** Resolves when all that was appended is durable. */
  flush(): Promise<void>;
  /** Resolves when the queue is short: back-pressure for those who do not await each append. */
  room(): Promise<void>;
  /** Starts the writer thread ahead of the first append. */
  prepare(): void;

  /** Lines of a run, from `fromSeq` on, read in pages: rows that arrive meanwhile are included. */
  runEvents(traceId: TraceId, fromSeq?: number): Iterable<RunEvent>;
  /** As {@link runEvents}, whole rows. */
  runRows(traceId: TraceId, fromSeq?: number): Iterable<LedgerRow>;
  /** At most `limit` rows with `id ≥ fromId`, in order. */
  rows(fromId: number, limit: number): readonly LedgerRow[];
  row(id: number): LedgerRow | undefined;
  /** Undefined where there is none; `KB_CORRUPT` when the bytes are not what the digest says. */
  blob(digest: Digest): Blob | undefined;
  hasRun(traceId: TraceId): boolean;
  /** Id of the last row; 0 when empty. */
  watermark(): number;
  /** All runs, oldest first. */
  runs(): readonly RunHead[];
  /** Runs whose id begins so (with or without `trace:`), at most 20. */
  findTrace(prefix: string): readonly TraceId[];
  /** The events of one proposal, whatever its run. */
  proposalRows(id: ProposalId): readonly LedgerRow[];

  /** Records (`note.added`, …) that were made in a run, as their provenance says. */
  recordsFrom(traceId: TraceId): readonly LedgerRow[];

  /** `KB_LEASED`, with the holder named, when another living process drives the run. */
  acquireLease(traceId: TraceId, holder: { readonly owner: string; readonly pid?: number }): Promise<Lease>;
  /** Whether a process drives the run now. */
  driven(traceId: TraceId): boolean;
  close(): Promise<void>;
}

const PAGE = 256;

/** Opens the ledger alone: no view is needed or touched. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { now = Date.now } = options;
  const root = resolve(options.root);
  const file = join(root, LEDGER_FILE);
  if (!options.readonly) makeRoot(root);
  // The schemas of all events: whoever only reads does not wait for them.
  const encode = options.readonly ? null : (await import("./drafts.js")).encodeAppend;
  const db = options.readonly ? openReadOnly(file, ledgerKind) : openReadWrite(file, ledgerKind);
  try {
    return new SqliteLedger(db, options, root, file, now, encode);
  } catch (cause) {
    db.close();
    throw cause;
  }
}

interface Writing {
  readonly queue: Writer;
  readonly encode: typeof encodeAppend;
}

class SqliteLedger implements Ledger {
  readonly root: string;
  readonly file: string;
  readonly #db: Db;
  readonly #now: () => number;
  readonly #writer: Writing | undefined;
  readonly #leases = new Set<Lease>();
  readonly #select;

  constructor(db: Db, options: LedgerOptions, root: string, file: string, now: () => number, encode: typeof encodeAppend | null) {
    this.root = root;
    this.file = file;
    this.#db = db;
    this.#now = now;
    const { anchor, maxPages = null, busyMs = BUSY_MS } = options;
    if (encode) {
      const queue = new Writer(() => ({
        file,
        maxPages,
        busyMs,
        anchor: anchor ? { headFile: anchor.headFile, signer: anchor.signer() } : null,
      }));
      this.#writer = { queue, encode };
    }
    this.#select = guarded(file, "read the ledger", () => {
      // All writing is the writer thread's.
      db.pragma("query_only = ON");
      const rows = <P extends unknown[]>(where: string) =>
        db.prepare<P, RowColumns>(`SELECT ${COLUMNS} FROM events WHERE ${where}`).raw();
      return {
        from: rows<[number, number]>("id >= ? ORDER BY id LIMIT ?"),
        one: rows<[number]>("id = ?"),
        run: rows<[string, number, number]>("trace_id = ? AND seq >= ? ORDER BY seq LIMIT ?"),
        proposal: rows<[string]>(
          "json_extract(payload_json, '$.meta.proposal_id') = ? AND kind IN ('action.proposed', 'action.decided', 'action.finished') ORDER BY id",
        ),
        source: rows<[string]>(
          "json_extract(provenance_json, '$.trace') = ? AND trace_id IS NULL AND provenance_json <> '{}' ORDER BY id",
        ),
        driven: leaseReader(db),
        last: db.prepare<[], number | null>("SELECT max(id) FROM events").pluck(),
        // Ledgers of the first schema hold nothing sealed.
        seal:
          (db.pragma("user_version", { simple: true }) as number) < 2
            ? null
            : db.prepare<[Uint8Array], Uint8Array>("SELECT key FROM seals WHERE blob = ?").pluck(),
        blob: db.prepare<[Uint8Array], [Uint8Array, string]>("SELECT bytes, media_type FROM blobs WHERE hash = ?").raw(),
        first: db
          .prepare<[], [TraceId, number, number]>("SELECT trace_id, id, ts_ms FROM events WHERE seq = 0 ORDER BY id")
          .raw(),
        find: db
          .prepare<[string, string], TraceId>(
            "SELECT trace_id FROM events WHERE seq = 0 AND trace_id >= ? AND trace_id < ? ORDER BY trace_id LIMIT 20",
          )
          .pluck(),
      };
    });
  }

  readonly #open: Opener = (digest) => {
    const key = this.#read(() => this.#select.seal?.get(Buffer.from(digest, "hex")));
    if (!key) return null;
    const sealed = this.blob(digest);
    if (!sealed)
      throw new KbError("KB_CORRUPT", `the sealed blob ${digest} is missing`, {
        place: { file: this.file },
        hint: "`rlp kb verify` names everything that is damaged",
      });
    return unseal(sealed.bytes, key);
  };
  readonly #stored = (columns: RowColumns): LedgerRow => storedRow(columns, this.#open);

  async append(append: LedgerAppend): Promise<readonly LedgerRow[]> {
    const { rows, answer } = this.#send(append);
    const [firstId, tsMs, firstSeq, hashes] = await answer;
    let nextSeq = firstSeq ?? 0;
    return rows.map(([actor, kind, scope, traceId, payload, source], index) => {
      const seq = traceId === null ? null : nextSeq++;
      const columns: RowColumns = [firstId + index, tsMs, traceId, seq, actor, kind, scope, payload, source, hashes, hashes];
      return placedRow(columns, this.#open, 32 * index);
    });
  }

  async write(append: LedgerAppend): Promise<void> {
    await this.#send(append).answer;
  }

  #send(append: LedgerAppend): { readonly rows: AppendRequest["rows"]; readonly answer: Promise<AppendAnswer> } {
    const { queue, encode } = this.#writing();
    const { request, bytes } = encode(append, this.#now());
    return { rows: request.rows, answer: queue.send(request, bytes, append.haste) as Promise<AppendAnswer> };
  }

  async decideProposal(id: ProposalId, draft: EventDraft<"action.decided">): Promise<LedgerRow<"action.decided">> {
    const proposed = this.proposalRows(id).find((row) => row.kind === "action.proposed");
    if (!proposed)
      throw new KbError("KB_NOT_FOUND", `there is no ${id}`, { hint: "`rlp proposals` lists what waits for a decision" });
    const { args_hash, expires_at_ms } = proposed.payload.meta;
    if (draft.meta.proposal_id !== id || draft.meta.args_hash !== args_hash)
      throw new KbError("KB_EVENT_INVALID", `the decision is not about the arguments of ${id}`, {
        hint: "look at the proposal again: `rlp proposals`",
      });
    if (expires_at_ms !== null && this.#now() >= expires_at_ms)
      throw new KbError("KB_DECIDED", `${id} expired on ${new Date(expires_at_ms).toISOString()}`, {
        hint: "resume the run; it proposes again where that makes sense",
      });
    const openingId = proposed.payload.opening_id as OpeningId;
    const [row] = await this.append({ trace: { traceId: proposed.trace_id, openingId }, drafts: [draft] });
    return row as LedgerRow<"action.decided">;
  }

  async flush(): Promise<void> {
    await this.#writer?.queue.idle();
  }
  async room(): Promise<void> {
    await this.#writer?.queue.room();
  }
  prepare(): void {
    this.#writing().queue.start();
  }

  *runRows(traceId: TraceId, fromSeq = 0): Iterable<LedgerRow> {
    // In pages: an open cursor would keep the connection busy and the log from being check-pointed.
    for (let seq = fromSeq; ;) {
      const page = this.#read(() => this.#select.run.all(traceId, seq, PAGE));
      for (const columns of page) yield this.#stored(columns);
      if (page.length < PAGE) return;
      seq = page.at(-1)![3]! + 1;
    }
  }
  *runEvents(traceId: TraceId, fromSeq = 0): Iterable<RunEvent> {
    for (const row of this.runRows(traceId, fromSeq)) yield rowToRunEvent(row);
  }
  rows(fromId: number, limit: number): readonly LedgerRow[] {
    return this.#read(() => this.#select.from.all(fromId, limit)).map(this.#stored);
  }
  row(id: number): LedgerRow | undefined {
    const columns = this.#read(() => this.#select.one.get(id));
    return columns && this.#stored(columns);
  }
  blob(digest: Digest): Blob | undefined {
    const found = this.#read(() => this.#select.blob.get(Buffer.from(digest, "hex")));
    if (!found) return undefined;
    const [bytes, mediaType] = found;
    if (blake3(bytes) !== digest)
      throw new KbError("KB_CORRUPT", `the blob ${digest} holds other bytes than its digest says`, {
        place: { file: this.file },
        hint: "`rlp kb verify` names everything that is damaged",
      });
    return { bytes, mediaType };
  }
  hasRun(traceId: TraceId): boolean {
    return this.#read(() => this.#select.run.get(traceId, 0, 1)) !== undefined;
  }
  watermark(): number {
    return this.#read(() => this.#select.last.get()) ?? 0;
  }
  runs(): readonly RunHead[] {
    return this.#read(() => this.#select.first.all()).map(([traceId, firstId, startedMs]) => ({ traceId, firstId, startedMs }));
  }
  findTrace(prefix: string): readonly TraceId[] {
    const from = prefix.startsWith("trace:") ? prefix : `trace:${prefix}`;
    return this.#read(() => this.#select.find.all(from, `${from}\u{10ffff}`));
  }
  proposalRows(id: ProposalId): readonly LedgerRow[] {
    return this.#read(() => this.#select.proposal.all(id)).map(this.#stored);
  }
  recordsFrom(traceId: TraceId): readonly LedgerRow[] {
    return this.#read(() => this.#select.source.all(traceId)).map(this.#stored);
  }

  driven(traceId: TraceId): boolean {
    return this.#read(() => this.#select.driven(traceId, this.#now()));
  }

  async acquireLease(traceId: TraceId, holder: { readonly owner: string; readonly pid?: number }): Promise<Lease> {
    const { queue } = this.#writing();
    const token = randomUUID();
    const ask = async (action: LeaseRequest["action"]): Promise<LeaseAnswer> => {
      const pid = holder.pid ?? process.pid;
      return (await queue.send(
        { type: "lease", action, traceId, token, nowMs: this.#now(), owner: holder.owner, pid },
        256,
      )) as LeaseAnswer;
    };
    await ask("acquire");
    const loss = new AbortController();
    const beat = setInterval(async () => {
      // A failed beat means that nothing can be written: the run's own appends will say so.
      const { held } = await ask("beat").catch(() => ({ held: true }));
      if (!held) loss.abort(new KbError("KB_LEASED", `another process has taken over ${traceId}`));
    }, BEAT_MS);
    beat.unref();
    const lease: Lease = {
      traceId,
      lost: loss.signal,
      release: async () => {
        clearInterval(beat);
        if (this.#leases.delete(lease)) await ask("release");
      },
    };
    this.#leases.add(lease);
    return lease;
  }

  async close(): Promise<void> {
    // What cannot be released because nothing can be written ends with this process.
    for (const lease of this.#leases) await lease.release().catch(() => {});
    await this.#writer?.queue.idle().catch(() => {});
    // The last connection to close tidies the log away, and a query-only one cannot: so the thread's goes last.
    this.#db.close();
    await this.#writer?.queue.close();
  }

  #writing(): Writing {
    if (!this.#writer)
      throw new KbError("KB_READONLY", "the knowledge base was opened for reading only", { place: { file: this.file } });
    return this.#writer;
  }
  #read<T>(action: () => T): T {
    if (!this.#db.open) throw new KbError("KB_CLOSED", "the ledger is closed");
    return guarded(this.file, "read the ledger", action);
  }
}
