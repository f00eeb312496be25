/**
 * The vectors of the chunks, in `pog.sqlite` behind the views. They follow the chunks, domain by domain in the order of their
 * places, so how far they are is one number a domain, and an interrupted embedding goes on from there. They remember which embedder
 * made them: vectors of another one are never compared with them.
 */
import { withoutAddresses } from "../documents/addresses.js";
import { KbError } from "../errors.js";
import type { Db } from "../files.js";
import { blockReader } from "../views/blocks.js";
import { DOMAIN_ROWS, rowOf } from "../views/schema.js";
import { Codes, siftBlocks, type CodeBlock, type Sieve } from "./codes.js";
import { embeddedText, type Embedder } from "./embedder.js";
import { DIMENSION_MOST, GROUP, groupBytes, pack, padded, putCode } from "./pack.js";

export interface VectorState {
  /** Empty before the first vector. */
  readonly embedder: string;
  readonly dimension: number;
  /** Another one after everything was made anew. */
  readonly generation: string;
}

export interface VectorProgress {
  readonly done: number;
  readonly of: number;
}

/** Vectors of one stored block of codes: a multiple of a group. */
const BLOCK_ROWS = 16 * GROUP;
/** Chunks of one step of the built-in embedder, and texts of one request to another. */
const STEP_ROWS = 256;
const REQUEST_ROWS = 64;

interface Pending {
  readonly domain: number;
  readonly done: number;
  readonly chunks: number;
}
interface ChunkText {
  readonly title: string;
  readonly heading: string;
  readonly text: string;
}

export class VectorIndex {
  readonly #db: Db;
  readonly #select;
  /** By domain; null where they were asked for once. */
  readonly #codes = new Map<number, Codes | null>();
  #generation = "";

