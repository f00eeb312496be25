/** What is true now of documents, notes and contacts, with the event that said so. */
import type { Digest } from "#core/digest.js";
import type { Db } from "../files.js";

export type CurrentRecord =
  | {
      readonly kind: "document" | "note";
      readonly uri: string;
      readonly title: string;
      readonly domain: string;
      readonly media_type: string;
      readonly digest: Digest;
      readonly event: number;
    }
  | {
      readonly kind: "contact";
      readonly name: string;
      readonly email: string;
      readonly org: string | null;
      readonly trust: number | null;
      readonly event: number;
    };

export type CurrentQuery =
  /** Documents and notes of events before this one. */
  | { readonly before: number; readonly domain?: string }
  | { readonly digest: Digest }
  /** `contact:…` */
  | { readonly contact: string };

/** In the order of their events. What runs made is not among them. */
export function currentFinder(db: Db): (query: CurrentQuery) => readonly CurrentRecord[] {
  const documents = db.prepare<[{ before: number | null; domain: string | null; digest: string | null }], CurrentRecord>(
    `SELECT kind, uri, title, domain, media_type, digest, from_id AS event FROM document_versions
     WHERE to_id IS NULL AND kind <> 'artifact' AND (:before IS NULL OR from_id < :before)
       AND (:domain IS NULL OR domain = :domain) AND (:digest IS NULL OR digest = :digest) ORDER BY row`,
  );
  const contact = db.prepare<[string], CurrentRecord>(
    "SELECT 'contact' AS kind, name, email, org, trust, from_id AS event FROM contact_versions WHERE key = ? AND to_id IS NULL",
  );
  return (query) => {
    if ("contact" in query) return contact.all(query.contact);
    if ("digest" in query) return documents.all({ before: null, domain: null, digest: query.digest });
    return documents.all({ before: query.before, domain: query.domain ?? null, digest: null });
  };
}
