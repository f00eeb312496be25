/**
 * Puts a backup in the ledger's place. It is verified first, copied beside the old file and verified there again; then one rename
 * replaces the one by the other. What was there stays in a folder beside it.
 */
import { existsSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import Database from "better-sqlite3";
import { broken, copyDatabase, sync } from "./backup.js";
import { guarded, KbError, storageError } from "./errors.js";
import { makeRoot, openReadOnly, type Db } from "./files.js";
import type { AcceptedKey } from "./ledger/check/signatures.js";
import { openLedger, type LedgerAnchor } from "./ledger/ledger.js";
import { LEDGER_FILE, LEDGER_SCHEMA, ledgerKind } from "./ledger/schema.js";
import { verifyLedger, type VerifyReport } from "./ledger/verify.js";
import { VIEWS_FILE } from "./views/schema.js";

export interface RestoreOptions {
  readonly root: string;
  /** The backup's folder. */
  readonly from: string;
  readonly nowMs: number;
  readonly keys?: readonly AcceptedKey[];
  readonly anchor?: LedgerAnchor;
}

export interface Restored {
  readonly report: VerifyReport;
  /** Where the files that were replaced are kept; null where there were none. */
  readonly replaced: string | null;
  /** Whether it is of the schema that this version writes. */
  readonly current: boolean;
}

interface Tail {
  readonly last: number;
  readonly head: string;
}

/** Throws `KB_BROKEN_CHAIN` for a backup that does not verify and `KB_LOCKED` while another process has the ledger open; then nothing has changed. */
export async function restoreKb({ root, from, nowMs, keys, anchor }: RestoreOptions): Promise<Restored> {
  const [home, source] = [resolve(root), resolve(from)];
  const target = join(home, LEDGER_FILE);
  if (source === home) throw new KbError("KB_IO", "the backup is the ledger itself", { place: { file: source } });
  const options = keys ? { keys } : {};
  const report = await verifyLedger({ root: source, ...options });
  if (!report.ok) throw broken(join(source, LEDGER_FILE), report);
  makeRoot(home);
  const name = `replaced-${new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-")}`;
  const fresh = join(home, `.${name}.partial`);
  try {
    guarded(fresh, "copy the backup", () => mkdirSync(fresh, { mode: 0o700 }));
    await copyDatabase(join(source, LEDGER_FILE), join(fresh, LEDGER_FILE), ledgerKind);
    const copied = await verifyLedger({ root: fresh, ...options });
    if (!copied.ok || copied.head !== report.head) throw broken(join(source, LEDGER_FILE), copied);
    const { replaced, before } = replace(home, target, join(fresh, LEDGER_FILE), join(home, name));
    if (anchor) rmSync(anchor.headFile, { force: true });
    // One of an older schema is migrated before anything is written to it.
    if (isCurrent(target)) await note(home, report, before, anchor);
    return { report, replaced, current: isCurrent(target) };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The new ledger says itself that it came out of a backup, and what it took the place of. */
async function note(root: string, report: VerifyReport, replaced: Tail | null, anchor: LedgerAnchor | undefined): Promise<void> {
  const ledger = await openLedger({ root, ...(anchor && { anchor }) });
  try {
    const meta = { last: report.last, head: report.head, replaced } as never;
    const message = `a backup of ${report.last} rows was put in the ledger's place`;
    await ledger.append({ trace: null, drafts: [{ kind: "ledger.restored", level: "info", message, meta }] });
  } finally {
    await ledger.close();
  }
}

function isCurrent(file: string): boolean {
  const db = openReadOnly(file, ledgerKind);
  try {
    return db.pragma("user_version", { simple: true }) === LEDGER_SCHEMA;
  } finally {
    db.close();
  }
}

function replace(root: string, target: string, fresh: string, kept: string): { replaced: string | null; before: Tail | null } {
  if (!existsSync(target)) {
    guarded(target, "put the backup in its place", () => renameSync(fresh, target));
    dropViews(root);
    return { replaced: null, before: null };
  }
  const { db, before } = lockWhole(target);
  try {
    guarded(target, "put the backup in its place", () => {
      mkdirSync(kept, { mode: 0o700 });
      // What a damaged file left behind would be read as the log of the new one.
      for (const suffix of ["-wal", "-shm"])
        if (existsSync(`${target}${suffix}`)) renameSync(`${target}${suffix}`, join(kept, `${LEDGER_FILE}${suffix}`));
      linkSync(target, join(kept, LEDGER_FILE));
      renameSync(fresh, target);
      sync(root);
    });
  } finally {
    db?.close();
  }
  dropViews(root);
  return { replaced: kept, before };
}

/**
 * The ledger in one file, without a log, and locked: only when no other process has it open. One that is too damaged to be opened is
 * taken as it is.
 */
function lockWhole(file: string): { readonly db: Db | null; readonly before: Tail | null } {
  try {
    openReadOnly(file, ledgerKind).close();
  } catch (cause) {
    if (cause instanceof KbError && cause.code === "KB_CORRUPT") return { db: null, before: null };
    throw cause;
  }
  const db = new Database(file, { timeout: 1000 });
  try {
    const last = db.prepare<[], [number, Uint8Array]>("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1").raw().get();
    if (db.pragma("journal_mode = DELETE", { simple: true }) !== "delete") throw inUse(file);
    db.exec("BEGIN EXCLUSIVE");
    return { db, before: last ? { last: last[0], head: Buffer.from(last[1]).toString("hex") } : null };
  } catch (cause) {
    db.close();
    const error = storageError(cause, file, "lock the ledger");
    if (error instanceof KbError && error.code === "KB_CORRUPT") return { db: null, before: null };
    throw error instanceof KbError && error.code === "KB_LOCKED" ? inUse(file) : error;
  }
}

const inUse = (file: string): KbError =>
  new KbError("KB_LOCKED", "another process has the ledger open", {
    place: { file },
    hint: "end what runs in this home (`rlp runs` lists it), then try again; nothing was changed",
  });

/** They are of the ledger that was replaced; the next reader makes them again. */
function dropViews(root: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(root, `${VIEWS_FILE}${suffix}`), { force: true });
}
