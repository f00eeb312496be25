import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import Database from "better-sqlite3";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { ingest } from "#kb/ingest/ingest.js";
import { openKb, type Kb } from "#kb/kb.js";
import { Codes, siftBlocks, type Sieve } from "#kb/vectors/codes.js";
import type { Embedder } from "#kb/vectors/embedder.js";
import { embed } from "#kb/vectors/embed.js";
import { hashedEmbedder } from "#kb/vectors/hashed.js";
import { comparing } from "#kb/vectors/kernel.js";
import { cosine, GROUP, groupBytes, pack, putCode, square, tablesOf } from "#kb/vectors/pack.js";
import { SCAN_BYTES } from "#kb/vectors/scan-bytes.js";
import { byVectors } from "#kb/search/nearest.js";
import { spaceOf, tokensOf } from "#kb/search/tokens.js";
import { VectorIndex } from "#kb/vectors/vector-index.js";
import { VIEWS_FILE, viewsKind } from "#kb/views/schema.js";
import { freshKb, freshRoot, note, put } from "./sample.js";

const vectorOf = (size: number) =>
  fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: size, maxLength: size })
    .filter((all) => all.some((v) => Math.abs(v) > 1e-3));

const likeness = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [dot, x, y] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    dot += a[at]! * b[at]!;
    x += a[at]! ** 2;
    y += b[at]! ** 2;
  }
  return dot / Math.sqrt(x * y);
};

test("the scanner's bytes are what its text assembles to", async () => {
  const assembled = await parse(readFileSync(join(import.meta.dirname, "../../kb/vectors/scan.wat"), "utf8"));
  // The assembler adds a custom section with names at the end; everything before it must be the same.
  const bytes = Buffer.from(SCAN_BYTES, "base64");
  expect(Buffer.from(assembled).subarray(0, bytes.length).equals(bytes)).toBe(true);
});

test("packing keeps the angle between two vectors, whatever their dimension", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(3, 100, 128, 384, 1000).chain((size) => fc.tuple(vectorOf(size), vectorOf(size))),
      ([a, b]) => {
        const [x, y] = [pack(a), pack(b)];
        expect(x.length % 128).toBe(0);
        expect(Math.abs(cosine(x, square(x), y) - likeness(a, b))).toBeLessThan(0.03);
      },
    ),
    { numRuns: 100 },
  );
});

test.each([[[]], [[0, 0, 0]], [[Number.NaN, 1]], [[Infinity, 1]]])("%j says nothing and is like nothing", (vector) => {
  const packed = pack(vector);
  expect(packed.every((value) => value === 0)).toBe(true);
  expect(cosine(pack([1, 2, 3]), square(pack([1, 2, 3])), packed.length === 128 ? packed : new Int8Array(128))).toBe(0);
});

/** What is offered to it, as `[vector, like]`; asks for less and less unlike ones where `least` says so. */
function offered(sift: (sieve: Sieve) => void, least: (offers: number) => number = () => 0): (readonly [number, number])[] {
  const all: (readonly [number, number])[] = [];
  sift({
    get least() {
      return least(all.length);
    },
    offer: (at, like) => all.push([at, like]),
  });
  return all;
}

