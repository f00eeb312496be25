/** Backups: both files as they were at one moment each, in a folder of their own, verified before they are called a backup. */
import { existsSync, openSync, closeSync, fsyncSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import Database from "better-sqlite3";
import { makeFolder } from "#core/folder.js";
import { guarded, KbError, storageError } from "./errors.js";
import { BUSY_MS, openReadOnly, type FileKind } from "./files.js";
import type { AcceptedKey } from "./ledger/check/signatures.js";
import { LEDGER_FILE, ledgerKind } from "./ledger/schema.js";
import { type VerifyReport } from "./ledger/verify.js";
import { verifyKb } from "./verify.js";
import { VIEWS_FILE, viewsKind } from "./views/schema.js";

export interface BackupOptions {
  readonly root: string;
  /** The backup becomes a folder in it, named by the time. */
  readonly outDir: string;
  readonly nowMs: number;
  readonly keys?: readonly AcceptedKey[];
}

export interface Backup {
  readonly dir: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly report: VerifyReport;
}

/**
 * Copies the files while others read and write them. Throws `KB_BROKEN_CHAIN` where the copy of the ledger does not verify: what is
 * damaged already is not kept as a backup.
 */
export async function backupKb({ root, outDir, nowMs, keys }: BackupOptions): Promise<Backup> {
  // Where there is nothing to copy, nothing is made.
  openReadOnly(join(resolve(root), LEDGER_FILE), ledgerKind).close();
  const name = new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-");
  const [dir, partial] = [join(outDir, name), join(outDir, `.${name}.${process.pid}.partial`)];
  guarded(outDir, "make the backup's folder", () => {
    if (existsSync(dir))
      throw new KbError("KB_IO", `there is a backup ${dir} already`, { hint: "a backup is named by its time: try again" });
    makeFolder(outDir);
    mkdirSync(partial, { mode: 0o700 });
  });
  try {
    // The views first: they may be behind the ledger, never before it.
    const views = join(resolve(root), VIEWS_FILE);
    const files = [...(existsSync(views) ? [VIEWS_FILE] : []), LEDGER_FILE];
    for (const file of files)
      await copyDatabase(join(resolve(root), file), join(partial, file), file === LEDGER_FILE ? ledgerKind : viewsKind);
    const report = await verifyKb({ root: partial, ...(keys && { keys }) });
    if (!report.ok) throw broken(join(resolve(root), LEDGER_FILE), report);
    guarded(dir, "finish the backup", () => {
      renameSync(partial, dir);
      sync(outDir);
    });
    return { dir, files: files.toReversed().map((file) => ({ name: file, bytes: statSync(join(dir, file)).size })), report };
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    throw cause;
  }
}

export function broken(file: string, { problems: [first] }: VerifyReport): KbError {
  const at = first?.id == null ? {} : { at: `row ${first.id}` };
  return new KbError("KB_BROKEN_CHAIN", first?.what ?? "the ledger is damaged", {
    place: { file, ...at },
    hint: "`rlp kb verify` says more; a backup from before the damage can be put back with `rlp kb restore`",
  });
}

/** One moment of `from`, complete in itself: one file without a log, synced. */
export async function copyDatabase(from: string, to: string, kind: FileKind): Promise<void> {
  const source = openReadOnly(from, kind);
  try {
    closeSync(openSync(to, "wx", 0o600));
    // In one step: between two steps another process may write, and SQLite would begin again.
    await source.backup(to, { progress: () => 0x7fff_ffff });
    const copy = new Database(to, { timeout: BUSY_MS });
    copy.pragma("journal_mode = DELETE");
    copy.close();
    sync(to);
  } catch (cause) {
    throw storageError(cause, to, "copy the knowledge base");
  } finally {
    source.close();
  }
}

/** A file's content, or which names a folder holds, on the disk. */
export function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
