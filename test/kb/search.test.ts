import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import type { EventDraft } from "#core/events.js";
import { readAsk } from "#kb/search/ask.js";
import { emailKey } from "#kb/documents/keys.js";
import { ingest } from "#kb/ingest/ingest.js";
import type { Kb } from "#kb/kb.js";
import { byWords } from "#kb/search/keywords.js";
import type { Postings } from "#kb/search/postings.js";
import { Best } from "#kb/search/ranked.js";
import { matchesOf, snippet } from "#kb/search/snippet.js";
import { spaceOf } from "#kb/search/tokens.js";
import { rowOf } from "#kb/views/schema.js";
import { contact, freshKb, note, put } from "./sample.js";

const titles = (kb: Kb, query: string, options = {}) => kb.views.search(query, options).map((hit) => hit.title);

test("finds words whatever their case and accents, the better match first", async () => {
  const kb = await freshKb();
  await put(
    kb,
    note("The budget for the café in Zürich grows.", "Café"),
    note("A long text about many things, one of which is the budget, among others that nobody needs to know of today.", "Many"),
    note("Budget, budget and once more budget.", "Budget"),
    note("Nothing of the kind.", "Nothing"),
  );
  expect(titles(kb, "BUDGET")).toEqual(["Budget", "Café", "Many"]);
  expect(titles(kb, "cafe zurich")).toEqual(["Café"]);
  expect(titles(kb, "ZÜRICH")).toEqual(["Café"]);
});

test("any of the words is enough, the last may be a beginning, stop words do not count beside others", async () => {
  const kb = await freshKb();
  await put(kb, note("Planning of the quarter.", "Planning"), note("The plan.", "Plan"), note("The the the the of of.", "The"));
  expect(titles(kb, "quarter plan")).toEqual(["Planning", "Plan"]);
  expect(titles(kb, "the plan of")).toEqual(["Plan"]);
  expect(titles(kb, "the of")[0]).toBe("The");
  expect(titles(kb, "quar")).toEqual(["Planning"]);
  expect(titles(kb, "qu")).toEqual([]);
});

test("a hit carries what a citation needs, and its match marked", async () => {
  const kb = await freshKb();
  const text = "# Offer\n\nintro\n\n## Terms\n\nPayment within thirty days of the invoice.\n";
  await ingest(kb, { bytes: Buffer.from(text), uri: "mail/offer.md", domain: "sales" });
  const [hit] = kb.views.search("invoices payment thirty");
  expect(hit).toEqual({
    citation: `${blake3(text)}#1`,
    title: "Offer",
    heading: "Offer › Terms",
    text: "Payment within thirty days of the invoice.",
    snippet: "**Payment** within **thirty** days of the invoice.",
    uri: "mail/offer.md",
    domain: "sales",
    kind: "document",
    score: expect.any(Number),
    ranks: { words: 1, vectors: null },
    ancestry: {
      event: 1,
      kind: "document.ingested",
      tsMs: expect.any(Number),
      actor: "user",
      run: null,
      node: null,
      inputs: [],
      citations: [],
    },
  });
  expect(kb.views.entity(hit!.citation)).toMatchObject({
    type: "chunk",
    text: hit!.text,
    domain: "sales",
    document: `document:${blake3(text)}`,
  });
});

test("filters work before ranking: what they hide changes neither order nor score", async () => {
  const kb = await freshKb();
  const add = (uri: string, text: string, domain: string) => ingest(kb, { bytes: Buffer.from(text), uri, domain });
  await add("a.md", "alpha beta", "open");
  await add("b.md", "alpha gamma gamma", "open");
  const before = kb.views.search("alpha gamma", { domains: ["open"] });
  await add("c.md", "gamma gamma gamma alpha", "secret");
  await put(kb, note("gamma"));
  expect(kb.views.search("alpha gamma", { domains: ["open"] })).toEqual(before);
  expect(kb.views.search("gamma", { domains: ["open"], domain: "secret" })).toEqual([]);
  expect(kb.views.search("gamma", { domains: [] })).toEqual([]);
  expect(kb.views.search("gamma", { domains: true, domain: "secret" })).toHaveLength(1);
  expect(kb.views.search("gamma", { kind: "note" }).map((hit) => hit.kind)).toEqual(["note"]);
  expect(kb.views.search("alpha", { limit: 1 })).toHaveLength(1);
});

