/** What turns a file that is no plain text into text. The host gives it as a value: parsers of foreign formats run in a cage. */
import type { RECORDS_TYPE } from "../documents/media-types.js";
import type { Format } from "./source.js";

export type ParsedFormat = Extract<Format, "json" | "ndjson" | "eml" | "html" | "pdf">;
export const parsedFormats: ReadonlySet<Format> = new Set<ParsedFormat>(["json", "ndjson", "eml", "html", "pdf"]);

export interface Extracted {
  readonly text: string;
  readonly title?: string | undefined;
  readonly mediaType: "text/plain" | "text/markdown" | typeof RECORDS_TYPE;
}

/** Rejects with `KB_INGEST` where the file cannot be read; the message says why, for a person. */
export type ExtractText = (format: ParsedFormat, bytes: Uint8Array) => Promise<Extracted>;
