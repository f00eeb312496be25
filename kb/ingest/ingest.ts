/** Bringing contacts and documents into the knowledge base. What is there already, unchanged, costs nothing. */
import { blake3, type Digest } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { DEFAULT_DOMAIN } from "../documents/domains.js";
import { DOMAIN } from "../documents/front-matter.js";
import { readDocument } from "../documents/chunks.js";
import { contactKey } from "../documents/keys.js";
import { KbError } from "../errors.js";
import type { Kb } from "../kb.js";
import type { LedgerBlob } from "../ledger/drafts.js";
import { contactLines, looksLikeContacts, type ContactRecord } from "./contacts.js";
import { bytesSource, sourcesAt, type Format, type Source } from "./source.js";

export type IngestOptions = (
  | { /** A file or a folder. */ readonly path: string }
  | {
      readonly bytes: Uint8Array;
      /** What the document is called from now on; its ending tells its format. */ readonly uri: string;
    }
) & {
  /** What the content is, where the name does not tell or is wrong. */
  readonly kind?: "contacts" | "document";
  /** Of documents; becomes the label `private:<domain>`. Wins over the front matter; `notes` where neither says. */
  readonly domain?: string;
  readonly onProgress?: (progress: IngestProgress) => void;
};

export interface IngestProgress {
  readonly file: string;
  readonly files: number;
  readonly added: number;
  readonly unchanged: number;
  readonly skipped: number;
}

export interface Skipped {
  readonly file: string;
  /** From 1. */
  readonly line?: number;
  readonly reason: string;
}

export interface IngestSummary {
  readonly contacts: { readonly added: number; readonly unchanged: number };
  readonly documents: { readonly added: number; readonly unchanged: number; readonly chunks: number };
  /** In the order of reading. Nothing is left out silently. */
  readonly skipped: readonly Skipped[];
  /** Id of the last row afterwards. */
  readonly watermark: number;
}

/** Rows an append: enough to make a commit worth its sync. */
const BATCH_ROWS = 500;
const BATCH_BYTES = 4 << 20;

/**
 * Reads files, folders or bytes. A contact is one by its address, a document by its `uri`: a changed one replaces what was
 * there, for reads from now on. Can be stopped at any moment and run again. Throws `KB_INGEST` where there is nothing to read.
 */
export async function ingest(kb: Kb, options: IngestOptions): Promise<IngestSummary> {
  if (options.domain !== undefined && !DOMAIN.test(options.domain))
    throw new KbError("KB_INGEST", `\`${options.domain.slice(0, 80)}\` cannot be a domain`, {
      hint: "a domain begins with a letter and has only a-z, 0-9, `_`, `-`",
    });
  await kb.views.catchUp();
  const intake = new Intake(kb, options);
  for (const source of "path" in options ? sourcesAt(options.path) : [bytesSource(options.bytes, options.uri)])
    await intake.take(source);
  return intake.finish();
}

class Intake {
  readonly #kb: Kb;
  readonly #options: IngestOptions;
  readonly #contacts = { added: 0, unchanged: 0 };
  readonly #documents = { added: 0, unchanged: 0, chunks: 0 };
  readonly #skipped: Skipped[] = [];
  /** By key, the last word on each person; written at the end, so that reading the same files again finds nothing new. */
  readonly #people = new Map<string, { readonly file: string; readonly line: number; readonly contact: ContactRecord }>();
  /** What this very call has read and the views may not know yet: uri → digest. */
  readonly #seenDocuments = new Map<string, Digest>();
  #drafts: EventDraft[] = [];
  #blobs: LedgerBlob[] = [];
  #bytes = 0;
  #files = 0;

  constructor(kb: Kb, options: IngestOptions) {
    this.#kb = kb;
    this.#options = options;
  }

