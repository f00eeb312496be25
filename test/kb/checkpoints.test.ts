/** What a person can do who may write the ledger's files and has no key, and what is found of it. */
import { generateKeyPairSync } from "node:crypto";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { jsonDigest } from "#core/json.js";
import { CHECKPOINT_ROWS, signCheckpoint, type LedgerSigner } from "#kb/ledger/checkpoint.js";
import type { AcceptedKey } from "#kb/ledger/check/signatures.js";
import { openLedger, type Ledger } from "#kb/ledger/ledger.js";
import { rowHash } from "#kb/ledger/row-hash.js";
import type { VerifyReport } from "#kb/ledger/verify.js";
import { verifyKb } from "#kb/verify.js";
import { freshRoot, log, newRun } from "./sample.js";

function newSigner(): LedgerSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { key: privateKey, public: Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url").toString("base64") };
}

const ended = () =>
  ({
    kind: "run.finished",
    level: "info",
    message: "ok",
    meta: {
      status: "ok",
      success: true,
      duration_ms: 9,
      nodes: [] as never[],
      final_hash: jsonDigest("f"),
      totals: { tokens: 0, usd: 0, fuel: 0, calls: 0 },
    },
  }) as const;

interface Signed {
  readonly root: string;
  readonly headFile: string;
  readonly signer: LedgerSigner;
  readonly keys: readonly AcceptedKey[];
}

const own = (signer: LedgerSigner, status: AcceptedKey["status"] = "trusted"): AcceptedKey => ({
  name: "own",
  public: signer.public,
  status,
});

async function open({ root, headFile, signer }: Signed): Promise<Ledger> {
  const ledger = await openLedger({ root, anchor: { headFile, signer: () => signer } });
  onTestFinished(() => ledger.close());
  return ledger;
}

function fresh(): Signed {
  const [root, signer] = [freshRoot(), newSigner()];
  return { root, headFile: join(freshRoot(), "heads", "note"), signer, keys: [own(signer)] };
}

/** Three runs of five rows each, the last of which has not ended: checkpoints at rows 5 and 10, and at 13 when the ledger was closed. */
async function sample({ close = true } = {}): Promise<Signed & { readonly ledger: Ledger }> {
  const signed = fresh();
  const ledger = await open(signed);
  for (const rest of [[ended()], [ended()], []]) {
    const run = newRun();
    for (let i = 0; i < (rest.length > 0 ? 4 : 3); i++) await ledger.append({ trace: run, drafts: [log(`row ${i}`)] });
    if (rest.length > 0) await ledger.append({ trace: run, drafts: rest });
  }
  if (close) await ledger.close();
  return { ...signed, ledger };
}

const check = ({ root, headFile, keys }: Signed): Promise<VerifyReport> => verifyKb({ root, headFile, keys });

/** As somebody would who can write the file: without triggers, with a chain that holds and a head that fits. */
function forge(root: string, change: (db: Database.Database) => void): void {
  const db = new Database(join(root, "events.sqlite"));
  const triggers = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all() as {
    name: string;
    sql: string;
  }[];
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  change(db);
  let previous: Uint8Array = new Uint8Array(32);
  for (const row of db.prepare("SELECT * FROM events ORDER BY id").all() as any[]) {
    const hash = rowHash(
      previous,
      row.id,
      row.ts_ms,
      row.trace_id,
      row.seq,
      row.actor,
      row.kind,
      row.scope,
      row.payload_json,
      row.provenance_json,
    );
    db.prepare("UPDATE events SET prev_hash = ?, hash = ? WHERE id = ?").run(previous, hash, row.id);
    db.prepare("UPDATE head SET id = ?, hash = ?").run(row.id, hash);
    previous = hash;
  }
  for (const { sql } of triggers) db.exec(sql);
  db.close();
}

const RENAME = "UPDATE events SET payload_json = replace(payload_json, 'row 1', 'row 7') WHERE id = 7";

