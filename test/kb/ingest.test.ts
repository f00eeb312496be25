import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { CHUNK_MAX, readDocument } from "#kb/documents/chunks.js";
import { KbError } from "#kb/errors.js";
import type { ExtractText } from "#kb/ingest/extract.js";
import { ingest } from "#kb/ingest/ingest.js";
import { changes } from "#kb/ingest/watch.js";
import { freshKb, freshRoot } from "./sample.js";

const lines = (...values: (object | string)[]) =>
  Buffer.from(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join("\n"));

test("contacts: good lines are kept, bad ones named by line, again costs nothing", async () => {
  const kb = await freshKb();
  const bytes = lines(
    { name: "Ann", email: "ann@example.com", org: "Acme", trust: 0.9 },
    "",
    "{not json",
    { name: "No address" },
    { name: "Bad", email: "not an address" },
    { name: "", email: "empty@example.com" },
    { name: "Too much", email: "t@example.com", trust: 2 },
    { name: "Line\nbreak", email: "l@example.com" },
    "[1]",
    `{"a":${"[".repeat(100)}${"]".repeat(100)}}`,
    { name: "  Bob   B. ", email: "bob@example.com", phone: "1" },
    { name: "Ann again", email: "ANN@example.com" },
    { __proto__: null, name: "Zoë", email: "zoe@example.com" },
  );
  const summary = await ingest(kb, { bytes, uri: "people.ndjson" });
  expect(summary.contacts).toEqual({ added: 3, unchanged: 0 });
  expect(summary.skipped.map(({ line, reason }) => [line, reason.replace(/(not JSON).*/, "$1")])).toEqual([
    [3, "not JSON"],
    [4, "`email` is missing"],
    [5, "`email`: is not an e-mail address"],
    [6, "`name`: is empty"],
    [7, expect.stringContaining("`trust`")],
    [8, "`name`: has control characters"],
    [9, "not a JSON object"],
    [10, expect.stringContaining("not JSON")],
    [1, "the same address comes again in people.ndjson, line 12, and that holds"],
    [undefined, "keys that a contact has no place for: phone"],
  ]);
  expect(kb.views.contacts().map(({ name, email }) => [name, email])).toEqual([
    ["Ann again", "ANN@example.com"],
    ["Bob B.", "bob@example.com"],
    ["Zoë", "zoe@example.com"],
  ]);
  const watermark = kb.ledger.watermark();
  const again = await ingest(kb, { bytes, uri: "people.ndjson" });
  expect(again.contacts).toEqual({ added: 0, unchanged: 3 });
  expect(kb.ledger.watermark()).toBe(watermark);
  expect((await ingest(kb, { bytes: lines({ name: "Bob", email: "bob@example.com" }), uri: "x.ndjson" })).contacts).toEqual({
    added: 1,
    unchanged: 0,
  });
});

test("documents: unchanged costs nothing, changed replaces, the same text under another name is cited once", async () => {
  const kb = await freshKb();
  const one = await ingest(kb, { bytes: Buffer.from("# Plan\n\nalpha"), uri: "plan.md" });
  expect(one.documents).toEqual({ added: 1, unchanged: 0, chunks: 1 });
  expect((await ingest(kb, { bytes: Buffer.from("# Plan\n\nalpha"), uri: "plan.md" })).documents).toEqual({
    added: 0,
    unchanged: 1,
    chunks: 0,
  });
  expect(kb.ledger.watermark()).toBe(1);
  await ingest(kb, { bytes: Buffer.from("# Plan\n\nbeta"), uri: "plan.md" });
  expect([kb.views.search("alpha"), kb.views.search("beta").length, kb.views.search("alpha", { watermark: 1 }).length]).toEqual([
    [],
    1,
    1,
  ]);
  await ingest(kb, { bytes: Buffer.from("# Plan\n\nbeta"), uri: "copy.md" });
  expect(kb.views.search("beta")).toHaveLength(1);
  expect(Buffer.from(kb.ledger.blob(blake3("# Plan\n\nbeta"))!.bytes).toString()).toBe("# Plan\n\nbeta");
});

