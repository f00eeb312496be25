import { join } from "node:path";
import { blake3 } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { openKb, type Kb } from "#kb/kb.js";
import { repeated, timed } from "../measure.js";
import { median, quantile } from "../statistics.js";
import type { Measure } from "../table.js";

const DOCUMENTS = 100_000;
const WORDS = 60;
const VOCABULARY = 20_000;
const BATCH = 500;

export const measure: Measure<"search"> = async (scratch) => {
  const kb = await openKb({ root: join(scratch, "pog") });
  try {
    const text = new Texts();
    const filling = await timed(() => fill(kb, text));
    const first = await timed(() => kb.views.search(text.query(2)));
    const queries = Array.from({ length: 100 }, (_, index) => text.query(1 + (index % 3)));
    let found = 0;
    const times = await repeated({ warmUp: 10, samples: queries.length }, (round) => {
      found += kb.views.search(queries[round % queries.length]!).length;
    });
    if (found === 0) throw new Error("nothing was found");
    return {
      values: { p50: median(times) },
      beside: [
        `${queries.length} queries of 1 to 3 words, words as frequent as in a language (Zipf); p99 ${quantile(times, 0.99).toFixed(1)} ms; the first one ${first.toFixed(0)} ms, because what is visible is counted`,
        `taking ${DOCUMENTS.toLocaleString("en")} documents of ${WORDS} words in: ${((DOCUMENTS * 1000) / filling).toFixed(0)}/s`,
      ],
    };
  } finally {
    await kb.close();
  }
};

async function fill(kb: Kb, text: Texts): Promise<void> {
  for (let first = 0; first < DOCUMENTS; first += BATCH) {
    const documents = Array.from({ length: BATCH }, (_, index) => {
      const bytes = Buffer.from(`${text.words(WORDS)}\n`);
      return { uri: `note-${first + index}.txt`, bytes, digest: blake3(bytes) };
    });
    const drafts = documents.map(({ uri, digest }): EventDraft<"document.ingested"> => {
      const meta = { uri, title: uri, digest, chunks: 1, media_type: "text/plain", domain: "notes" };
      return { kind: "document.ingested", level: "info", message: uri, meta, actor: "user", scope: "user" };
    });
    const blobs = documents.map(({ bytes, digest }) => ({ digest, bytes, mediaType: "text/plain" }));
    await kb.ledger.append({ trace: null, drafts, blobs });
  }
  await kb.views.catchUp();
}

/** Words by rank, the r-th 1/r as often as the first; the same ones in every run. */
class Texts {
  private state = 7;
  private readonly sums: Float64Array;

  constructor() {
    let sum = 0;
    this.sums = Float64Array.from({ length: VOCABULARY }, (_, rank) => (sum += 1 / (rank + 1)));
  }

  words(count: number): string {
    return Array.from({ length: count }, () => word(this.rank())).join(" ");
  }

  query(count: number): string {
    return this.words(count);
  }

  private rank(): number {
    const wanted = this.random() * this.sums.at(-1)!;
    let [low, high] = [0, VOCABULARY - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Lehmer's generator with the constants of Park and Miller (1988). */
  private random(): number {
    this.state = (this.state * 48_271) % 2_147_483_647;
    return this.state / 2_147_483_647;
  }
}

/** Pronounceable, so that the index's prefixes are shared as they are in a language. */
function word(rank: number): string {
  const syllables = ["ka", "lo", "mi", "ne", "ru", "sa", "ti", "vo", "be", "du", "fa", "go", "hi", "ja", "pe", "zu"];
  let text = "";
  for (let rest = rank + 256; rest > 0; rest >>= 4) text += syllables[rest & 15];
  return text;
}
