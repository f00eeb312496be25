/** A row of the ledger, its hash, and its other form: the line of a run's stream. */
import type { Digest } from "#core/digest.js";
import type { EventDraft, EventKind, Level, MetaOf, Provenance, RunEvent, RunKind } from "#core/events.js";
import { canonicalJson } from "#core/json.js";
import type { OpeningId, TraceId } from "#core/ids.js";
import { KbError } from "../errors.js";
import { rowHash } from "./row-hash.js";
import { sealedPayload } from "./seal.js";

/** The `prev_hash` of the first row. */
export const GENESIS = new Uint8Array(32);

interface Placed {
  /** From 1, without gaps. */
  readonly id: number;
  /** Milliseconds since the epoch; never less than in the row before. */
  readonly ts_ms: number;
  readonly actor: string;
  readonly scope: string;
  readonly provenance: Provenance;
  readonly prev_hash: Digest;
  readonly hash: Digest;
  /** Its content was sealed and the key is destroyed: `meta` is empty. */
  readonly forgotten?: boolean;
}

interface Payload<K extends EventKind> {
  readonly opening_id?: OpeningId;
  readonly level: Level;
  readonly message: string;
  readonly meta: MetaOf<K>;
}

/** A row. Rows of run kinds belong to a run and have a `seq`; all others have neither. */
export type LedgerRow<Kinds extends EventKind = EventKind> = {
  [K in Kinds]: Placed & {
    readonly kind: K;
    readonly trace_id: K extends RunKind ? TraceId : null;
    readonly seq: K extends RunKind ? number : null;
    readonly payload: Payload<K>;
  };
}[Kinds];

/** The columns as SQLite holds them, in the order of {@link COLUMNS}. */
export type RowColumns = readonly [
  id: number,
  tsMs: number,
  traceId: string | null,
  seq: number | null,
  actor: string,
  kind: string,
  scope: string,
  payload: string,
  provenance: string,
  prevHash: Uint8Array,
  hash: Uint8Array,
];
export const COLUMNS = "id, ts_ms, trace_id, seq, actor, kind, scope, payload_json, provenance_json, prev_hash, hash";

/** Opens a sealed payload; null where it was forgotten. */
export type Opener = (sealed: Digest) => { readonly message: string; readonly meta: unknown } | null;

/** Parses its JSON when somebody looks at it: most rows are counted, sent on or skipped. */
class StoredRow {
  readonly id: number;
  readonly ts_ms: number;
  readonly trace_id: string | null;
  readonly seq: number | null;
  readonly actor: string;
  readonly kind: string;
  readonly scope: string;
  readonly #columns: RowColumns;
  readonly #open: Opener;
  readonly #at: number | null;
  #payload: unknown;
  #forgotten = false;
  #provenance: unknown;

