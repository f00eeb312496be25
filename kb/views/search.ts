/**
 * Full-text search as of a watermark.
 *
 * FTS5 keeps the index; its own `bm25()` would count rows that a watermark does not see, so the scores are computed here from
 * the postings (fts5vocab) and from what is visible: number of chunks, their mean length, document frequencies. So an answer at a
 * watermark, with its scores, never changes by what is ingested later, nor by what the filters hide.
 *
 * BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), with the idf that stays positive.
 */
import Database from "better-sqlite3";
import type { Db } from "../files.js";
import { citation } from "../documents/keys.js";
import { TOKENIZER, VISIBLE } from "./schema.js";
import { snippet } from "./snippet.js";

export interface SearchOptions {
  /** Id of the last ledger row that the search may see; the newest by default. */
  readonly watermark?: number;
  /** 1 to 100; 10 by default. */
  readonly limit?: number;
  /** Only this kind of document. */
  readonly kind?: string;
  /** Only this domain. */
  readonly domain?: string;
  /** Domains that may be seen at all; true = all. */
  readonly domains?: readonly string[] | true;
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
}

const K1 = 1.2;
const B = 0.75;
/** A match in a title or a heading counts as so many in the text; one of a longer word with the last word's beginning, as half. */
const HEAD_WEIGHT = 2;
const PREFIX_WEIGHT = 0.5;
const PREFIX_LENGTH = 3;
/** More of a query than this adds cost and no meaning. */
const QUERY_LENGTH = 4096;
const QUERY_TERMS = 64;

// Left out where a query has other words too. A fixed list and not a frequency: what is frequent changes with later rows.
const stopWords = new Set(
  "a an and are as at be but by for from has have if in into is it its no not of on or our so such that the their then there these they this to was we were what when where which who will with you your".split(
    " ",
  ),
);

interface Corpus {
  /** By row: words of a visible chunk (at least 1), 0 for one that is not visible. */
  readonly lengths: Uint32Array;
  readonly count: number;
  readonly meanLength: number;
}

interface ChunkRow {
  readonly row: number;
  readonly digest: string;
  readonly chunk: number;
  readonly title: string;
  readonly heading: string;
  readonly text: string;
  readonly uri: string;
  readonly domain: string;
  readonly kind: string;
}

type Filter = { readonly w: number; readonly kind: string | null; readonly domains: string | null };

export type Search = (query: string, options: SearchOptions & { readonly watermark: number }) => readonly Hit[];