test("the scan adds up what the tables say, for any number of vectors, also when they come in parts", () => {
  const dimension = 256;
  let state = 5;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5;
  const vectors = Array.from({ length: 75 }, () => pack(Array.from({ length: dimension }, random)));
  const query = pack(Array.from({ length: dimension }, random));
  const codes = new Uint8Array(3 * groupBytes(dimension));
  vectors.forEach((vector, index) => putCode(codes, index, vector));
  const tables = tablesOf(query);
  const expected = vectors.map((_, index): readonly [number, number] => {
    let sum = 0;
    for (let pair = 0; pair < dimension / 2; pair++) {
      const byte = codes[(index >> 5) * groupBytes(dimension) + pair * 16 + (index & 15)]!;
      sum += tables[pair * 16 + (index & 16 ? byte >> 4 : byte & 15)]!;
    }
    return [index, sum];
  });
  const whole = new Codes(dimension);
  whole.put(0, codes, vectors.length);
  expect(offered((sieve) => whole.sift(query, vectors.length, sieve))).toEqual(expected);
  const middle = expected.map(([, sum]) => sum).sort((a, b) => a - b)[37]!;
  for (const least of [0, middle, middle + 1, 0xffff, 0x10000])
    expect(
      offered(
        (sieve) => whole.sift(query, vectors.length, sieve),
        () => least,
      ),
    ).toEqual(expected.filter(([, sum]) => sum >= least));
  // What is asked for may grow while they are offered.
  const few = offered(
    (sieve) => whole.sift(query, vectors.length, sieve),
    (offers) => (offers < 5 ? 0 : 0x10000),
  );
  expect(few).toEqual(expected.slice(0, 5));
  const blocks = [0, 1, 2].map((group) => {
    const [from, to] = [group, group + 1].map((at) => at * groupBytes(dimension));
    return { first: group * GROUP, codes: codes.subarray(from, to) };
  });
  for (const count of [75, 64, 40, 1])
    expect(offered((sieve) => siftBlocks(query, blocks, count, sieve))).toEqual(expected.slice(0, count));
  const parts = new Codes(dimension);
  parts.put(0, codes.subarray(0, groupBytes(dimension)), 20);
  parts.put(0, codes.subarray(0, groupBytes(dimension)), GROUP);
  parts.put(GROUP, codes.subarray(groupBytes(dimension)), vectors.length);
  expect(offered((sieve) => parts.sift(query, 40, sieve))).toEqual(expected.slice(0, 40));
});

test("vectors are compared in WebAssembly as they are in JavaScript", () => {
  const bytes = fc.int8Array({ minLength: 128, maxLength: 128 });
  fc.assert(
    fc.property(fc.constantFrom(1, 3, 64), bytes, bytes, (times, a, b) => {
      const [x, y] = [a, b].map((one) => Int8Array.from({ length: one.length * times }, (_, at) => one[at % one.length]!)) as [
        Int8Array,
        Int8Array,
      ];
      expect(comparing(x)(new Uint8Array(y.buffer))).toBe(cosine(x, square(x), y));
    }),
  );
  const most = new Int8Array(8192).fill(-128);
  expect(comparing(most)(new Uint8Array(most.buffer))).toBe(1);
  expect(comparing(most)(new Uint8Array(128))).toBe(0);
});

test("of all that is offered the likeliest are compared in full, and of those that seem alike the first", () => {
  const shelves = [
    { domain: 1, space: spaceOf(1), lengths: new Uint16Array(1001).fill(1, 1).fill(0, 300, 310) },
    { domain: 3, space: spaceOf(3), lengths: new Uint16Array(501).fill(1, 1) },
  ];
  const likes = new Map(
    shelves.map(({ domain, lengths }) => [domain, Array.from(lengths.subarray(1), (_, at) => (at * 7919 * domain) % 97)]),
  );
  let wanted: readonly number[] = [];
  const vectors = {
    covers: () => true,
    sift: (domain: number, _query: Int8Array, count: number, sieve: Sieve) => {
      for (let at = 0; at < count; at++) {
        const like = likes.get(domain)![at]!;
        if (like >= sieve.least) sieve.offer(at, like);
      }
    },
    vectorsOf: (rows: readonly number[]) => ((wanted = rows), []),
  } as unknown as VectorIndex;
  for (const candidates of [1, 7, 320, 5000]) {
    byVectors(new Int8Array(128), {
      corpus: { shelves, count: 0, meanLength: 1 },
      vectors,
      required: null,
      floor: 0,
      most: 10,
      candidates,
    });
    const all = shelves.flatMap(({ domain, lengths }) =>
      likes.get(domain)!.map((like, at) => ({ like, row: domain * 2 ** 32 + at + 1, length: lengths[at + 1]! })),
    );
    const best = all.filter(({ length }) => length > 0).sort((a, b) => b.like - a.like || a.row - b.row);
    expect(wanted).toEqual(
      best
        .slice(0, candidates)
        .map(({ row }) => row)
        .sort((a, b) => a - b),
    );
  }
});

test("the built-in embedder is a function of the words: other forms are near, other words are not, addresses do not count", () => {
  const now = hashedEmbedder.now!;
  const near = (a: string, b: string) => likeness(now(a), now(b));
  expect(near("Budget for the quarter", "BUDGET, quarter!")).toBeCloseTo(1, 6);
  expect(near("quarterly budgets", "budget of the quarter")).toBeGreaterThan(0.3);
  expect(near("negotation", "negotiation")).toBeGreaterThan(0.2);
  expect(near("quarterly budgets", "hiring in Leeds")).toBeLessThan(0.2);
  expect([...now("")].every((value) => value === 0)).toBe(true);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      expect(now(text)).toEqual(now(text));
      expect([...now(text)].every(Number.isFinite)).toBe(true);
    }),
  );
});

