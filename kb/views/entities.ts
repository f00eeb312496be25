/** One thing by its key or citation, as of a watermark. */
import type { Db } from "../files.js";
import { citation, parseCitation } from "../documents/keys.js";
import type { Contact, Contacts } from "./contacts.js";
import { VISIBLE } from "./schema.js";

export interface ChunkEntity {
  readonly type: "chunk";
  readonly key: string;
  readonly document: string;
  readonly title: string;
  readonly heading: string;
  readonly text: string;
  readonly uri: string;
  readonly kind: string;
  readonly domain: string;
}
export interface DocumentEntity {
  readonly type: "document";
  readonly key: string;
  readonly uri: string;
  readonly title: string;
  readonly kind: string;
  readonly domain: string;
  readonly mediaType: string;
  readonly tags: readonly string[];
  /** Citations of its chunks, in order. */
  readonly chunks: readonly string[];
  readonly eventId: number;
}
export interface ContactEntity extends Contact {
  readonly type: "contact";
  readonly domain: typeof CONTACT_DOMAIN;
}
export interface ArtifactEntity {
  readonly type: "artifact";
  readonly key: string;
  readonly kind: string;
  readonly mediaType: string | null;
  readonly summary: string | null;
  readonly citations: readonly string[];
  readonly traceId: string;
  readonly node: string | null;
  readonly port: string | null;
  readonly path: string | null;
  readonly eventId: number;
}
export type Entity = ChunkEntity | DocumentEntity | ContactEntity | ArtifactEntity;

export const CONTACT_DOMAIN = "contacts";

interface DocumentRow {
  readonly key: string;
  readonly uri: string;
  readonly digest: string;
  readonly title: string;
  readonly kind: string;
  readonly domain: string;
  readonly media_type: string;
  readonly tags: string;
  readonly chunks: number;
  readonly from_id: number;
}
interface ArtifactRow {
  readonly key: string;
  readonly kind: string;
  readonly media_type: string | null;
  readonly summary: string | null;
  readonly citations: string;
  readonly trace_id: string;
  readonly node: string | null;
  readonly port: string | null;
  readonly path: string | null;
  readonly event_id: number;
}

export type FindEntity = (key: string, watermark: number) => Entity | undefined;

export function entityFinder(db: Db, contacts: Contacts): FindEntity {
  const chunk = db.prepare<[{ w: number; digest: string; chunk: number }], Omit<ChunkEntity, "type" | "key">>(
    `SELECT d.key AS document, c.title, c.heading, c.text, d.uri, c.kind, c.domain
     FROM chunk_versions c JOIN document_versions d ON d.row = c.document
     WHERE c.digest = :digest AND c.chunk = :chunk AND c.from_id <= :w AND (c.to_id IS NULL OR c.to_id > :w) ORDER BY c.row LIMIT 1`,
  );
  const document = db.prepare<[{ w: number; key: string }], DocumentRow>(
    `SELECT * FROM document_versions WHERE digest = substr(:key, 10) AND ${VISIBLE} ORDER BY row LIMIT 1`,
  );
  const artifact = db.prepare<[{ w: number; key: string }], ArtifactRow>(
    "SELECT * FROM artifacts WHERE key = :key AND event_id <= :w ORDER BY row DESC LIMIT 1",
  );

  function documentEntity(row: DocumentRow): DocumentEntity {
    const { key, uri, title, kind, domain, from_id } = row;
    const chunks = Array.from({ length: row.chunks }, (_, index) => citation(row.digest, index));
    return {
      type: "document",
      key,
      uri,
      title,
      kind,
      domain,
      mediaType: row.media_type,
      tags: JSON.parse(row.tags) as string[],
      chunks,
      eventId: from_id,
    };
  }

  return (key, w) => {
    const cited = parseCitation(key);
    if (cited) {
      const found = chunk.get({ w, ...cited });
      return found && { type: "chunk", key, ...found };
    }
    if (key.startsWith("contact:")) {
      const found = contacts.byKey(key, w);
      return found && { type: "contact", domain: CONTACT_DOMAIN, ...found };
    }
    if (key.startsWith("document:")) {
      const found = document.get({ w, key });
      return found && documentEntity(found);
    }
    if (!key.startsWith("artifact:")) return undefined;
    const found = artifact.get({ w, key });
    if (!found) return undefined;
    const { kind, summary, node, port, path } = found;
    const citations = JSON.parse(found.citations) as string[];
    return {
      type: "artifact",
      key,
      kind,
      mediaType: found.media_type,
      summary,
      citations,
      traceId: found.trace_id,
      node,
      port,
      path,
      eventId: found.event_id,
    };
  };
}
