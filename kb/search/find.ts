/** Hybrid search: brings the vectors up where that costs nothing but time, has the query embedded, and says what it could not do. */
import { withoutAddresses } from "../documents/addresses.js";
import { KbError, storageError } from "../errors.js";
import type { Kb } from "../kb.js";
import { embedKnown } from "../vectors/embed.js";
import { otherEmbedder } from "../vectors/vector-index.js";
import type { Found, Mode, QueryVector, SearchOptions } from "./search.js";

export interface FindOptions extends SearchOptions {
  /** Both by default. */
  readonly mode?: Mode;
  readonly signal?: AbortSignal;
}

export interface Answer extends Found {
  /** Why vectors took no part although they were asked for, and what helps; null where all is well. */
  readonly note: string | null;
}

/** What of a query is embedded. */
const QUERY_LENGTH = 4096;

export async function find(kb: Kb, query: string, { mode = "hybrid", signal, ...options }: FindOptions = {}): Promise<Answer> {
  if (mode === "words" || query.trim() === "") return { ...kb.views.find(query, { ...options, mode: "words" }), note: null };
  const vector = await queryVector(kb, query, options.watermark, signal);
  const found = kb.views.find(query, { ...options, mode, ...(typeof vector !== "string" && { vector }) });
  if (typeof vector === "string") return { ...found, note: vector };
  const { done, of } = kb.views.vectors.progress();
  const behind =
    found.mode === mode || of === 0 ? null : `${done} of ${of} parts have vectors so far: \`rlp kb reindex\` makes the rest`;
  return { ...found, note: behind };
}

async function queryVector(
  kb: Kb,
  query: string,
  watermark: number | undefined,
  signal?: AbortSignal,
): Promise<QueryVector | string> {
  const { embedder, views } = kb;
  const { floor, weight = 1 } = embedder;
  const text = withoutAddresses(query.slice(0, QUERY_LENGTH)).toWellFormed();
  try {
    if (embedder.now) {
      // The views first: vectors follow them. A watermark of the past needs no more than what is there.
      if (watermark === undefined || views.watermark() < watermark) await views.catchUp();
      await embedKnown(kb);
      return { values: embedder.now(text), floor, weight };
    }
    const { embedder: made } = views.vectors.state();
    if (made !== "" && made !== embedder.name) return said(otherEmbedder(made, embedder.name));
    const [values] = await embedder.embed([text], signal);
    return values ? { values, floor, weight } : `\`${embedder.name}\` gave no vector`;
  } catch (cause) {
    const error = storageError(cause, views.file, "make vectors");
    // A search by words is better than none. What is wrong with the files is wrong for it too.
    if (!(error instanceof Error)) throw error;
    if (error instanceof KbError && error.code !== "KB_EMBEDDER" && error.code !== "KB_READONLY") throw error;
    return said(error);
  }
}

const said = (error: Error): string => {
  const hint = error instanceof KbError && error.hint !== undefined ? `; ${error.hint}` : "";
  return `${error.message}${hint}`;
};
