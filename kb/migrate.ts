/**
 * Brings a ledger of an older schema up to date. A backup comes first; the step itself is one transaction; the views are marked dirty
 * before it and are made again after it. So it can be interrupted at any moment and called again.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import Database from "better-sqlite3";
import { backupKb, type BackupOptions } from "./backup.js";
import { KbError, guarded } from "./errors.js";
import { BUSY_MS, openReadOnly, openReadWrite, type Db } from "./files.js";
import { openKb } from "./kb.js";
import type { LedgerAnchor } from "./ledger/ledger.js";
import { migrations } from "./ledger/migrations.js";
import { LEDGER_FILE, LEDGER_SCHEMA, ledgerKind } from "./ledger/schema.js";
import { VIEWS_FILE, viewsKind } from "./views/schema.js";

export interface Migrated {
  readonly from: number;
  readonly to: number;
  /** The backup's folder; null where there was nothing to do. */
  readonly backup: string | null;
}

/** What a step is about to do; a test ends there. */
export type MigrationStep = "backup" | "mark" | "migrate" | "rebuild" | "done";

export async function migrateKb(
  options: BackupOptions & { readonly anchor?: LedgerAnchor; readonly onStep?: (step: MigrationStep) => void },
): Promise<Migrated> {
  const root = resolve(options.root);
  const file = join(root, LEDGER_FILE);
  const step = (name: MigrationStep): void => options.onStep?.(name);
  const version = versionOf(file);
  const from = version < LEDGER_SCHEMA ? version : dirtyFrom(root);
  if (from === undefined) return { from: version, to: version, backup: null };
  let backup: string | null = null;
  if (version < LEDGER_SCHEMA) {
    step("backup");
    // What no checkpoint could sign yet is not missed.
    const { keys: _, ...plain } = options;
    backup = (await backupKb(plain)).dir;
    step("mark");
    mark(root, from);
    step("migrate");
    guarded(file, "migrate the ledger", () => migrateLedger(file));
  }
  step("rebuild");
  const kb = await openKb({ root, ...(options.anchor && { anchor: options.anchor }) });
  try {
    await kb.views.rebuild();
    // From now on the ledger is signed; what was there before is signed with it.
    await kb.ledger.append({ trace: null, drafts: [migratedEvent(from)] });
  } finally {
    await kb.close();
  }
  step("done");
  return { from, to: LEDGER_SCHEMA, backup };
}

const migratedEvent = (from: number) =>
  ({
    kind: "ledger.migrated",
    level: "info",
    message: `the ledger's schema is ${LEDGER_SCHEMA}, it was ${from}`,
    meta: { from, to: LEDGER_SCHEMA },
  }) as const;

function versionOf(file: string): number {
  const db = openReadOnly(file, ledgerKind);
  try {
    return db.pragma("user_version", { simple: true }) as number;
  } finally {
    db.close();
  }
}

function migrateLedger(file: string): void {
  const db = new Database(file, { timeout: BUSY_MS });
  try {
    db.pragma("synchronous = FULL");
    db.transaction(() => {
      for (let version = db.pragma("user_version", { simple: true }) as number; version < LEDGER_SCHEMA; version++) {
        const statements = migrations[version];
        if (!statements) throw new KbError("KB_FOREIGN", `nothing is known of schema ${version}`, { place: { file } });
        for (const statement of statements) db.exec(statement);
        db.pragma(`user_version = ${version + 1}`);
      }
    }).immediate();
  } finally {
    db.close();
  }
}

/** Views that cannot be opened are made again all the same. */
function withViews<T>(root: string, open: typeof openReadOnly, action: (db: Db) => T): T | undefined {
  const file = join(root, VIEWS_FILE);
  if (!existsSync(file)) return undefined;
  try {
    const db = open(file, viewsKind);
    try {
      return action(db);
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
}

/** Until they are made again the views are of the schema `from`. */
const mark = (root: string, from: number): void =>
  withViews(root, openReadWrite, (db) => void db.prepare("INSERT OR REPLACE INTO meta VALUES ('dirty', ?)").run(from));

const dirtyFrom = (root: string): number | undefined =>
  withViews(root, openReadOnly, (db) => db.prepare<[], number>("SELECT value FROM meta WHERE name = 'dirty'").pluck().get());
