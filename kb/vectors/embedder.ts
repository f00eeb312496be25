/** What makes vectors of texts. The host gives it to the knowledge base as a value; the built-in one is `hashed.ts`. */

export interface Embedder {
  /** What vectors remember: two embedders whose vectors cannot be compared have two names. */
  readonly name: string;
  /** Vectors that are less alike than this (cosine) say nothing. */
  readonly floor: number;
  /** How much its ranking counts beside the one by words, which counts 1. 1 by default. */
  readonly weight?: number;
  /** At once and without fail; only a pure function of the text has it. */
  readonly now?: (text: string) => Float32Array;
  /** One vector a text, all of one dimension. */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly ArrayLike<number>[]>;
}

/** What an embedder reads of a chunk. */
export const embeddedText = ({
  title,
  heading,
  text,
}: {
  readonly title: string;
  readonly heading: string;
  readonly text: string;
}): string => [title, heading, text].filter((part) => part !== "").join("\n");
