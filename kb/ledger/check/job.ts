/** The parts into which checking a ledger falls apart. Each reads by itself, so they can be done in several threads. */
import type { Db } from "../../files.js";
import { checkBlobs } from "./blobs.js";
import { checkPages } from "./pages.js";
import type { Problem, Stretch } from "./problem.js";
import { checkRows, type RowsReport } from "./rows.js";

export type Job =
  | (Stretch & { readonly part: "rows" })
  | (Stretch & { readonly part: "blobs" })
  /** What no row shows: indexes, types, lists of free pages. */
  | { readonly part: "pages" };

export type JobReport =
  | RowsReport
  | { readonly part: "blobs"; readonly blobs: number; readonly problems: readonly Problem[] }
  | { readonly part: "pages"; readonly problems: readonly Problem[] };

/** Does one job. `onRows` is told how many rows are behind it, now and then. Damage is reported, never thrown. */
export function doJob(db: Db, job: Job, onRows: (rows: number) => void): JobReport {
  if (job.part === "rows") return checkRows(db, job, onRows);
  if (job.part === "blobs") return { part: "blobs", ...checkBlobs(db, job) };
  return { part: "pages", problems: checkPages(db) };
}
