import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { KbError } from "#kb/errors.js";
import { ingest } from "#kb/ingest/ingest.js";
import { openKb } from "#kb/kb.js";
import { verifyKb } from "#kb/verify.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { sampleRun } from "./run.js";
import { contact, freshKb, freshRoot, log, newRun, note, put } from "./sample.js";

test("a rebuild gives the same content, table by table, and so does catching up in pieces", async () => {
  const kb = await freshKb();
  await ingest(kb, { bytes: Buffer.from("# One\n\nfirst version"), uri: "one.md" });
  await put(kb, contact("Ann", "ann@example.com"), note("A note about Ann"));
  await sampleRun(kb);
  await ingest(kb, { bytes: Buffer.from("# One\n\nsecond version"), uri: "one.md" });
  await put(kb, contact("Ann Meyer", "ann@example.com"), {
    kind: "snapshot.taken",
    level: "info",
    message: "",
    meta: { name: "s", watermark: 3 },
  });
  await kb.views.catchUp();
  const grown = kb.views.digest();
  await kb.views.rebuild();
  expect(kb.views.digest()).toBe(grown);
  await kb.close();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(kb.root, `pog.sqlite${suffix}`), { force: true });
  const again = await openKb({ root: kb.root });
  onTestFinished(() => again.close());
  expect(again.views.digest()).toBe(grown);
  // The digest sees content: a hand's change shows.
  const db = new Database(again.views.file);
  db.exec("UPDATE contact_versions SET name = 'x' WHERE to_id IS NULL");
  db.close();
  expect(again.views.digest()).not.toBe(grown);
});

test("the ledger alone serves when pog.sqlite is away, and nothing makes it anew", async () => {
  const kb = await freshKb();
  const run = newRun();
  await kb.ledger.append({ trace: run, drafts: [log("a")] });
  await kb.views.catchUp();
  await kb.close();
  renameSync(join(kb.root, "pog.sqlite"), join(kb.root, "elsewhere"));
  const ledger = await openLedger({ root: kb.root, readonly: true });
  expect([...ledger.runEvents(run.traceId)]).toHaveLength(1);
  await ledger.close();
  const reader = await openKb({ root: kb.root, readonly: true });
  onTestFinished(() => reader.close());
  expect(reader.ledger.hasRun(run.traceId)).toBe(true);
  expect(() => reader.views).toThrow(KbError);
});

test("two processes' views of one file stay one", async () => {
  const kb = await freshKb();
  const other = await openKb({ root: kb.root });
  onTestFinished(() => other.close());
  await put(kb, contact("Ann", "ann@example.com"));
  await Promise.all([kb.views.catchUp(), other.views.catchUp()]);
  await put(other, contact("Bob", "bob@example.com"));
  expect(kb.views.contacts().map((found) => found.name)).toEqual(["Ann", "Bob"]);
  expect(other.views.contacts().map((found) => found.name)).toEqual(["Ann", "Bob"]);
});

test("a read-only knowledge base answers as far as its views go, and says when they are behind", async () => {
  const kb = await freshKb();
  await put(kb, contact("Ann", "ann@example.com"));
  await kb.views.catchUp();
  const reader = await openKb({ root: kb.root, readonly: true });
  onTestFinished(() => reader.close());
  expect(reader.views.contacts()).toHaveLength(1);
  expect(await reader.views.catchUp()).toBe(1);
  await put(kb, contact("Bob", "bob@example.com"));
  expect(() => reader.views.contacts()).toThrow(expect.objectContaining({ code: "KB_READONLY" }));
  expect(reader.views.contacts({ watermark: 1 })).toHaveLength(1);
});

test("a knowledge base that appends nothing brings views and vectors up all the same", async () => {
  const kb = await freshKb();
  await put(kb, note("The warehouse in Porto opens in November.", "Porto"));
  const reader = await openKb({ root: kb.root, appends: false });
  onTestFinished(() => reader.close());
  expect(await reader.search("porto")).toMatchObject({ mode: "hybrid", hits: [{ title: "Porto" }] });
  await put(kb, note("Porto has been postponed.", "Later"));
  expect((await reader.search("porto")).hits).toHaveLength(2);
  await expect(put(reader, note("x"))).rejects.toMatchObject({ code: "KB_READONLY" });
});

