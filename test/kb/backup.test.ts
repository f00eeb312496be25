import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { backupKb } from "#kb/backup.js";
import { KbError } from "#kb/errors.js";
import { openKb } from "#kb/kb.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { migrateKb, type MigrationStep } from "#kb/migrate.js";
import { rebuildViews } from "#kb/rebuild.js";
import { restoreKb } from "#kb/restore.js";
import { sampleRun } from "./run.js";
import { contact, freshKb, freshRoot, log, newRun, put } from "./sample.js";

const NOW = 1_760_000_000_000;

test("a backup is whole and verified while sixteen writers go on", async () => {
  const kb = await freshKb();
  await put(kb, contact("Ada", "ada@example.com"));
  await kb.views.catchUp();
  const going = new AbortController();
  let acknowledged = 0;
  const writers = Array.from({ length: 16 }, async () => {
    const run = newRun();
    while (!going.signal.aborted) {
      await kb.ledger.append({ trace: run, drafts: [log("x".repeat(300))] });
      acknowledged++;
    }
  });
  const outDir = join(freshRoot(), "backups");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = acknowledged;
  const { dir, report } = await backupKb({ root: kb.root, outDir, nowMs: NOW });
  going.abort();
  await Promise.all(writers);
  expect(report.ok).toBe(true);
  expect(report.rows).toBeGreaterThan(before);
  expect(readdirSync(outDir)).toEqual(["2025-10-09T08-53-20-000Z"]);
  expect(readdirSync(dir).sort()).toEqual(["events.sqlite", "pog.sqlite"]);
  expect([statSync(dir).mode & 0o777, statSync(join(dir, "events.sqlite")).mode & 0o777]).toEqual([0o700, 0o600]);
  const copy = await openKb({ root: dir });
  onTestFinished(() => copy.close());
  expect(await copy.views.catchUp()).toBe(report.rows);
  expect(copy.ledger.row(report.rows)?.hash).toBe(kb.ledger.row(report.rows)?.hash);
});

test("what is damaged is not kept as a backup, and nothing is left behind", async () => {
  const kb = await freshKb();
  await put(kb, contact("Ada", "ada@example.com"));
  await kb.close();
  const db = new Database(kb.ledger.file);
  db.exec("DROP TRIGGER events_no_update; UPDATE events SET actor = 'host'");
  db.close();
  const outDir = join(freshRoot(), "backups");
  await expect(backupKb({ root: kb.root, outDir, nowMs: NOW })).rejects.toMatchObject({ code: "KB_BROKEN_CHAIN", exit: 4 });
  expect(readdirSync(outDir)).toEqual([]);
  await expect(backupKb({ root: freshRoot(), outDir, nowMs: NOW })).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
});

async function withBackup(): Promise<{ root: string; dir: string; head: string }> {
  const kb = await freshKb({ now: () => NOW });
  await sampleRun(kb);
  const { dir, report } = await backupKb({ root: kb.root, outDir: join(freshRoot(), "b"), nowMs: NOW });
  await put(kb, contact("Eve", "eve@example.com"));
  await kb.views.catchUp();
  await kb.close();
  return { root: kb.root, dir, head: report.head };
}

test("a restored ledger is the backup's, says where it comes from, and what was replaced is kept", async () => {
  const { root, dir, head } = await withBackup();
  const headFile = join(freshRoot(), "note");
  writeFileSync(headFile, `${`21 ${"0".repeat(64)}`.padEnd(81)}\n`);
  const anchor = { headFile, signer: () => null };
  const { report, replaced } = await restoreKb({ root, from: dir, nowMs: NOW, anchor });
  expect(report).toMatchObject({ ok: true, rows: 20, head });
  expect((await verifyLedger({ root: replaced! })).rows).toBe(21);
  const kb = await openKb({ root, anchor });
  onTestFinished(() => kb.close());
  expect(kb.ledger.row(20)?.hash).toBe(head);
  expect(kb.ledger.row(21)).toMatchObject({
    kind: "ledger.restored",
    payload: { meta: { last: 20, head, replaced: { last: 21 } } },
  });
  expect(await kb.views.catchUp()).toBe(21);
  expect(kb.views.contacts({ match: "eve" })).toEqual([]);
  expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
});

