import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { emptyLogs, forget } from "#kb/forget.js";
import { ingest } from "#kb/ingest/ingest.js";
import { openKb, type Kb } from "#kb/kb.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { exportLedger } from "#kb/portable/export.js";
import { importLedger } from "#kb/portable/import.js";
import { why } from "#kb/why/why.js";
import { sampleRun } from "./run.js";
import { contact, freshKb, freshRoot, note, put } from "./sample.js";

const SECRET = "Zanzibarowitz";

async function sample(): Promise<Kb> {
  const kb = await freshKb();
  await put(kb, contact(`Ada ${SECRET}`, "ada@zanzibar.example", { org: SECRET }), contact("Bob", "bob@example.com"));
  await put(kb, note("a note about bees", "Bees"));
  await ingest(kb, { bytes: new TextEncoder().encode(`# Minutes\n\n${SECRET} was there, with many bees.\n`), uri: "minutes.md" });
  await put(kb, contact(`Ada B. ${SECRET}`, "Ada@zanzibar.example"));
  await kb.views.catchUp();
  return kb;
}
const document = (kb: Kb) => kb.views.documentByUri("minutes.md")!.digest;

/** All bytes that the knowledge base has on the disk. */
const onDisk = (root: string): string =>
  readdirSync(root)
    .map((name) => readFileSync(join(root, name)).toString("latin1"))
    .join("\n");

test("what records say of people stands in the chain as a digest, is sealed on the disk, and reads as ever", async () => {
  const kb = await sample();
  const raw = new Database(kb.ledger.file, { readonly: true });
  onTestFinished(() => void raw.close());
  expect(raw.prepare("SELECT count(*) FROM seals").pluck().get()).toBe(5);
  expect(raw.prepare("SELECT group_concat(payload_json) FROM events").pluck().get()).not.toMatch(/zan|bees|minutes/i);
  expect(kb.ledger.row(1)).toMatchObject({ kind: "contact.upserted", payload: { meta: { name: `Ada ${SECRET}` } } });
  expect(kb.ledger.row(1)!.forgotten).toBe(false);
  expect(await verifyLedger({ root: kb.root })).toMatchObject({ ok: true, rows: 5, blobs: 6 });
});

test("a forgotten person is gone from views, answers and the disk; the chain verifies, and a rebuild gives the same", async () => {
  const kb = await sample();
  const done = await forget(kb, "ADA@zanzibar.example", "asked for it");
  expect(done).toMatchObject({ rows: [1, 5], blobs: [], event: 6, remains: { rows: 0 } });
  expect(kb.views.contacts({ match: "ada" })).toEqual([]);
  expect(kb.views.contacts({ match: "bob" })).toHaveLength(1);
  expect(kb.views.history(done.entity)).toEqual([]);
  expect(kb.ledger.row(1)).toMatchObject({
    kind: "contact.upserted",
    forgotten: true,
    payload: { message: "forgotten", meta: {} },
  });
  expect(await verifyLedger({ root: kb.root })).toMatchObject({ ok: true, rows: 6 });
  const digest = kb.views.digest();
  await kb.views.rebuild();
  expect(kb.views.digest()).toBe(digest);
  await expect(forget(kb, "ada@zanzibar.example", undefined)).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
  await forget(kb, document(kb), undefined);
  await kb.close();
  expect(emptyLogs(kb.root)).toBe(true);
  expect(onDisk(kb.root)).not.toMatch(/zanzibar/i);
  expect(onDisk(kb.root)).toContain("bob@example.com");
});

test("a forgotten document is gone from search, and its bytes with it", async () => {
  const kb = await sample();
  const digest = document(kb);
  expect(kb.views.search(SECRET)).toHaveLength(1);
  const done = await forget(kb, `document:${digest}`, undefined);
  expect(done).toMatchObject({ rows: [4], blobs: [digest] });
  expect(kb.views.search(SECRET)).toEqual([]);
  expect(kb.views.search("bees")).toHaveLength(1);
  expect(kb.ledger.blob(digest)).toBeUndefined();
  expect(await verifyLedger({ root: kb.root })).toMatchObject({ ok: true });
});

test("bytes that another document has too stay", async () => {
  const kb = await sample();
  const digest = document(kb);
  await put(kb, { kind: "document.ingested", level: "info", message: "", meta: { uri: "b", digest, chunks: 1 } });
  const done = await forget(kb, digest, undefined);
  expect(done).toMatchObject({ rows: [4, 6], blobs: [digest] });
});

test("another process's views notice by themselves, and so do views that were behind", async () => {
  const kb = await sample();
  const [other, behind] = [await openKb({ root: kb.root }), await openKb({ root: kb.root })];
  onTestFinished(() => Promise.all([other.close(), behind.close()]).then(() => {}));
  await other.views.catchUp();
  await forget(kb, "ada@zanzibar.example", undefined);
  await put(kb, contact("Cem", "cem@example.com"));
  expect(other.views.contacts({ match: "ada" })).toEqual([]);
  expect(other.views.contacts({ match: "cem" })).toHaveLength(1);
  expect(other.views.digest()).toBe(behind.views.digest());
});

test("what runs have read stays, and is named", async () => {
  const kb = await freshKb();
  await put(kb, contact("John Carter", "john@example.com"));
  const { run } = await sampleRun(kb);
  const done = await forget(kb, "john@example.com", undefined);
  expect(done.remains).toMatchObject({ runs: [run.traceId] });
  expect(done.remains.rows).toBeGreaterThan(0);
  expect(kb.ledger.hasRun(run.traceId)).toBe(true);
  // Asking why still works where what it leads to was forgotten.
  expect((await why(kb, run.traceId)).events.length).toBeGreaterThan(5);
});

test.each<[string, (db: Database.Database) => void, RegExp]>([
  ["a key destroyed by hand", (db) => db.exec("DELETE FROM seals"), /key is missing, and nothing says/],
  ["another key", (db) => db.exec("UPDATE seals SET key = zeroblob(32)"), /does not open it/],
])("verify tells of %s", async (_, damage, says) => {
  const kb = await sample();
  await kb.close();
  const db = new Database(kb.ledger.file);
  damage(db);
  db.close();
  const report = await verifyLedger({ root: kb.root });
  expect(report.ok).toBe(false);
  expect(report.problems[0]).toMatchObject({ id: 1, what: expect.stringMatching(says) });
});

test("a ledger in which something was forgotten can be exported and imported", async () => {
  const kb = await sample();
  await forget(kb, document(kb), undefined);
  const chunks = (async function* () {
    for (const line of exportLedger(kb.root)) yield `${line}\n`;
  })();
  const root = freshRoot();
  expect(await importLedger({ root, chunks, name: "x" })).toMatchObject({ ok: true, rows: 6 });
  const copy = await openKb({ root });
  onTestFinished(() => copy.close());
  expect(copy.views.contacts({ match: "ada" })).toHaveLength(1);
  expect(copy.views.search(SECRET)).toEqual([]);
});

test("unknown, or of another kind: nothing is forgotten", async () => {
  const kb = await sample();
  for (const entity of ["nobody@example.com", "contact:", `document:${blake3("x")}`, "run:trace:x", "'; DROP TABLE events"])
    await expect(forget(kb, entity, undefined)).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
  expect(kb.ledger.watermark()).toBe(5);
});