  async take(source: Source | Skipped): Promise<void> {
    if ("reason" in source) this.#skipped.push(source);
    else {
      this.#files++;
      await this.#read(source);
    }
    this.#options.onProgress?.({
      file: source.file,
      files: this.#files,
      added: this.#contacts.added + this.#documents.added,
      unchanged: this.#contacts.unchanged + this.#documents.unchanged,
      skipped: this.#skipped.length,
    });
  }

  async finish(): Promise<IngestSummary> {
    for (const [key, { contact }] of this.#people) await this.#putContact(key, contact);
    await this.#append();
    const watermark = await this.#kb.views.catchUp();
    return { contacts: this.#contacts, documents: this.#documents, skipped: this.#skipped, watermark };
  }

  async #read(source: Source): Promise<void> {
    const { file } = source;
    const bytes = source.read();
    if ("reason" in bytes) return void this.#skipped.push(bytes);
    const text = decode(bytes);
    if (text === undefined) return void this.#skipped.push({ file, reason: "not UTF-8 text" });
    if (text.trim() === "") return void this.#skipped.push({ file, reason: "empty" });
    const format = this.#format(source, text);
    if (format === undefined) this.#skipped.push({ file, reason: "NDJSON without contacts: its lines have no `email`" });
    else if (format === "contacts") this.#takeContacts(file, text);
    else await this.#takeDocument(source, bytes, text, format);
  }

  #format({ format }: Source, text: string): Format | undefined {
    const { kind } = this.#options;
    if (kind === "contacts") return "contacts";
    if (kind === "document") return format === "markdown" ? "markdown" : "text";
    if (format === "contacts") return text.split("\n", 50).some(looksLikeContacts) ? "contacts" : undefined;
    return format ?? (looksLikeContacts(text) ? "contacts" : "text");
  }

  #takeContacts(file: string, text: string): void {
    const unused = new Set<string>();
    for (const read of contactLines(text)) {
      const { line } = read;
      if ("problem" in read) {
        this.#skipped.push({ file, line, reason: read.problem });
        continue;
      }
      for (const key of read.unused) unused.add(key);
      const key = contactKey(read.contact.email);
      const earlier = this.#people.get(key);
      if (earlier && !sameContact(earlier.contact, read.contact))
        this.#skipped.push({
          file: earlier.file,
          line: earlier.line,
          reason: `the same address comes again in ${file}, line ${line}, and that holds`,
        });
      this.#people.set(key, { file, line, contact: read.contact });
    }
    const keys = [...unused].sort().slice(0, 20).join(", ").slice(0, 300);
    if (keys !== "") this.#skipped.push({ file, reason: `keys that a contact has no place for: ${keys}` });
  }

  async #putContact(key: string, contact: ContactRecord): Promise<void> {
    const known = this.#kb.views.contact(key);
    if (known && sameContact(known, contact)) {
      this.#contacts.unchanged++;
      return;
    }
    const { name, email, org, trust } = contact;
    this.#contacts.added++;
    const meta = { name, email, ...(org !== undefined && { org }), ...(trust !== undefined && { trust }) };
    await this.#put(
      { kind: "contact.upserted", level: "info", message: `contact ${name} <${email}>`, meta, actor: "user", scope: "user" },
      256,
    );
  }

  async #takeDocument({ file, uri }: Source, bytes: Uint8Array, text: string, format: Format): Promise<void> {
    const digest = blake3(bytes);
    const document = readDocument(text, format === "markdown");
    if (document.chunks.length === 0) return void this.#skipped.push({ file, reason: "nothing in it but its front matter" });
    const domain = this.#options.domain ?? document.domain ?? DEFAULT_DOMAIN;
    const known = this.#kb.views.documentByUri(uri);
    if (this.#seenDocuments.get(uri) === digest || (known?.digest === digest && known.domain === domain)) {
      this.#documents.unchanged++;
      return;
    }
    this.#seenDocuments.set(uri, digest);
    this.#documents.added++;
    this.#documents.chunks += document.chunks.length;
    const mediaType = format === "markdown" ? "text/markdown" : "text/plain";
    const meta = { uri, title: document.title, digest, chunks: document.chunks.length, media_type: mediaType, domain };
    const message = `document ${document.title} (${document.chunks.length} chunks)`;
    this.#blobs.push({ digest, bytes, mediaType });
    await this.#put({ kind: "document.ingested", level: "info", message, meta, actor: "user", scope: "user" }, bytes.length);
  }

  async #put(draft: EventDraft, bytes: number): Promise<void> {
    this.#drafts.push(draft);
    this.#bytes += bytes;
    if (this.#drafts.length >= BATCH_ROWS || this.#bytes >= BATCH_BYTES) await this.#append();
  }

  async #append(): Promise<void> {
    const [drafts, blobs] = [this.#drafts, this.#blobs];
    [this.#drafts, this.#blobs, this.#bytes] = [[], [], 0];
    if (drafts.length > 0) await this.#kb.ledger.append({ trace: null, drafts, blobs });
  }
}

interface AnyContact {
  readonly name: string;
  readonly email: string;
  readonly org?: string | null | undefined;
  readonly trust?: number | null | undefined;
}
function sameContact(a: AnyContact, b: AnyContact): boolean {
  return (
    a.name === b.name && a.email === b.email && (a.org ?? null) === (b.org ?? null) && (a.trust ?? null) === (b.trust ?? null)
  );
}

/** UTF-8 without NUL bytes, or undefined. */
function decode(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
