/** Opening the two database files without ever touching one that is not ours. */
import { chmodSync, closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { makeFolder } from "#core/folder.js";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { guarded, KbError } from "./errors.js";

export type Db = Database.Database;

/** What a file of ours says in its header (https://www.sqlite.org/fileformat.html, offsets 60 and 68). */
export interface FileKind {
  readonly applicationId: number;
  readonly schemaVersion: number;
  /** Run in one transaction on an empty file. */
  readonly create: string;
  readonly synchronous: "FULL" | "NORMAL";
  /** What becomes of a file of an older schema that is opened for writing: nothing is written to it, or all of it is made again. */
  readonly older: "refused" | "made again";
}

/** Milliseconds that a connection waits for another process's lock before it gives up with `KB_LOCKED`. */
export const BUSY_MS = 10_000;

type Header = "absent" | "empty" | { readonly applicationId: number; readonly schemaVersion: number };

/**
 * The file's state, read without SQLite: a connection to somebody else's database could already check-point its log or roll
 * its journal back, and a FIFO would block for ever.
 */
function readHeader(file: string): Header {
  const stat = guarded(file, "look at the file", () => statSync(file, { throwIfNoEntry: false }));
  if (!stat) return "absent";
  if (!stat.isFile()) throw foreign(file, "is not a regular file");
  if (stat.size === 0) return "empty";
  const header = Buffer.alloc(100);
  const read = guarded(file, "read the file", () => {
    const descriptor = openSync(file, "r");
    try {
      return readSync(descriptor, header, 0, 100, 0);
    } finally {
      closeSync(descriptor);
    }
  });
  if (read < 100 || header.toString("latin1", 0, 16) !== "SQLite format 3\0") throw foreign(file, "is not an SQLite database");
  return { applicationId: header.readInt32BE(68), schemaVersion: header.readInt32BE(60) };
}

function foreign(file: string, what: string): KbError {
  return new KbError("KB_FOREIGN", `${file} ${what}; it was left as it is`, {
    place: { file },
    hint: "choose another home with `--home`, or move that file away",
  });
}

function admit(file: string, kind: FileKind, header: Exclude<Header, string>): void {
  if (header.applicationId !== kind.applicationId)
    throw foreign(file, "does not carry rlp's application id: it belongs to another program, or its first page is damaged");
  if (header.schemaVersion > kind.schemaVersion)
    throw new KbError(
      "KB_NEWER",
      `${file} was written by a newer rlp (schema ${header.schemaVersion}, this one knows ${kind.schemaVersion})`,
      {
        place: { file },
        hint: "use that version of rlp, or another home",
      },
    );
}

/** A file of an older schema can be read and not written. */
function refuseOlder(file: string, kind: FileKind, header: Exclude<Header, string>): void {
  if (kind.older === "refused" && header.schemaVersion < kind.schemaVersion)
    throw new KbError(
      "KB_OLDER",
      `${file} was written by an older rlp (schema ${header.schemaVersion}, this one writes ${kind.schemaVersion})`,
      { place: { file }, hint: "`rlp kb migrate` makes a backup and brings it up to date; until then it can only be read" },
    );
}

/** Makes the folder of the knowledge base, for its owner alone. */
export function makeRoot(root: string): void {
  guarded(root, "make the folder of the knowledge base", () => {
    if (makeFolder(root)) chmodSync(root, 0o700);
    if (!statSync(root).isDirectory()) throw foreign(root, "is not a folder");
  });
}

/**
 * Opens `file` for reading and writing, and creates it where it is absent or empty. The schema is written in one transaction of
 * the rollback journal before WAL is switched on: so the header in the file itself always tells whose it is.
 */
export function openReadWrite(file: string, kind: FileKind): Db {
  const header = readHeader(file);
  const fresh = header === "absent" || header === "empty";
  if (!fresh) {
    admit(file, kind, header);
    refuseOlder(file, kind, header);
  }
  return guarded(file, "open the knowledge base", () => {
    // SQLite gives its -wal and -shm files the mode of the database.
    if (header === "absent") closeSync(openSync(file, "a", 0o600));
    const db = new Database(file, { timeout: BUSY_MS });
    try {
      if (fresh) create(db, kind);
      else if (header.schemaVersion < kind.schemaVersion) makeAgain(db, kind);
      db.pragma("journal_mode = WAL");
      db.pragma(`synchronous = ${kind.synchronous}`);
      return db;
    } catch (cause) {
      db.close();
      throw cause;
    }
  });
}

function create(db: Db, kind: FileKind): void {
  db.exec("BEGIN IMMEDIATE");
  // Another process may have been first.
  if (db.pragma("application_id", { simple: true }) === 0) {
    db.exec(kind.create);
    db.pragma(`user_version = ${kind.schemaVersion}`);
    db.pragma(`application_id = ${kind.applicationId}`);
  }
  db.exec("COMMIT");
}

/** What follows from something else is not brought up to date but made anew, empty, in one transaction. */
function makeAgain(db: Db, kind: FileKind): void {
  db.exec("BEGIN IMMEDIATE");
  // Another process may have been first.
  if ((db.pragma("user_version", { simple: true }) as number) < kind.schemaVersion) {
    const objects = db.prepare<[], { type: string; name: string }>(
      // Views first, then virtual tables: these take their own tables with them.
      `SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       ORDER BY type = 'table', sql NOT LIKE 'CREATE VIRTUAL%', name`,
    );
    const there = db.prepare<[string], number>("SELECT 1 FROM sqlite_schema WHERE name = ?").pluck();
    for (const { type, name } of objects.all()) if (there.get(name)) db.exec(`DROP ${type} "${name}"`);
    db.exec(kind.create);
    db.pragma(`user_version = ${kind.schemaVersion}`);
  }
  db.exec("COMMIT");
}

/** Opens `file` for reading only; `KB_NOT_FOUND` where there is none. */
export function openReadOnly(file: string, kind: FileKind): Db {
  const header = readHeader(file);
  if (header === "absent" || header === "empty")
    throw new KbError("KB_NOT_FOUND", `there is no knowledge base at ${dirname(file)}`, {
      place: { file },
      hint: "`rlp run` and `rlp kb ingest` make one; `--home` (or RUNLOOP_HOME) says where it is",
    });
  admit(file, kind, header);
  if (kind.older === "made again" && header.schemaVersion < kind.schemaVersion)
    throw new KbError("KB_READONLY", `${file} was made by an older rlp and has to be made again`, {
      place: { file },
      hint: "open the knowledge base once where its folder can be written: `rlp kb search` does",
    });
  return guarded(file, "open the knowledge base", () => {
    try {
      return probe(new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS }));
    } catch (cause) {
      // A reader that was the last to leave cannot take the log away, which is empty then.
      const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      if (!/^SQLITE_(CANTOPEN|READONLY)/.test(String((cause as NodeJS.ErrnoException).code)) || log > 0) throw cause;
      return probe(openCopy(file));
    }
  });
}

/**
 * A WAL database needs a place for its -shm file. Where the folder cannot be written and no log is left over, the file is
 * complete in itself and nobody can be writing to it: so it is read into memory, marked as one without WAL (file format, offsets 18
 * and 19).
 */
function openCopy(file: string): Db {
  const bytes = readFileSync(file);
  bytes[18] = bytes[19] = 1;
  return new Database(bytes, { readonly: true });
}

function probe(db: Db): Db {
  try {
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return db;
  } catch (cause) {
    db.close();
    throw cause;
  }
}