export function searcher(db: Db): Search {
  const corpora = new Map<string, Corpus>();
  const visible = db
    .prepare<[Filter], [number, number]>(
      `SELECT row, words FROM chunk_versions WHERE ${VISIBLE} AND (:kind IS NULL OR kind = :kind)
       AND (:domains IS NULL OR domain IN (SELECT value FROM json_each(:domains)))`,
    )
    .raw();
  // One text with all of a word's places, because a row each costs five times as much: twice the chunk, one more when in its text.
  const places = "SELECT json_group_array(doc * 2 + (col = 'text')) FROM chunk_terms WHERE";
  const postings = db.prepare<[string], string>(`${places} term = ?`).pluck();
  const longer = db.prepare<[string, string], string>(`${places} term > ? AND term <= ?`).pluck();
  const load = db.prepare<[number], ChunkRow>(
    `SELECT c.row, c.digest, c.chunk, c.title, c.heading, c.text, c.kind, c.domain, d.uri
     FROM chunk_versions c JOIN document_versions d ON d.row = c.document WHERE c.row = ?`,
  );
  let tokens: ((text: string) => readonly string[]) | undefined;

  /** What is visible never changes for a watermark, so it is kept for the searches of a run. */
  function corpus(filter: Filter): Corpus {
    const key = JSON.stringify(filter);
    const known = corpora.get(key);
    if (known) return known;
    const rows = visible.all(filter);
    const lengths = new Uint32Array((rows.at(-1)?.[0] ?? 0) + 1);
    let total = 0;
    for (const [row, words] of rows) total += lengths[row] = Math.max(1, words);
    const made = { lengths, count: rows.length, meanLength: total / Math.max(1, rows.length) };
    if (corpora.size >= 8) corpora.delete(corpora.keys().next().value!);
    corpora.set(key, made);
    return made;
  }

  /** Adds one word's part to the scores; both are indexed by row. */
  function score(term: string, asPrefix: boolean, { lengths, count, meanLength }: Corpus, scores: Float64Array): void {
    const frequencies = new Float32Array(lengths.length);
    let documents = 0;
    const collect = (list: string | undefined, weight: number): void => {
      for (const place of JSON.parse(list ?? "[]") as number[]) {
        const row = place >>> 1;
        if (!(lengths[row]! > 0)) continue;
        if (frequencies[row] === 0) documents++;
        frequencies[row]! += place & 1 ? weight : weight * HEAD_WEIGHT;
      }
    };
    collect(postings.get(term), 1);
    if (asPrefix) collect(longer.get(term, `${term}\u{10ffff}`), PREFIX_WEIGHT);
    if (documents === 0) return;
    const idf = Math.log(1 + (count - documents + 0.5) / (documents + 0.5));
    for (let row = 1; row < lengths.length; row++) {
      const frequency = frequencies[row]!;
      if (frequency > 0)
        scores[row]! += (idf * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * lengths[row]!) / meanLength));
    }
  }

  return (query, options) => {
    tokens ??= tokenizer();
    const all = [...new Set(tokens(query.slice(0, QUERY_LENGTH).replaceAll("\0", " ")))].slice(0, QUERY_TERMS);
    const telling = all.filter((term) => !stopWords.has(term));
    const terms = telling.length > 0 ? telling : all;
    const prefix = terms.at(-1) === all.at(-1) && (terms.at(-1)?.length ?? 0) >= PREFIX_LENGTH ? terms.at(-1) : undefined;
    const seen = corpus(filterOf(options));
    const scores = new Float64Array(seen.lengths.length);
    for (const term of terms) score(term, term === prefix, seen, scores);
    const limit = Math.min(100, Math.max(1, Math.trunc(options.limit ?? 10)));
    const hits = new Map<string, Hit>();
    for (const row of best(scores)) {
      if (hits.size === limit) break;
      const { digest, chunk, title, heading, text, uri, domain, kind } = load.get(row)!;
      const cited = citation(digest, chunk);
      // The same bytes under two names are one thing to cite.
      if (hits.has(cited)) continue;
      const marked = snippet(text, terms, prefix);
      hits.set(cited, { citation: cited, title, heading, text, snippet: marked, uri, domain, kind, score: scores[row]! });
    }
    return [...hits.values()];
  };
}

/** Rows with a score, best first, equal ones in the order of the rows. Only as many are sorted as are asked for. Rounds `scores`. */
function* best(scores: Float64Array): Iterable<number> {
  // Logarithms may differ in the last bit from machine to machine; the order may not.
  for (let row = 0; row < scores.length; row++) scores[row] = Math.round(scores[row]! * 1e6) / 1e6;
  const sorted = scores.filter((score) => score > 0).sort();
  let above = Infinity;
  for (let wanted = 128; above > 0 && sorted.length > 0; wanted *= 8) {
    const least = sorted[Math.max(0, sorted.length - wanted)]!;
    const rows: number[] = [];
    for (let row = 1; row < scores.length; row++) if (scores[row]! >= least && scores[row]! < above) rows.push(row);
    yield* rows.sort((a, b) => scores[b]! - scores[a]! || a - b);
    above = wanted >= sorted.length ? 0 : least;
  }
}

function filterOf({ watermark, kind, domain, domains = true }: SearchOptions & { readonly watermark: number }): Filter {
  const granted = domains === true ? null : [...new Set(domains)].sort();
  const wanted = domain === undefined || domain === "" ? granted : granted === null || granted.includes(domain) ? [domain] : [];
  return { w: watermark, kind: kind === undefined || kind === "" ? null : kind, domains: wanted && JSON.stringify(wanted) };
}

/** The words of a text as FTS5's tokenizer takes it apart, in order. Nothing in it is an operator. */
function tokenizer(): (text: string) => readonly string[] {
  const memory = new Database(":memory:");
  memory.exec(
    `CREATE VIRTUAL TABLE line USING fts5 (text, tokenize = '${TOKENIZER}'); CREATE VIRTUAL TABLE words USING fts5vocab (line, instance)`,
  );
  const put = memory.prepare("INSERT INTO line (rowid, text) VALUES (1, ?)");
  const list = memory.prepare<[], string>('SELECT term FROM words ORDER BY "offset"').pluck();
  const clear = memory.prepare("DELETE FROM line");
  return (text) => {
    put.run(text);
    const terms = list.all();
    clear.run();
    return terms;
  };
}
