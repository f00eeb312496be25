/**
 * The tables of `pog.sqlite`. All of it follows from the ledger. What an agent may read as of a watermark is kept in versions:
 * a row is visible at watermark w when `from_id ≤ w` and not `to_id ≤ w`. The plain names (`contacts`, `documents`, `chunks`)
 * are SQL views of what is true now.
 */
import type { FileKind } from "../files.js";

export const VIEWS_FILE = "pog.sqlite";

/** Stored tables with the columns that order them; the digest over the views goes through these. */
export const viewTables = {
  contact_versions: "row",
  accounts: "row",
  domains: "id",
  document_versions: "row",
  chunk_versions: "row",
  chunk_words: "domain, block",
  chunk_texts: "row",
  artifacts: "row",
  edges: "row",
  runs: "trace_id",
  run_nodes: "trace_id, node",
  run_calls: "trace_id, node, attempt, call_seq",
  proposals: "proposal_id",
  costs: "row",
  snapshots: "row",
  entity_history: "entity, event_id",
  materializer_state: "one",
  meta: "name",
} as const;

const SCHEMA_VERSION = 5;

/**
 * A chunk's row is its domain's number times this, and its place in the domain, from 1. So a domain's chunks, their postings and
 * their vectors lie together, in the order in which they came, and a search reads those of the domains that it may see and no others.
 */
export const DOMAIN_ROWS = 2 ** 32;
export const rowOf = (domain: number, place: number): number => domain * DOMAIN_ROWS + place;

