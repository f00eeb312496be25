/** The materialized views: `pog.sqlite`. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "#core/digest.js";
import type { TraceId } from "#core/ids.js";
import { guarded, KbError } from "../errors.js";
import { openReadOnly, openReadWrite, type Db } from "../files.js";
import type { Ledger } from "../ledger/ledger.js";
import { contactFinder, type Contact, type ContactQuery, type RankedContact } from "./contacts.js";
import { currentFinder, type CurrentQuery, type CurrentRecord } from "./current.js";
import { viewsDigest } from "./digest.js";
import { documentFinder, type DocumentQuery, type DocumentSummary } from "./documents.js";
import { entityFinder, type Entity } from "./entities.js";
import { materializer, type Materializer } from "./materializer.js";
import { runViews, type Proposal, type ProposalQuery, type RunNode, type RunQuery, type RunSummary } from "./runs.js";
import { searcher, type Found, type Hit, type Mode, type QueryVector, type SearchOptions } from "../search/search.js";
import { VectorIndex } from "../vectors/vector-index.js";
import { VIEWS_FILE, viewsKind } from "./schema.js";

/**
 * Every read first brings the views up to the watermark that it asks for (by default the ledger's end). A read at a watermark
 * gives the same answer for ever.
 */
export interface Views {
  readonly file: string;
  /** Brings the views up to the ledger's end, letting the event loop breathe; gives the watermark reached. */
  catchUp(onProgress?: (progress: { readonly watermark: number; readonly of: number }) => void): Promise<number>;
  /** Makes all views again from the first row. */
  rebuild(onProgress?: (progress: { readonly watermark: number; readonly of: number }) => void): Promise<number>;
  /** Id of the last row that the views contain. */
  watermark(): number;
  /** Over all content; takes as long as reading it. */
  digest(): Digest;

  /** By words alone. `Kb.search` is what asks the vectors too. */
  search(query: string, options?: SearchOptions): readonly Hit[];
  find(query: string, options: FindOptions): Found;
  readonly vectors: VectorIndex;
  contacts(query?: ContactQuery): readonly RankedContact[];
  /** By the address, whatever its case. */
  contact(key: string, watermark?: number): Contact | undefined;
  /** By `contact:…`, `document:…`, `artifact:…` or a citation `digest#chunk`. */
  entity(key: string, watermark?: number, domains?: true | readonly string[]): Entity | undefined;
  documents(query?: DocumentQuery): readonly DocumentSummary[];
  /** The current document of that name. */
  documentByUri(uri: string): CurrentDocument | undefined;
  /** What is true now, with the events that said so. */
  current(query: CurrentQuery): readonly CurrentRecord[];
  runs(query?: RunQuery): readonly RunSummary[];
  run(traceId: TraceId): RunSummary | undefined;
  runNodes(traceId: TraceId): readonly RunNode[];
  proposals(query?: ProposalQuery): readonly Proposal[];
  /** Ids of the events about an entity, in order. */
  history(entity: string): readonly number[];
  /** Entities whose key begins so, at most `limit`. */
  findEntity(prefix: string, limit: number): readonly string[];
  close(): void;
}

export interface CurrentDocument {
  readonly digest: Digest;
  readonly title: string;
  readonly domain: string;
  /** Of the file that its text was taken from; null where that is the text itself. */
  readonly source: Digest | null;
}

export interface FindOptions extends SearchOptions {
  readonly mode: Mode;
  /** Where it is missing, or not all that is visible has a vector, words alone decide. */
  readonly vector?: QueryVector;
}

export interface ViewsOptions {
  readonly root: string;
  readonly readonly?: boolean;
  /** For a process that looks and ends. */
  readonly once?: boolean;
  readonly now?: () => number;
}

