/**
 * Forgetting: the keys of everything that records say of an entity are destroyed, its document's bytes are removed, and an event says
 * so, in one transaction. The chain goes on to hold; the views are made again without it.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { isDigest, type Digest } from "#core/digest.js";
import { contactKey, documentKey, emailKey } from "./documents/keys.js";
import { guarded, KbError } from "./errors.js";
import { BUSY_MS, openReadOnly, type Db } from "./files.js";
import type { Kb } from "./kb.js";
import { referencedBlobs } from "./ledger/references.js";
import { LEDGER_FILE, ledgerKind } from "./ledger/schema.js";
import { SEALED_KINDS, sealedPayload } from "./ledger/seal.js";
import { VIEWS_FILE } from "./views/schema.js";

export interface Forgotten {
  readonly entity: string;
  /** The `entity.forgotten` event. */
  readonly event: number;
  readonly rows: readonly number[];
  readonly blobs: readonly Digest[];
  /** Rows that hold it in the clear and always will: of runs, which a replay needs as they were, and of ledgers of the first schema. */
  readonly remains: {
    readonly rows: number;
    /** Some of the runs. */
    readonly runs: readonly string[];
  };
}

const MOST_RUNS = 20;

/** `contact:…`, an address, or `document:…`. Throws `KB_NOT_FOUND` where nothing is known of it, or all was forgotten. */
export async function forget(kb: Kb, given: string, reason: string | undefined): Promise<Forgotten> {
  const entity = entityOf(given);
  await kb.views.catchUp();
  const history = kb.views.history(entity);
  const words = wordsOf(kb, entity, given);
  const db = openReadOnly(kb.ledger.file, ledgerKind);
  try {
    const { rows, seals, blobs } = guarded(kb.ledger.file, "read the ledger", () => sealedRows(db, history));
    if (rows.length === 0)
      throw new KbError("KB_NOT_FOUND", `there is nothing to forget of \`${entity}\``, {
        hint:
          history.length > 0
            ? "its rows are in the clear: they were written by an older rlp, or by runs"
            : "`contact:…`, an address, or `document:…`; `rlp kb why` shows what is known of one",
      });
    const meta = { entity, rows: [...rows], blobs: [...blobs], ...(reason !== undefined && { reason }) };
    const [event] = await kb.ledger.append({
      trace: null,
      drafts: [
        { kind: "entity.forgotten", level: "info", message: `${entity} was forgotten`, meta, actor: "user", scope: "user" },
      ],
      forget: { seals, blobs },
    });
    // Made again without it: the event tells them.
    await kb.views.catchUp();
    return { entity, event: event!.id, rows, blobs, remains: remainsOf(db, words) };
  } finally {
    db.close();
  }
}

function entityOf(given: string): string {
  if (given.startsWith("contact:") || given.startsWith("document:")) return given;
  if (given.includes("@")) return contactKey(given);
  const digest = given.split("#", 1)[0]!;
  return isDigest(digest) ? documentKey(digest) : given;
}

/** What would stand in a row in the clear. */
function wordsOf(kb: Kb, entity: string, given: string): readonly string[] {
  if (entity.startsWith("document:")) return [entity.slice("document:".length)];
  const email = kb.views.contact(entity)?.email ?? (given.includes("@") ? given : undefined);
  return email === undefined ? [] : [...new Set([email, emailKey(email)])];
}

interface SealedRows {
  readonly rows: readonly number[];
  readonly seals: readonly Digest[];
  readonly blobs: readonly Digest[];
}

/** Of these rows the sealed ones that can still be opened, and the blobs that nothing else refers to. */
function sealedRows(db: Db, history: readonly number[]): SealedRows {
  const read = db.prepare<[number], [string, string]>("SELECT kind, payload_json FROM events WHERE id = ?").raw();
  const key = db.prepare<[Uint8Array], number>("SELECT 1 FROM seals WHERE blob = ?").pluck();
  const found = history.flatMap((id) => {
    const [kind = "", text = "null"] = read.get(id) ?? [];
    const sealed = SEALED_KINDS.includes(kind) ? sealedPayload(JSON.parse(text)) : null;
    return sealed && key.get(Buffer.from(sealed.sealed, "hex")) ? [{ id, sealed }] : [];
  });
  const rows = found.map(({ id }) => id);
  const uses = new Set(found.flatMap(({ sealed }) => sealed.uses));
  return {
    rows,
    seals: found.map(({ sealed }) => sealed.sealed),
    blobs: [...uses].filter((digest) => !usedElsewhere(db, digest, rows)),
  };
}

function usedElsewhere(db: Db, digest: Digest, rows: readonly number[]): boolean {
  const users = db
    .prepare<[string], [number, string, string]>("SELECT id, kind, payload_json FROM events WHERE instr(payload_json, ?) > 0")
    .raw();
  for (const [id, kind, payload] of users.iterate(digest))
    if (!rows.includes(id) && referencedBlobs(kind, JSON.parse(payload)).includes(digest)) return true;
  return false;
}

function remainsOf(db: Db, words: readonly string[]): Forgotten["remains"] {
  const find = db
    .prepare<[string], [number, string | null]>(
      "SELECT id, trace_id FROM events WHERE kind <> 'entity.forgotten' AND instr(payload_json, ?) > 0",
    )
    .raw();
  const rows = new Map(words.flatMap((word) => find.all(word)));
  const runs = [...new Set([...rows.values()].filter((trace) => trace !== null))];
  return { rows: rows.size, runs: runs.slice(0, MOST_RUNS) };
}

/**
 * Writes both logs back and empties them: they hold pages as they were before. False where a reader that goes on hindered it; then
 * the next process to close the files does it. Called when the knowledge base is closed.
 */
export function emptyLogs(root: string): boolean {
  const clean = [LEDGER_FILE, VIEWS_FILE].map((name) => {
    const file = join(root, name);
    if (statSync(`${file}-wal`, { throwIfNoEntry: false }) === undefined) return true;
    const db = new Database(file, { timeout: BUSY_MS });
    try {
      const [{ busy } = { busy: 1 }] = db.pragma("wal_checkpoint(TRUNCATE)") as { readonly busy: number }[];
      return busy === 0;
    } catch {
      return false;
    } finally {
      db.close();
    }
  });
  return clean.every(Boolean);
}
