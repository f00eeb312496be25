/**
 * What a search may see: the chunks of the domains that it was granted, as of its watermark, and of those the ones that its
 * filters leave. Everything that a score depends on (how many there are, how long they are) is taken from here, so what is hidden,
 * and what comes later, changes neither order nor score.
 */
import type { Db } from "../files.js";
import { ARTIFACT_DOMAIN } from "../documents/domains.js";
import { DOMAIN_ROWS } from "../views/schema.js";
import { lengthReader } from "./lengths.js";
import { spaceOf, type Space } from "./tokens.js";

export interface Filter {
  /** Id of the last ledger row that may be seen. */
  readonly watermark: number;
  /** Only this kind; what runs made (`artifact`) is seen only by those who ask for it. */
  readonly kind: string | null;
  /** Names, sorted; null = all. */
  readonly domains: readonly string[] | null;
  /** Only what this agent made. */
  readonly agent: string | null;
  /** Only what a person put in or agreed to. */
  readonly confirmed: boolean;
  /** Milliseconds since the epoch, both included. */
  readonly since: number | null;
  readonly until: number | null;
}

/** One domain's part. Places count from 1. */
export interface Shelf {
  readonly domain: number;
  readonly space: Space;
  /** By place: words of a visible chunk (at least 1), 0 for one that is not visible. */
  readonly lengths: Uint16Array;
}

export interface Corpus {
  readonly shelves: readonly Shelf[];
  readonly count: number;
  readonly meanLength: number;
}

export interface Corpora {
  of(filter: Filter): Corpus;
  /** After the views were made anew. */
  forget(): void;
}

export function corpora(db: Db): Corpora {
  const domains = db.prepare<[], { id: number; name: string }>("SELECT id, name FROM domains ORDER BY id");
  const range = "row > CAST(:first AS INTEGER) AND row <= CAST(:last AS INTEGER)";
  const fromOf = db.prepare<[number], number>("SELECT from_id FROM chunk_versions WHERE row = CAST(? AS INTEGER)").pluck();
  const lastOf = db.prepare<[number], number>("SELECT chunks FROM domains WHERE id = ?").pluck();
  const readLengths = lengthReader(db);
  const retired = db
    .prepare<[{ first: number; last: number; w: number }], string>(
      `SELECT json_group_array(row & 4294967295) FROM chunk_versions WHERE to_id IS NOT NULL AND ${range} AND to_id <= :w`,
    )
    .pluck();
  const hidden = db
    .prepare<
      [Omit<Filter, "domains" | "watermark" | "confirmed"> & { first: number; last: number; w: number; confirmed: number }],
      string
    >(
      `SELECT json_group_array(row & 4294967295) FROM chunk_versions WHERE ${range} AND NOT (
         CASE WHEN :kind IS NULL THEN kind <> 'artifact' ELSE kind = :kind END
         AND (:agent IS NULL OR maker = 'agent:' || :agent) AND (:since IS NULL OR ts_ms >= :since) AND (:until IS NULL OR ts_ms <= :until)
         AND (NOT :confirmed OR coalesce(confirmed_id, :w + 1) <= :w))`,
    )
    .pluck();
  const allLengths = new Map<number, Uint16Array<ArrayBuffer>>();
  const made = new Map<string, Corpus>();

  /** Chunks came in the order of their rows: those that a watermark sees are the first ones. */
  function seen(domain: number, w: number): number {
    let [low, high] = [0, lastOf.get(domain) ?? 0];
    if (high > 0 && fromOf.get(domain * DOMAIN_ROWS + high)! <= w) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (fromOf.get(domain * DOMAIN_ROWS + middle)! <= w) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Words of the first `count` chunks, whatever became of them since: that never changes, so it is read once, and not to be written to. */
  function lengthsOf(domain: number, count: number): Uint16Array {
    const known = allLengths.get(domain) ?? new Uint16Array(1);
    if (known.length > count) return known.subarray(0, count + 1);
    const all = new Uint16Array(count + 1);
    all.set(known);
    readLengths(domain, known.length, all);
    allLengths.set(domain, all);
    return all;
  }

  function shelf(domain: number, name: string, filter: Filter): Shelf {
    const { watermark: w, kind, agent, confirmed, since, until } = filter;
    const count = seen(domain, w);
    let lengths = lengthsOf(domain, count);
    const bounds = { first: domain * DOMAIN_ROWS, last: domain * DOMAIN_ROWS + count, w };
    const hide = (found: string | undefined): void => {
      const places = JSON.parse(found ?? "[]") as number[];
      if (places.length > 0) lengths = lengths.slice();
      for (const place of places) lengths[place] = 0;
    };
    hide(retired.get(bounds));
    // Reads each row: so only where it can find something.
    const filtered = kind !== null || agent !== null || confirmed || since !== null || until !== null;
    if (filtered || name === ARTIFACT_DOMAIN)
      hide(hidden.get({ ...bounds, kind, agent, since, until, confirmed: confirmed ? 1 : 0 }));
    return { domain, space: spaceOf(domain), lengths };
  }

  return {
    of(filter) {
      const key = JSON.stringify(filter);
      const known = made.get(key);
      if (known) return known;
      const wanted = domains.all().filter(({ name }) => filter.domains === null || filter.domains.includes(name));
      const shelves = wanted.map(({ id, name }) => shelf(id, name, filter)).filter(({ lengths }) => lengths.length > 1);
      let [count, total] = [0, 0];
      for (const { lengths } of shelves)
        // Each look into an array counts here, and a typed array's `length` is one: a process that searches once compiles nothing.
        for (let place = 1, end = lengths.length; place < end; place++) {
          const length = lengths[place]!;
          total += length;
          if (length > 0) count++;
        }
      const corpus = { shelves, count, meanLength: total / Math.max(1, count) };
      if (made.size >= 8) made.delete(made.keys().next().value!);
      made.set(key, corpus);
      return corpus;
    },
    forget() {
      made.clear();
      allLengths.clear();
    },
  };
}