test.each<[string, (dir: string) => void, string]>([
  ["an altered backup", (dir) => alter(join(dir, "events.sqlite")), "KB_BROKEN_CHAIN"],
  ["half a backup", (dir) => truncateSync(join(dir, "events.sqlite"), 8192), "KB_BROKEN_CHAIN"],
  ["garbage", (dir) => writeFileSync(join(dir, "events.sqlite"), "no database at all".repeat(100)), "KB_FOREIGN"],
])("%s replaces nothing", async (_, damage, code) => {
  const { root, dir } = await withBackup();
  const before = readFileSync(join(root, "events.sqlite"));
  damage(dir);
  await expect(restoreKb({ root, from: dir, nowMs: NOW })).rejects.toMatchObject({ code });
  expect(readFileSync(join(root, "events.sqlite")).equals(before)).toBe(true);
  expect(readdirSync(root).filter((name) => /partial|replaced/.test(name))).toEqual([]);
});

function alter(file: string): void {
  const db = new Database(file);
  db.exec("DROP TRIGGER events_no_update; UPDATE events SET scope = 'user' WHERE id = 3");
  db.close();
}

test("nothing is restored under a process that has the ledger open", async () => {
  const { root, dir } = await withBackup();
  const open = await openLedger({ root });
  await open.append({ trace: newRun(), drafts: [log("a")] });
  await expect(restoreKb({ root, from: dir, nowMs: NOW })).rejects.toMatchObject({ code: "KB_LOCKED" });
  await open.append({ trace: newRun(), drafts: [log("b")] });
  expect(open.watermark()).toBe(23);
  await open.close();
  expect(await restoreKb({ root, from: dir, nowMs: NOW })).toMatchObject({ report: { rows: 20 } });
});

test("a ledger that is beyond opening is replaced too", async () => {
  const { root, dir } = await withBackup();
  truncateSync(join(root, "events.sqlite"), 4096);
  writeFileSync(join(root, "events.sqlite-wal"), "left over");
  const { replaced } = await restoreKb({ root, from: dir, nowMs: NOW });
  expect(readdirSync(replaced!)).toContain("events.sqlite-wal");
  expect(await verifyLedger({ root })).toMatchObject({ ok: true, rows: 21 });
});

test("a home without a ledger gets one", async () => {
  const { dir } = await withBackup();
  const root = join(freshRoot(), "pog");
  expect(await restoreKb({ root, from: dir, nowMs: NOW })).toMatchObject({ replaced: null });
  expect(await verifyLedger({ root })).toMatchObject({ ok: true, rows: 21 });
});

test.each(["garbage", "half a file", "another program's"])(
  "views that are %s are made again, to the same digest",
  async (what) => {
    const kb = await freshKb();
    await sampleRun(kb);
    await kb.views.catchUp();
    const digest = kb.views.digest();
    await kb.close();
    const file = join(kb.root, "pog.sqlite");
    if (what === "garbage") writeFileSync(file, Buffer.alloc(9000, 7));
    else if (what === "half a file") truncateSync(file, 12_288);
    else {
      const db = new Database(file);
      db.pragma("application_id = 1");
      db.close();
    }
    expect(await rebuildViews({ root: kb.root })).toMatchObject({ digest, aside: `${file}.damaged` });
    expect(await rebuildViews({ root: kb.root })).toMatchObject({ digest, aside: null });
    expect(existsSync(`${file}.damaged`)).toBe(true);
  },
);

/** A ledger as the first schema's rlp wrote it. */
function schema1(): string {
  const root = freshRoot();
  cpSync(join(import.meta.dirname, "fixtures", "schema-1", "events.sqlite"), join(root, "events.sqlite"));
  chmodSync(join(root, "events.sqlite"), 0o600);
  return root;
}