export function openViews(ledger: Ledger, { root, readonly = false, once = false, now = Date.now }: ViewsOptions): Views {
  const file = join(root, VIEWS_FILE);
  const db = readonly ? openReadOnly(file, viewsKind) : openReadWrite(file, viewsKind);
  try {
    return guarded(file, "read the views", () => new SqliteViews(db, ledger, { file, readonly, once, now }));
  } catch (cause) {
    db.close();
    throw cause;
  }
}

/** Pages that a search which comes once keeps: the upper ones of its trees. A page that the process has not used before costs more than reading one again. */
const PAGES_ONCE = 64;

/**
 * Moves the views' file out of the way, so that the next opening makes them again: the way out when it is too damaged to be opened, or
 * is not ours. Gives its new name.
 */
export function setViewsAside(root: string): string {
  const file = join(root, VIEWS_FILE);
  let kept = `${file}.damaged`;
  for (let next = 2; existsSync(kept); next++) kept = `${file}.damaged-${next}`;
  renameSync(file, kept);
  for (const suffix of ["-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
  return kept;
}

class SqliteViews implements Views {
  readonly file: string;
  readonly #db: Db;
  readonly #ledger: Ledger;
  readonly #readonly: boolean;
  readonly #once: boolean;
  readonly #now: () => number;
  readonly #materializer: Materializer;
  #finders: Finders | undefined;
  #vectors: VectorIndex | undefined;
  #checked = false;

  constructor(
    db: Db,
    ledger: Ledger,
    { file, readonly, once, now }: Required<Omit<ViewsOptions, "root">> & { readonly file: string },
  ) {
    this.#db = db;
    this.#ledger = ledger;
    this.file = file;
    this.#readonly = readonly;
    this.#once = once;
    this.#now = now;
    this.#materializer = materializer(db, ledger, () => (this.#finders = this.#vectors = undefined));
  }

  async catchUp(onProgress?: (progress: { readonly watermark: number; readonly of: number }) => void): Promise<number> {
    if (this.watermark() === this.#ledger.watermark()) return this.#read(undefined, (_, watermark) => watermark);
    this.#checkWritable();
    while (this.#do("bring the views up", () => this.#materializer.step())) {
      onProgress?.({ watermark: this.#materializer.watermark(), of: this.#ledger.watermark() });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.#materializer.watermark();
  }
  async rebuild(onProgress?: (progress: { readonly watermark: number; readonly of: number }) => void): Promise<number> {
    this.#checkWritable();
    this.#do("empty the views", () => this.#materializer.reset());
    return this.catchUp(onProgress);
  }
  watermark(): number {
    return this.#do("read the views", () => this.#materializer.watermark());
  }
  digest(): Digest {
    return this.#read(undefined, () => viewsDigest(this.#db));
  }

  search(query: string, options: SearchOptions = {}): readonly Hit[] {
    return this.find(query, { ...options, mode: "words" }).hits;
  }
  find(query: string, options: FindOptions): Found {
    return this.#read(options.watermark, (find, watermark) => {
      if (this.#once) this.#db.pragma(`cache_size = ${PAGES_ONCE}`);
      return find.search(query, { ...options, watermark });
    });
  }
  get vectors(): VectorIndex {
    return this.#do("read the views", () => (this.#vectors ??= new VectorIndex(this.#db)));
  }
  contacts(query: ContactQuery = {}): readonly RankedContact[] {
    return this.#read(query.watermark, (find, watermark) => find.contacts.find({ ...query, watermark }));
  }
  contact(key: string, watermark?: number): Contact | undefined {
    return this.#read(watermark, (find, at) => find.contacts.byKey(key, at));
  }
  entity(key: string, watermark?: number, domains?: true | readonly string[]): Entity | undefined {
    return this.#read(watermark, (find, at) => find.entity(key, at, domains));
  }
  documents(query: DocumentQuery = {}): readonly DocumentSummary[] {
    return this.#read(query.watermark, (find, watermark) => find.documents({ ...query, watermark }));
  }
  documentByUri(uri: string): CurrentDocument | undefined {
    return this.#read(undefined, (find) => find.byUri.get(uri));
  }
  current(query: CurrentQuery): readonly CurrentRecord[] {
    return this.#read(undefined, (find) => find.current(query));
  }
  runs(query: RunQuery = {}): readonly RunSummary[] {
    return this.#read(undefined, (find) => find.runs.runs(query));
  }
  run(traceId: TraceId): RunSummary | undefined {
    return this.#read(undefined, (find) => find.runs.run(traceId));
  }
  runNodes(traceId: TraceId): readonly RunNode[] {
    return this.#read(undefined, (find) => find.runs.nodes(traceId));
  }
  proposals(query: ProposalQuery = {}): readonly Proposal[] {
    return this.#read(undefined, (find) => find.runs.proposals(query, this.#now()));
  }
  history(entity: string): readonly number[] {
    return this.#read(undefined, (find) => find.history.all(entity));
  }
  findEntity(prefix: string, limit: number): readonly string[] {
    return this.#read(undefined, (find) => find.prefix.all(prefix, `${prefix}\u{10ffff}`, limit));
  }
  close(): void {
    this.#db.close();
  }

  #checkWritable(): void {
    if (this.#readonly && this.#materializer.watermark() < this.#ledger.watermark())
      throw new KbError("KB_READONLY", "the views are behind the ledger and may not be written", {
        place: { file: this.file },
        hint: "open the knowledge base once where its folder can be written",
      });
  }

  #read<T>(watermark: number | undefined, action: (find: Finders, watermark: number) => T): T {
    return this.#do("read the views", () => {
      if (!this.#checked) this.#materializer.checkOrigin();
      this.#checked = true;
      const end = this.#ledger.watermark();
      const wanted = Math.min(watermark ?? end, end);
      if (this.#materializer.watermark() < wanted) {
        this.#checkWritable();
        while (this.#materializer.step());
      }
      this.#finders ??= new Finders(this.#db, this.#ledger, () => this.vectors);
      return action(this.#finders, wanted);
    });
  }

  #do<T>(doing: string, action: () => T): T {
    if (!this.#db.open) throw new KbError("KB_CLOSED", "the knowledge base is closed");
    return guarded(this.file, doing, action);
  }
}

/** What reads the views, each part made when it is asked for first: a command needs one of them, and preparing all takes milliseconds. */
class Finders {
  readonly #db: Db;
  readonly #ledger: Ledger;
  readonly #index: () => VectorIndex;
  readonly #made = new Map<string, unknown>();

  constructor(db: Db, ledger: Ledger, index: () => VectorIndex) {
    this.#db = db;
    this.#ledger = ledger;
    this.#index = index;
  }
  get contacts() {
    return this.#once("contacts", contactFinder);
  }
  get documents() {
    return this.#once("documents", documentFinder);
  }
  get search() {
    return this.#once("search", (db) => searcher(db, this.#ledger, this.#index()));
  }
  get entity() {
    return this.#once("entity", (db) => entityFinder(db, this.contacts));
  }
  get current() {
    return this.#once("current", currentFinder);
  }
  get runs() {
    return this.#once("runs", runViews);
  }
  get byUri() {
    return this.#once("byUri", (db) =>
      db.prepare<[string], CurrentDocument>(
        "SELECT digest, title, domain, source FROM document_versions WHERE uri = ? AND to_id IS NULL",
      ),
    );
  }
  get history() {
    return this.#once("history", (db) =>
      db.prepare<[string], number>("SELECT event_id FROM entity_history WHERE entity = ? ORDER BY event_id").pluck(),
    );
  }
  get prefix() {
    return this.#once("prefix", (db) =>
      db
        .prepare<[string, string, number], string>(
          "SELECT DISTINCT entity FROM entity_history WHERE entity >= ? AND entity < ? ORDER BY entity LIMIT ?",
        )
        .pluck(),
    );
  }
  #once<T>(name: string, make: (db: Db) => T): T {
    if (!this.#made.has(name)) this.#made.set(name, make(this.#db));
    return this.#made.get(name) as T;
  }
}