/** Knows two things: fruit and everything else. */
function model(name: string, options: { failAfter?: number; dimension?: number } = {}): Embedder & { readonly asked: string[] } {
  const asked: string[] = [];
  const { failAfter = Infinity, dimension = 3 } = options;
  return {
    name,
    floor: 0,
    asked,
    embed: async (texts) => {
      if (asked.length >= failAfter) throw new Error("the service is away");
      asked.push(...texts);
      return texts.map((text) => [
        /apple|pear|fruit/i.test(text) ? 1 : 0.05,
        /apple|pear|fruit/i.test(text) ? 0.05 : 1,
        0,
        ...Array(dimension - 3).fill(0),
      ]);
    },
  };
}

const titles = async (kb: Kb, query: string, options = {}) => (await kb.search(query, options)).hits.map((hit) => hit.title);

test("hybrid finds what words alone do not, and a hit says how each ranking had it", async () => {
  const kb = await freshKb();
  await put(kb, note("The negotiations with Fernweh were postponed.", "Fernweh"), note("Lunch menu of the week.", "Lunch"));
  expect(kb.views.search("negotiating postponement")).toEqual([]);
  const found = await kb.search("negotiating postponement");
  expect(found).toMatchObject({ mode: "hybrid", note: null });
  expect(found.hits).toMatchObject([{ title: "Fernweh", ranks: { words: null, vectors: 1 } }]);
  const both = await kb.search("fernweh negotiations");
  expect(both.hits[0]).toMatchObject({ title: "Fernweh", ranks: { words: 1, vectors: 1 }, score: expect.closeTo(1.25 / 61, 6) });
});

test("a hybrid answer at a watermark never changes, and nothing that is not granted changes it", async () => {
  const kb = await freshKb();
  const words = ["plan", "budget", "quarter", "report", "planning", "the"];
  const texts = fc.array(fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 });
  const ask = async (watermark: number) =>
    JSON.stringify(
      await Promise.all(
        ["plan", "budgets quarter", "reporting"].map((query) => kb.search(query, { watermark, domains: ["notes"] })),
      ),
    );
  const answers: { readonly watermark: number; readonly answer: string }[] = [];
  let hidden = 0;
  await fc.assert(
    fc.asyncProperty(texts, async (list) => {
      const watermark = await put(kb, ...list.map((text) => note(text.join(" "))));
      answers.push({ watermark, answer: await ask(watermark) });
      await ingest(kb, { bytes: Buffer.from(`plan budget ${list.join(" ")}`), uri: `secret-${hidden++}.md`, domain: "secret" });
      for (const earlier of answers.slice(-4)) expect(await ask(earlier.watermark)).toBe(earlier.answer);
    }),
    { numRuns: 25 },
  );
  await kb.views.rebuild();
  for (const { watermark, answer } of answers) expect(await ask(watermark)).toBe(answer);
});

test("vectors made in one go and in many are the same", async () => {
  const [one, other] = [await freshKb(), await freshKb()];
  const texts = Array.from({ length: 40 }, (_, index) => note(`note ${index} about subject ${index * 7}`));
  await put(one, ...texts);
  await embed(one);
  for (const text of texts) {
    await put(other, text);
    await other.views.catchUp();
    await embed(other);
  }
  const query = pack(hashedEmbedder.now!("subject 21"));
  for (let place = 1; place <= 40; place++)
    expect(other.views.vectors.vector(1, place)).toEqual(one.views.vectors.vector(1, place));
  // Asked for once they are read block by block, asked for again they stay in memory.
  const [first, second, elsewhere] = [one, one, other].map(({ views }) =>
    offered((sieve) => views.vectors.sift(1, query, 40, sieve)),
  );
  expect(first).toHaveLength(40);
  expect(second).toEqual(first);
  expect(elsewhere).toEqual(first);
  expect([40, 41].map((count) => one.views.vectors.covers(1, count))).toEqual([true, false]);
});