const hostile = [
  "",
  " ",
  '"',
  '""',
  "'",
  '" OR 1=1',
  "AND",
  "OR NOT",
  "NEAR(",
  "NEAR(a b, 3)",
  "a NEAR/2 b",
  "a*",
  "*",
  "-a",
  "a -b",
  "title:a",
  "text : a",
  "^a",
  "(a",
  "a)",
  "((((",
  "{a b}: c",
  "a AND",
  "a + b",
  "a\0b",
  "\0",
  "ünïcödé",
  "日本語 テキスト",
  "👩‍👩‍👧 🎉",
  "a".repeat(100_000),
  "a ".repeat(50_000),
  "\ud800",
  "%_%",
  "; DROP TABLE chunks",
  "\\",
  "--",
  "/*",
  "\u202e",
  "a\nb\tc",
];

test("a person's words are words: nothing in them is an operator", async () => {
  const kb = await freshKb();
  await put(kb, note("a b NEAR and 日本語 text", "title"));
  for (const words of hostile) {
    expect(Array.isArray(kb.views.search(words)), words).toBe(true);
    expect(Array.isArray(kb.views.contacts({ match: words })), words).toBe(true);
  }
  expect(titles(kb, "日本語")).toEqual(["title"]);
  expect(titles(kb, "text -near")).toEqual(["title"]);
});

test("no text whatever is an error, and a text's own words find it", async () => {
  const kb = await freshKb();
  await put(kb, note("something"));
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), async (words) => {
      kb.views.search(words);
      kb.views.contacts({ match: words });
    }),
    { numRuns: 300 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[a-z]{5,9}$/), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...hostile.slice(0, 25)),
      async (wanted, noise) => {
        const text = wanted.join(" ");
        await put(kb, note(text));
        expect(kb.views.search(`${noise} ${text}`, { limit: 100 }).map((hit) => hit.text)).toContain(text);
      },
    ),
    { numRuns: 25 },
  );
});

test("an answer at a watermark never changes, whatever is ingested, replaced or retracted later", async () => {
  const kb = await freshKb();
  const vocabulary = ["plan", "budget", "quarter", "john", "report", "the"];
  const people = ["ann@x.org", "bob@x.org", "joe@x.org"];
  const record = fc.oneof(
    fc
      .record({ text: fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 8 }).map((words) => words.join(" ")) })
      .map(({ text }) => note(text) as EventDraft),
    fc
      .record({
        email: fc.constantFrom(...people),
        name: fc.constantFrom("Ann Plan", "Bob", "John Ann", "Joe"),
        trust: fc.constantFrom(0, 0.5, 1),
      })
      .map(({ email, name, trust }) => contact(name, email, { trust }) as EventDraft),
    fc
      .constantFrom(...people)
      .map((email): EventDraft => ({ kind: "contact.retracted", level: "info", message: "", meta: { email } })),
    fc
      .constantFrom(...vocabulary)
      .map((text): EventDraft => ({ kind: "document.retracted", level: "info", message: "", meta: { digest: blake3(text) } })),
  );
  const file = fc.record({
    uri: fc.constantFrom("a.md", "b.md"),
    text: fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 6 }).map((words) => words.join(" ")),
  });
  const questions = ["plan", "john budget", "the quarter rep", "report plan"];
  const ask = (watermark: number) => ({
    search: questions.map((words) => kb.views.search(words, { watermark })),
    contacts: ["", "ann", "o", "ann@x.org"].map((match) => kb.views.contacts({ match, watermark })),
    entity: people.map((email) => kb.views.entity(`contact:${blake3(emailKey(email))}`, watermark)),
  });
  const answers: { watermark: number; answer: ReturnType<typeof ask> }[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 6 }), file, async (records, { uri, text }) => {
      const watermark = await put(kb, ...records);
      answers.push({ watermark, answer: ask(watermark) });
      await ingest(kb, { bytes: Buffer.from(text), uri });
      for (const earlier of answers.slice(-8)) expect(ask(earlier.watermark)).toEqual(earlier.answer);
    }),
    { numRuns: 40 },
  );
  await kb.views.rebuild();
  for (const { watermark, answer } of answers) expect(ask(watermark)).toEqual(answer);
});

test.each<[string, readonly string[]]>([
  ["ann@example.com", ["Ann Meyer"]],
  ["ANN@EXAMPLE.COM", ["Ann Meyer"]],
  ["ann", ["Ann", "Ann Meyer", "Anna Schmidt", "Joann Fox", "Hannes"]],
  ["mey ann", ["Ann Meyer"]],
  ["muller", ["José Müller"]],
  ["JOSE MÜL", ["José Müller"]],
  ["acme", ["Anna Schmidt", "José Müller"]],
  ["%", []],
  ["_", []],
  ["a%n", []],
  ["nobody", []],
])("contacts that match %j, in order", async (match, names) => {
  const kb = await freshKb();
  await put(
    kb,
    contact("Hannes", "h@example.net", { trust: 0.1 }),
    contact("Joann Fox", "fox@example.net", { trust: 1 }),
    contact("Ann Meyer", "ann@example.com", { trust: 0.5 }),
    contact("Anna Schmidt", "schmidt@example.net", { trust: 0.4, org: "Acme" }),
    contact("José Müller", "jm@example.net", { trust: 0.3, org: "ACME Corp" }),
    contact("Ann", "a@example.net", { trust: 0 }),
  );
  expect(kb.views.contacts({ match }).map((found) => found.name)).toEqual(names);
});

