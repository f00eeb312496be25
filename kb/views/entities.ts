/** One thing by its key or citation, as of a watermark. */
import type { Db } from "../files.js";
import { CONTACT_DOMAIN } from "../documents/domains.js";
import { citation, parseCitation } from "../documents/keys.js";
import type { Contact, Contacts } from "./contacts.js";

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

/** `domains`: those whose documents may be seen; the same bytes may stand in several. */
export type FindEntity = (key: string, watermark: number, domains?: true | readonly string[]) => Entity | undefined;

export function entityFinder(db: Db, contacts: Contacts): FindEntity {
  const inDomains = "(:domains IS NULL OR d.domain IN (SELECT value FROM json_each(:domains)))";
  const current = "d.from_id <= :w AND (d.to_id IS NULL OR d.to_id > :w)";
  const chunk = db.prepare<
    [{ w: number; digest: string; chunk: number; domains: string | null }],
    Omit<ChunkEntity, "type" | "key">
  >(
    `SELECT d.key AS document, d.title, t.heading, t.text, d.uri, d.kind, d.domain
     FROM document_versions d JOIN chunk_versions c ON c.document = d.row JOIN chunk_texts t ON t.row = c.row
     WHERE d.digest = :digest AND c.chunk = :chunk AND ${current} AND ${inDomains} ORDER BY d.row LIMIT 1`,
  );
  const document = db.prepare<[{ w: number; key: string; domains: string | null }], DocumentRow>(
    `SELECT * FROM document_versions d WHERE digest = substr(:key, 10) AND kind <> 'artifact' AND ${current} AND ${inDomains} ORDER BY row LIMIT 1`,
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

  return (key, w, allowed = true) => {
    const domains = allowed === true ? null : JSON.stringify(allowed);
    const cited = parseCitation(key);
    if (cited) {
      const found = chunk.get({ w, ...cited, domains });
      return found && { type: "chunk", key, ...found };
    }
    if (key.startsWith("contact:")) {
      const found = contacts.byKey(key, w);
      return found && { type: "contact", domain: CONTACT_DOMAIN, ...found };
    }
    if (key.startsWith("document:")) {
      const found = document.get({ w, key, domains });
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
