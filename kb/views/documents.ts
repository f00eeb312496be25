/** Documents by what is known of them, not by what they say. The newest first. */
import type { Db } from "../files.js";

export interface DocumentQuery {
  /** A part of the title or the name, case aside; empty = all. */
  readonly match?: string;
  readonly domain?: string;
  readonly domains?: true | readonly string[];
  readonly agent?: string;
  /** 1 to 1,000; 20 by default. */
  readonly limit?: number;
  readonly watermark?: number;
}

export interface DocumentSummary {
  readonly key: string;
  readonly uri: string;
  readonly title: string;
  readonly kind: string;
  readonly domain: string;
  readonly mediaType: string;
  readonly tags: readonly string[];
  readonly chunks: number;
  /** `user`, `host` or `agent:<name>`. */
  readonly maker: string;
}

interface Row {
  readonly key: string;
  readonly uri: string;
  readonly title: string;
  readonly kind: string;
  readonly domain: string;
  readonly media_type: string;
  readonly tags: string;
  readonly chunks: number;
  readonly maker: string;
}

export type FindDocuments = (query: DocumentQuery & { readonly watermark: number }) => readonly DocumentSummary[];

export function documentFinder(db: Db): FindDocuments {
  const select = db.prepare<[{ w: number; match: string; domains: string | null; agent: string | null; limit: number }], Row>(
    `SELECT key, uri, title, kind, domain, media_type, tags, chunks, maker FROM document_versions
     WHERE from_id <= :w AND (to_id IS NULL OR to_id > :w) AND kind <> 'artifact'
       AND (:domains IS NULL OR domain IN (SELECT value FROM json_each(:domains)))
       AND (:agent IS NULL OR maker = 'agent:' || :agent)
       AND (:match = '' OR instr(lower(title), lower(:match)) OR instr(lower(uri), lower(:match)))
     ORDER BY row DESC LIMIT :limit`,
  );
  return ({ match = "", domain, domains = true, agent, limit = 20, watermark }) => {
    const wanted = domain === undefined ? domains : domains === true || domains.includes(domain) ? [domain] : [];
    return select
      .all({
        w: watermark,
        match: match.replaceAll("\0", "").trim(),
        domains: wanted === true ? null : JSON.stringify(wanted),
        agent: agent ?? null,
        limit: Math.min(1000, Math.max(1, Math.trunc(limit))),
      })
      .map(({ media_type, tags, ...row }) => ({ ...row, mediaType: media_type, tags: JSON.parse(tags) as string[] }));
  };
}
