/** Drops blobs that no row refers to. What a run needs to be replayed is named by its rows, so it stays. */
import { join, resolve } from "node:path";
import type { Digest } from "#core/digest.js";
import { guarded } from "./errors.js";
import { openReadWrite, openReadOnly, type Db } from "./files.js";
import { referencedBlobs } from "./ledger/references.js";
import { removeBlobs } from "./ledger/remove-blobs.js";
import { LEDGER_FILE, ledgerKind } from "./ledger/schema.js";

export interface Collected {
  readonly blobs: number;
  readonly bytes: number;
  readonly kept: { readonly blobs: number; readonly bytes: number };
}

/** With `dryRun` it only says what it would drop. Components that runs name, for who keeps their translations, come from {@link componentsOf}. */
export function collectBlobs(rootGiven: string, { dryRun = false } = {}): Collected {
  const file = join(resolve(rootGiven), LEDGER_FILE);
  const db = dryRun ? openReadOnly(file, ledgerKind) : openReadWrite(file, ledgerKind);
  try {
    return guarded(file, "collect what nothing refers to", () => {
      const needed = new Set<string>();
      // Most of the ledger is read before anybody has to wait.
      const read = addReferences(db, needed, 0);
      db.exec(dryRun ? "BEGIN" : "BEGIN IMMEDIATE");
      try {
        addReferences(db, needed, read);
        const report = sweep(db, needed, dryRun);
        db.exec("COMMIT");
        return report;
      } catch (cause) {
        if (db.inTransaction) db.exec("ROLLBACK");
        throw cause;
      }
    });
  } finally {
    db.close();
  }
}

function addReferences(db: Db, needed: Set<string>, after: number): number {
  let last = after;
  const rows = db
    .prepare<[number], [number, string, string]>("SELECT id, kind, payload_json FROM events WHERE id > ? ORDER BY id")
    .raw();
  for (const [id, kind, payload] of rows.iterate(after)) {
    for (const digest of referencedBlobs(kind, JSON.parse(payload))) needed.add(digest);
    last = id;
  }
  return last;
}

function sweep(db: Db, needed: ReadonlySet<string>, dryRun: boolean): Collected {
  const dropped: Uint8Array[] = [];
  let [bytes, keptBlobs, keptBytes] = [0, 0, 0];
  for (const [hash, size] of db.prepare<[], [Uint8Array, number]>("SELECT hash, length(bytes) FROM blobs").raw().iterate()) {
    if (needed.has(Buffer.from(hash).toString("hex") as Digest)) {
      keptBlobs++;
      keptBytes += size;
    } else {
      dropped.push(hash);
      bytes += size;
    }
  }
  if (!dryRun && dropped.length > 0) removeBlobs(db, dropped);
  return { blobs: dropped.length, bytes, kept: { blobs: keptBlobs, bytes: keptBytes } };
}

/** Digests of the components that runs were made with. */
export function componentsOf(rootGiven: string): ReadonlySet<Digest> {
  const file = join(resolve(rootGiven), LEDGER_FILE);
  const db = openReadOnly(file, ledgerKind);
  try {
    const digests = db
      .prepare<[], Digest>(
        "SELECT DISTINCT value FROM events, json_each(payload_json, '$.meta.components') WHERE kind = 'run.started' AND json_valid(payload_json)",
      )
      .pluck();
    return new Set(guarded(file, "read the ledger", () => digests.all()));
  } finally {
    db.close();
  }
}
