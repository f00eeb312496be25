/** Gives free pages of both files back to the disk. Rows and their hashes stay as they are. */
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { guarded } from "./errors.js";
import { openReadOnly, openReadWrite, type FileKind } from "./files.js";
import { LEDGER_FILE, ledgerKind } from "./ledger/schema.js";
import { VIEWS_FILE, viewsKind } from "./views/schema.js";

export interface Vacuumed {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

/** `KB_LOCKED` while another process reads or writes for long. Nothing is lost when it is interrupted. */
export function vacuumKb(rootGiven: string, { analyze = false } = {}): readonly Vacuumed[] {
  const root = resolve(rootGiven);
  openReadOnly(join(root, LEDGER_FILE), ledgerKind).close();
  const files: readonly (readonly [string, FileKind])[] = [
    [LEDGER_FILE, ledgerKind],
    [VIEWS_FILE, viewsKind],
  ];
  return files
    .filter(([name]) => existsSync(join(root, name)))
    .map(([name, kind]) => vacuumFile(join(root, name), name, kind, analyze));
}

function vacuumFile(file: string, name: string, kind: FileKind, analyze: boolean): Vacuumed {
  const db = openReadWrite(file, kind);
  try {
    return guarded(file, "vacuum the knowledge base", () => {
      db.pragma("wal_checkpoint(TRUNCATE)");
      const before = statSync(file).size;
      db.exec("VACUUM");
      if (analyze) db.exec("ANALYZE");
      db.pragma("wal_checkpoint(TRUNCATE)");
      return { name, before, after: statSync(file).size };
    });
  } finally {
    db.close();
  }
}