  constructor(columns: RowColumns, open: Opener, at: number | null) {
    this.#open = open;
    this.#at = at;
    [this.id, this.ts_ms, this.trace_id, this.seq, this.actor, this.kind, this.scope] = columns;
    this.#columns = columns;
  }
  get payload(): unknown {
    return (this.#payload ??= this.#content(parseColumn(this.id, "payload", this.#columns[7])));
  }
  get forgotten(): boolean {
    return this.payload !== undefined && this.#forgotten;
  }
  #content(payload: unknown): unknown {
    const sealed = sealedPayload(payload);
    if (!sealed) return payload;
    const content = this.#open(sealed.sealed);
    this.#forgotten = content === null;
    return { level: sealed.level, ...(content ?? { message: "forgotten", meta: {} }) };
  }
  get provenance(): unknown {
    return (this.#provenance ??= parseColumn(this.id, "provenance", this.#columns[8]));
  }
  get prev_hash(): string {
    return hex(this.#columns[9], this.#at ?? 0);
  }
  get hash(): string {
    return hex(this.#columns[10], this.#at === null ? 0 : this.#at + HASH_BYTES);
  }
  toJSON(): object {
    const { id, ts_ms, trace_id, seq, actor, kind, scope, payload, provenance, prev_hash, hash } = this;
    return { id, ts_ms, trace_id, seq, actor, kind, scope, payload, provenance, prev_hash, hash };
  }
}

function parseColumn(id: number, column: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KbError("KB_CORRUPT", `row ${id} of the ledger: its ${column} is not JSON`, {
      cause,
      hint: "`rlp kb verify` names every row that is damaged",
    });
  }
}

const HASH_BYTES = 32;
const hex = (bytes: Uint8Array, at = 0): string => Buffer.from(bytes.buffer, bytes.byteOffset + at, HASH_BYTES).toString("hex");

/** Whether the columns have the types that they were stored with: those of a damaged page can hold anything. */
export function isSound(columns: readonly unknown[]): columns is RowColumns {
  const [id, tsMs, traceId, seq, actor, kind, scope, payload, provenance, prevHash, hash] = columns;
  const texts = [actor, kind, scope, payload, provenance].every((text) => typeof text === "string");
  const run = (traceId === null || typeof traceId === "string") && (seq === null || typeof seq === "number");
  const hashes = [prevHash, hash].every((bytes) => bytes instanceof Uint8Array && bytes.length === 32);
  return typeof id === "number" && typeof tsMs === "number" && texts && run && hashes;
}

/** `KB_CORRUPT` when the columns cannot be a row's. */
export function storedRow(columns: RowColumns, open: Opener): LedgerRow {
  if (!isSound(columns))
    throw new KbError("KB_CORRUPT", `row ${String((columns as readonly unknown[])[0])} of the ledger cannot be read`, {
      hint: "`rlp kb verify` names every row that is damaged",
    });
  return placedRow(columns, open);
}

/**
 * A row whose columns are known to be a row's. `at`: where in the bytes of both hashes its `prev_hash` begins, with its hash behind it, where
 * the rows of an append share them; null where they are its own.
 */
export function placedRow(columns: RowColumns, open: Opener, at: number | null = null): LedgerRow {
  return new StoredRow(columns, open, at) as unknown as LedgerRow;
}

export type RunRow = LedgerRow<RunKind>;

/** A row of a run as its line. `KB_CORRUPT` for a row that belongs to none. */
export function rowToRunEvent(row: LedgerRow): RunEvent {
  const { trace_id, seq, payload } = row;
  if (trace_id === null || seq === null || payload.opening_id === undefined)
    throw new KbError("KB_CORRUPT", `row ${row.id} of the ledger (${row.kind}) belongs to no run`);
  return {
    v: 1,
    seq,
    ts_ms: row.ts_ms,
    trace_id,
    opening_id: payload.opening_id,
    run_id: trace_id,
    kind: row.kind,
    level: payload.level,
    message: payload.message,
    meta: payload.meta,
  } as RunEvent;
}

/**
 * As {@link rowToRunEvent}, of a row that this process has written itself, out of `draft` in the run's opening. The rest stands in the row's
 * JSON, which is parsed when somebody looks at it: of most events of a run nobody does.
 */
export function writtenEvent(row: LedgerRow, { level, message }: EventDraft, opening_id: OpeningId): RunEvent {
  const { trace_id, seq } = row;
  if (trace_id === null || seq === null) return rowToRunEvent(row);
  return {
    v: 1,
    seq,
    ts_ms: row.ts_ms,
    trace_id,
    opening_id,
    run_id: trace_id,
    kind: row.kind,
    level,
    message,
    get meta() {
      return row.payload.meta;
    },
  } as RunEvent;
}

/** One line of NDJSON, without the line feed. */
export function line(event: RunEvent): string {
  return JSON.stringify(event);
}

/** The line with everything that the row holds besides (`--json=full`). */
export function fullLine(row: LedgerRow): string {
  const { id, actor, scope, provenance, prev_hash, hash } = row;
  return JSON.stringify({ ...rowToRunEvent(row), id, actor, scope, provenance, prev_hash, hash });
}

/** Recomputes a row's hash from its full line; equal to the line's own `hash` when nothing was changed. */
export function lineHash(full: RunEvent & Omit<Placed, "ts_ms">): Digest {
  const { level, message, meta, opening_id } = full;
  return hex(
    rowHash(
      Buffer.from(full.prev_hash, "hex"),
      full.id,
      full.ts_ms,
      full.trace_id,
      full.seq,
      full.actor,
      full.kind,
      full.scope,
      canonicalJson({ level, message, meta, opening_id }),
      canonicalJson(full.provenance),
    ),
  ) as Digest;
}
