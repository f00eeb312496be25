/** A stretch of rows: page by page where they are as they were written, and one by one where something is not. */
import type { Digest } from "#core/digest.js";
import type { Db } from "../../files.js";
import { referencedBlobs } from "../references.js";
import { COLUMNS, isSound, type RowColumns } from "../row.js";
import { rowHash } from "../row-hash.js";
import { orDamage } from "./damage.js";
import { MAX_PROBLEMS, type Problem, type Stretch } from "./problem.js";
import { sealedPayload } from "../seal.js";
import { SealCheck } from "./seals.js";
import { PAGE, pageReader, type SoundPage } from "./page.js";

/** What a stretch says of itself, so that stretches can be joined. */
export interface RowsReport {
  readonly part: "rows";
  readonly from: number;
  readonly rows: number;
  readonly first: { readonly id: number; readonly tsMs: number; readonly prevHash: Uint8Array } | null;
  readonly last: { readonly id: number; readonly tsMs: number; readonly hash: Uint8Array } | null;
  /** It was gone through to its end. */
  readonly whole: boolean;
  /** By run: its first row here, and which `seq` is due after its last one. */
  readonly runs: ReadonlyMap<string, { readonly id: number; readonly seq: number; readonly due: number }>;
  /** Digest → the first row that refers to it. */
  readonly missing: ReadonlyMap<Digest, number>;
  readonly problems: readonly Problem[];
}

export function checkRows(db: Db, job: Stretch, onRows: (rows: number) => void): RowsReport {
  const walk = new RowsWalk(db, job.from, job.to);
  walk.walk(onRows);
  return walk.report();
}

class RowsWalk {
  readonly #db: Db;
  readonly #from: number;
  readonly #to: number;
  readonly #problems: Problem[] = [];
  readonly #runs = new Map<string, { id: number; seq: number; due: number }>();
  readonly #missing = new Map<Digest, number>();
  #seals: SealCheck | undefined;
  #rows = 0;
  #first: RowsReport["first"] = null;
  #last: RowsReport["last"] = null;
  #broken = false;

  constructor(db: Db, from: number, to: number) {
    this.#db = db;
    this.#from = from;
    this.#to = to;
  }

  report(): RowsReport {
    return {
      part: "rows",
      from: this.#from,
      rows: this.#rows,
      first: this.#first,
      last: this.#last,
      whole: !this.#broken && this.#problems.length < MAX_PROBLEMS,
      runs: this.#runs,
      missing: this.#missing,
      problems: this.#problems,
    };
  }

