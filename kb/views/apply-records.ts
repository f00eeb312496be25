/** How contacts, documents and other records enter the views. */
import { blake3, type Digest } from "#core/digest.js";
import { KbError } from "../errors.js";
import type { Db } from "../files.js";
import { artifactText } from "../documents/artifact-text.js";
import { ARTIFACT_DOMAIN, DEFAULT_DOMAIN } from "../documents/domains.js";
import { readDocument } from "../documents/chunks.js";
import { artifactKey, contactKey, documentKey, emailKey } from "../documents/keys.js";
import type { Ledger } from "../ledger/ledger.js";
import type { LedgerRow } from "../ledger/row.js";
import { chunkWriter } from "./chunk-writer.js";
import { fold } from "./fold.js";

/** Who made it, without a version: `user`, `host`, `agent:<name>`. A run's own events are the host's word; its nodes made what they say. */
function makerOf({ actor }: LedgerRow): string {
  return actor.replace(/@.*$/, "");
}

interface NewDocument {
  readonly uri: string;
  readonly digest: Digest;
  readonly text: string;
  readonly kind: "document" | "note" | "artifact";
  /** `document:<digest>` where it is not said. */
  readonly key?: string;
  /** Whoever the event names where it is not said. */
  readonly maker?: string | undefined;
  readonly mediaType: string;
  readonly title?: string | undefined;
  readonly domain?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly source?: string | undefined;
}

export interface RecordApplier {
  apply(row: LedgerRow): void;
  /** Completes what was applied, in the same transaction. */
  flush(): void;
}

/** Blobs come from the ledger. */
export function recordApplier(db: Db, blobs: Pick<Ledger, "blob">): RecordApplier {
  const closeContact = db.prepare("UPDATE contact_versions SET to_id = ? WHERE key = ? AND to_id IS NULL");
  const openContact = db.prepare(
    `INSERT INTO contact_versions (key, email, name, org, trust, evidence, email_fold, name_fold, org_fold, from_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const account = db.prepare("INSERT INTO accounts (contact, service, handle, event_id) VALUES (?, ?, ?, ?)");
  const currentByUri = db.prepare<[string], number>("SELECT row FROM document_versions WHERE uri = ? AND to_id IS NULL").pluck();
  const currentByDigest = db
    .prepare<[string], number>("SELECT row FROM document_versions WHERE digest = ? AND kind <> 'artifact' AND to_id IS NULL")
    .pluck();
  const closeDocument = db.prepare("UPDATE document_versions SET to_id = ? WHERE row = ?");
  const closeChunks = db.prepare("UPDATE chunk_versions SET to_id = ? WHERE document = ?");
  const openDocument = db.prepare(
    `INSERT INTO document_versions (key, uri, digest, title, kind, domain, media_type, tags, chunks, maker, source, from_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const chunks = chunkWriter(db);
  const currentArtifact = db
    .prepare<[string], number>("SELECT row FROM document_versions WHERE digest = ? AND kind = 'artifact' AND to_id IS NULL")
    .pluck();
  const agentOf = db.prepare<[string, string], string>("SELECT agent FROM run_nodes WHERE trace_id = ? AND node = ?").pluck();
  const confirm = db.prepare("UPDATE chunk_versions SET confirmed_id = ? WHERE document = ? AND confirmed_id IS NULL");
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
    const read = readDocument(given.text, given.mediaType);
    const title = given.title ?? read.title;
    const domain = given.domain ?? read.domain ?? DEFAULT_DOMAIN;
    const tags = JSON.stringify(given.tags ?? read.tags ?? []);
    retire(currentByUri.all(given.uri), row.id);
    const key = given.key ?? documentKey(given.digest);
    const maker = given.maker ?? makerOf(row);
    const { kind, digest, mediaType } = given;
    const count = read.chunks.length;
    const document = openDocument.run(
      key,
      given.uri,
      digest,
      title,
      kind,
      domain,
      mediaType,
      tags,
      count,
      maker,
      given.source ?? null,
      row.id,
    );
    const common = { document: Number(document.lastInsertRowid), kind, domain, title, maker, tsMs: row.ts_ms, fromId: row.id };
    // What a person puts in stands; what an agent says of the world waits until somebody agrees.
    const confirmedId = maker.startsWith("agent:") ? null : row.id;
    read.chunks.forEach(({ heading, text }, chunk) => chunks.add({ ...common, chunk, heading, text, confirmedId }));
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

  /** What runs made can be found too, by those who ask for it. Bytes that are no text, or are not here, are no reason to stop. */
  function addArtifact(row: LedgerRow<"artifact.created">): void {
    const { digest, summary, kind, node } = row.payload.meta;
    if (currentArtifact.get(digest) !== undefined) return;
    const text = readArtifact(digest);
    if (text === undefined) return;
    const key = artifactKey(digest);
    const agent = node === undefined ? undefined : agentOf.get(row.trace_id, node);
    // What an opening hands back was made by agents inside of it, whoever they are.
    const maker = agent === undefined || agent.startsWith("opening:") ? undefined : `agent:${agent.replace(/@.*$/, "")}`;
    const title = summary ?? kind;
    addDocument(row, {
      key,
      uri: key,
      digest,
      text,
      kind: "artifact",
      mediaType: "text/plain",
      title,
      domain: ARTIFACT_DOMAIN,
      maker,
    });
  }
  function readArtifact(digest: Digest): string | undefined {
    try {
      const blob = blobs.blob(digest);
      return blob && artifactText(blob);
    } catch (cause) {
      // `rlp kb verify` is who complains of damage; what a run made long ago must not stop everything else.
      if (cause instanceof KbError && cause.code === "KB_CORRUPT") return undefined;
      throw cause;
    }
  }

  function apply(row: LedgerRow): void {
    const { id } = row;
    if (row.trace_id === null && row.forgotten) return;
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
        const { uri, digest, media_type, title, domain, source } = row.payload.meta;
        addDocument(row, {
          uri,
          digest,
          text: blobText(row, digest),
          kind: "document",
          mediaType: media_type ?? "text/plain",
          title,
          domain,
          source,
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
        addArtifact(row);
        return;
      }
      case "email.sent": {
        const { artifact: sent } = row.payload.meta;
        history.run(artifactKey(sent), id);
        // A person, or a rule of theirs, agreed to it.
        for (const document of currentArtifact.all(sent)) confirm.run(id, document);
        return;
      }
      case "snapshot.taken":
        snapshot.run(row.payload.meta.name, row.payload.meta.watermark, id);
        return;
    }
  }
  return { apply, flush: chunks.flush };
}