const tables = `
CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value NOT NULL);
INSERT INTO meta VALUES ('schema_version', ${SCHEMA_VERSION});
CREATE TABLE materializer_state (one INTEGER PRIMARY KEY CHECK (one = 1), watermark INTEGER NOT NULL, hash TEXT NOT NULL);
INSERT INTO materializer_state VALUES (1, 0, '');

CREATE TABLE contact_versions (
  row INTEGER PRIMARY KEY, key TEXT NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL, org TEXT, trust REAL, evidence TEXT NOT NULL,
  email_fold TEXT NOT NULL, name_fold TEXT NOT NULL, org_fold TEXT NOT NULL, from_id INTEGER NOT NULL, to_id INTEGER
);
CREATE INDEX contact_by_key ON contact_versions (key, from_id);
CREATE VIEW contacts AS SELECT key, email, name, org, trust, evidence, from_id AS event_id FROM contact_versions WHERE to_id IS NULL;
CREATE TABLE accounts (row INTEGER PRIMARY KEY, contact TEXT NOT NULL, service TEXT NOT NULL, handle TEXT NOT NULL, event_id INTEGER NOT NULL);

CREATE TABLE domains (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, chunks INTEGER NOT NULL);
CREATE TABLE document_versions (
  row INTEGER PRIMARY KEY, key TEXT NOT NULL, uri TEXT NOT NULL, digest TEXT NOT NULL, title TEXT NOT NULL, kind TEXT NOT NULL, domain TEXT NOT NULL,
  media_type TEXT NOT NULL, tags TEXT NOT NULL, chunks INTEGER NOT NULL, maker TEXT NOT NULL, source TEXT,
  from_id INTEGER NOT NULL, to_id INTEGER
);
CREATE INDEX document_by_uri ON document_versions (uri, from_id);
CREATE INDEX document_by_digest ON document_versions (digest, from_id);
CREATE VIEW documents AS SELECT key, uri, digest, title, kind, domain, media_type, tags, chunks, maker, from_id AS event_id FROM document_versions WHERE to_id IS NULL AND kind <> 'artifact';

CREATE TABLE chunk_versions (
  row INTEGER PRIMARY KEY, document INTEGER NOT NULL, chunk INTEGER NOT NULL, kind TEXT NOT NULL, maker TEXT NOT NULL, ts_ms INTEGER NOT NULL,
  confirmed_id INTEGER, from_id INTEGER NOT NULL, to_id INTEGER
);
CREATE INDEX chunk_by_document ON chunk_versions (document, chunk);
CREATE INDEX chunk_retired ON chunk_versions (row, to_id) WHERE to_id IS NOT NULL;
CREATE TABLE chunk_words (domain INTEGER NOT NULL, block INTEGER NOT NULL, words BLOB NOT NULL, PRIMARY KEY (domain, block)) WITHOUT ROWID;
CREATE TABLE chunk_texts (row INTEGER PRIMARY KEY, heading TEXT NOT NULL, text TEXT NOT NULL);
CREATE VIEW chunks AS SELECT d.digest || '#' || c.chunk AS citation, d.title, t.heading, t.text, c.kind, d.domain, c.maker, c.from_id AS event_id
  FROM chunk_versions c JOIN document_versions d ON d.row = c.document JOIN chunk_texts t ON t.row = c.row WHERE c.to_id IS NULL;
CREATE VIRTUAL TABLE chunks_fts USING fts5 (head, body, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE VIRTUAL TABLE chunk_terms USING fts5vocab (chunks_fts, instance);

CREATE TABLE artifacts (
  row INTEGER PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL, media_type TEXT, summary TEXT, citations TEXT NOT NULL,
  trace_id TEXT NOT NULL, node TEXT, port TEXT, path TEXT, event_id INTEGER NOT NULL
);
CREATE INDEX artifact_by_digest ON artifacts (digest);
CREATE TABLE edges (
  row INTEGER PRIMARY KEY, source TEXT NOT NULL, target TEXT NOT NULL, relation TEXT NOT NULL, trace_id TEXT, event_id INTEGER NOT NULL
);
CREATE INDEX edges_by_source ON edges (source);
CREATE INDEX edges_by_target ON edges (target);

CREATE TABLE runs (
  trace_id TEXT PRIMARY KEY NOT NULL, opening_id TEXT NOT NULL, opening_name TEXT NOT NULL, opening TEXT NOT NULL, parent TEXT, status TEXT NOT NULL, success INTEGER, reason TEXT,
  started_ms INTEGER NOT NULL, finished_ms INTEGER, duration_ms REAL, seed INTEGER NOT NULL, epoch_ms INTEGER NOT NULL, kb_watermark INTEGER NOT NULL,
  final_hash TEXT, tokens INTEGER, usd REAL, fuel INTEGER, calls INTEGER, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE run_nodes (
  trace_id TEXT NOT NULL, node TEXT NOT NULL, agent TEXT, status TEXT NOT NULL, attempts INTEGER NOT NULL, started_ms INTEGER, finished_ms INTEGER, duration_ms REAL,
  fuel INTEGER, outputs_hash TEXT, error_code TEXT, error_message TEXT, reason TEXT, event_id INTEGER NOT NULL, PRIMARY KEY (trace_id, node)
) WITHOUT ROWID;
CREATE TABLE run_calls (
  trace_id TEXT NOT NULL, node TEXT NOT NULL, attempt INTEGER NOT NULL, call_seq INTEGER NOT NULL, interface TEXT NOT NULL, function TEXT NOT NULL, decision TEXT,
  request_hash TEXT NOT NULL, response_hash TEXT, fuel INTEGER, duration_ms REAL, event_id INTEGER NOT NULL, PRIMARY KEY (trace_id, node, attempt, call_seq)
) WITHOUT ROWID;
CREATE TABLE proposals (
  proposal_id TEXT PRIMARY KEY NOT NULL, trace_id TEXT NOT NULL, node TEXT NOT NULL, action TEXT NOT NULL, args_hash TEXT NOT NULL, summary TEXT NOT NULL, args TEXT NOT NULL,
  proposed_ms INTEGER NOT NULL, expires_at_ms INTEGER, decision TEXT, decided_by TEXT, reason TEXT, decided_ms INTEGER, outcome TEXT, detail TEXT, event_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE costs (
  row INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, scope TEXT NOT NULL, unit TEXT NOT NULL, amount REAL NOT NULL, event_id INTEGER NOT NULL
);
CREATE TABLE snapshots (row INTEGER PRIMARY KEY, name TEXT NOT NULL, watermark INTEGER NOT NULL, event_id INTEGER NOT NULL);
CREATE TABLE entity_history (entity TEXT NOT NULL, event_id INTEGER NOT NULL, PRIMARY KEY (entity, event_id)) WITHOUT ROWID;

CREATE TABLE vector_state (one INTEGER PRIMARY KEY CHECK (one = 1), embedder TEXT NOT NULL, dimension INTEGER NOT NULL, generation TEXT NOT NULL);
INSERT INTO vector_state VALUES (1, '', 0, lower(hex(randomblob(8))));
CREATE TABLE vector_progress (domain INTEGER PRIMARY KEY, done INTEGER NOT NULL);
CREATE TABLE vectors (row INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE vector_codes (domain INTEGER NOT NULL, block INTEGER NOT NULL, codes BLOB NOT NULL, PRIMARY KEY (domain, block)) WITHOUT ROWID;
`;

/** What follows from the ledger and an embedder, and so is no part of the digest over the views. */
export const vectorTables = ["vector_state", "vector_progress", "vectors", "vector_codes"] as const;

export const viewsKind: FileKind = {
  /** "rlpV" */
  applicationId: 0x72_6c_70_56,
  schemaVersion: SCHEMA_VERSION,
  create: tables,
  synchronous: "NORMAL",
  older: "made again",
};

/** Visible at watermark `:w`. */
export const VISIBLE = "from_id <= :w AND (to_id IS NULL OR to_id > :w)";