  walk(onRows: (rows: number) => void): void {
    const tools = orDamage(
      this.#db,
      (what) => this.#break(what),
      () => this.#statements(),
    );
    if (!tools) return;
    const { page, closely, payload, blob } = tools;
    for (let next = this.#from; next <= this.#to && !this.#broken && this.#problems.length < MAX_PROBLEMS;) {
      // What the page cannot read, the rows below tell with their number.
      const sound = orDamage(
        this.#db,
        () => {},
        () => page(next, this.#to),
      );
      const end = Math.min(next + PAGE - 1, this.#to);
      if (!sound) {
        // Row by row: what can be read before a damaged page is still checked.
        const read = (): void => {
          for (const columns of closely.iterate(next, end)) this.#row(columns, blob);
        };
        orDamage(this.#db, (what) => this.#break(what), read);
        next = end + 1;
      } else {
        this.#page(next, sound);
        // The rows are sound; what they refer to lies on other pages.
        for (const id of sound.referring)
          orDamage(
            this.#db,
            (what) => this.#problem(id, what),
            () => this.#refers(id, ...payload.get(id)!, blob),
          );
        next += sound.count;
      }
      onRows(this.#rows);
    }
  }

  #statements() {
    this.#seals = new SealCheck(this.#db);
    const blobs = this.#db.prepare<[Uint8Array], number>("SELECT 1 FROM blobs WHERE hash = ?").pluck();
    return {
      page: pageReader(this.#db),
      closely: this.#db
        .prepare<[number, number], RowColumns>(`SELECT ${COLUMNS} FROM events WHERE id BETWEEN ? AND ? ORDER BY id`)
        .raw(),
      payload: this.#db.prepare<[number], [string, string]>("SELECT kind, payload_json FROM events WHERE id = ?").raw(),
      blob: (digest: Digest): boolean => blobs.get(Buffer.from(digest, "hex")) !== undefined,
    };
  }

  #problem(id: number | null, what: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ id, what });
  }

  #break(what: string): void {
    this.#broken = true;
    this.#problem((this.#last?.id ?? this.#from - 1) + 1, what);
  }

  #page(from: number, page: SoundPage): void {
    if (this.#last) for (const { id, what } of seam(this.#last, from, page.firstMs, page.prevHash)) this.#problem(id, what);
    this.#first ??= { id: from, tsMs: page.firstMs, prevHash: Uint8Array.from(page.prevHash) };
    for (let row = 0; row < page.count; row++) {
      const trace = page.traces[row]!;
      if (trace !== "") this.#seq(trace, page.seqs[row]!, from + row);
    }
    this.#rows += page.count;
    this.#last = { id: from + page.count - 1, tsMs: page.lastMs, hash: Uint8Array.from(page.hash) };
  }

  #row(columns: RowColumns, blob: (digest: Digest) => boolean): void {
    if (!isSound(columns)) {
      const id = Number((columns as readonly unknown[])[0]);
      this.#first ??= { id, tsMs: Number.POSITIVE_INFINITY, prevHash: UNKNOWN };
      this.#last = { id, tsMs: this.#last?.tsMs ?? 0, hash: UNKNOWN };
      return this.#problem(id, "cannot be read: its columns are not those of a row");
    }
    const [id, tsMs, traceId, seq, actor, kind, scope, payload, provenance, prevHash, hash] = columns;
    this.#rows++;
    if (this.#last) for (const problem of seam(this.#last, id, tsMs, prevHash)) this.#problem(problem.id, problem.what);
    this.#first ??= { id, tsMs, prevHash };
    this.#last = { id, tsMs, hash };
    const expected = rowHash(prevHash, id, tsMs, traceId, seq, actor, kind, scope, payload, provenance);
    if (Buffer.compare(expected, hash) !== 0) {
      // One altered row is one problem: the rows behind it count on from what it says.
      if (traceId !== null && seq !== null)
        this.#runs.set(traceId, { ...(this.#runs.get(traceId) ?? { id, seq }), due: seq + 1 });
      return this.#problem(id, `was altered: its content has another hash than the row says (${kind})`);
    }
    // The hash covers the texts side by side; that each is one JSON value makes the seam between them unique.
    if (parse(payload) === undefined || parse(provenance) === undefined)
      return this.#problem(id, "its payload or provenance is not JSON");
    if (traceId !== null) this.#seq(traceId, seq ?? -1, id);
    this.#refers(id, kind, payload, blob);
  }

  #seq(trace: string, seq: number, id: number): void {
    const run = this.#runs.get(trace);
    if (!run) this.#runs.set(trace, { id, seq, due: seq + 1 });
    else {
      if (seq !== run.due) this.#problem(id, outOfTurn(trace, seq, run.due));
      run.due = seq + 1;
    }
  }

  #refers(id: number, kind: string, text: string, blob: (digest: Digest) => boolean): void {
    const payload = parse(text);
    const sealed = sealedPayload(payload);
    const wrong = sealed && this.#seals!.check(id, sealed);
    if (wrong) this.#problem(id, wrong);
    for (const digest of referencedBlobs(kind, payload))
      // What was forgotten is gone.
      if (sealed && digest !== sealed.sealed && this.#seals!.isForgotten(id)) continue;
      else if (!this.#missing.has(digest) && this.#missing.size < MAX_PROBLEMS && !blob(digest)) this.#missing.set(digest, id);
  }
}

export const outOfTurn = (trace: string, seq: number, due: number): string => `has seq ${seq} in ${trace}, where ${due} is due`;

/** The hash of a row that cannot be read. */
const UNKNOWN = new Uint8Array(0);

/** What is wrong between a row and the one that stands before it. */
export function seam(
  before: { readonly id: number; readonly tsMs: number; readonly hash: Uint8Array },
  id: number,
  tsMs: number,
  prevHash: Uint8Array,
): readonly Problem[] {
  const problems: Problem[] = [];
  const missing = id - before.id - 1;
  const known = before.hash.length > 0 && prevHash.length > 0;
  if (missing > 0)
    problems.push({
      id: before.id + 1,
      what: missing === 1 ? "the row is missing" : `rows ${before.id + 1} to ${id - 1} are missing`,
    });
  else if (known && Buffer.compare(prevHash, before.hash) !== 0)
    problems.push({ id, what: "does not follow the row before it: its prev_hash is another" });
  if (tsMs < before.tsMs) problems.push({ id, what: "its time lies before that of the row before it" });
  return problems;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
