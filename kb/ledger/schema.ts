/** The tables of `events.sqlite`. */
import type { FileKind } from "../files.js";

export const LEDGER_FILE = "events.sqlite";

/** 1: without checkpoints and seals. */
export const LEDGER_SCHEMA = 2;

/**
 * What the ledger consists of, by name; `rlp kb verify` compares it with what the file holds. The triggers make a slip of the
 * hand fail; against intent stands the chain.
 */
export const ledgerObjects = {
  // No UNIQUE on `hash`: the chain makes it so (each hash covers its row's id), and an index of random keys takes a third of the
  // throughput of appends.
  events: `CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  ts_ms INTEGER NOT NULL,
  trace_id TEXT,
  seq INTEGER,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  scope TEXT NOT NULL,
  payload_json TEXT NOT NULL,
  provenance_json TEXT NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT`,
  blobs: `CREATE TABLE blobs (
  hash BLOB PRIMARY KEY NOT NULL,
  bytes BLOB NOT NULL,
  media_type TEXT NOT NULL
) STRICT`,
  // The tail as the last writer left it: rows cut off the end leave a chain that still holds, but not this.
  head: `CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id INTEGER NOT NULL,
  hash BLOB NOT NULL
) STRICT`,
  checkpoints: `CREATE TABLE checkpoints (
  id INTEGER PRIMARY KEY,
  ts_ms INTEGER NOT NULL,
  hash BLOB NOT NULL,
  previous BLOB NOT NULL,
  key TEXT NOT NULL,
  signature BLOB NOT NULL
) STRICT`,
  // The keys of what is sealed, by the digest of its blob. A key is destroyed when what it seals is forgotten.
  seals: `CREATE TABLE seals (
  blob BLOB PRIMARY KEY NOT NULL,
  key BLOB NOT NULL
) STRICT, WITHOUT ROWID`,
  leases: `CREATE TABLE leases (
  trace_id TEXT PRIMARY KEY NOT NULL,
  token TEXT NOT NULL,
  owner TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started TEXT NOT NULL,
  place TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  beat_ms INTEGER NOT NULL
) STRICT`,
  events_by_run: `CREATE UNIQUE INDEX events_by_run ON events (trace_id, seq) WHERE trace_id IS NOT NULL`,
  events_first: `CREATE INDEX events_first ON events (trace_id) WHERE seq = 0`,
  events_by_proposal: `CREATE INDEX events_by_proposal ON events (json_extract(payload_json, '$.meta.proposal_id'), kind)
  WHERE kind IN ('action.proposed', 'action.decided', 'action.finished')`,
  events_by_source: `CREATE INDEX events_by_source ON events (json_extract(provenance_json, '$.trace'))
  WHERE trace_id IS NULL AND provenance_json <> '{}'`,
  events_no_update: `CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END`,
  events_no_delete: `CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END`,
  // INSERT OR REPLACE deletes without asking the DELETE trigger.
  events_no_replace: `CREATE TRIGGER events_no_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END`,
  blobs_no_update: `CREATE TRIGGER blobs_no_update BEFORE UPDATE ON blobs
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END`,
  blobs_no_delete: `CREATE TRIGGER blobs_no_delete BEFORE DELETE ON blobs
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END`,
  blobs_no_replace: `CREATE TRIGGER blobs_no_replace BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE hash = NEW.hash)
BEGIN SELECT RAISE(IGNORE); END`,
} as const;

export const ledgerKind: FileKind = {
  /** "rlpE" */
  applicationId: 0x72_6c_70_45,
  schemaVersion: LEDGER_SCHEMA,
  create: `${Object.values(ledgerObjects).join(";\n")};`,
  synchronous: "FULL",
  older: "refused",
};
