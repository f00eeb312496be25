/** What the ledger and its writer thread say to each other. Requests are answered in the order in which they were sent. */
import type { ErrorRecord } from "../errors.js";
import type { AnchorOptions } from "./anchor.js";
import type { PackedRows } from "./packed.js";

/** actor, kind, scope, trace (null outside runs), payload and provenance as canonical JSON. */
export type DraftColumns = readonly [
  actor: string,
  kind: string,
  scope: string,
  traceId: string | null,
  payload: string,
  provenance: string,
];

export interface BlobRecord {
  /** 64 hexadecimal digits. */
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export interface SealRecord {
  /** Of the blob that it opens. */
  readonly digest: string;
  readonly key: Uint8Array;
}

export interface AppendRequest {
  readonly type: "append";
  /** The caller's clock; the ledger's never goes back. */
  readonly nowMs: number;
  readonly rows: readonly DraftColumns[];
  readonly blobs: readonly BlobRecord[];
  readonly seals: readonly SealRecord[];
  /** Proposals that the rows decide: each may have no decision yet. */
  readonly decides: readonly string[];
  readonly forget: { readonly seals: readonly string[]; readonly blobs: readonly string[] } | null;
}
/**
 * A list, since there is one for each append, and names would be written and read each time. `firstSeq`: that of the first row that belongs
 * to the append's run; those behind it follow; null where none does. `hashes`: `prev_hash` of the first row, then each row's hash, 32 bytes
 * each.
 */
export type AppendAnswer = readonly [firstId: number, tsMs: number, firstSeq: number | null, hashes: Uint8Array];

export interface LeaseRequest {
  readonly type: "lease";
  readonly action: "acquire" | "beat" | "release";
  readonly traceId: string;
  readonly token: string;
  readonly nowMs: number;
  readonly owner: string;
  readonly pid: number;
}
export interface LeaseAnswer {
  /** Whether the lease is (still) the token's. */
  readonly held: boolean;
}

export type Request = AppendRequest | LeaseRequest;
export type Answer = AppendAnswer | LeaseAnswer;
export type Outcome = Answer | { readonly error: ErrorRecord };

export interface WriterOptions {
  readonly file: string;
  /** Upper bound of the database in pages; null = SQLite's own. Tests use it as a small disk. */
  readonly maxPages: number | null;
  readonly busyMs: number;
  readonly anchor: AnchorOptions | null;
}

/** An append as the thread gets it: so many rows from there on, of those that travel with the batch. */
export interface PlacedAppend extends Pick<AppendRequest, "nowMs"> {
  readonly from: number;
  readonly count: number;
  /** Most appends are rows and nothing else. */
  readonly besides?: Omit<AppendRequest, "type" | "nowMs" | "rows">;
}

export type ToWriter =
  | {
      readonly type: "batch";
      readonly requests: readonly (PlacedAppend | LeaseRequest)[];
      readonly rows: PackedRows;
      /** Whether it is to be durable now, with all that came before it, or may wait for what comes next. */
      readonly commit: boolean;
      /** Somebody waits for that commit, and may append again when it is told. */
      readonly awaited: boolean;
    }
  | { readonly type: "close" };
export type FromWriter =
  /** Of the oldest requests that have none yet; all of them durable. */
  | { readonly type: "done"; readonly outcomes: readonly Outcome[] }
  /** Nothing can be written from now on; everything that waits fails with this. */
  | { readonly type: "failed"; readonly error: ErrorRecord }
  | { readonly type: "closed" };
