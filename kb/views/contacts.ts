/** Finding people: ranked by how well they match, then by trust, then by name. Accents and case aside. */
import type { Db } from "../files.js";
import { fold, words } from "./fold.js";
import { VISIBLE } from "./schema.js";

export interface Contact {
  /** `contact:<blake3 of the lower-case address>`. */
  readonly key: string;
  readonly name: string;
  readonly email: string;
  readonly org: string | null;
  /** 0 to 1. */
  readonly trust: number | null;
  /** Ids of the events that speak for it. */
  readonly evidence: readonly number[];
  /** Id of the event that made it as it is. */
  readonly eventId: number;
}

/** How a contact matches, best first; `all` when nothing was asked for. */
export const matches = ["email", "name", "word", "part", "all"] as const;
export type Match = (typeof matches)[number];
export interface RankedContact extends Contact {
  readonly match: Match;
}

export interface ContactQuery {
  /** Compared with names, addresses and organisations; empty = everybody. */
  readonly match?: string;
  /** 1 to 1,000; 20 by default. */
  readonly limit?: number;
  readonly watermark?: number;
  /**
   * Whether addresses are compared too; true by default. For a reader who sees them masked they must not be: asking for `j`, `jo`,
   * `joh` would read them out.
   */
  readonly addresses?: boolean;
}

interface ContactRow {
  readonly row: number;
  readonly key: string;
  readonly name: string;
  readonly email: string;
  readonly org: string | null;
  readonly trust: number | null;
  readonly evidence: string;
  readonly from_id: number;
  readonly email_fold: string;
  readonly name_fold: string;
  readonly org_fold: string;
}

const SELECT =
  "SELECT row, key, name, email, org, trust, evidence, from_id, email_fold, name_fold, org_fold FROM contact_versions";

export interface Contacts {
  find(query: ContactQuery & { readonly watermark: number }): readonly RankedContact[];
  byKey(key: string, watermark: number): Contact | undefined;
}

export function contactFinder(db: Db): Contacts {
  // Each word must be somewhere; `instr` knows no wildcards. How well it matches is decided below.
  const candidates = db.prepare<[{ w: number; words: string; addresses: number }], ContactRow>(
    `${SELECT} WHERE ${VISIBLE} AND NOT EXISTS (
       SELECT 1 FROM json_each(:words)
       WHERE NOT (instr(name_fold, value) OR (:addresses AND instr(email_fold, value)) OR instr(org_fold, value)))`,
  );
  const one = db.prepare<[{ w: number; key: string }], ContactRow>(`${SELECT} WHERE key = :key AND ${VISIBLE}`);

  return {
    find({ match = "", limit = 20, watermark, addresses = true }) {
      const wanted = fold(match.slice(0, 1000)).replaceAll("\0", "");
      const parts = wanted === "" ? [] : wanted.split(" ");
      const ranked = candidates
        .all({ w: watermark, words: JSON.stringify(parts), addresses: addresses ? 1 : 0 })
        .map((row) => ({ row, rank: rank(addresses ? row : { ...row, email_fold: "" }, wanted, parts) }));
      ranked.sort(
        (a, b) =>
          a.rank - b.rank ||
          (b.row.trust ?? 0) - (a.row.trust ?? 0) ||
          compare(a.row.name_fold, b.row.name_fold) ||
          a.row.row - b.row.row,
      );
      return ranked
        .slice(0, Math.min(1000, Math.max(1, Math.trunc(limit))))
        .map(({ row, rank }) => ({ ...toContact(row), match: matches[rank]! }));
    },
    byKey(key, watermark) {
      const row = one.get({ w: watermark, key });
      return row && toContact(row);
    },
  };
}

/** An index into {@link matches}. */
function rank(row: ContactRow, wanted: string, parts: readonly string[]): number {
  if (parts.length === 0) return 4;
  if (row.email_fold === wanted) return 0;
  if (row.name_fold === wanted) return 1;
  const begins = [row.name_fold, row.email_fold, row.org_fold].flatMap(words);
  const whole = (part: string): boolean =>
    (row.email_fold !== "" && row.email_fold.startsWith(part)) ||
    words(part).every((word) => begins.some((begin) => begin.startsWith(word)));
  return parts.every(whole) ? 2 : 3;
}

/** By code unit: the same on every machine, whatever its locale. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function toContact({ key, name, email, org, trust, evidence, from_id }: ContactRow): Contact {
  return { key, name, email, org, trust, evidence: JSON.parse(evidence) as number[], eventId: from_id };
}
