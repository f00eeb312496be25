/**
 * Foreign formats are parsed in processes that hold nothing: one for each format, kept for the next file, killed when a file takes
 * too long or too much. A file that ends its process is skipped like any other that cannot be read.
 */
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";
import { dirname, join } from "node:path";
import { parseJson } from "#core/json.js";
import { KbError } from "#kb/errors.js";
import type { Extracted, ExtractText, ParsedFormat } from "#kb/ingest/extract.js";
import { FrameReader, FrameWriter } from "../sandbox/frame.js";
import { isolation } from "../sandbox/isolation/ladder.js";
import type { Isolation } from "../sandbox/isolation/rung.js";
import { childCode, codeRoot, spawnConfined, type Confined } from "../sandbox/spawn.js";
import { Transfers } from "../sandbox/transfer.js";
import { TEXT_BYTES } from "./limits.js";
import { fromParser, type ExtractRequest } from "./messages.js";

export interface ExtractorOptions {
  /** What stands around the processes. Default: the strongest that this machine gives. */
  readonly isolation?: Isolation | Promise<Isolation>;
  /** Milliseconds for one file. */
  readonly timeoutMs?: number;
  readonly heapMib?: number;
}

export interface Extractor {
  readonly extract: ExtractText;
  /** Ends the processes. */
  close(): void;
}

const TIMEOUT_MS = 30_000;
const HEAP_MIB = 384;
/** Writable memory of a process beside its heap: the file, its text, and Node itself. */
const MEMORY_BYTES = 3 * 2 ** 29;
const MESSAGE_BYTES = 16_384;

/** Packages that a parser reads. */
const packages: Readonly<Record<ParsedFormat, readonly string[]>> = {
  json: [],
  ndjson: [],
  eml: ["postal-mime", "parse5", "entities"],
  html: ["parse5", "entities"],
  pdf: ["unpdf"],
};

export function extractor(options: ExtractorOptions = {}): Extractor {
  const parsers = new Map<ParsedFormat, Promise<Parser>>();
  return {
    async extract(format, bytes) {
      const parser = await (parsers.get(format) ?? parsers.set(format, Parser.start(format, options)).get(format)!);
      try {
        return await parser.parse(bytes);
      } finally {
        if (parser.ended) parsers.delete(format);
      }
    },
    close: () => {
      for (const parser of parsers.values())
        void parser.then(
          (each) => each.end(),
          () => {},
        );
      parsers.clear();
    },
  };
}

class Parser {
  readonly #format: ParsedFormat;
  readonly #process: Confined;
  readonly #writer: FrameWriter;
  readonly #transfers = new Transfers();
  readonly #timeoutMs: number;
  #waiting:
    | { readonly id: number; readonly resolve: (text: Extracted) => void; readonly reject: (error: Error) => void }
    | undefined;
  #next = 0;
  ended = false;

  static async start(format: ParsedFormat, options: ExtractorOptions): Promise<Parser> {
    return new Parser(format, await (options.isolation ?? isolation()), options);
  }

  private constructor(format: ParsedFormat, cage: Isolation, { timeoutMs = TIMEOUT_MS, heapMib = HEAP_MIB }: ExtractorOptions) {
    const { dist } = codeRoot();
    this.#format = format;
    this.#timeoutMs = timeoutMs;
    this.#process = spawnConfined({
      isolation: cage,
      memoryBytes: MEMORY_BYTES + heapMib * 2 ** 20,
      entry: join(dist, "host", "extract", "main.js"),
      args: [format],
      readable: [
        ...childCode(),
        join(dist, "host", "extract"),
        join(dist, "kb", "documents", "media-types.js"),
        ...packages[format].map(folderOf),
      ],
      flags: [`--max-old-space-size=${heapMib}`],
    });
    this.#writer = new FrameWriter(this.#process.pipe);
    const reader = new FrameReader(
      {
        messageBytes: MESSAGE_BYTES,
        chunks: true,
        bytesPerSecond: Infinity,
        framesPerSecond: 100_000,
        now: () => performance.now(),
      },
      { message: (text) => this.#hear(text), chunk: (transfer, bytes) => this.#transfers.chunk(transfer, bytes) },
    );
    this.#process.pipe.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#fail(
          `its parser broke the rules of the pipe: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`,
        );
      }
    });
    void this.#process.gone.then((how) => this.#fail(`its parser ended: ${this.#process.lastWords(how)}`));
  }

  async parse(bytes: Uint8Array): Promise<Extracted> {
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<Extracted>();
    if (this.ended) throw unreadable(this.#format, "its parser could not be started");
    this.#waiting = { id, resolve, reject };
    const timer = setTimeout(() => this.#fail(`it takes longer than ${this.#timeoutMs} ms`), this.#timeoutMs);
    const request: ExtractRequest = { id, format: this.#format, bytes: bytes.length };
    this.#writer.message(JSON.stringify(request));
    this.#writer.bytes(id, bytes);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  end(): void {
    this.ended = true;
    this.#process.end();
  }

  #hear(text: string): void {
    const message = fromParser.parse(parseJson(text, { bytes: MESSAGE_BYTES, depth: 4, elements: 100 }));
    if (message.t === "ready") return;
    const waiting = this.#waiting;
    if (waiting?.id !== message.id) throw new Error("an answer to nothing that was asked");
    if (message.t === "failed") return waiting.reject(unreadable(this.#format, message.message));
    const { title, mediaType } = message;
    void this.#transfers
      .expect(message.id, Math.min(message.bytes, TEXT_BYTES))
      .then((bytes) => waiting.resolve({ text: new TextDecoder().decode(bytes), title, mediaType }));
  }

  #fail(why: string): void {
    const waiting = this.#waiting;
    this.end();
    waiting?.reject(unreadable(this.#format, why));
  }
}

const unreadable = (format: ParsedFormat, why: string): KbError =>
  new KbError("KB_INGEST", `cannot be read as ${format.toUpperCase()}: ${why}`);

function folderOf(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  while (!folder.endsWith(join("node_modules", name))) folder = dirname(folder);
  return folder;
}