test("a folder: sorted, what is left out is said with the reason, links are not followed", async () => {
  const kb = await freshKb();
  const root = freshRoot();
  const outside = freshRoot();
  writeFileSync(join(outside, "secret.md"), "# Secret");
  mkdirSync(join(root, "b"));
  const files: Record<string, string | Buffer> = {
    "b/two.md": "# Two",
    "a.txt": "plain text",
    "people.jsonl": '{"name":"Ann","email":"ann@example.com"}',
    "other.ndjson": '{"level":"info"}',
    "picture.png": "x",
    "binary.txt": Buffer.from([65, 0, 66]),
    "latin1.txt": Buffer.from([0x65, 0xe9]),
    "empty.md": " \n",
    "matter.md": "---\ntitle: x\n---\n",
    ".hidden.md": "# Hidden",
    "huge.md": Buffer.alloc((16 << 20) + 1, 65),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  symlinkSync(outside, join(root, "link"));
  symlinkSync(join(outside, "secret.md"), join(root, "link.md"));
  symlinkSync(root, join(root, "loop"));
  const seen: string[] = [];
  const summary = await ingest(kb, { path: root, onProgress: ({ file }) => seen.push(file) });
  expect(summary).toMatchObject({ contacts: { added: 1 }, documents: { added: 2 } });
  expect(Object.fromEntries(summary.skipped.map(({ file, reason }) => [file.slice(root.length + 1), reason]))).toEqual({
    ".hidden.md": "hidden",
    "binary.txt": "not UTF-8 text",
    "empty.md": "empty",
    "huge.md": "larger than 16 MiB",
    "latin1.txt": "not UTF-8 text",
    link: "a symbolic link",
    "link.md": "a symbolic link",
    loop: "a symbolic link",
    "matter.md": "nothing in it but its front matter",
    "other.ndjson": "NDJSON needs a parser, and none is given",
    "picture.png": "a kind of file that is not ingested (.png)",
  });
  expect(seen).toEqual([...seen].sort());
  expect(kb.views.documentByUri(pathToFileURL(join(root, "b/two.md")).href)).toMatchObject({ title: "Two", domain: "notes" });
});

test.each<[object, string]>([
  [{ path: "/no/such/thing" }, "/no/such/thing"],
  [{ path: "/dev/null" }, "neither"],
  [{ bytes: Buffer.from("x"), uri: "x.md", domain: "no domain!" }, "domain"],
])("what cannot be ingested at all is an error: %j", async (options, says) => {
  const kb = await freshKb();
  await expect(ingest(kb, options as never)).rejects.toMatchObject({ code: "KB_INGEST", message: expect.stringContaining(says) });
});

test.each<[string, string, object]>([
  [
    "title, tags and domain",
    "---\ntitle: My plan\ntags: [a, b]\ndomain: work\n---\n# Heading\n\ntext",
    { title: "My plan", tags: ["a", "b"], domain: "work" },
  ],
  ["tags as text", "---\ntags: a, b\n---\ntext", { title: "text", tags: ["a", "b"] }],
  ["a domain that cannot be one", "---\ndomain: ../x\n---\ntext", { title: "text" }],
  ["YAML that is none", "---\n: : [\n---\n# H\n\ntext", { title: "H" }],
  ["an alias bomb", `---\na: &a [x,x]\nb: &b [*a,*a]\ntitle: *b\n---\ntext`, { title: "text" }],
  ["a rule in the text is no front matter", "text\n---\ntitle: no\n---\n", { title: "text" }],
])("front matter: %s", (_, text, expected) => {
  const { chunks, ...rest } = readDocument(text, "text/markdown");
  expect(chunks.length).toBe(1);
  expect(rest).toEqual(expected);
});

test("chunks follow the headings; a `#` in a fence is none", () => {
  const text = "intro\n\n# A\n\none\n\n## B ##\n\n```sh\n# comment\n```\n\n### C\n\n## D\ntwo\n";
  expect(readDocument(text, "text/markdown").chunks).toEqual([
    { heading: "", text: "intro" },
    { heading: "A", text: "one" },
    { heading: "A › B", text: "```sh\n# comment\n```" },
    { heading: "A › B › C", text: "A › B › C" },
    { heading: "A › D", text: "two" },
  ]);
  expect(readDocument("# not a heading", "text/plain").chunks).toEqual([{ heading: "", text: "# not a heading" }]);
});

test("no chunk is too long, none is empty, and every word of the document is in one", () => {
  const word = fc.stringMatching(/^[a-z]{1,12}$/);
  const paragraph = fc.array(word, { minLength: 1, maxLength: 400 }).map((words) => words.join(" "));
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          paragraph,
          word.map((title) => `# ${title}`),
          fc.constant("x".repeat(5000)),
          fc.constant("👍".repeat(1500)),
        ),
        { maxLength: 12 },
      ),
      (parts) => {
        const { chunks } = readDocument(parts.join("\n\n"), "text/markdown");
        for (const { text } of chunks) {
          expect(text.length).toBeLessThanOrEqual(CHUNK_MAX);
          expect(text.trim()).not.toBe("");
          expect(text.isWellFormed()).toBe(true);
        }
        const kept = new Set(chunks.flatMap(({ heading, text }) => `${heading} ${text}`.split(/\s+/)));
        for (const each of parts
          .filter((part) => part.length < 4000 && !/^[x👍]+$/u.test(part))
          .flatMap((part) => part.replace(/^# /, "").split(" ")))
          expect(kept).toContain(each);
      },
    ),
    { numRuns: 60 },
  );
});

