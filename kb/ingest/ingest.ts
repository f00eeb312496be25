/** Bringing contacts and documents into the knowledge base. What is there already, unchanged, costs nothing. */
import { basename } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { DEFAULT_DOMAIN } from "../documents/domains.js";
import { DOMAIN } from "../documents/front-matter.js";
import { readDocument } from "../documents/chunks.js";
import { contactKey } from "../documents/keys.js";
import { RECORDS_TYPE } from "../documents/media-types.js";
import { KbError } from "../errors.js";
import type { Kb } from "../kb.js";
import type { LedgerBlob } from "../ledger/drafts.js";
import { contactLines, looksLikeContacts, type ContactRecord } from "./contacts.js";
import { parsedFormats, type ExtractText, type ParsedFormat } from "./extract.js";
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
  /** Reads the formats that are no plain text; without it such files are skipped. */
  readonly extract?: ExtractText;
  readonly onProgress?: (progress: IngestProgress) => void;
};

export interface IngestProgress {
  readonly file: string;
  readonly files: number;
  readonly added: number;
  readonly unchanged: number;
  readonly skipped: number;
  /** Parts of the documents that were added. */
  readonly chunks: number;
  /** Files to come with this one, as far as is known; 0 = unknown. */
  readonly of: number;
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

/** What of a file is looked at to tell its format. */
const HEAD_BYTES = 65_536;
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
  const sources = [...("path" in options ? sourcesAt(options.path) : [bytesSource(options.bytes, options.uri)])];
  const intake = new Intake(kb, options, sources.length);
  for (const source of sources) await intake.take(source);
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
  readonly #of: number;

  constructor(kb: Kb, options: IngestOptions, of: number) {
    this.#kb = kb;
    this.#options = options;
    this.#of = of;
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
      chunks: this.#documents.chunks,
      of: this.#of,
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
    const format = this.#format(source, bytes);
    if (isParsed(format)) return this.#takeParsed(source, bytes, format);
    const text = decode(bytes);
    if (text === undefined) return void this.#skipped.push({ file, reason: "not UTF-8 text" });
    if (text.trim() === "") return void this.#skipped.push({ file, reason: "empty" });
    if (format === "contacts") return this.#takeContacts(file, text);
    const mediaType = format === "markdown" ? "text/markdown" : "text/plain";
    await this.#takeDocument(source, { text, bytes, mediaType });
  }

  /** By the ending, else by what it begins with. `kind` says that a file is text whatever it looks like. */
  #format({ format }: Source, bytes: Uint8Array): Format {
    const { kind } = this.#options;
    if (kind === "contacts") return "contacts";
    const head = new TextDecoder("latin1").decode(bytes.subarray(0, HEAD_BYTES));
    if (kind === "document" && (format === "contacts" || format === "json")) return "text";
    if (format === "contacts") return head.split("\n", 50).some(looksLikeContacts) ? "contacts" : "ndjson";
    if (format !== undefined) return format;
    if (head.startsWith("%PDF-")) return "pdf";
    if (/^\s*(?:<!doctype html|<html)\b/i.test(head)) return "html";
    return kind === undefined && looksLikeContacts(head) ? "contacts" : "text";
  }

  async #takeParsed(source: Source, bytes: Uint8Array, format: ParsedFormat): Promise<void> {
    const { file } = source;
    const { extract } = this.#options;
    if (!extract) return void this.#skipped.push({ file, reason: `${format.toUpperCase()} needs a parser, and none is given` });
    if (bytes.length === 0) return void this.#skipped.push({ file, reason: "empty" });
    const digest = blake3(bytes);
    if (this.#isKnown(source, digest)) return void this.#documents.unchanged++;
    try {
      const { text, title, mediaType } = await extract(format, bytes);
      if (text.trim() === "") return void this.#skipped.push({ file, reason: "there is no text in it" });
      // What a record says first is no title for the others.
      const named = title ?? (mediaType === RECORDS_TYPE ? basename(file) : undefined);
      await this.#takeDocument(source, { text, bytes: Buffer.from(text), mediaType, title: named, source: digest });
    } catch (cause) {
      // One file that cannot be read is no reason to leave the others.
      if (!(cause instanceof KbError && cause.code === "KB_INGEST")) throw cause;
      this.#skipped.push({ file, reason: cause.message });
    }
  }

  /** Whether the document of that name was made from this very file, and belongs where it shall. */
  #isKnown({ uri }: Source, digest: Digest, domain = this.#options.domain): boolean {
    if (this.#seenDocuments.get(uri) === digest) return true;
    const known = this.#kb.views.documentByUri(uri);
    return known !== undefined && (known.source ?? known.digest) === digest && (domain === undefined || known.domain === domain);
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

  async #takeDocument(source: Source, { text, bytes, mediaType, title, source: from }: NewText): Promise<void> {
    const { file, uri } = source;
    const digest = blake3(bytes);
    const document = readDocument(text, mediaType);
    if (document.chunks.length === 0) return void this.#skipped.push({ file, reason: "nothing in it but its front matter" });
    const domain = this.#options.domain ?? document.domain ?? DEFAULT_DOMAIN;
    if (this.#isKnown(source, from ?? digest, domain)) {
      this.#documents.unchanged++;
      return;
    }
    this.#seenDocuments.set(uri, from ?? digest);
    this.#documents.added++;
    this.#documents.chunks += document.chunks.length;
    const named = title ?? document.title;
    const chunks = document.chunks.length;
    const meta = { uri, title: named, digest, chunks, media_type: mediaType, domain, ...(from && { source: from }) };
    const message = `document ${named} (${chunks} chunks)`;
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

interface NewText {
  readonly text: string;
  /** What is kept: the file itself where it is text, else the text that was taken from it. */
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly title?: string | undefined;
  readonly source?: Digest;
}

const isParsed = (format: Format): format is ParsedFormat => parsedFormats.has(format);

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
