import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ingest } from "#kb/ingest/ingest.js";
import { openKb, type Kb } from "#kb/kb.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { retract } from "#kb/retract.js";
import { why } from "#kb/why/why.js";
import { contact, freshKb, freshRoot, note, put } from "./sample.js";

const take = (kb: Kb, uri: string, text: string, domain?: string) =>
  ingest(kb, { bytes: Buffer.from(text), uri, ...(domain !== undefined && { domain }) });
const titles = (kb: Kb, query: string, options = {}) =>
  kb.views
    .search(query, options)
    .map(({ title }) => title)
    .sort();
const linesOf = (file: string): unknown[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** A knowledge base whose clock stands at `ms`. */
async function at(root: string, ms: number): Promise<Kb> {
  const kb = await openKb({ root, now: () => ms });
  onTestFinished(() => kb.close());
  return kb;
}

test("a document that is retracted is found no more, but by those who look as of an earlier row; taken in again it is there again", async () => {
  const kb = await freshKb();
  await take(kb, "a.md", "# Bees\n\nhoney and wax");
  await take(kb, "copy.md", "# Bees\n\nhoney and wax");
  await take(kb, "b.md", "# Wasps\n\nno honey");
  const before = kb.ledger.watermark();
  const { citation } = kb.views.search("wax")[0]!;
  const done = await retract(kb, { entity: citation, reason: "out of date" });
  expect(done).toMatchObject({ documents: [{ uri: "a.md" }, { uri: "copy.md" }], contacts: [], archive: null });
  expect(done.events).toEqual({ first: before + 1, last: before + 1 });
  expect(titles(kb, "honey")).toEqual(["Wasps"]);
  expect(titles(kb, "honey", { watermark: before })).toEqual(["Bees", "Wasps"]);
  expect(kb.ledger.row(before + 1)).toMatchObject({ kind: "document.retracted", actor: "user" });
  expect(JSON.stringify(kb.ledger.row(before + 1)!.payload)).not.toMatch(/bees|honey/i);
  expect((await why(kb, citation)).events.map(({ kind }) => kind)).toContain("document.retracted");
  const digest = kb.views.digest();
  await kb.views.rebuild();
  expect(kb.views.digest()).toBe(digest);
  expect(await verifyLedger({ root: kb.root })).toMatchObject({ ok: true });
  await expect(retract(kb, { entity: citation })).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
  await take(kb, "a.md", "# Bees\n\nhoney and wax");
  expect(titles(kb, "wax")).toEqual(["Bees"]);
});

test("a contact is retracted by the address, whatever its case", async () => {
  const kb = await freshKb();
  await put(kb, contact("Ada", "ada@example.com", { org: "Example" }), contact("Bob", "bob@example.com"));
  expect(await retract(kb, { entity: "ADA@example.com" })).toMatchObject({ contacts: [{ email: "ada@example.com" }] });
  expect(kb.views.contacts().map(({ name }) => name)).toEqual(["Bob"]);
});

test("what is old goes into a file first, for its owner alone, whole; what is not old stays", async () => {
  const root = freshRoot();
  const [old, fresh] = [await at(root, 1000), await at(root, 2000)];
  await take(old, "old.md", "# Old\n\nof the harbour");
  await put(old, note("an old remark on the harbour", "Remark"), contact("Ada", "ada@example.com"));
  await take(old, "work.md", "# Work\n\nharbour too", "work");
  await take(old, "edge.md", "# Replaced\n\nharbour as it was");
  await take(fresh, "edge.md", "# Fresh\n\nharbour as it is");
  const file = join(root, "archive.ndjson");
  const wanted = { before: 2000, domain: "notes", archive: file };
  expect(await retract(fresh, { ...wanted, dryRun: true })).toMatchObject({ documents: [{ title: "Old" }, {}], events: null });
  expect(existsSync(file)).toBe(false);
  const done = await retract(fresh, wanted);
  expect(done).toMatchObject({ documents: [{ title: "Old" }, { title: "Remark" }], contacts: [], archive: file });
  expect(titles(fresh, "harbour")).toEqual(["Fresh", "Work"]);
  expect(fresh.views.contacts()).toHaveLength(1);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(linesOf(file)).toMatchObject([
    { kind: "document", uri: "old.md", domain: "notes", text: "# Old\n\nof the harbour", event: 1, ts_ms: 1000 },
    { kind: "note", title: "Remark", text: "an old remark on the harbour" },
  ]);
  expect(await retract(fresh, { before: 2000, domain: "notes" })).toMatchObject({ documents: [], events: null });
  expect(await retract(fresh, { before: 3000 })).toMatchObject({ documents: [{ title: "Work" }, { title: "Fresh" }] });
});

test("an archive that cannot be written leaves everything as it was, and is never written over another file", async () => {
  const kb = await freshKb();
  await take(kb, "a.md", "# Bees\n\nhoney");
  const file = join(kb.root, "there.txt");
  writeFileSync(file, "mine");
  const end = kb.ledger.watermark();
  await expect(retract(kb, { before: Date.now() + 60_000, archive: file })).rejects.toMatchObject({ code: "KB_EXISTS" });
  const nowhere = join(kb.root, "no", "such", "folder");
  await expect(retract(kb, { before: Date.now() + 60_000, archive: nowhere })).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
  expect(readFileSync(file, "utf8")).toBe("mine");
  expect(kb.ledger.watermark()).toBe(end);
  expect(titles(kb, "honey")).toEqual(["Bees"]);
});