test("chunks of one section overlap, so that a sentence at the cut is whole in one of them", () => {
  const sentences = Array.from({ length: 120 }, (_, i) => `Sentence number ${i} of the long section ends here.`);
  const { chunks } = readDocument(
    sentences.reduce((text, sentence, i) => `${text}${i % 6 === 0 ? "\n\n" : " "}${sentence}`, "# Long"),
    "text/markdown",
  );
  expect(chunks.length).toBeGreaterThan(4);
  for (const [i, chunk] of chunks.entries()) if (i > 0) expect(chunks[i - 1]!.text).toContain(chunk.text.slice(0, 30));
});

test("what a parser reads is a document: its text is kept, its file's digest too, and unchanged it is not read again", async () => {
  const kb = await freshKb();
  const root = freshRoot();
  const asked: string[] = [];
  const extract: ExtractText = async (format, bytes) => {
    asked.push(format);
    if (bytes.includes(0x21)) throw new KbError("KB_INGEST", "cannot be read as HTML: !");
    if (format === "json") return { text: "name: Ann\n\f\nname: Bob", mediaType: "text/x-records" };
    return { text: "# Plan\n\nof the page", title: "Page", mediaType: "text/markdown" };
  };
  const files = { "a.html": "<h1>Plan</h1>", "b.json": "[]", "c.html": "!", "d.ndjson": '{"a": 1}\n' };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  const first = await ingest(kb, { path: root, extract });
  expect(first).toMatchObject({
    documents: { added: 3, unchanged: 0, chunks: 4 },
    skipped: [{ reason: "cannot be read as HTML: !" }],
  });
  expect(asked).toEqual(["html", "json", "html", "ndjson"]);
  expect(kb.views.documentByUri(pathToFileURL(join(root, "a.html")).href)).toMatchObject({
    title: "Page",
    digest: blake3("# Plan\n\nof the page"),
    source: blake3("<h1>Plan</h1>"),
  });
  expect(kb.views.search("bob").map((hit) => hit.text)).toEqual(["name: Bob"]);
  asked.length = 0;
  expect(await ingest(kb, { path: root, extract })).toMatchObject({ documents: { added: 0, unchanged: 3 } });
  expect(asked).toEqual(["html"]); // only the one that could not be read
  writeFileSync(join(root, "a.html"), "<h1>New plan</h1>");
  // A page that is written otherwise and says the same is the same text, from another file.
  expect(await ingest(kb, { path: root, extract })).toMatchObject({ documents: { added: 1, unchanged: 2 } });
});

test("a watched folder says at once and after each burst that it may have changed, until it is told to stop", async () => {
  const root = freshRoot();
  const stop = new AbortController();
  const bursts = changes(root, stop.signal)[Symbol.asyncIterator]();
  expect(await bursts.next()).toMatchObject({ done: false });
  const next = bursts.next();
  await new Promise((resolve) => setTimeout(resolve, 50)); // the watcher is registered by the system
  mkdirSync(join(root, "new"));
  for (let index = 0; index < 5; index++) writeFileSync(join(root, `${index}.md`), "text");
  expect(await next).toMatchObject({ done: false });
  const last = bursts.next();
  stop.abort();
  expect(await last).toMatchObject({ done: true });
});
