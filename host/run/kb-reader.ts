/** The knowledge base as one run's agents see it: as of the run's watermark. */
import { blake3 } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { canonicalJson, type JsonObject } from "#core/json.js";
import type { TraceId } from "#core/ids.js";
import { CONTACT_DOMAIN } from "#kb/documents/domains.js";
import type { Kb } from "#kb/kb.js";
import type { Entity } from "#kb/views/entities.js";
import type { KbReader } from "../imports/kb.js";

export interface KbScope {
  readonly traceId: TraceId;
  readonly watermark: number;
  /** Whether the run was interrupted before: then what it proposed may be in the ledger already. */
  readonly resumed: boolean;
}

export function kbReader(kb: Kb, homeKey: Uint8Array, { traceId, watermark, resumed }: KbScope): KbReader {
  return {
    maskKey: blake3("mask\0", homeKey),
    async search(words, options) {
      const { hits } = await kb.search(words, { ...options, watermark });
      return hits.map(({ citation, title, text, snippet, uri, domain, kind, score, ranks, ancestry }) => ({
        citation,
        title,
        text,
        snippet,
        uri,
        domain,
        kind,
        score,
        ranks,
        // Without the ids and times of ledger rows, which differ between two homes that hold the same knowledge.
        origin: { actor: ancestry?.actor ?? "", citations: ancestry?.citations ?? [], inputs: ancestry?.inputs ?? [] },
      }));
    },
    async contacts({ match, limit, addresses }) {
      const found = kb.views.contacts({ match, limit, addresses, watermark });
      return found.map(({ key, name, email, org, trust, match: how }) => ({ key, name, email, org, trust, match: how }));
    },
    async documents(query) {
      return kb.views.documents({ ...query, watermark });
    },
    async entity(key, domains) {
      const found = kb.views.entity(key, watermark, domains);
      return found ? { domain: domainOf(found), value: shown(found) } : null;
    },
    async propose(draft) {
      const before = resumed ? earlier(kb, traceId, draft) : undefined;
      if (before !== undefined) return before;
      const [row] = await kb.ledger.append({
        trace: null,
        drafts: [{ ...draft, provenance: { ...draft.provenance, trace: traceId } }],
      });
      return row?.id ?? 0;
    },
  };
}

function domainOf(entity: Entity): string {
  if (entity.type === "artifact") return "artifacts";
  return entity.type === "contact" ? CONTACT_DOMAIN : entity.domain;
}

/** Without the ids of ledger rows, which differ between two homes that hold the same knowledge. */
function shown(entity: Entity): JsonObject {
  const { eventId: _, evidence: __, ...rest } = entity as Entity & { eventId?: number; evidence?: unknown };
  return rest as unknown as JsonObject;
}

/** The row that an earlier process of this run appended for the very same request. */
function earlier(kb: Kb, traceId: TraceId, draft: EventDraft): number | undefined {
  const wanted = canonicalJson([draft.kind, draft.provenance, draft.meta]);
  for (const row of kb.ledger.recordsFrom(traceId))
    if (canonicalJson([row.kind, row.provenance, row.payload.meta]) === wanted) return row.id;
  return undefined;
}
