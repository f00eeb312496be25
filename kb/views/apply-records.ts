/** How contacts, documents and other records enter the views. */
import { blake3, type Digest } from "#core/digest.js";
import { KbError } from "../errors.js";
import type { Db } from "../files.js";
import { readDocument } from "../documents/chunks.js";
import { artifactKey, contactKey, documentKey, emailKey } from "../documents/keys.js";
import type { Ledger } from "../ledger/ledger.js";
import type { LedgerRow } from "../ledger/row.js";
import { fold } from "./fold.js";

export const DEFAULT_DOMAIN = "notes";

interface NewDocument {
  readonly uri: string;
  readonly digest: Digest;
  readonly text: string;
  readonly kind: "document" | "note";
  readonly mediaType: string;
  readonly title?: string | undefined;
  readonly domain?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** Gives the function that applies one row. Blobs come from the ledger. */
export function recordApplier(db: Db, blobs: Pick<Ledger, "blob">): (row: LedgerRow) => void {
  const closeContact = db.prepare("UPDATE contact_versions SET to_id = ? WHERE key = ? AND to_id IS NULL");
  const openContact = db.prepare(
    `INSERT INTO contact_versions (key, email, name, org, trust, evidence, email_fold, name_fold, org_fold, from_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const account = db.prepare("INSERT INTO accounts (contact, service, handle, event_id) VALUES (?, ?, ?, ?)");
  const currentByUri = db.prepare<[string], number>("SELECT row FROM document_versions WHERE uri = ? AND to_id IS NULL").pluck();
  const currentByDigest = db
    .prepare<[string], number>("SELECT row FROM document_versions WHERE digest = ? AND to_id IS NULL")
    .pluck();
  const closeDocument = db.prepare("UPDATE document_versions SET to_id = ? WHERE row = ?");
  const closeChunks = db.prepare("UPDATE chunk_versions SET to_id = ? WHERE document = ?");
  const openDocument = db.prepare(
    `INSERT INTO document_versions (key, uri, digest, title, kind, domain, media_type, tags, chunks, from_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const openChunk = db.prepare(
    `INSERT INTO chunk_versions (document, digest, chunk, title, heading, text, kind, domain, words, from_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
  );
  const index = db.prepare("INSERT INTO chunks_fts (rowid, title, heading, text) VALUES (?, ?, ?, ?)");
  const sizes = db.prepare<[number | bigint], Uint8Array>("SELECT sz FROM chunks_fts_docsize WHERE id = ?").pluck();
  const setWords = db.prepare("UPDATE chunk_versions SET words = ? WHERE row = ?");
  const artifact = db.prepare(
    `INSERT INTO artifacts (key, digest, kind, media_type, summary, citations, trace_id, node, port, path, event_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const edge = db.prepare("INSERT INTO edges (source, target, relation, trace_id, event_id) VALUES (?, ?, ?, ?, ?)");
  const snapshot = db.prepare("INSERT INTO snapshots (name, watermark, event_id) VALUES (?, ?, ?)");
  const history = db.prepare("INSERT OR IGNORE INTO entity_history VALUES (?, ?)");

  function retire(documents: readonly number[], id: number): void {
    for (const document of documents) {
      closeDocument.run(id, document);
      closeChunks.run(id, document);
    }
  }

  function addDocument(row: LedgerRow, given: NewDocument): void {
    const read = readDocument(given.text, given.mediaType === "text/markdown");
    const title = given.title ?? read.title;
    const domain = given.domain ?? read.domain ?? DEFAULT_DOMAIN;
    const tags = JSON.stringify(given.tags ?? read.tags ?? []);
    retire(currentByUri.all(given.uri), row.id);
    const key = documentKey(given.digest);
    const { kind, digest } = given;
    const document = openDocument.run(
      key,
      given.uri,
      digest,
      title,
      kind,
      domain,
      given.mediaType,
      tags,
      read.chunks.length,
      row.id,
    ).lastInsertRowid;
    read.chunks.forEach(({ heading, text }, chunk) => {
      const rowid = openChunk.run(document, digest, chunk, title, heading, text, kind, domain, row.id).lastInsertRowid;
      index.run(rowid, title, heading, text);
      setWords.run(wordCount(sizes.get(rowid)), rowid);
    });
    history.run(key, row.id);
  }

  function blobText(row: LedgerRow, digest: Digest): string {
    const blob = blobs.blob(digest);
    if (!blob)
      throw new KbError(
        "KB_CORRUPT",
        `event ${row.id} is about the document ${digest}, whose bytes are missing from the ledger`,
        {
          hint: "`rlp kb verify` names everything that is damaged",
        },
      );
    return new TextDecoder().decode(blob.bytes);
  }

  return (row) => {
    const { id } = row;
    switch (row.kind) {
      case "contact.upserted": {
        const { name, email, org, trust, evidence } = row.payload.meta;
        const key = contactKey(email);
        closeContact.run(id, key);
        openContact.run(
          key,
          email,
          name,
          org ?? null,
          trust ?? null,
          JSON.stringify(evidence ?? []),
          fold(email),
          fold(name),
          fold(org ?? ""),
          id,
        );
        history.run(key, id);
        return;
      }
      case "contact.retracted": {
        const key = contactKey(row.payload.meta.email);
        closeContact.run(id, key);
        history.run(key, id);
        return;
      }
      case "account.linked": {
        const { contact, service, handle } = row.payload.meta;
        const key = contact.startsWith("contact:") ? contact : contactKey(emailKey(contact));
        account.run(key, service, handle, id);
        history.run(key, id);
        return;
      }
      case "document.ingested": {
        const { uri, digest, media_type, title, domain } = row.payload.meta;
        addDocument(row, {
          uri,
          digest,
          text: blobText(row, digest),
          kind: "document",
          mediaType: media_type ?? "text/plain",
          title,
          domain,
        });
        return;
      }
      case "document.retracted": {
        const { digest } = row.payload.meta;
        retire(currentByDigest.all(digest), id);
        history.run(documentKey(digest), id);
        return;
      }
      case "note.added": {
        const { text, title, tags } = row.payload.meta;
        addDocument(row, {
          uri: `note:${id}`,
          digest: blake3(text),
          text,
          kind: "note",
          mediaType: "text/markdown",
          title,
          tags,
          domain: DEFAULT_DOMAIN,
        });
        return;
      }
      case "edge.asserted": {
        const { from, to, relation } = row.payload.meta;
        edge.run(from, to, relation, null, id);
        history.run(from, id);
        history.run(to, id);
        return;
      }
      case "artifact.created": {
        const { digest, kind, media_type, summary, citations, node, port, path } = row.payload.meta;
        const key = artifactKey(digest);
        const trace = row.trace_id;
        artifact.run(
          key,
          digest,
          kind,
          media_type ?? null,
          summary ?? null,
          JSON.stringify(citations ?? []),
          trace,
          node ?? null,
          port ?? null,
          path ?? null,
          id,
        );
        history.run(key, id);
        return;
      }
      case "email.sent":
        history.run(artifactKey(row.payload.meta.artifact), id);
        return;
      case "snapshot.taken":
        snapshot.run(row.payload.meta.name, row.payload.meta.watermark, id);
        return;
    }
  };
}

/** The `sz` column of FTS5's docsize table: one varint per column, big-endian groups of seven bits. */
function wordCount(sizes: Uint8Array | undefined): number {
  let total = 0;
  let value = 0;
  for (const byte of sizes ?? []) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      total += value;
      value = 0;
    }
  }
  return total;
}