test("another embedder is noticed; reindex makes all vectors anew and goes on where it was interrupted", async () => {
  const root = freshRoot();
  const drafts = Array.from({ length: 150 }, (_, index) =>
    note(index % 2 === 0 ? `apple number ${index}` : `machine number ${index}`, `n${index}`),
  );
  const first = await openKb({ root });
  await put(first, ...drafts);
  expect((await first.search("apple")).mode).toBe("hybrid");
  await first.close();

  const failing = await openKb({ root, embedder: model("m/1", { failAfter: 100 }) });
  expect(await failing.search("apple")).toMatchObject({ mode: "words", note: expect.stringContaining("rlp kb reindex") });
  await expect(embed(failing)).rejects.toMatchObject({ code: "KB_EMBEDDER" });
  await expect(embed(failing, { anew: "changed" })).rejects.toThrow("the service is away");
  expect(failing.views.vectors.progress()).toEqual({ done: 128, of: 150 });
  await failing.close();

  const rest = model("m/1");
  const second = await openKb({ root, embedder: rest });
  expect(await second.search("pear")).toMatchObject({ mode: "words", note: expect.stringContaining("128 of 150") });
  await embed(second, { anew: "changed" });
  expect(rest.asked.filter((text) => text.includes("number"))).toHaveLength(22);
  expect(second.views.vectors.state()).toMatchObject({ embedder: "m/1", dimension: 3 });
  const found = await second.search("pear", { limit: 5 });
  expect(found.mode).toBe("hybrid");
  expect(found.hits.every((hit) => hit.text.startsWith("apple"))).toBe(true);
  await second.close();
});

test("an embedder that answers nonsense is an error of its own, and search goes on by words", async () => {
  const root = freshRoot();
  const answers: readonly (readonly number[])[][] = [
    [],
    [[]],
    [
      [1, 2],
      [1, 2],
    ],
  ];
  for (const answer of answers) {
    const kb = await openKb({ root, embedder: { name: "m/odd", floor: 0, embed: async () => answer } });
    if (kb.ledger.watermark() === 0) await put(kb, note("apple"));
    await kb.views.catchUp();
    await expect(embed(kb)).rejects.toMatchObject({ code: "KB_EMBEDDER" });
    expect(await titles(kb, "apple")).toHaveLength(1);
    await kb.close();
  }
});

test("addresses are not sent to an embedder, neither of documents nor of queries", async () => {
  const embedder = model("m/1");
  const kb = await openKb({ root: freshRoot(), embedder });
  await put(kb, note("Write to john.carter@example.com about fruit.", "jane@example.org"));
  await kb.views.catchUp();
  await embed(kb);
  await kb.search("fruit john.carter@example.com");
  expect(embedder.asked.length).toBe(2);
  expect(embedder.asked.join(" ")).not.toMatch(/@|carter|jane/);
  await kb.close();
});

test("what a reader of masked text may not see cannot be found by it, letter by letter or whole", async () => {
  const kb = await freshKb();
  await put(kb, note("The offer goes to john.carter@northwind.example today.", "Offer"));
  const masked = { addresses: false };
  expect(await titles(kb, "offer", masked)).toEqual(["Offer"]);
  for (const probe of ["carter", "car", "carter@northwind.example", "northwind", '"john carter"', "john*", "example"]) {
    expect(await titles(kb, probe, masked), probe).toEqual([]);
    expect(await titles(kb, probe), probe).toEqual(["Offer"]);
  }
});

test("phrases must be there, beginnings may be marked, and both work in scripts without spaces", async () => {
  const kb = await freshKb();
  await put(
    kb,
    note("The hiring plan for Leeds.", "A"),
    note("The plan for hiring in Porto.", "B"),
    note("Hirings and planners.", "C"),
    note("四半期の予算計画を承認した。", "J"),
    note("预算计划已经批准", "Z"),
  );
  expect(await titles(kb, '"hiring plan"')).toEqual(["A"]);
  expect(await titles(kb, '"plan for" leeds')).toEqual(["A", "B"]);
  expect((await titles(kb, "hir*", { mode: "words" })).sort()).toEqual(["A", "B", "C"]);
  expect(await titles(kb, "予算計画", { mode: "words" })).toEqual(["J"]);
  expect(await titles(kb, "予算", { mode: "words" })).toEqual(["J"]);
  expect(await titles(kb, "计划", { mode: "words" })).toEqual(["Z"]);
  expect(await titles(kb, '"予算計画を"')).toEqual(["J"]);
  expect(await titles(kb, '"計画予算"')).toEqual([]);
  expect(tokensOf("Ça É ﬁn שָׁלוֹם ガガ हिन्दी")).toEqual(["ca", "e", "fin", "שלום", "ガガ", "ガ", "हिन्दी"]);
});

