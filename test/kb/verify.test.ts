import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import Database from "better-sqlite3";
import * as fc from "fast-check";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { KbError } from "#kb/errors.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { rowHash } from "#kb/ledger/row-hash.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { freshRoot, log, newRun } from "./sample.js";

const ROWS = 60;
let pristine: Buffer;
let originals: string[];

/** A closed ledger of three runs with twenty rows each and one blob that a row refers to. */
async function build(root: string): Promise<void> {
  const ledger = await openLedger({ root, now: () => 1_700_000_000_000 });
  const runs = [newRun(), newRun(), newRun()];
  const bytes = new TextEncoder().encode("a document");
  for (let i = 0; i < ROWS - 1; i++)
    await ledger.append({ trace: runs[i % 3]!, drafts: [log(`row ${i}`, { i, text: "x".repeat(200) })] });
  const digest = blake3(bytes);
  await ledger.append({
    trace: null,
    drafts: [{ kind: "document.ingested", level: "info", message: "", meta: { uri: "a:b", digest, chunks: 1 } }],
    blobs: [{ digest, bytes, mediaType: "text/plain" }],
  });
  originals = ledger.rows(1, ROWS).map((row) => JSON.stringify(row));
  await ledger.close();
}

beforeAll(async () => {
  const root = freshRootForFile();
  await build(root);
  pristine = readFileSync(join(root, "events.sqlite"));
});

function freshRootForFile(): string {
  const root = join(process.env["TMPDIR"] ?? "/tmp", `rlp-verify-${process.pid}`);
  mkdirSync(root, { recursive: true });
  return root;
}

/** A copy of the ledger, damaged by SQL after its triggers were dropped. */
function tampered(sql: string | ((db: Database.Database) => void)): string {
  const root = freshRoot();
  const file = join(root, "events.sqlite");
  writeFileSync(file, pristine);
  const db = new Database(file);
  const triggers = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all() as {
    name: string;
    sql: string;
  }[];
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  if (typeof sql === "string") db.exec(sql);
  else sql(db);
  for (const trigger of triggers) db.exec(trigger.sql);
  db.close();
  return root;
}

test("an undamaged ledger is clean, with its counts and its head", async () => {
  const root = tampered("SELECT 1");
  const steps: number[] = [];
  const report = await verifyLedger({ root, onProgress: ({ rows }) => steps.push(rows) });
  expect(report).toMatchObject({ ok: true, rows: ROWS, blobs: 2, runs: 3, problems: [] });
  expect(report.head).toBe(JSON.parse(originals.at(-1)!).hash);
  expect(steps.at(-1)).toBe(ROWS);
});

test.each<[string, string | ((db: Database.Database) => void), number | null, string]>([
  ["an edited payload", "UPDATE events SET payload_json = replace(payload_json, 'row 9', 'row 8') WHERE id = 10", 10, "altered"],
  [
    "a payload re-spelled with the same value",
    "UPDATE events SET payload_json = ' ' || payload_json WHERE id = 10",
    10,
    "altered",
  ],
  ["another time", "UPDATE events SET ts_ms = ts_ms + 1 WHERE id = 7", 7, "altered"],
  ["another actor", "UPDATE events SET actor = 'user' WHERE id = 7", 7, "altered"],
  ["a row removed from the middle", "DELETE FROM events WHERE id = 20", 20, "missing"],
  ["rows removed from the middle", "DELETE FROM events WHERE id BETWEEN 20 AND 22", 20, "rows 20 to 22 are missing"],
  ["the first row removed", "DELETE FROM events WHERE id = 1", 1, "missing"],
  ["the end cut off", "DELETE FROM events WHERE id > 50", 51, "cut off"],
  ["everything removed", "DELETE FROM events", 1, "cut off"],
  [
    "two rows exchanged",
    "UPDATE events SET id = -1 WHERE id = 5; UPDATE events SET id = 5 WHERE id = 6; UPDATE events SET id = 6 WHERE id = -1",
    5,
    "",
  ],
  ["rows renumbered over a gap", "DELETE FROM events WHERE id = 20; UPDATE events SET id = id - 1 WHERE id > 20", 20, ""],
  ["a row edited and hashed again", (db) => rehash(db, 30), 31, "follow"],
  ["the last row edited and hashed again", (db) => rehash(db, ROWS), ROWS, "written last"],
  ["a row added by hand", (db) => addRow(db), ROWS + 1, "not written by rlp"],
  ["an altered blob", "UPDATE blobs SET bytes = x'00'", ROWS, "digest"],
  ["a missing blob", "DELETE FROM blobs", ROWS, "missing"],
])("%s is found and the row is named", async (_, sql, id, says) => {
  const report = await verifyLedger({ root: tampered(sql) });
  expect(report.ok).toBe(false);
  expect(report.problems[0]).toMatchObject({ id, what: expect.stringContaining(says) });
});