test("each run's end is signed, and what was written since when the ledger is closed", async () => {
  const { ledger, ...signed } = await sample({ close: false });
  expect(await check(signed)).toMatchObject({ ok: true, last: 13, signed: { id: 10, checkpoints: 2, key: "own" } });
  await ledger.close();
  expect(await check(signed)).toMatchObject({ ok: true, last: 13, signed: { id: 13, checkpoints: 3, key: "own" } });
});

test("a long run is signed every so many rows", async () => {
  const signed = fresh();
  const ledger = await open(signed);
  const run = newRun();
  const drafts = Array.from({ length: 100 }, (_, i) => log(`row ${i}`));
  for (let rows = 0; rows < 2.5 * CHECKPOINT_ROWS; rows += 100) await ledger.append({ trace: run, drafts });
  const report = await check(signed);
  expect(report).toMatchObject({ ok: true, signed: { checkpoints: 2 } });
  expect(report.last - report.signed!.id).toBeLessThan(CHECKPOINT_ROWS);
});

test("a ledger that was rewritten as a whole is found by its checkpoints alone, and the stretch is named", async () => {
  const { root, keys } = await sample();
  forge(root, (db) => db.exec(RENAME));
  const report = await verifyKb({ root, keys });
  expect(report).toMatchObject({
    ok: false,
    problems: [{ id: 6, what: expect.stringContaining("rows 6 to 10 are not the ones that were signed") }],
  });
});

test.each<[string, (db: Database.Database) => void, string]>([
  ["the tail cut off before the last checkpoint", (db) => db.exec("DELETE FROM events WHERE id > 11"), "row 13 was signed"],
  [
    "with the checkpoints behind it",
    (db) => db.exec("DELETE FROM events WHERE id > 7; DELETE FROM checkpoints WHERE id > 7"),
    "remembers row 13",
  ],
  [
    "and right behind a checkpoint",
    (db) => db.exec("DELETE FROM events WHERE id > 10; DELETE FROM checkpoints WHERE id > 10"),
    "remembers row 13",
  ],
  [
    "rows changed behind the last checkpoint",
    (db) => db.exec("DELETE FROM checkpoints WHERE id > 10; UPDATE events SET scope = 'user' WHERE id = 12"),
    "is another row than",
  ],
  ["everything gone", (db) => db.exec("DELETE FROM events; DELETE FROM checkpoints; DELETE FROM head"), "remembers row 13"],
  ["all signatures gone, the rows changed", (db) => db.exec(`${RENAME}; DELETE FROM checkpoints`), "is not signed"],
  [
    "a checkpoint gone from the middle",
    (db) => db.exec("DELETE FROM checkpoints WHERE id = 10"),
    "does not follow the one before it",
  ],
  [
    "a checkpoint's time changed",
    (db) => db.exec("UPDATE checkpoints SET ts_ms = ts_ms + 1 WHERE id = 10"),
    "does not follow the one before it",
  ],
  [
    "the last checkpoint's time changed",
    (db) => db.exec("UPDATE checkpoints SET ts_ms = ts_ms + 1 WHERE id = 13"),
    "is not signed by the key that it names",
  ],
  [
    "a signature that is none",
    (db) => db.exec("UPDATE checkpoints SET signature = x'00' WHERE id = 13"),
    "is not signed by the key that it names",
  ],
])("%s: found", async (_, change, says) => {
  const { ledger: _ledger, ...signed } = await sample();
  forge(signed.root, change);
  const report = await check(signed);
  expect(report.ok).toBe(false);
  expect(report.problems.map(({ what }) => what).join("\n")).toContain(says);
});

