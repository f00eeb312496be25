/** Walks the whole ledger and says the first thing, and the next few, that are not as they were written. */
import { join, resolve } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { guarded, KbError } from "../errors.js";
import { openReadOnly, type Db } from "../files.js";
import { referencedBlobs } from "./references.js";
import { COLUMNS, GENESIS, isSound, rowHash, type RowColumns } from "./row.js";
import { LEDGER_FILE, ledgerKind, ledgerObjects } from "./schema.js";

export interface Problem {
  /** The row; null when it is not about one. */
  readonly id: number | null;
  readonly what: string;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** Rows and blobs that were read. */
  readonly rows: number;
  readonly blobs: number;
  readonly runs: number;
  /** Hash of the last row: whoever notes it down can tell later that nothing before it was changed. */
  readonly head: Digest;
  /** In the order of the ledger, at most {@link MAX_PROBLEMS}. */
  readonly problems: readonly Problem[];
}

export interface VerifyProgress {
  readonly rows: number;
  readonly of: number;
}

/** A row whose hash somebody outside the ledger remembers. */
export interface Noted {
  readonly id: number;
  readonly hash: string;
  /** Completes "… remembers another row 12". */
  readonly by: string;
}

export const MAX_PROBLEMS = 20;
const PAGE = 1000;

/**
 * Reads every row and every blob. A damaged ledger is a report; an error is thrown only where there is none to read
 * (`KB_NOT_FOUND`, `KB_FOREIGN`, `KB_NEWER`, `KB_LOCKED`, …). Works beside a writer: it sees one moment of the file.
 */