test("a contact changed is replaced, one retracted is gone, both still there for an earlier watermark", async () => {
  const kb = await freshKb();
  const first = await put(kb, contact("Ann", "Ann@example.com"));
  const second = await put(kb, contact("Ann Meyer", "ann@EXAMPLE.com"));
  const third = await put(kb, { kind: "contact.retracted", level: "info", message: "", meta: { email: "ANN@example.com" } });
  const names = (watermark: number) => kb.views.contacts({ match: "ann", watermark }).map((found) => found.name);
  expect([names(first), names(second), names(third)]).toEqual([["Ann"], ["Ann Meyer"], []]);
});

test.each<[string, string, string]>([
  ["no match here", "zzz", "no match here"],
  ["Über den Plan, der plant", "uber plan", "**Über** den **Plan**, der **plant**"],
  [`${"x ".repeat(200)}needle${" y".repeat(200)}`, "needle", "**needle**"],
  ["これは日本語です", "日本語", "これは**日本語**です"],
  ["これは日本語です", "日本", "これは**日本**語です"],
])("snippet of %j for %j", (text, query, contains) => {
  const marked = snippet(text, readAsk(query).terms);
  expect(marked).toContain(contains);
  expect(marked.length).toBeLessThan(300);
});

test("a word that goes on counts half, beside the word itself or without it", () => {
  const lengths = Uint16Array.of(0, 10, 10, 10, 10);
  const list = (places: readonly number[], halves: readonly number[]): Postings => ({
    places: Uint32Array.from(places),
    halves: Uint8Array.from(halves),
  });
  const none = list([], []);
  const space = spaceOf(1);
  const postings = {
    exactly: (term: string) => (term === `${space.words}plan` ? list([1, 3, 4], [2, 2, 254]) : none),
    longer: (term: string) => (term === `${space.words}plan` ? list([2, 3, 4], [2, 4, 254]) : none),
    beginning: () => none,
    phrase: () => new Uint32Array(0),
    forget: () => {},
  };
  const corpus = { shelves: [{ domain: 1, space, lengths }], count: 4, meanLength: 10 };
  const idf = Math.log(1 + 0.5 / 4.5);
  const score = (matches: number) => Math.round(((idf * matches * 2.2) / (matches + 1.2)) * 1e6) / 1e6;
  expect(byWords(readAsk("plan"), { corpus, postings, required: null, addresses: true, most: 9 })).toEqual([
    { domain: 1, place: 4, score: score(127.5) },
    { domain: 1, place: 3, score: score(2) },
    { domain: 1, place: 1, score: score(1) },
    { domain: 1, place: 2, score: score(0.5) },
  ]);
});

test("matches of a text in ASCII are those that taking it apart word by word finds", () => {
  const word = fc.stringMatching(/^[a-c1]{1,4}$/);
  const text = fc.array(fc.oneof(word, fc.constantFrom(" ", ", ", "_", "-", "\n", "A1b ", "x".repeat(70))), { maxLength: 30 });
  const terms = fc.array(
    fc.record({ text: fc.oneof(word, fc.constant("x".repeat(64))), match: fc.constantFrom("word", "prefix", "gram") }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(text, terms, (parts, asked) => {
      const plain = parts.join("");
      // A letter beyond ASCII, far enough from the rest, is what makes the slower way be taken.
      expect(matchesOf(plain, asked)).toEqual(matchesOf(`${plain} ß`, asked));
    }),
    { numRuns: 500 },
  );
  expect(matchesOf("some text", [{ text: "", match: "prefix" }])).toHaveLength(2);
});

test("the best of any number of scores are those that sorting them finds", () => {
  const item = fc.record({
    domain: fc.integer({ min: 1, max: 3 }),
    place: fc.integer({ min: 1, max: 50 }),
    score: fc.integer({ min: 0, max: 9 }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(item, { maxLength: 60, selector: ({ domain, place }) => `${domain} ${place}` }),
      fc.nat(40),
      (items, most) => {
        const best = new Best(most);
        for (const { domain, place, score } of items) if (score >= best.floor) best.offer(rowOf(domain, place), score);
        const sorted = items.toSorted((a, b) => b.score - a.score || a.domain - b.domain || a.place - b.place);
        expect(best.sorted()).toEqual(sorted.slice(0, most));
      },
    ),
  );
});