test("a ledger that somebody signed anew with a key of theirs is not this home's", async () => {
  const { ledger: _, ...signed } = await sample();
  const other = newSigner();
  forge(signed.root, (db) => db.exec(`${RENAME}; DELETE FROM checkpoints`));
  const db = new Database(join(signed.root, "events.sqlite"));
  const last = db.prepare("SELECT id, ts_ms, hash FROM events ORDER BY id DESC LIMIT 1").get() as any;
  const previous = "0".repeat(64) as never;
  const { signature } = signCheckpoint({ id: last.id, tsMs: last.ts_ms, hash: last.hash.toString("hex"), previous }, other);
  db.prepare("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)").run(
    last.id,
    last.ts_ms,
    last.hash,
    Buffer.alloc(32),
    other.public,
    signature,
  );
  db.close();
  expect(await verifyKb({ root: signed.root, keys: signed.keys })).toMatchObject({
    ok: false,
    problems: [{ id: 13, what: expect.stringContaining("none of this home's own") }],
  });
  // Whoever names that key as theirs is told the truth, too.
  expect(await verifyKb({ root: signed.root, keys: [own(other)] })).toMatchObject({ ok: true, signed: { id: 13 } });
});

test("what a revoked key signed counts no more, until a new key has signed it", async () => {
  const { ledger: _, ...signed } = await sample();
  const revoked = [own(signed.signer, "revoked")];
  expect(await check({ ...signed, keys: revoked })).toMatchObject({
    ok: false,
    problems: [{ id: 13, what: expect.stringContaining("revoked") }],
  });
  const signer = newSigner();
  const next = { ...signed, signer, keys: [...revoked, { ...own(signer), name: "own-2" }] };
  const ledger = await open(next);
  await ledger.append({ trace: newRun(), drafts: [log("a")] });
  await ledger.close();
  expect(await check(next)).toMatchObject({ ok: true, signed: { id: 14, checkpoints: 4, key: "own-2" } });
});

test("an old copy in the ledger's place is found by the note outside, and nothing is appended to it", async () => {
  const { ledger, ...signed } = await sample();
  const copy = freshRoot();
  cpSync(ledger.file, join(copy, "events.sqlite"));
  const more = await open(signed);
  await more.append({ trace: newRun(), drafts: [log("a")] });
  await more.close();
  cpSync(join(copy, "events.sqlite"), ledger.file);
  expect(await check(signed)).toMatchObject({
    ok: false,
    problems: [{ id: 14, what: expect.stringContaining(signed.headFile) }],
  });
  const again = await open(signed);
  await expect(again.append({ trace: newRun(), drafts: [log("b")] })).rejects.toMatchObject({
    code: "KB_BROKEN_CHAIN",
    hint: expect.stringContaining(signed.headFile),
  });
  rmSync(signed.headFile);
  const third = await open(signed);
  await third.append({ trace: newRun(), drafts: [log("c")] });
});

test("a note that cannot be read is said, and a link in its place is not followed", async () => {
  const { ledger: _, ...signed } = await sample();
  writeFileSync(signed.headFile, "12 no hash\n");
  expect(await check(signed)).toMatchObject({
    ok: false,
    problems: [{ id: null, what: expect.stringContaining("cannot be read") }],
  });
});

test("without a key nothing is signed, and the report says so; the note is there all the same", async () => {
  const [root, headFile] = [freshRoot(), join(freshRoot(), "note")];
  const ledger = await openLedger({ root, anchor: { headFile, signer: () => null } });
  onTestFinished(() => ledger.close());
  await ledger.append({ trace: newRun(), drafts: [log("a"), ended()] });
  await ledger.close();
  expect(await verifyKb({ root, headFile, keys: [] })).toMatchObject({ ok: true, signed: null, last: 2 });
  forge(root, (db) => db.exec("DELETE FROM events WHERE id = 2"));
  expect(await verifyKb({ root, headFile, keys: [] })).toMatchObject({ ok: false });
});

test("two processes' checkpoints are one chain, whoever writes", async () => {
  const { ledger: _, ...signed } = await sample();
  const [a, b] = [await open(signed), await open(signed)];
  for (let round = 0; round < 6; round++)
    await (round % 2 === 0 ? a : b).append({ trace: newRun(), drafts: [log("x"), ended()] });
  await Promise.all([a.close(), b.close()]);
  expect(await check(signed)).toMatchObject({ ok: true, last: 25, signed: { id: 25, checkpoints: 9 } });
});
