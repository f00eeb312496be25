/** Goes through the whole ledger and says the first thing, and the next few, that are not as they were written. */
import { join, resolve } from "node:path";
import type { Digest } from "#core/digest.js";
import { openReadOnly, type Db } from "../files.js";
import { orDamage } from "./check/damage.js";
import { doJob, type Job, type JobReport } from "./check/job.js";
import { MAX_PROBLEMS, type Problem } from "./check/problem.js";
import { checkHead, type Noted } from "./check/head.js";
import { joinRows, type JoinedRows } from "./check/join.js";
import { checkSchema } from "./check/schema.js";
import { checkSignatures, type AcceptedKey, type SignedUpTo } from "./check/signatures.js";
import { inThreads } from "./check/threads.js";
import { ledgerKind, LEDGER_FILE } from "./schema.js";

export { MAX_PROBLEMS, type Problem } from "./check/problem.js";
export type { Noted } from "./check/head.js";

export interface VerifyReport {
  readonly ok: boolean;
  /** Rows and blobs that were read. */
  readonly rows: number;
  readonly blobs: number;
  readonly runs: number;
  /** Number of the last row; 0 when empty. */
  readonly last: number;
  /** Its hash: whoever notes it down can tell later that nothing before it was changed. */
  readonly head: Digest;
  /** The newest checkpoint that counts; null where there is none. */
  readonly signed: SignedUpTo | null;
  /** In the order of the ledger, at most {@link MAX_PROBLEMS}. */
  readonly problems: readonly Problem[];
}

export interface VerifyProgress {
  readonly rows: number;
  readonly of: number;
}

export interface VerifyOptions {
  readonly root: string;
  readonly noted?: readonly Noted[];
  /**
   * The keys whose checkpoints count. Where there are some, a checkpoint of another key is a problem, and so is a ledger that is not
   * signed as far as it must be. Without this, checkpoints are checked against the key that they name.
   */
  readonly keys?: readonly AcceptedKey[];
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/** Rows, and blobs, of one part of the work. */
const ROWS = 25_000;
const BLOBS = 5000;

/**
 * Reads every row and every blob, in several threads where the ledger is large; memory grows with the number of runs, by some hundred
 * bytes each. A damaged ledger is a report; an error is thrown only where there is none to read (`KB_NOT_FOUND`, `KB_FOREIGN`,
 * `KB_NEWER`, `KB_LOCKED`, …). Works beside a writer: what is added meanwhile is left out.
 */
export async function verifyLedger(options: VerifyOptions): Promise<VerifyReport> {
  const file = join(resolve(options.root), LEDGER_FILE);
  const problems: Problem[] = [];
  const say = (what: string): void => void problems.push({ id: null, what });
  const db = orDamage({ name: file }, say, () => openReadOnly(file, ledgerKind));
  if (!db) return reportOf(problems, []);
  try {
    const ends = orDamage(db, say, () => {
      db.exec("BEGIN");
      return {
        rows: db.prepare<[], number | null>("SELECT max(id) FROM events").pluck().get() ?? 0,
        blobs: db.prepare<[], number | null>("SELECT max(rowid) FROM blobs").pluck().get() ?? 0,
      };
    });
    orDamage(db, say, () => problems.push(...checkSchema(db)));
    const reports = ends ? await doJobs(db, file, ends, options.onProgress) : [];
    const end = joined(reports).last;
    const behind: Problem[] = [];
    const signed = orDamage(
      db,
      (what) => behind.push({ id: null, what }),
      () => {
        behind.push(...checkHead(db, end, options.noted ?? []));
        const { signed, problems } = checkSignatures(db, end?.id ?? 0, options.keys ?? null);
        behind.push(...problems);
        return signed;
      },
    );
    return { ...reportOf([...problems, ...behind], reports), signed: signed ?? null };
  } finally {
    db.close();
  }
}

async function doJobs(
  db: Db,
  file: string,
  ends: { readonly rows: number; readonly blobs: number },
  onProgress: VerifyOptions["onProgress"],
): Promise<readonly JobReport[]> {
  const told = (rows: number): void => onProgress?.({ rows, of: ends.rows });
  // The longest first: it cannot be divided.
  const jobs: Job[] = [{ part: "pages" }];
  for (let from = 1; from <= ends.rows; from += ROWS) jobs.push({ part: "rows", from, to: Math.min(from + ROWS - 1, ends.rows) });
  for (let from = 1; from <= ends.blobs; from += BLOBS)
    jobs.push({ part: "blobs", from, to: Math.min(from + BLOBS - 1, ends.blobs) });
  // A copy in memory is this thread's alone; and a few rows are read before a thread has started.
  if (!db.memory && ends.rows + ends.blobs > ROWS) return inThreads(file, jobs, told);
  const reports: JobReport[] = [];
  let before = 0;
  for (const job of jobs) {
    const report = doJob(db, job, (rows) => told(before + rows));
    if (report.part === "rows") before += report.rows;
    reports.push(report);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return reports;
}

const joined = (reports: readonly JobReport[]): JoinedRows =>
  joinRows(reports.flatMap((report) => (report.part === "rows" ? [report] : [])));

function reportOf(own: readonly Problem[], reports: readonly JobReport[]): VerifyReport {
  const rows = joined(reports);
  const blobs = reports.flatMap((report) => (report.part === "blobs" ? [report] : []));
  const pages = reports.flatMap((report) => (report.part === "pages" ? report.problems : []));
  const found = [...own, ...rows.problems, ...blobs.flatMap(({ problems }) => problems)];
  // SQLite says in its own words what was said above, so it speaks only where nothing was.
  const problems = inOrder(found.length > 0 ? found : pages).slice(0, MAX_PROBLEMS);
  return {
    ok: problems.length === 0,
    rows: rows.rows,
    blobs: blobs.reduce((sum, each) => sum + each.blobs, 0),
    runs: rows.runs,
    head: Buffer.from(rows.last?.hash ?? new Uint8Array(32)).toString("hex") as Digest,
    signed: null,
    last: rows.last?.id ?? 0,
    problems,
  };
}

/** Those about rows first, by their number. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const place = ({ id }: Problem): number => id ?? Number.POSITIVE_INFINITY;
  return problems.toSorted((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}
