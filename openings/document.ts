/** An opening as the ledger stores it: its canonical JSON, under the digest of that. */
import { blake3, type Digest } from "#core/digest.js";
import { canonicalJson } from "#core/json.js";
import type { Opening } from "./ir.js";

export interface OpeningDocument {
  readonly digest: Digest;
  /** UTF-8. */
  readonly bytes: Uint8Array;
}

const documents = new WeakMap<Opening, OpeningDocument>();

/** Made once for each opening, which never changes: a run needs it twice, and an inner opening is run for each element of a list. */
export function openingDocument(opening: Opening): OpeningDocument {
  let document = documents.get(opening);
  if (!document) {
    const bytes = Buffer.from(canonicalJson(opening));
    documents.set(opening, (document = { digest: blake3(bytes), bytes }));
  }
  return document;
}
