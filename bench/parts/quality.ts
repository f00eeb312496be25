import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { ingest } from "#kb/ingest/ingest.js";
import { openKb, type Kb } from "#kb/kb.js";
import type { Hit, Mode } from "#kb/search/search.js";
import { judged, type Judged } from "../quality/judged.js";
import type { Measure } from "../table.js";

const DEPTH = 10;
const docs = join(import.meta.dirname, "..", "..", "..", "docs");

export const measure: Measure<"quality"> = async (scratch) => {
  const kb = await openKb({ root: join(scratch, "pog") });
  try {
    const { documents } = await ingest(kb, { path: docs });
    checkJudgements(kb);
    const rows = new Map<Mode, { readonly ndcg: number; readonly recall: number }>();
    for (const mode of ["words", "vectors", "hybrid"] as const) rows.set(mode, await quality(kb, mode));
    const of = (mode: Mode, name: "ndcg" | "recall"): number => rows.get(mode)![name] * 100;
    return {
      values: {
        words: of("words", "ndcg"),
        vectors: of("vectors", "ndcg"),
        hybrid: of("hybrid", "ndcg"),
        wordsRecall: of("words", "recall"),
        vectorsRecall: of("vectors", "recall"),
        hybridRecall: of("hybrid", "recall"),
      },
      beside: [
        `${judged.length} judged questions about ${documents.added} documents of this project (${documents.chunks} parts); the built-in embedder, which is lexical`,
      ],
    };
  } finally {
    await kb.close();
  }
};

async function quality(kb: Kb, mode: Mode): Promise<{ readonly ndcg: number; readonly recall: number }> {
  let [ndcg, recall] = [0, 0];
  for (const { query, relevant } of judged) {
    const { hits } = await kb.search(query, { mode, limit: 100 });
    const gains = [...new Set(hits.map((hit) => judgement(hit, relevant)))]
      .slice(0, DEPTH)
      .map((name) => relevant[name ?? ""] ?? 0);
    const found = gains.filter((gain) => gain > 0).length;
    ndcg +=
      discounted(gains) /
      discounted(
        Object.values(relevant)
          .sort((a, b) => b - a)
          .slice(0, DEPTH),
      );
    recall += found / Object.keys(relevant).length;
  }
  return { ndcg: ndcg / judged.length, recall: recall / judged.length };
}

/** Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002), with exponential gain. */
const discounted = (gains: readonly number[]): number =>
  gains.reduce((sum, gain, rank) => sum + (2 ** gain - 1) / Math.log2(rank + 2), 0);

/** The name under which a hit's section is judged, else a name of its own: parts of one section are one answer. */
function judgement({ uri, heading }: Hit, relevant: Judged["relevant"]): string {
  const file = relative(pathToFileURL(docs).pathname, new URL(uri).pathname);
  const section = `${file}#${heading.split(" › ").at(-1)?.replaceAll("`", "")}`;
  return section in relevant ? section : file in relevant ? file : section;
}

/** A judgement of what is not there any more would make every ranking look worse. */
function checkJudgements(kb: Kb): void {
  const files = readdirSync(docs, { recursive: true }) as string[];
  for (const name of judged.flatMap(({ relevant }) => Object.keys(relevant))) {
    const [file = "", heading] = name.split("#");
    const uri = pathToFileURL(join(docs, file)).href;
    const document = kb.views.documentByUri(uri);
    const entity = document && kb.views.entity(`document:${document.digest}`);
    const chunks = entity?.type === "document" ? entity.chunks.map((cited) => kb.views.entity(cited)) : [];
    const there = chunks.some(
      (chunk) =>
        chunk?.type === "chunk" && (heading === undefined || chunk.heading.replaceAll("`", "").split(" › ").at(-1) === heading),
    );
    if (!files.includes(file) || !there) throw new Error(`a judged question names ${name}, which is not in docs/`);
  }
}