function rehash(db: Database.Database, id: number): void {
  db.exec(`UPDATE events SET scope = 'user' WHERE id = ${id}`);
  const row = db.prepare("SELECT * FROM events WHERE id = ?").get(id) as any;
  const hash = rowHash(
    row.prev_hash,
    id,
    row.ts_ms,
    row.trace_id,
    row.seq,
    row.actor,
    row.kind,
    row.scope,
    row.payload_json,
    row.provenance_json,
  );
  db.prepare("UPDATE events SET hash = ? WHERE id = ?").run(hash, id);
}

function addRow(db: Database.Database): void {
  const last = db.prepare("SELECT * FROM events ORDER BY id DESC LIMIT 1").get() as any;
  const hash = rowHash(last.hash, last.id + 1, last.ts_ms, null, null, "host", "note.added", "system", "{}", "{}");
  db.prepare("INSERT INTO events VALUES (?, ?, NULL, NULL, 'host', 'note.added', 'system', '{}', '{}', ?, ?)").run(
    last.id + 1,
    last.ts_ms,
    last.hash,
    hash,
  );
}

test("text moved over the seam between payload and provenance is found, though the hash still fits", async () => {
  const root = freshRoot();
  const ledger = await openLedger({ root });
  await ledger.append({
    trace: null,
    drafts: [
      {
        kind: "note.added",
        level: "info",
        message: "",
        meta: { text: 'a"},"provenance":{"b' },
        provenance: { rationale: 'x","provenance":{}' },
      },
    ],
  });
  await ledger.close();
  const db = new Database(join(root, "events.sqlite"));
  db.exec("DROP TRIGGER events_no_update; DROP INDEX events_by_source");
  const { payload_json, provenance_json } = db.prepare("SELECT * FROM events").get() as any;
  const joined = `${payload_json},"provenance":${provenance_json}`;
  const seam = joined.lastIndexOf(`,\\"provenance\\":`);
  db.prepare("UPDATE events SET payload_json = ?, provenance_json = ?").run(joined.slice(0, seam), joined.slice(seam + 16));
  db.close();
  expect((await verifyLedger({ root })).problems.map((problem) => problem.id)).toContain(1);
});

test.each(["events_no_update", "events_no_delete", "events_no_replace", "blobs_no_update", "blobs_no_delete"])(
  "a missing trigger %s is reported",
  async (name) => {
    const root = tampered("SELECT 1");
    const db = new Database(join(root, "events.sqlite"));
    db.exec(`DROP TRIGGER ${name}`);
    db.close();
    expect(await verifyLedger({ root })).toMatchObject({
      ok: false,
      problems: [{ id: null, what: expect.stringContaining(name) }],
    });
  },
);

test("a trigger that does nothing in place of ours, and one too many, are reported", async () => {
  const root = tampered("SELECT 1");
  const db = new Database(join(root, "events.sqlite"));
  db.exec("DROP TRIGGER events_no_delete; CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT 1; END");
  db.exec("CREATE TRIGGER extra AFTER INSERT ON events BEGIN SELECT 1; END");
  db.close();
  const said = (await verifyLedger({ root })).problems.map((problem) => problem.what).join("\n");
  expect(said).toContain("`events_no_delete` is not the one");
  expect(said).toContain("`extra`");
});

test("nothing is appended to a ledger whose end was cut off", async () => {
  const ledger = await openLedger({ root: tampered("DELETE FROM events WHERE id > 50") });
  onTestFinished(() => ledger.close());
  await expect(ledger.append({ trace: newRun(), drafts: [log("a")] })).rejects.toMatchObject({
    code: "KB_BROKEN_CHAIN",
    exit: 4,
  });
});

/** Opens, verifies and reads; every way out is a typed error or a report. */
async function survey(root: string): Promise<{ ok: boolean; error?: KbError }> {
  try {
    const report = await verifyLedger({ root });
    const ledger = await openLedger({ root });
    try {
      const rows = ledger.rows(1, ROWS).map((row) => JSON.stringify(row));
      if (report.ok) expect(rows).toEqual(originals);
    } finally {
      await ledger.close();
    }
    return { ok: report.ok };
  } catch (cause) {
    if (cause instanceof KbError) return { ok: false, error: cause };
    throw cause;
  }
}

