/** Making the vectors that are missing, or all of them anew. Can be stopped at any moment and run again. */
import type { Kb } from "../kb.js";
import { otherEmbedder, type VectorProgress } from "./vector-index.js";

export interface EmbedOptions {
  /** `changed`: throw away what another embedder made. `all`: throw away everything. By default nothing is. */
  readonly anew?: "changed" | "all";
  readonly onProgress?: (progress: VectorProgress) => void;
  readonly signal?: AbortSignal;
}

/** Embeds every chunk that has no vector. `KB_EMBEDDER` where another embedder made those that are there and `anew` does not say so. */
export async function embed(kb: Kb, options: EmbedOptions = {}): Promise<VectorProgress> {
  await kb.views.catchUp();
  return embedKnown(kb, options);
}

/** As {@link embed}, of the chunks that the views have already. */
export async function embedKnown(kb: Kb, { anew, onProgress, signal }: EmbedOptions = {}): Promise<VectorProgress> {
  const { embedder, views } = kb;
  const { vectors } = views;
  const { embedder: made } = vectors.state();
  const changed = made !== "" && made !== embedder.name;
  if (changed && anew === undefined && vectors.progress().done > 0) throw otherEmbedder(made, embedder.name);
  if (anew === "all" || (changed && anew === "changed")) vectors.reset(embedder.name);
  while (vectors.progress().done < vectors.progress().of && (await vectors.step(embedder, signal))) {
    signal?.throwIfAborted();
    onProgress?.(vectors.progress());
    await new Promise((resolve) => setImmediate(resolve));
  }
  return vectors.progress();
}
