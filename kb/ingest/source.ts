/** What there is to ingest under a path, and what of it is left out, with the reason. */
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { guarded, KbError } from "../errors.js";
import type { Skipped } from "./ingest.js";

/** No file above this is read. */
export const FILE_BYTES = 16 << 20;

export type Format = "contacts" | "markdown" | "text" | "json" | "ndjson" | "eml" | "html" | "pdf";

export interface Source {
  /** For messages. */
  readonly file: string;
  readonly uri: string;
  /** Undefined where the content must tell. */
  readonly format: Format | undefined;
  read(): Uint8Array | Skipped;
}

const formats: Readonly<Record<string, Format>> = {
  ".ndjson": "contacts",
  ".jsonl": "contacts",
  ".md": "markdown",
  ".markdown": "markdown",
  ".txt": "text",
  ".text": "text",
  ".log": "text",
  ".json": "json",
  ".eml": "eml",
  ".html": "html",
  ".htm": "html",
  ".xhtml": "html",
  ".pdf": "pdf",
};

/**
 * The files under `path`, folders in the order of their names' code units. A file that is named itself is taken whatever it is called;
 * inside a folder only what has a known ending. Links inside a folder are not followed: they could lead out of it.
 */
export function* sourcesAt(path: string): Iterable<Source | Skipped> {
  const stat = guarded(path, "read what is to be ingested", () => statSync(path, { throwIfNoEntry: false }));
  if (!stat)
    throw new KbError("KB_INGEST", `there is no ${path}`, {
      place: { file: path },
      hint: "check the path; `-` is standard input",
    });
  if (stat.isDirectory()) yield* folder(path);
  else if (stat.isFile()) yield fileSource(path);
  else throw new KbError("KB_INGEST", `${path} is neither a file nor a folder`, { place: { file: path } });
}

function* folder(path: string): Iterable<Source | Skipped> {
  let names: string[];
  try {
    names = readdirSync(path).sort();
  } catch (cause) {
    yield { file: path, reason: `cannot be read: ${(cause as Error).message}` };
    return;
  }
  for (const name of names) {
    const file = join(path, name);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (!stat) continue;
    if (name.startsWith(".")) yield { file, reason: "hidden" };
    else if (stat.isSymbolicLink()) yield { file, reason: "a symbolic link" };
    else if (stat.isDirectory()) yield* folder(file);
    else if (!stat.isFile()) yield { file, reason: "not a regular file" };
    else if (formats[extname(name).toLowerCase()] === undefined)
      yield { file, reason: `a kind of file that is not ingested (${extname(name) || "no ending"})` };
    else yield fileSource(file);
  }
}

function fileSource(file: string): Source {
  return { file, uri: pathToFileURL(file).href, format: formats[extname(file).toLowerCase()], read: () => readBounded(file) };
}

export function bytesSource(bytes: Uint8Array, uri: string): Source {
  const format = formats[extname(uri).toLowerCase()];
  const tooLarge = { file: uri, reason: `larger than ${FILE_BYTES >> 20} MiB` };
  return { file: uri, uri, format, read: () => (bytes.length > FILE_BYTES ? tooLarge : bytes) };
}

/** Never reads more than the limit, whatever the file system says about the size. */
function readBounded(file: string): Uint8Array | Skipped {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    if (!fstatSync(descriptor).isFile()) return { file, reason: "not a regular file" };
    const buffer = Buffer.allocUnsafe(Math.min(fstatSync(descriptor).size, FILE_BYTES) + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < buffer.length; length += read)
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    return length > FILE_BYTES ? { file, reason: `larger than ${FILE_BYTES >> 20} MiB` } : buffer.subarray(0, length);
  } catch (cause) {
    return { file, reason: `cannot be read: ${(cause as Error).message}` };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
