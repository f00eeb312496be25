import { Exit, RlpError, type ErrorDetails, type ExitCode } from "#core/errors.js";

export type KbCode =
  /** There is no knowledge base, blob, entity or run of that name. */
  | "KB_NOT_FOUND"
  /** The file belongs to another program, or is no SQLite database at all. */
  | "KB_FOREIGN"
  /** The file was written by a newer rlp. */
  | "KB_NEWER"
  /** The file was written by an older rlp, and must be migrated before it is written to. */
  | "KB_OLDER"
  /** Another process holds the database's lock for longer than we wait. */
  | "KB_LOCKED"
  | "KB_FULL"
  | "KB_READONLY"
  | "KB_IO"
  /** SQLite finds the file damaged, or a stored value is not what its digest says. */
  | "KB_CORRUPT"
  /** The hash chain does not hold: a row was altered, removed or added by hand. */
  | "KB_BROKEN_CHAIN"
  | "KB_QUERY"
  | "KB_LEASED"
  | "KB_EVENT_INVALID"
  /** The proposal already has a decision. */
  | "KB_DECIDED"
  | "KB_AMBIGUOUS"
  | "KB_INGEST"
  /** Vectors of another embedder than the one that is configured, or an embedder that gives none. */
  | "KB_EMBEDDER"
  /** There is a ledger where a new one would have to be. */
  | "KB_EXISTS"
  /** A line of an exported ledger that cannot be one. */
  | "KB_IMPORT"
  | "KB_CLOSED";

const exits: Partial<Record<KbCode, ExitCode>> = {
  KB_QUERY: Exit.usage,
  KB_AMBIGUOUS: Exit.usage,
  KB_BROKEN_CHAIN: Exit.mismatch,
};

/** What can go wrong with the knowledge base. */
export class KbError extends RlpError<KbCode> {
  readonly family = "kb";
  override readonly exit: ExitCode;

  constructor(code: KbCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
    this.exit = exits[code] ?? Exit.failed;
  }
}

/** An error in a form that can cross a thread boundary without losing its class. */
export interface ErrorRecord {
  readonly code: KbCode;
  readonly message: string;
  readonly hint?: string;
  readonly file?: string;
}

export function toRecord(error: KbError): ErrorRecord {
  return {
    code: error.code,
    message: error.message,
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.place?.file !== undefined && { file: error.place.file }),
  };
}

export function fromRecord(record: ErrorRecord): KbError {
  return new KbError(record.code, record.message, {
    ...(record.hint !== undefined && { hint: record.hint }),
    ...(record.file !== undefined && { place: { file: record.file } }),
  });
}

const hints: Partial<Record<KbCode, string>> = {
  KB_NOT_FOUND: "`--home` (or RUNLOOP_HOME) names the folder of the home",
  KB_FULL:
    "free space on the disk, or raise `kb.quota_mib`; `rlp kb gc` and `rlp kb vacuum` may help. What was acknowledged is safe, and `rlp resume` goes on from there",
  KB_LOCKED: "another program keeps the file locked; close it and try again",
  KB_READONLY: "check the owner and the permissions of the folder and its files, or choose another home with `--home`",
  KB_CORRUPT:
    "if it is `pog.sqlite`: `rlp kb rebuild` makes it again. If it is the ledger: `rlp kb verify` says how far it is good, `rlp kb restore` puts a backup back",
  KB_IO: "the disk reports an error; look at the system's log",
};

/**
 * What SQLite or the file system says, as an error of ours. `doing` completes "cannot …". What is not one of theirs comes back
 * as it is: a bug of ours keeps its stack.
 */
export function storageError(cause: unknown, file: string, doing: string): unknown {
  if (cause instanceof RlpError || !(cause instanceof Error)) return cause;
  const code = storageCode((cause as NodeJS.ErrnoException).code ?? "");
  if (code === undefined) return cause;
  const hint = hints[code];
  return new KbError(code, `cannot ${doing}: ${cause.message}`, { place: { file }, cause, ...(hint !== undefined && { hint }) });
}

function storageCode(code: string): KbCode | undefined {
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "KB_FULL";
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return "KB_LOCKED";
  if (code.startsWith("SQLITE_READONLY") || ["EACCES", "EPERM", "EROFS", "SQLITE_PERM"].includes(code)) return "KB_READONLY";
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB" || code === "SQLITE_FORMAT") return "KB_CORRUPT";
  // Our statements are fixed: one that SQLite does not understand means that the file does not hold what we made.
  if (code === "SQLITE_ERROR") return "KB_CORRUPT";
  if (code === "ENOENT" || code === "ENOTDIR") return "KB_NOT_FOUND";
  if (code.startsWith("SQLITE_CANTOPEN")) return "KB_READONLY";
  if (code.startsWith("SQLITE_")) return "KB_IO";
  return /^E[A-Z]+$/.test(code) ? "KB_IO" : undefined;
}

/** Runs `action`; an error of SQLite or the file system leaves as a {@link KbError}. */
export function guarded<T>(file: string, doing: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw storageError(cause, file, doing);
  }
}