test("filters: kind, domain, maker, confirmed, time", async () => {
  let now = 1000;
  const kb = await openKb({ root: freshRoot(), now: () => now });
  await put(kb, note("plan of a person", "user's"));
  now = 2000;
  await put(kb, { ...note("plan of an agent", "agent's"), actor: "agent:scribe@1.0.0" } as never);
  await ingest(kb, { bytes: Buffer.from("plan in a file"), uri: "f.txt", domain: "work" });
  const found = async (options: object) => (await titles(kb, "plan", options)).sort();
  expect(await found({})).toEqual(["agent's", "plan in a file", "user's"]);
  expect(await found({ agent: "scribe" })).toEqual(["agent's"]);
  expect(await found({ confirmed: true })).toEqual(["plan in a file", "user's"]);
  expect(await found({ since: 1500, kind: "note" })).toEqual(["agent's"]);
  expect(await found({ until: 1500 })).toEqual(["user's"]);
  expect(await found({ domain: "work" })).toEqual(["plan in a file"]);
  await kb.close();
});

test("views of an older rlp are made again where they may be written, and refused where not", async () => {
  const kb = await freshKb();
  await put(kb, note("plan"));
  await kb.views.catchUp();
  const digest = kb.views.digest();
  await kb.close();
  const db = new Database(join(kb.root, VIEWS_FILE));
  db.exec(
    "DROP VIEW chunks; CREATE TABLE of_old (x); CREATE VIRTUAL TABLE old_fts USING fts5 (x); CREATE VIRTUAL TABLE old_terms USING fts5vocab (old_fts, row)",
  );
  db.pragma("user_version = 1");
  db.close();
  const reader = await openKb({ root: kb.root, readonly: true });
  expect(() => reader.views).toThrow(expect.objectContaining({ code: "KB_READONLY" }));
  await reader.close();
  const again = await openKb({ root: kb.root });
  await again.views.catchUp();
  expect(again.views.digest()).toBe(digest);
  await again.close();
});

test("the built-in vectors are the same for ever: stored ones must stay comparable", () => {
  const texts = [
    "",
    "a",
    "Budget of the quarter",
    "über die Straße 日本語 テスト",
    `${"word ".repeat(5000)}end`,
    "x".repeat(500),
  ];
  const digests = texts.map((text) => {
    const vector = hashedEmbedder.now!(text);
    return blake3(new Uint8Array(vector.buffer), new Uint8Array(pack(vector).buffer)).slice(0, 16);
  });
  expect(digests).toEqual([
    "709c6ea5a3e7ee9c",
    "709c6ea5a3e7ee9c",
    "64987d7c0a305bc7",
    "4abba09a8a3419e9",
    "3fe8ba71b6cb2266",
    "67389ea966a26647",
  ]);
  const other = Float32Array.from({ length: 300 }, (_, at) => Math.sin(at));
  expect(blake3(new Uint8Array(pack(other).buffer)).slice(0, 16)).toBe("cd7d376e9443aa17");
});

test.skipIf(process.platform !== "linux")("codes are read once, and those of other domains not at all", () => {
  const db = new Database(join(freshRoot(), VIEWS_FILE));
  db.exec(viewsKind.create);
  const blocks = 40;
  const bytes = 16 * groupBytes(384);
  db.prepare("UPDATE vector_state SET embedder = 'x', dimension = 384").run();
  for (const domain of [1, 2]) {
    for (let block = 0; block < blocks; block++)
      db.prepare("INSERT INTO vector_codes VALUES (?, ?, ?)").run(domain, block, Buffer.alloc(bytes, domain + block));
    db.prepare("INSERT INTO vector_progress VALUES (?, ?)").run(domain, blocks * 512);
  }
  db.close();
  // Some blocks more, to find where the domain begins.
  const read = (): number => Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
  const fresh = new Database(db.name, { readonly: true });
  const index = new VectorIndex(fresh);
  const before = read();
  expect(offered((sieve) => index.sift(1, new Int8Array(384).fill(1), blocks * 512, sieve))).toHaveLength(blocks * 512);
  expect((read() - before) / (blocks * bytes)).toBeLessThan(1.3);
  fresh.close();
});
