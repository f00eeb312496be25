import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Corpus } from "#kb/search/corpus.js";
import { byVectors } from "#kb/search/nearest.js";
import { spaceOf } from "#kb/search/tokens.js";
import { GROUP, groupBytes, pack, putCode } from "#kb/vectors/pack.js";
import { VectorIndex } from "#kb/vectors/vector-index.js";
import { DOMAIN_ROWS, viewsKind } from "#kb/views/schema.js";
import { timed } from "../measure.js";
import { median, quantile } from "../statistics.js";
import type { Measure } from "../table.js";

const COUNT = 1_000_000;
const DIMENSION = 384;
const BLOCK = 16 * GROUP;
const TOPICS = 4000;
const QUERIES = 50;
const JUDGED = 20;

/** Vectors as embeddings of texts are: in clouds around topics. The query is a text of one of them. */
export const measure: Measure<"million"> = async (scratch) => {
  const file = join(scratch, "pog.sqlite");
  const random = generator();
  const topics = Array.from({ length: TOPICS }, () => gaussian(random));
  const text = (): Float32Array => {
    const topic = topics[Math.floor(random() * TOPICS)]!;
    return gaussian(random).map((value, at) => topic[at]! + value);
  };
  const all = new Float32Array(COUNT * DIMENSION);
  const db = new Database(file);
  db.exec(viewsKind.create);
  db.pragma("journal_mode = WAL");
  fill(db, all, text);
  const vectors = new VectorIndex(db);
  const corpus: Corpus = {
    shelves: [{ domain: 1, space: spaceOf(1), lengths: new Uint16Array(COUNT + 1).fill(1, 1) }],
    count: COUNT,
    meanLength: 1,
  };
  const search = db.transaction((query: Float32Array) =>
    byVectors(pack(query), { corpus, vectors, required: null, floor: 0, most: 200 }),
  );
  const queries = Array.from({ length: QUERIES }, text);
  const first = await timed(() => search(queries[0]!));
  const second = await timed(() => search(queries[0]!));
  const times: number[] = [];
  let found = 0;
  for (const [index, query] of queries.entries()) {
    let hits: ReturnType<typeof search>;
    times.push(await timed(() => (hits = search(query))));
    if (index >= JUDGED) continue;
    const places = new Set(hits!.slice(0, 10).map(({ place }) => place - 1));
    found += exact(all, query).filter((place) => places.has(place)).length;
  }
  const { rss } = process.memoryUsage();
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
  return {
    values: { p50: median(times), recall: (found / (JUDGED * 10)) * 100 },
    beside: [
      `ranking by vectors alone: signs and sizes of all, ${QUERIES} queries, p99 ${quantile(times, 0.99).toFixed(1)} ms; the first one ${first.toFixed(0)} ms, because the codes are read, the second ${second.toFixed(0)} ms, because they are kept from then on; recall of ${JUDGED} queries against the embedder's own floating-point numbers`,
      `${(statSync(file).size / 2 ** 20).toFixed(0)} MiB on disk; ${((COUNT * DIMENSION) / 4 / 2 ** 20).toFixed(0)} MiB of codes in memory (the process ${((rss - all.byteLength) / 2 ** 20).toFixed(0)} MiB, without the numbers that recall is judged by)`,
    ],
  };
};

function fill(db: Database.Database, all: Float32Array, text: () => Float32Array): void {
  const insert = db.prepare("INSERT INTO vectors (row, vector) VALUES (CAST(? AS INTEGER), ?)");
  const put = db.prepare("INSERT INTO vector_codes VALUES (1, ?, ?)");
  db.prepare("UPDATE vector_state SET embedder = 'bench', dimension = ?").run(DIMENSION);
  db.prepare("INSERT INTO vector_progress VALUES (1, ?)").run(COUNT);
  const block = db.transaction((first: number) => {
    const codes = new Uint8Array((BLOCK / GROUP) * groupBytes(DIMENSION));
    for (let index = first; index < Math.min(COUNT, first + BLOCK); index++) {
      const vector = text();
      all.set(vector, index * DIMENSION);
      const packed = pack(vector);
      putCode(codes, index - first, packed);
      insert.run(DOMAIN_ROWS + index + 1, Buffer.from(packed.buffer));
    }
    put.run(first / BLOCK, codes);
  });
  for (let first = 0; first < COUNT; first += BLOCK) block(first);
}

/** The ten best by cosine, each compared with in full. */
function exact(all: Float32Array, query: Float32Array): readonly number[] {
  const scores = new Float64Array(COUNT);
  for (let row = 0; row < COUNT; row++) {
    let [dot, square] = [0, 0];
    for (let at = 0; at < DIMENSION; at++) {
      const value = all[row * DIMENSION + at]!;
      dot += value * query[at]!;
      square += value * value;
    }
    scores[row] = dot / Math.sqrt(square);
  }
  const least = scores.slice().sort()[COUNT - 10]!;
  return [...scores.keys()].filter((row) => scores[row]! >= least).slice(0, 10);
}

/** Lehmer's generator with the constants of Park and Miller (1988). */
function generator(): () => number {
  let state = 7;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Sums of four even numbers: near enough to normal. */
const gaussian = (random: () => number): Float32Array =>
  Float32Array.from({ length: DIMENSION }, () => random() + random() + random() + random() - 2);