test("bytes flipped anywhere: never a crash, and never a clean report over changed rows", async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: pristine.length - 1 }), fc.integer({ min: 1, max: 255 }), async (offset, mask) => {
      const root = freshRoot();
      const damaged = Buffer.from(pristine);
      damaged[offset]! ^= mask;
      writeFileSync(join(root, "events.sqlite"), damaged);
      if (!(await survey(root)).ok) found++;
    }),
    { numRuns: 300 },
  );
  expect(found).toBeGreaterThan(20);
});

test.each<[string, (file: string) => void, string]>([
  ["a truncated file", (file) => truncateSync(file, 3 * 4096), "KB_CORRUPT"],
  ["a file cut within a page", (file) => truncateSync(file, pristine.length - 1000), "KB_CORRUPT"],
  ["a file cut within its header", (file) => truncateSync(file, 50), "KB_FOREIGN"],
  ["garbage", (file) => writeFileSync(file, Buffer.alloc(8192, 7)), "KB_FOREIGN"],
  ["text", (file) => writeFileSync(file, "not a database"), "KB_FOREIGN"],
  ["another program's database", (file) => foreign(file, 0x12345678), "KB_FOREIGN"],
  ["a database of nobody", (file) => foreign(file, 0), "KB_FOREIGN"],
  ["a newer schema", (file) => newer(file), "KB_NEWER"],
])("%s is refused as it is, and not one byte is changed", async (_, damage, code) => {
  const root = freshRoot();
  const file = join(root, "events.sqlite");
  writeFileSync(file, pristine);
  damage(file);
  const before = readFileSync(file);
  const said = await openLedger({ root }).then(
    async (ledger) => {
      await ledger.close();
      return (await verifyLedger({ root })).problems[0]?.what;
    },
    (error: KbError) => error,
  );
  if (said instanceof KbError) expect(said).toMatchObject({ code, hint: expect.any(String), place: { file } });
  else expect(said).toBeTruthy();
  if (code !== "KB_CORRUPT") {
    expect(said).toBeInstanceOf(KbError);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(existsSync(`${file}-wal`)).toBe(false);
  }
});

function foreign(file: string, applicationId: number): void {
  writeFileSync(file, "");
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.exec("CREATE TABLE theirs (x)");
  db.pragma(`application_id = ${applicationId}`);
  db.close();
}

function newer(file: string): void {
  const db = new Database(file);
  db.pragma("user_version = 99");
  db.pragma("journal_mode = DELETE");
  db.close();
}

test("a folder and a FIFO in the file's place are refused without waiting", async () => {
  const root = freshRoot();
  mkdirSync(join(root, "events.sqlite"));
  await expect(openLedger({ root })).rejects.toMatchObject({ code: "KB_FOREIGN" });
  const other = freshRoot();
  if (spawnSync("mkfifo", [join(other, "events.sqlite")]).status === 0)
    await expect(openLedger({ root: other })).rejects.toMatchObject({ code: "KB_FOREIGN" });
  const third = freshRoot();
  writeFileSync(join(third, "file"), "");
  await expect(openLedger({ root: join(third, "file") })).rejects.toBeInstanceOf(KbError);
});

test("an empty file is a ledger yet to be made, for a writer; for a reader there is none", async () => {
  const root = freshRoot();
  writeFileSync(join(root, "events.sqlite"), "");
  await expect(openLedger({ root, readonly: true })).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
  const ledger = await openLedger({ root });
  await ledger.append({ trace: newRun(), drafts: [log("a")] });
  await ledger.close();
  expect(await verifyLedger({ root })).toMatchObject({ ok: true, rows: 1 });
});

test("a log that was torn in the middle loses no commit before the tear", async () => {
  const root = freshRoot();
  const ledger = await openLedger({ root });
  for (let i = 0; i < 20; i++) await ledger.append({ trace: newRun(), drafts: [log(`row ${i}`)] });
  const copy = freshRoot();
  for (const suffix of ["", "-wal"]) copyFileSync(`${ledger.file}${suffix}`, join(copy, `events.sqlite${suffix}`));
  await ledger.close();
  const wal = join(copy, "events.sqlite-wal");
  truncateSync(wal, statSync(wal).size - 2000);
  const report = await verifyLedger({ root: copy });
  expect(report).toMatchObject({ ok: true, rows: 19 });
});
