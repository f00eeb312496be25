/**
 * Keeps the views up with the ledger: rows in batches, the watermark in the same transaction as what they changed. Any process
 * may do it; whoever comes second finds the work done.
 */
import { KbError } from "../errors.js";
import type { Db } from "../files.js";
import type { Ledger } from "../ledger/ledger.js";
import type { LedgerRow } from "../ledger/row.js";
import { recordApplier } from "./apply-records.js";
import { runApplier } from "./apply-runs.js";
import { vectorTables, viewsKind, viewTables } from "./schema.js";

/** Rows a transaction: short enough that nobody waits long for the lock. */
const BATCH = 500;

interface State {
  /** Id of the last row that the views contain. */
  readonly watermark: number;
  readonly hash: string;
}

export interface Materializer {
  watermark(): number;
  /** `KB_BROKEN_CHAIN` when the views were made from another ledger, or from rows that this one has lost. */
  checkOrigin(): void;
  /** Applies one batch; true when there is more. */
  step(): boolean;
  /** Empties the views, so that the next steps make them again from the first row. */
  reset(): void;
}

/** `onReset` hears that everything was emptied. */
export function materializer(
  db: Db,
  ledger: Pick<Ledger, "row" | "rows" | "watermark" | "blob">,
  onReset: () => void,
): Materializer {
  const read = db.prepare<[], State>("SELECT watermark, hash FROM materializer_state");
  const write = db.prepare("UPDATE materializer_state SET watermark = ?, hash = ?");
  // Most who open the views find them up to date: then nothing is prepared.
  let apply: ((rows: readonly LedgerRow[]) => void) | undefined;

  function applier(): (rows: readonly LedgerRow[]) => void {
    const [records, run] = [recordApplier(db, ledger), runApplier(db)];
    return (rows) => {
      for (const row of rows) {
        records.apply(row);
        run(row);
      }
      records.flush();
    };
  }

  /** The views must have been made from this very ledger. */
  function checkOrigin({ watermark, hash }: State): void {
    if (watermark === 0 || ledger.row(watermark)?.hash === hash) return;
    const end = ledger.watermark();
    throw new KbError(
      "KB_BROKEN_CHAIN",
      end < watermark
        ? `the views were made from a ledger of at least ${watermark} rows, but this one ends with row ${end}`
        : `the views were made from a ledger with another row ${watermark}`,
      {
        place: { file: db.name },
        hint: "if the ledger was put back on purpose, `rlp kb rebuild` makes the views again; `rlp kb verify` checks the ledger",
      },
    );
  }

  /** Rows up to this one were forgotten, or not, before the views were begun. */
  const begun = db.prepare<[], number>("SELECT value FROM meta WHERE name = 'begun_at'").pluck();

  /**
   * What was forgotten is in the views if they were begun before that. It is gone from them when they are made again: the rows that
   * held it give nothing any more.
   */
  const holdsForgotten = (rows: readonly LedgerRow[]): boolean =>
    rows.some((row) => row.kind === "entity.forgotten" && row.id > (begun.get() ?? 0));

  function reset(): void {
    db.pragma("secure_delete = ON");
    db.exec("DROP TABLE IF EXISTS chunk_terms; DROP TABLE IF EXISTS chunks_fts");
    for (const view of ["contacts", "documents", "chunks"]) db.exec(`DROP VIEW IF EXISTS ${view}`);
    for (const table of [...Object.keys(viewTables), ...vectorTables]) db.exec(`DROP TABLE IF EXISTS ${table}`);
    db.exec(viewsKind.create);
    db.prepare("INSERT INTO meta VALUES ('begun_at', ?)").run(ledger.watermark());
    apply = undefined;
    onReset();
  }

  const step = db.transaction((): boolean => {
    const state = read.get()!;
    checkOrigin(state);
    const rows = ledger.rows(state.watermark + 1, BATCH);
    if (holdsForgotten(rows)) {
      reset();
      return true;
    }
    apply ??= applier();
    apply(rows);
    const last = rows.at(-1);
    if (last) write.run(last.id, last.hash);
    return rows.length === BATCH;
  }).immediate;

  return {
    watermark: () => read.get()!.watermark,
    checkOrigin: () => checkOrigin(read.get()!),
    step,
    reset: db.transaction(reset).immediate,
  };
}