test("views of another ledger, or of rows that the ledger has lost, are not believed", async () => {
  const kb = await freshKb();
  await put(kb, contact("Ann", "ann@example.com"), contact("Bob", "bob@example.com"));
  await kb.views.catchUp();
  await kb.close();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(kb.root, `events.sqlite${suffix}`), { force: true });
  const other = await openKb({ root: kb.root });
  onTestFinished(() => other.close());
  expect(() => other.views.contacts()).toThrow(expect.objectContaining({ code: "KB_BROKEN_CHAIN" }));
  await put(other, contact("Eve", "eve@example.com"), contact("Mallory", "mal@example.com"));
  await expect(other.views.catchUp()).rejects.toMatchObject({ code: "KB_BROKEN_CHAIN" });
});

test.each<[string, Buffer, string]>([
  ["garbage", Buffer.alloc(5000, 3), "KB_FOREIGN"],
  ["half a file", Buffer.alloc(0), "KB_CORRUPT"],
])("views that are %s are a clear error, and the ledger goes on", async (_, bytes, code) => {
  const root = freshRoot();
  const kb = await openKb({ root });
  await put(kb, ...Array.from({ length: 50 }, (_, i) => note(`text ${i} ${"word ".repeat(100)}`)));
  await kb.views.catchUp();
  await kb.close();
  const file = join(root, "pog.sqlite");
  if (bytes.length > 0) writeFileSync(file, bytes);
  else {
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, 8192 * Math.trunc(whole.length / 16384)));
  }
  const again = await openKb({ root });
  onTestFinished(() => again.close());
  expect(() => again.views.search("text")).toThrow(expect.objectContaining({ name: "KbError", code, hint: expect.any(String) }));
  await put(again, note("still there"));
  expect(again.ledger.watermark()).toBe(51);
});

test("runs, nodes and proposals as they stand", async () => {
  const kb = await freshKb({ now: () => 5000 });
  const { run, proposal } = await sampleRun(kb, { decide: false });
  expect(kb.views.runs()).toMatchObject([
    { traceId: run.traceId, status: "parked", openingName: "compose_email", finishedMs: null, totals: null },
  ]);
  expect(kb.views.runs({ status: "ok" })).toEqual([]);
  expect(kb.views.runs({ since: 5001 })).toEqual([]);
  expect(kb.views.runNodes(run.traceId).map(({ node, status, attempts }) => [node, status, attempts])).toEqual([
    ["context", "ok", 1],
    ["draft", "ok", 2],
    ["send", "waiting", 1],
  ]);
  expect(kb.views.proposals({ pending: true })).toMatchObject([
    { proposalId: proposal, action: "email.send", decision: null, expired: false },
  ]);
  expect(kb.views.proposals({ traceId: newRun().traceId })).toEqual([]);
  const done = await sampleRun(kb);
  expect(kb.views.run(done.run.traceId)).toMatchObject({
    status: "ok",
    success: true,
    totals: { tokens: 5, usd: 0.5, fuel: 30, calls: 2 },
  });
  expect(kb.views.proposals({ pending: true })).toHaveLength(1);
  expect(kb.views.proposals({ traceId: done.run.traceId })).toMatchObject([
    { decision: { decision: "approved", by: "user" }, outcome: "done" },
  ]);
});

test("a proposal that has expired is no longer pending", async () => {
  let time = 5000;
  const kb = await freshKb({ now: () => time });
  const { proposal } = await sampleRun(kb, { decide: false, expires: 6000 });
  expect(kb.views.proposals({ pending: true })).toHaveLength(1);
  time = 6000;
  expect(kb.views.proposals({ pending: true })).toEqual([]);
  expect(kb.views.proposals()).toMatchObject([{ proposalId: proposal, expired: true, expiresAtMs: 6000 }]);
});

test("verify hears from the views of rows that the ledger has lost without a trace", async () => {
  const kb = await freshKb();
  await put(kb, contact("Ann", "ann@example.com"));
  await kb.close();
  copyFileSync(kb.ledger.file, join(kb.root, "old"));
  const again = await openKb({ root: kb.root });
  await put(again, contact("Bob", "bob@example.com"));
  await again.views.catchUp();
  expect(await verifyKb({ root: kb.root })).toMatchObject({ ok: true, rows: 2 });
  await again.close();
  renameSync(join(kb.root, "old"), kb.ledger.file);
  expect(await verifyKb({ root: kb.root })).toMatchObject({
    ok: false,
    problems: [{ id: 2, what: expect.stringContaining("pog.sqlite remembers row 2") }],
  });
  // Other rows in their place are found too.
  const third = await openKb({ root: kb.root });
  await put(third, contact("Eve", "eve@example.com"));
  await third.close();
  expect(await verifyKb({ root: kb.root })).toMatchObject({
    ok: false,
    problems: [{ id: 2, what: expect.stringContaining("another row") }],
  });
});
