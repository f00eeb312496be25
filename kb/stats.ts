/** How large the knowledge base is, and what it consists of. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { guarded } from "./errors.js";
import { openReadOnly } from "./files.js";
import { LEDGER_FILE, ledgerKind } from "./ledger/schema.js";
import { VIEWS_FILE, viewsKind } from "./views/schema.js";

export interface FileStats {
  readonly name: string;
  readonly bytes: number;
  /** Of its log, which is written back now and then. */
  readonly logBytes: number;
  /** What `rlp kb vacuum` would give back. */
  readonly freeBytes: number;
}

export interface KbStats {
  readonly schema: number;
  readonly rows: number;
  readonly runs: number;
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  readonly blobs: { readonly count: number; readonly bytes: number };
  readonly checkpoints: number;
  readonly seals: number;
  /** Rows by kind, the most frequent first. */
  readonly kinds: readonly { readonly kind: string; readonly rows: number; readonly bytes: number }[];
  /** Rows of the views that are not in them yet; null without views. */
  readonly viewsBehind: number | null;
  readonly files: readonly FileStats[];
}

const size = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** What the ledger's two files take on the disk; the quota counts this. */
export const bytesOnDisk = (root: string): number =>
  [LEDGER_FILE, VIEWS_FILE].reduce((sum, name) => sum + size(join(root, name)) + size(join(root, `${name}-wal`)), 0);

/** Reads the whole ledger. `KB_NOT_FOUND` where there is none. */
export function statsOf(rootGiven: string): KbStats {
  const root = resolve(rootGiven);
  const file = join(root, LEDGER_FILE);
  const db = openReadOnly(file, ledgerKind);
  try {
    return guarded(file, "read the ledger", () => {
      db.exec("BEGIN");
      const one = (sql: string): number => db.prepare<[], number | null>(sql).pluck().get() ?? 0;
      const schema = db.pragma("user_version", { simple: true }) as number;
      const rows = one("SELECT count(*) FROM events");
      const time = (end: string): number | null =>
        rows === 0 ? null : one(`SELECT ts_ms FROM events ORDER BY id ${end} LIMIT 1`);
      return {
        schema,
        rows,
        runs: one("SELECT count(*) FROM events WHERE seq = 0"),
        firstMs: time("ASC"),
        lastMs: time("DESC"),
        blobs: { count: one("SELECT count(*) FROM blobs"), bytes: one("SELECT sum(length(bytes)) FROM blobs") },
        checkpoints: schema < 2 ? 0 : one("SELECT count(*) FROM checkpoints"),
        seals: schema < 2 ? 0 : one("SELECT count(*) FROM seals"),
        kinds: db
          .prepare<[], { kind: string; rows: number; bytes: number }>(
            `SELECT kind, count(*) AS rows, sum(octet_length(payload_json) + octet_length(provenance_json)) AS bytes
             FROM events GROUP BY kind ORDER BY rows DESC, kind`,
          )
          .all(),
        viewsBehind: behind(root, rows),
        files: [fileStats(root, LEDGER_FILE), fileStats(root, VIEWS_FILE)].filter(({ bytes }) => bytes > 0),
      };
    });
  } finally {
    db.close();
  }
}

function behind(root: string, rows: number): number | null {
  try {
    const db = openReadOnly(join(root, VIEWS_FILE), viewsKind);
    try {
      return Math.max(0, rows - db.prepare<[], number>("SELECT watermark FROM materializer_state").pluck().get()!);
    } finally {
      db.close();
    }
  } catch {
    return null;
  }
}

function fileStats(root: string, name: string): FileStats {
  const file = join(root, name);
  const bytes = size(file);
  let freeBytes = 0;
  try {
    const db = openReadOnly(file, name === LEDGER_FILE ? ledgerKind : viewsKind);
    freeBytes = (db.pragma("freelist_count", { simple: true }) as number) * (db.pragma("page_size", { simple: true }) as number);
    db.close();
  } catch {
    // A file that cannot be opened has a size all the same.
  }
  return { name, bytes, logBytes: size(`${file}-wal`), freeBytes };
}
