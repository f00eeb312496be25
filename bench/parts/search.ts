import { execFile } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { blake3 } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { ingest } from "#kb/ingest/ingest.js";
import { openKb, type Kb } from "#kb/kb.js";
import { rounded } from "#kb/search/ranked.js";
import type { Mode } from "#kb/search/search.js";
import { embed } from "#kb/vectors/embed.js";
import { cosine, pack, square } from "#kb/vectors/pack.js";
import { why } from "#kb/why/why.js";
import { repeated, timed } from "../measure.js";
import { median, quantile } from "../statistics.js";
import type { Measure, Measured } from "../table.js";

const DOCUMENTS = 100_000;
const WORDS = 60;
const VOCABULARY = 20_000;
const BATCH = 500;
const INGESTED = 1000;

export const measure: Measure<"search"> = async (scratch) => {
  const root = join(scratch, "home", "pog");
  const text = new Texts();
  const ingested = await ingestRate(scratch, text);
  const kb = await openKb({ root });
  let values: Measured<"search">["values"];
  let beside: string[];
  try {
    const filling = await timed(() => fill(kb, text));
    const first = await timed(() => kb.search(text.query(2)));
    const queries = Array.from({ length: 100 }, (_, index) => text.query(1 + (index % 3)));
    let found = 0;
    const timesBy = (mode: Mode) =>
      repeated({ warmUp: 10, samples: queries.length }, async (round) => {
        found += (await kb.search(queries[round % queries.length]!, { mode })).hits.length;
      });
    const hybrid = await timesBy("hybrid");
    const words = await timesBy("words");
    if (found === 0) throw new Error("nothing was found");
    const recall = await recallOf(kb, queries);
    const why = await whyTime(kb);
    const size = (name: string): string => `${(statSync(join(root, name)).size / 2 ** 20).toFixed(0)} MiB`;
    values = { p50: median(hybrid), words: median(words), recall, process: 0, ingest: ingested, why };
    beside = [
      `${queries.length} queries of 1 to 3 words, words as frequent as in a language (Zipf); p99 ${quantile(hybrid, 0.99).toFixed(1)} ms; the first one ${first.toFixed(0)} ms, because what is visible is counted and the codes are read; the next one keeps them`,
      `taking ${DOCUMENTS.toLocaleString("en")} documents of ${WORDS} words in, vectors too: ${((DOCUMENTS * 1000) / filling).toFixed(0)}/s; ${size("events.sqlite")} of ledger and ${size("pog.sqlite")} of views; this process ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
      `ingest: ${INGESTED} Markdown files of some 8 parts each, from the files to the vectors`,
    ];
  } finally {
    await kb.close();
  }
  const home = join(scratch, "home");
  const commands = Array.from({ length: 8 }, () => ["--home", home, "kb", "search", text.query(2), "--json"]);
  const [, ...processes] = await timesOf(commands);
  return { values: { ...values, process: median(processes) }, beside };
};

/** Parts a second, from files on disk to vectors. */
async function ingestRate(scratch: string, text: Texts): Promise<number> {
  const folder = join(scratch, "files");
  mkdirSync(folder);
  for (let index = 0; index < INGESTED; index++) {
    const sections = Array.from({ length: 8 }, (_, part) => `## Part ${part}\n\n${text.words(110)}\n`);
    writeFileSync(join(folder, `${index}.md`), `# ${text.words(4)}\n\n${sections.join("\n")}`);
  }
  const kb = await openKb({ root: join(scratch, "ingested") });
  try {
    let chunks = 0;
    const time = await timed(async () => {
      ({ chunks } = (await ingest(kb, { path: folder })).documents);
      await embed(kb);
    });
    return (chunks * 1000) / time;
  } finally {
    await kb.close();
  }
}

/** Of the ten best by the stored vectors, compared one by one, how many the search finds. Percent. */
async function recallOf(kb: Kb, queries: readonly string[]): Promise<number> {
  const { embedder } = kb;
  const stored = Array.from({ length: DOCUMENTS }, (_, index) => kb.views.vectors.vector(1, index + 1));
  let [found, wanted] = [0, 0];
  for (const query of queries.slice(0, 20)) {
    const packed = pack(embedder.now!(query));
    const squared = square(packed);
    const best = stored.map((vector) => rounded(cosine(packed, squared, vector))).filter((score) => score >= embedder.floor);
    const least = best.sort((a, b) => b - a)[9];
    if (least === undefined) continue;
    wanted += 10;
    found += (await kb.search(query, { mode: "vectors" })).hits.filter(({ score }) => score >= least).length;
  }
  return (found / wanted) * 100;
}

async function whyTime(kb: Kb): Promise<number> {
  const [hit] = (await kb.search("kalo", { limit: 1 })).hits;
  const cited = hit?.citation ?? "";
  return median(await repeated({ warmUp: 3, samples: 20 }, () => why(kb, cited)));
}

/** Milliseconds that each of these calls of `rlp` takes, from beginning to end: measured by a small process, since starting another one takes longer the larger one is. */
async function timesOf(commands: readonly (readonly string[])[]): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, "..", "processes.js"),
    JSON.stringify(commands),
  ]);
  return JSON.parse(stdout) as readonly number[];
}

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
  await embed(kb);
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