export async function verifyLedger(options: {
  readonly root: string;
  readonly noted?: readonly Noted[];
  readonly onProgress?: (progress: VerifyProgress) => void;
}): Promise<VerifyReport> {
  const walk = new Walk(join(resolve(options.root), LEDGER_FILE), options.noted ?? []);
  try {
    for (const progress of walk.steps()) {
      options.onProgress?.(progress);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    walk.close();
  }
  return walk.report();
}

class Walk {
  readonly #file: string;
  readonly #noted: readonly Noted[];
  #db: Db | undefined;
  readonly #problems: Problem[] = [];
  readonly #nextSeq = new Map<string, number>();
  /** Digest → first row that refers to it. */
  readonly #references = new Map<Digest, number>();
  #rows = 0;
  #blobs = 0;
  #last: { readonly id: number; readonly tsMs: number; readonly hash: Uint8Array } = { id: 0, tsMs: 0, hash: GENESIS };

  constructor(file: string, noted: readonly Noted[]) {
    this.#file = file;
    this.#noted = noted;
  }

  close(): void {
    this.#db?.close();
  }

  report(): VerifyReport {
    return {
      ok: this.#problems.length === 0,
      rows: this.#rows,
      blobs: this.#blobs,
      runs: this.#nextSeq.size,
      head: hex(this.#last.hash),
      problems: this.#problems,
    };
  }

  *steps(): Iterable<VerifyProgress> {
    const opened = this.#attempt(() => {
      this.#db = openReadOnly(this.#file, ledgerKind);
      this.#db.exec("BEGIN");
      return this.#db;
    });
    if (!opened) return;
    this.#attempt(() => this.#schema(opened));
    yield* this.#chain(opened);
    this.#attempt(() => this.#head(opened));
    yield* this.#storedBlobs(opened);
    this.#attempt(() => this.#pages(opened));
  }

  #problem(id: number | null, what: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ id, what });
  }

  /** Damage becomes a problem, and undefined; what is no damage is thrown. */
  #attempt<T>(action: () => T, id: () => number | null = () => null): T | undefined {
    try {
      return guarded(this.#file, "read the ledger", action);
    } catch (cause) {
      if (!(cause instanceof KbError) || !["KB_CORRUPT", "KB_IO"].includes(cause.code)) throw cause;
      this.#problem(id(), cause.message);
      return undefined;
    }
  }

  #schema(db: Db): void {
    const found = new Map(
      db
        .prepare<[], [string, string, string]>("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        .raw()
        .all()
        .map(([name, type, sql]) => [name, { type, sql }]),
    );
    for (const [name, sql] of Object.entries(ledgerObjects)) {
      const type = /^CREATE (?:UNIQUE )?(\w+)/.exec(sql)![1]!.toLowerCase();
      const guards = type === "trigger" ? ": rows could have been changed or removed" : "";
      if (!found.has(name)) this.#problem(null, `the ${type} \`${name}\` is missing${guards}`);
      else if (found.get(name)!.sql !== sql) this.#problem(null, `the ${type} \`${name}\` is not the one that rlp made${guards}`);
    }
    for (const [name, { type }] of found)
      if (type === "trigger" && !Object.hasOwn(ledgerObjects, name))
        this.#problem(null, `the trigger \`${name}\` was not made by rlp`);
  }

  *#chain(db: Db): Iterable<VerifyProgress> {
    const of = this.#attempt(() => db.prepare<[], number | null>("SELECT max(id) FROM events").pluck().get() ?? 0) ?? 0;
    const next = () => this.#last.id + 1;
    const select = this.#attempt(() =>
      db.prepare<[number], RowColumns>(`SELECT ${COLUMNS} FROM events WHERE id >= ? ORDER BY id LIMIT ${PAGE}`).raw(),
    );
    for (let full = select !== undefined; full;) {
      let read = 0;
      // Row by row: what can be read before a damaged page is still checked.
      const walked = this.#attempt(() => {
        for (const columns of select!.iterate(next())) {
          this.#row(columns);
          read++;
        }
        return true;
      }, next);
      full = walked === true && read === PAGE && this.#problems.length < MAX_PROBLEMS;
      yield { rows: this.#rows, of };
    }
  }

  #row(columns: RowColumns): void {
    if (!isSound(columns)) {
      this.#last = { ...this.#last, id: Number((columns as readonly unknown[])[0]) };
      return this.#problem(this.#last.id, "cannot be read: its columns are not those of a row");
    }
    const [id, tsMs, traceId, seq, actor, kind, scope, payload, provenance, prevHash, hash] = columns;
    const last = this.#last;
    this.#rows++;
    this.#last = { id, tsMs, hash };
    for (const noted of this.#noted)
      if (noted.id === id && noted.hash !== hex(hash)) this.#problem(id, `is another row than ${noted.by} remembers`);
    const missing = id - last.id - 1;
    if (missing > 0)
      this.#problem(last.id + 1, missing === 1 ? "the row is missing" : `rows ${last.id + 1} to ${id - 1} are missing`);
    else if (Buffer.compare(prevHash, last.hash) !== 0)
      this.#problem(id, "does not follow the row before it: its prev_hash is another");
    const expected = rowHash(prevHash, id, tsMs, traceId, seq, actor, kind, scope, payload, provenance);
    if (Buffer.compare(expected, hash) !== 0) {
      // One altered row is one problem: the rows behind it count on from what it says.
      if (traceId !== null && seq !== null) this.#nextSeq.set(traceId, seq + 1);
      return this.#problem(id, `was altered: its content has another hash than the row says (${kind})`);
    }
    const body = parse(payload);
    // The hash covers the texts side by side; that each is one JSON value makes the seam between them unique.
    if (body === undefined || parse(provenance) === undefined) return this.#problem(id, "its payload or provenance is not JSON");
    if (tsMs < last.tsMs) this.#problem(id, "its time lies before that of the row before it");
    if (traceId !== null) {
      const due = this.#nextSeq.get(traceId) ?? 0;
      this.#nextSeq.set(traceId, (seq ?? due) + 1);
      if (seq !== due) this.#problem(id, `has seq ${seq} in ${traceId}, where ${due} is due`);
    }
    for (const digest of referencedBlobs(kind, body)) if (!this.#references.has(digest)) this.#references.set(digest, id);
  }

  #head(db: Db): void {
    const [id, hash] = db.prepare<[], [number, Uint8Array]>("SELECT id, hash FROM head").raw().get() ?? [0, GENESIS];
    const last = this.#last;
    for (const noted of this.#noted)
      if (noted.id > last.id)
        this.#problem(last.id + 1, `the ledger ends with row ${last.id}, but ${noted.by} remembers row ${noted.id}`);
    if (id > last.id)
      this.#problem(last.id + 1, `the ledger ends with row ${last.id}, but row ${id} was written last: its end was cut off`);
    else if (id < last.id) this.#problem(id + 1, `rows after ${id} were not written by rlp`);
    else if (Buffer.compare(hash, last.hash) !== 0)
      this.#problem(id, "is not the row that was written last: its hash is another");
  }

  *#storedBlobs(db: Db): Iterable<VerifyProgress> {
    const select = this.#attempt(() =>
      db
        .prepare<[number], [number, Uint8Array, Uint8Array]>(
          "SELECT rowid, hash, bytes FROM blobs WHERE rowid > ? ORDER BY rowid LIMIT 1",
        )
        .raw(),
    );
    const missing = new Map(this.#references);
    let whole = select !== undefined;
    for (let rowid = 0; whole;) {
      const found = this.#attempt(() => ({ blob: select!.get(rowid) }));
      whole = found !== undefined;
      if (!found?.blob) break;
      const digest = hex(found.blob[1]);
      rowid = found.blob[0];
      this.#blobs++;
      if (blake3(found.blob[2]) !== digest) {
        const row = this.#references.get(digest);
        this.#problem(row ?? null, `the blob ${digest} was altered: its bytes have another digest`);
      }
      missing.delete(digest);
      if (this.#blobs % 64 === 0) yield { rows: this.#rows, of: this.#rows };
    }
    if (whole) for (const [digest, id] of missing) this.#problem(id, `refers to the blob ${digest}, which is missing`);
  }

  /** Damage in what the walk did not read: indexes, lists of free pages. */
  #pages(db: Db): void {
    if (this.#problems.length > 0) return;
    for (const said of db.prepare<[], string>("PRAGMA integrity_check(5)").pluck().all())
      if (said !== "ok") this.#problem(null, said);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const hex = (bytes: Uint8Array): Digest => Buffer.from(bytes).toString("hex") as Digest;