  constructor(db: Db) {
    this.#db = db;
    this.#select = {
      state: db.prepare<[], VectorState>("SELECT embedder, dimension, generation FROM vector_state"),
      progress: db.prepare<[], VectorProgress>(
        'SELECT coalesce((SELECT sum(done) FROM vector_progress), 0) AS done, coalesce((SELECT sum(chunks) FROM domains), 0) AS "of"',
      ),
      pending: db.prepare<[], Pending>(
        `SELECT d.id AS domain, coalesce(p.done, 0) AS done, d.chunks FROM domains d LEFT JOIN vector_progress p ON p.domain = d.id
         WHERE d.chunks > coalesce(p.done, 0) ORDER BY d.id LIMIT 1`,
      ),
      texts: db.prepare<[{ first: number; last: number }], ChunkText>(
        `SELECT d.title, t.heading, t.text FROM chunk_texts t JOIN chunk_versions c ON c.row = t.row JOIN document_versions d ON d.row = c.document
         WHERE t.row >= CAST(:first AS INTEGER) AND t.row <= CAST(:last AS INTEGER) ORDER BY t.row`,
      ),
      blocks: blockReader(db, "vector_codes", "codes"),
      done: db.prepare<[number], number>("SELECT done FROM vector_progress WHERE domain = ?").pluck(),
      vectors: db
        .prepare<[string], [row: number, vector: Uint8Array]>(
          "SELECT v.row, v.vector FROM json_each(?) AS wanted CROSS JOIN vectors AS v ON v.row = wanted.value",
        )
        .raw(),
      vector: db.prepare<[number], Uint8Array>("SELECT vector FROM vectors WHERE row = CAST(? AS INTEGER)").pluck(),
    };
  }

  state(): VectorState {
    return this.#select.state.get()!;
  }
  progress(): VectorProgress {
    return this.#select.progress.get()!;
  }

  /** Embeds some of what has no vector yet; true when there is more. Only for an embedder that answers at once. */
  stepNow(embedder: Embedder & { readonly now: NonNullable<Embedder["now"]> }): boolean {
    return this.#db
      .transaction((): boolean => {
        this.#claim(embedder.name);
        const pending = this.#select.pending.get();
        if (!pending) return false;
        const texts = this.#texts(pending, STEP_ROWS);
        this.#store(pending, texts.map(embedder.now));
        return this.#select.pending.get() !== undefined;
      })
      .immediate();
  }

  /** As {@link stepNow}; nothing is locked while the embedder works, and what another process did meanwhile is not done twice. */
  async step(embedder: Embedder, signal?: AbortSignal): Promise<boolean> {
    if (embedder.now) return this.stepNow({ ...embedder, now: embedder.now });
    this.#db.transaction(() => this.#claim(embedder.name)).immediate();
    const pending = this.#select.pending.get();
    if (!pending) return false;
    const texts = this.#texts(pending, REQUEST_ROWS);
    const vectors = await embedder.embed(texts, signal);
    if (vectors.length !== texts.length) throw notVectors(embedder, `${vectors.length} vectors for ${texts.length} texts`);
    return this.#db
      .transaction((): boolean => {
        this.#claim(embedder.name);
        const now = this.#select.pending.get();
        if (now && now.domain === pending.domain && now.done === pending.done) this.#store(pending, vectors, embedder);
        return this.#select.pending.get() !== undefined;
      })
      .immediate();
  }

  /** Throws away what there is, so that the next steps make all vectors with this embedder. */
  reset(embedder: string): void {
    this.#db
      .transaction(() => {
        this.#db.exec("DELETE FROM vectors; DELETE FROM vector_codes; DELETE FROM vector_progress");
        this.#db
          .prepare("UPDATE vector_state SET embedder = ?, dimension = 0, generation = lower(hex(randomblob(8)))")
          .run(embedder);
      })
      .immediate();
  }

  /** Whether each of a domain's first `count` chunks has its vector. */
  covers(domain: number, count: number): boolean {
    return this.#done(domain) >= count;
  }

  /**
   * Offers `sieve` those of a domain's first `count` vectors that seem like the query, by their codes. What a process asks for once is read
   * and let go, what it asks for again stays in memory.
   */
  sift(domain: number, query: Int8Array, count: number, sieve: Sieve): void {
    const { generation, dimension } = this.state();
    if (generation !== this.#generation) this.#codes.clear();
    this.#generation = generation;
    if (!this.#codes.has(domain)) {
      this.#codes.set(domain, null);
      return siftBlocks(query, this.#blocks(domain, 0, count), count, sieve);
    }
    const codes = this.#codes.get(domain) ?? new Codes(dimension);
    this.#codes.set(domain, codes);
    const done = this.#done(domain);
    if (done > codes.count)
      for (const block of this.#blocks(domain, Math.floor(codes.count / BLOCK_ROWS), done))
        codes.put(block.first, block.codes, done);
    return codes.sift(query, count, sieve);
  }

  /** The vectors of these rows, one after the other and in one question: hundreds take twice as long. */
  vectorsOf(rows: readonly number[]): Iterable<readonly [row: number, vector: Uint8Array]> {
    return this.#select.vectors.iterate(JSON.stringify(rows));
  }
  vector(domain: number, place: number): Int8Array {
    const bytes = this.#select.vector.get(rowOf(domain, place));
    return bytes ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : new Int8Array(0);
  }

  #done(domain: number): number {
    return this.#select.done.get(domain) ?? 0;
  }

  /**
   * From block `from` on, those that `count` vectors are in. Each block's memory is given back when the next one is asked for: the collector
   * would do so only when all of them are read.
   */
  *#blocks(domain: number, from: number, count: number): Iterable<CodeBlock> {
    for (const [block, codes] of this.#select.blocks(domain, from, Math.ceil(count / BLOCK_ROWS) - from)) {
      yield { first: block * BLOCK_ROWS, codes };
      if (codes.byteLength === codes.buffer.byteLength) (codes.buffer as ArrayBuffer).transfer(0);
    }
  }

  /** The first vector decides whose they are. */
  #claim(embedder: string): void {
    const state = this.state();
    if (state.embedder === embedder) return;
    if (state.embedder !== "" && this.progress().done > 0) throw otherEmbedder(state.embedder, embedder);
    this.#db.prepare("UPDATE vector_state SET embedder = ?, dimension = 0").run(embedder);
  }

  #texts({ domain, done, chunks }: Pending, most: number): readonly string[] {
    const base = domain * DOMAIN_ROWS;
    const texts = this.#select.texts.all({ first: base + done + 1, last: base + Math.min(chunks, done + most) });
    // Addresses are no part of what a text is about, and an agent that may not see them must not find them by likeness either.
    return texts.map((chunk) => withoutAddresses(embeddedText(chunk)));
  }

  #store({ domain, done }: Pending, vectors: readonly ArrayLike<number>[], embedder?: Embedder): void {
    const dimension = this.#dimension(vectors, embedder);
    const insert = this.#db.prepare("INSERT INTO vectors (row, vector) VALUES (CAST(? AS INTEGER), ?)");
    const packed = vectors.map(pack);
    packed.forEach((vector, index) => insert.run(rowOf(domain, done + 1 + index), Buffer.from(vector.buffer)));
    this.#append(domain, done, packed, groupBytes(dimension));
    this.#db
      .prepare("INSERT INTO vector_progress VALUES (?, ?) ON CONFLICT (domain) DO UPDATE SET done = excluded.done")
      .run(domain, done + vectors.length);
  }

  #append(domain: number, done: number, added: readonly Int8Array[], group: number): void {
    const first = Math.floor(done / BLOCK_ROWS);
    const start = done - first * BLOCK_ROWS;
    const [block, begun] = [...this.#select.blocks(domain, first, 1)][0] ?? [];
    const codes = new Uint8Array(Math.ceil((start + added.length) / GROUP) * group);
    if (begun && block === first) codes.set(begun);
    added.forEach((vector, index) => putCode(codes, start + index, vector));
    const put = this.#db.prepare("INSERT OR REPLACE INTO vector_codes VALUES (?, ?, ?)");
    const size = (BLOCK_ROWS / GROUP) * group;
    for (let at = 0; at < codes.length; at += size) put.run(domain, first + at / size, codes.subarray(at, at + size));
  }

  #dimension(vectors: readonly ArrayLike<number>[], embedder?: Embedder): number {
    const known = this.state().dimension;
    const dimension = known || (vectors[0]?.length ?? 0);
    if (dimension < 1 || dimension > DIMENSION_MOST) throw notVectors(embedder, `${dimension} dimensions`);
    const other = vectors.find((vector) => vector.length !== dimension);
    if (other) throw notVectors(embedder, `a vector of ${other.length} dimensions among those of ${dimension}`);
    if (known === 0) this.#db.prepare("UPDATE vector_state SET dimension = ?").run(dimension);
    return dimension;
  }
}

/** A query's vector, or undefined where it cannot be compared with the stored ones. */
export function packQuery(vector: ArrayLike<number>, dimension: number): Int8Array | undefined {
  const packed = pack(vector);
  return packed.length === padded(dimension) ? packed : undefined;
}

export function otherEmbedder(made: string, wanted: string): KbError {
  return new KbError("KB_EMBEDDER", `the vectors were made by \`${made}\`, and \`kb.embedder\` says \`${wanted}\``, {
    hint: "`rlp kb reindex` makes them anew; until then a search goes by words alone",
  });
}

function notVectors(embedder: Embedder | undefined, what: string): KbError {
  return new KbError("KB_EMBEDDER", `the embedder \`${embedder?.name ?? ""}\` gave ${what}`, {
    hint: "check the model that `kb.embedder` names: it must be one that makes embeddings",
  });
}