test("a ledger of the first schema is read, verified and shown as it is; a writer says what to do", async () => {
  const root = schema1();
  const ledger = await openLedger({ root, readonly: true });
  expect(ledger.rows(1, 100)).toHaveLength(25);
  expect(ledger.row(1)).toMatchObject({ kind: "contact.upserted", payload: { meta: { name: "Ada Okoye" } } });
  await ledger.close();
  expect(await verifyLedger({ root, keys: [] })).toMatchObject({ ok: true, rows: 25, signed: null });
  await expect(openLedger({ root })).rejects.toMatchObject({ code: "KB_OLDER", hint: expect.stringContaining("rlp kb migrate") });
});

test("migrating: a backup, one transaction, the views made again; a second call has nothing to do", async () => {
  const root = schema1();
  const options = { root, outDir: join(freshRoot(), "b"), nowMs: NOW };
  const steps: MigrationStep[] = [];
  const { from, to, backup } = await migrateKb({ ...options, onStep: (step) => steps.push(step) });
  expect([from, to, steps]).toEqual([1, 2, ["backup", "mark", "migrate", "rebuild", "done"]]);
  expect(await verifyLedger({ root: backup! })).toMatchObject({ ok: true, rows: 25 });
  expect(await verifyLedger({ root })).toMatchObject({ ok: true, rows: 26 });
  const kb = await openKb({ root });
  onTestFinished(() => kb.close());
  expect(kb.ledger.row(26)).toMatchObject({ kind: "ledger.migrated", payload: { meta: { from: 1, to: 2 } } });
  expect(kb.views.contacts({ match: "john" })).toMatchObject([{ name: "John Carter" }]);
  expect(await migrateKb(options)).toMatchObject({ from: 2, to: 2, backup: null });
});

test.each<MigrationStep>(["backup", "mark", "migrate", "rebuild"])(
  "interrupted before `%s`, it is called again and ends the same",
  async (stop) => {
    const root = schema1();
    // Views of that time are there as well.
    const kb = await freshKb();
    await kb.views.catchUp();
    await kb.close();
    cpSync(join(kb.root, "pog.sqlite"), join(root, "pog.sqlite"));
    const outDir = join(freshRoot(), "b");
    const dies = (step: MigrationStep): void => {
      if (step === stop) throw new Error("the process ends here");
    };
    await expect(migrateKb({ root, outDir, nowMs: NOW, onStep: dies })).rejects.toThrow("ends here");
    expect(await verifyLedger({ root })).toMatchObject({ ok: true, rows: 25 });
    expect(await migrateKb({ root, outDir, nowMs: NOW + 1 })).toMatchObject({ from: 1, to: 2 });
    expect(await verifyLedger({ root })).toMatchObject({ ok: true, rows: 26 });
    const after = await openKb({ root });
    const digest = after.views.digest();
    await after.close();
    expect(await rebuildViews({ root })).toMatchObject({ digest });
  },
);

test("views of an older schema are made again where they are opened", async () => {
  const kb = await freshKb();
  await sampleRun(kb);
  await kb.views.catchUp();
  const digest = kb.views.digest();
  await kb.close();
  const db = new Database(join(kb.root, "pog.sqlite"));
  db.exec("DROP TABLE costs; CREATE TABLE former (x)");
  db.pragma("user_version = 0");
  db.close();
  const again = await openKb({ root: kb.root });
  onTestFinished(() => again.close());
  expect(again.views.watermark()).toBe(0);
  await again.views.catchUp();
  expect(again.views.digest()).toBe(digest);
});

test("a folder that cannot be made is a clear error", async () => {
  const kb = await freshKb();
  await put(kb, contact("Ada", "ada@example.com"));
  const file = join(freshRoot(), "file");
  writeFileSync(file, "");
  await expect(backupKb({ root: kb.root, outDir: join(file, "in"), nowMs: NOW })).rejects.toBeInstanceOf(KbError);
});
