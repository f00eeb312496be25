/**
 * Search as of a watermark: by words (BM25), by vectors, or by both, fused by their ranks. An answer at a watermark, with its
 * scores, never changes by what is ingested later, nor by what the filters hide: what is filtered is gone before anything is ranked.
 */
import type { Db } from "../files.js";
import { citation } from "../documents/keys.js";
import type { Ledger } from "../ledger/ledger.js";
import { packQuery, type VectorIndex } from "../vectors/vector-index.js";
import { ancestries, type Ancestry } from "./ancestry.js";
import { readAsk } from "./ask.js";
import { corpora, type Filter } from "./corpus.js";
import { fuse, type Fused } from "./fuse.js";
import { byWords, required } from "./keywords.js";
import { byVectors } from "./nearest.js";
import { postingReader } from "./postings.js";
import type { Ranked } from "./ranked.js";
import { snippet } from "./snippet.js";

export interface SearchOptions {
  /** Id of the last ledger row that the search may see; the newest by default. */
  readonly watermark?: number;
  /** 1 to 100; 10 by default. */
  readonly limit?: number;
  /** Only this kind: `document`, `note`, or `artifact`, which is what runs made and is found only by those who ask for it. */
  readonly kind?: string;
  /** Only this domain. */
  readonly domain?: string;
  /** Domains that may be seen at all; true = all. */
  readonly domains?: readonly string[] | true;
  /** Only what this agent made. */
  readonly agent?: string;
  /** Only what a person put in or agreed to. */
  readonly confirmed?: boolean;
  /** Only what came at or after this, in milliseconds since the epoch. */
  readonly since?: number;
  /** Only what came at or before this. */
  readonly until?: number;
  /** Whether what stands in e-mail addresses can be found. True by default; a reader from whom addresses are masked must not. */
  readonly addresses?: boolean;
}

export interface Ranks {
  /** From 1; null where that ranking does not have it. */
  readonly words: number | null;
  readonly vectors: number | null;
}

export interface Hit {
  /** `digest#chunk`. */
  readonly citation: string;
  readonly title: string;
  /** Headings that the chunk stands under, joined by " › ". */
  readonly heading: string;
  readonly text: string;
  /** A part of the text with each match between `**`. */
  readonly snippet: string;
  readonly uri: string;
  readonly domain: string;
  readonly kind: string;
  /** Higher is better, rounded to six decimals; comparable within one search only. */
  readonly score: number;
  readonly ranks: Ranks;
  readonly ancestry: Ancestry | null;
}

export type Mode = "hybrid" | "words" | "vectors";

export interface Found {
  readonly hits: readonly Hit[];
  /** How it was searched: less than was asked for where vectors are missing. */
  readonly mode: Mode;
}

/** A query's vector, and from which likeness on a text counts. */
export interface QueryVector {
  readonly values: ArrayLike<number>;
  readonly floor: number;
  readonly weight: number;
}

/** How far down each ranking is read before they are fused; what stands below adds too little to matter. */
const DEPTH = 200;

interface ChunkRow {
  readonly digest: string;
  readonly chunk: number;
  readonly title: string;
  readonly heading: string;
  readonly text: string;
  readonly uri: string;
  readonly domain: string;
  readonly kind: string;
  readonly event: number;
}

export type Search = (
  query: string,
  options: SearchOptions & { readonly watermark: number; readonly mode: Mode; readonly vector?: QueryVector },
) => Found;

export function searcher(db: Db, ledger: Pick<Ledger, "row" | "runRows">, vectors: VectorIndex): Search {
  const seen = corpora(db);
  const postings = postingReader(db);
  const load = db.prepare<[number, number], ChunkRow>(
    `SELECT d.digest, c.chunk, d.title, t.heading, t.text, c.kind, d.domain, d.uri, c.from_id AS event
     FROM chunk_versions c JOIN chunk_texts t ON t.row = c.row JOIN document_versions d ON d.row = c.document
     WHERE c.row = CAST(? AS INTEGER) * 4294967296 + ?`,
  );
  const indexed = db.prepare<[], number>("SELECT coalesce(sum(chunks), 0) FROM domains").pluck();
  let [generation, count] = ["", 0];

  /** What is remembered holds for these very rows; the lists of words for these and no more. */
  function refresh(): void {
    const state = vectors.state();
    const now = indexed.get()!;
    if (state.generation !== generation) seen.forget();
    if (state.generation !== generation || now !== count) postings.forget();
    [generation, count] = [state.generation, now];
  }

  // One transaction: one state of the file, and a read's lock once and not for each of hundreds of rows.
  return db.transaction((query: string, { mode, vector, ...options }: Parameters<Search>[1]): Found => {
    refresh();
    const ask = readAsk(query);
    const corpus = seen.of(filterOf(options));
    const addresses = options.addresses ?? true;
    const must = required(ask, corpus, postings, addresses);
    const packed = vector && mode !== "words" ? packQuery(vector.values, vectors.state().dimension) : undefined;
    const near =
      vector && packed ? byVectors(packed, { corpus, vectors, required: must, floor: vector.floor, most: DEPTH }) : undefined;
    const words = near && mode === "vectors" ? [] : byWords(ask, { corpus, postings, required: must, addresses, most: DEPTH });
    const ranked =
      near && mode === "hybrid" ? fuse(words, near, vector!.weight) : alone(near ?? words, near ? "vectors" : "words");
    const limit = Math.min(100, Math.max(1, Math.trunc(options.limit ?? 10)));
    const ancestryOf = ancestries(ledger);
    const hits = new Map<string, Hit>();
    for (const { domain, place, score, ranks } of ranked) {
      if (hits.size === limit) break;
      const { event, digest, chunk, text, ...row } = load.get(domain, place)!;
      const cited = citation(digest, chunk);
      // The same bytes under two names are one thing to cite.
      if (hits.has(cited)) continue;
      const marked = snippet(text, ask.terms);
      hits.set(cited, { citation: cited, ...row, text, snippet: marked, score, ranks, ancestry: ancestryOf(event) });
    }
    return { hits: [...hits.values()], mode: near ? mode : "words" };
  }) as Search;
}

function alone(list: readonly Ranked[], name: keyof Ranks): readonly Fused[] {
  return list.map((ranked, index) => ({ ...ranked, ranks: { words: null, vectors: null, [name]: index + 1 } }));
}

function filterOf(options: SearchOptions & { readonly watermark: number }): Filter {
  const { watermark, kind, domain, domains = true, agent, confirmed = false, since, until } = options;
  const granted = domains === true ? null : [...new Set(domains)].sort();
  const wanted = domain === undefined || domain === "" ? granted : granted === null || granted.includes(domain) ? [domain] : [];
  const given = (text: string | undefined): string | null => (text === undefined || text === "" ? null : text);
  return {
    watermark,
    kind: given(kind),
    domains: wanted,
    agent: given(agent),
    confirmed,
    since: since ?? null,
    until: until ?? null,
  };
}
