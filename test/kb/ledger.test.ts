import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { parseRunEvent } from "#core/events.js";
import { canonicalJson } from "#core/json.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { fullLine, line, lineHash, rowToRunEvent, writtenEvent } from "#kb/ledger/row.js";
import { contact, freshLedger, freshRoot, log, newRun } from "./sample.js";

test("rows are numbered, a run's rows have a seq without gaps, records have none", async () => {
  const ledger = await freshLedger();
  const [one, two] = [newRun(), newRun()];
  await Promise.all([
    ledger.append({ trace: one, drafts: [log("a"), log("b")] }),
    ledger.append({ trace: null, drafts: [contact("Ann", "ann@example.com")] }),
    ledger.append({ trace: two, drafts: [log("c")] }),
    ledger.append({ trace: one, drafts: [log("d")] }),
  ]);
  expect(ledger.rows(1, 10).map((row) => [row.id, row.trace_id, row.seq])).toEqual([
    [1, one.traceId, 0],
    [2, one.traceId, 1],
    [3, null, null],
    [4, two.traceId, 0],
    [5, one.traceId, 2],
  ]);
  expect([...ledger.runEvents(one.traceId)].map((event) => event.message)).toEqual(["a", "b", "d"]);
  expect([...ledger.runEvents(one.traceId, 2)].map((event) => event.message)).toEqual(["d"]);
  expect(ledger.watermark()).toBe(5);
});

test("what may go soon keeps its place before what comes later, and is durable with it", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  const durable: string[] = [];
  const append = (message: string, haste: "now" | "soon") =>
    ledger.append({ trace: run, drafts: [log(message)], haste }).then(() => durable.push(message));
  const all = [append("a", "soon"), append("b", "soon"), append("c", "now"), append("d", "soon")];
  await all[2];
  expect(durable.slice(0, 3)).toEqual(["a", "b", "c"]);
  await Promise.all(all);
  expect([...ledger.runEvents(run.traceId)].map((event) => event.message)).toEqual(["a", "b", "c", "d"]);
});

test.each(["flush", "close"] as const)("%s does not leave behind what may go soon", async (last) => {
  const root = freshRoot();
  const ledger = await openLedger({ root });
  const run = newRun();
  const appended = ledger.append({ trace: run, drafts: [log("a")], haste: "soon" });
  await ledger[last]();
  const other = await openLedger({ root, readonly: true });
  onTestFinished(() => other.close());
  expect(other.watermark()).toBe(1);
  await appended;
  await ledger.close();
});

test("what goes ahead of its commit is answered when it is durable and not before, in order, also where somebody waits for what comes later", async () => {
  const ledger = await freshLedger();
  const other = await openLedger({ root: ledger.root, readonly: true });
  onTestFinished(() => other.close());
  const run = newRun();
  const wide = "x".repeat(1000);
  const answered: number[] = [];
  const soon = Array.from({ length: 150 }, (_, i) =>
    ledger.append({ trace: run, drafts: [log(`${i} ${wide}`)], haste: "soon" }).then(([row]) => {
      answered.push(row?.id ?? 0);
      expect(other.watermark()).toBeGreaterThanOrEqual(row?.id ?? 0);
    }),
  );
  const [last] = await ledger.append({ trace: run, drafts: [log("last")] });
  expect(last?.id).toBe(151);
  expect(answered).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
  await Promise.all(soon);
  expect((await verifyLedger({ root: ledger.root })).problems).toEqual([]);
});

test("what comes while the disk works goes ahead, in order, and each is answered when it is durable", async () => {
  const root = freshRoot();
  const ledger = await openLedger({ root });
  const reader = await openLedger({ root, readonly: true });
  onTestFinished(async () => (await ledger.close(), await reader.close()));
  const [one, other] = [newRun(), newRun()];
  const answered: number[] = [];
  const pending: Promise<unknown>[] = [];
  // One by one and by the hundred, in one turn and in many, with and without haste, a lease in between.
  const sizes = [1, 400, 1, 1, 90, 2000, 1, 30, 30, 30, 30, 700, 1];
  let sent = 0;
  for (const [index, size] of [...sizes, ...sizes].entries()) {
    const first = sent;
    const run = index % 3 === 0 ? one : other;
    const drafts = Array.from({ length: size }, (_, row) => log(`${first + row}`));
    sent += size;
    const haste = index % 4 === 1 ? "soon" : "now";
    pending.push(
      ledger.append({ trace: run, drafts, haste }).then((rows) => {
        answered.push(first);
        expect(rows.map((row) => row.payload.message)).toEqual(drafts.map(({ message }) => message));
        expect(reader.watermark()).toBeGreaterThanOrEqual(rows.at(-1)!.id);
        expect(reader.row(rows.at(-1)!.id)?.hash).toBe(rows.at(-1)!.hash);
      }),
    );
    if (index === 9) pending.push(ledger.acquireLease(one.traceId, { owner: "test" }).then((lease) => lease.release()));
    if (index % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(pending);
  expect(answered).toEqual(answered.toSorted((a, b) => a - b));
  expect(ledger.rows(1, sent + 1).map((row) => row.payload.message)).toEqual(Array.from({ length: sent }, (_, row) => `${row}`));
  expect((await verifyLedger({ root })).problems).toEqual([]);
});

test("a burst that nobody waits for in between is one commit, or few", async () => {
  const ledger = await freshLedger();
  const db = new Database(ledger.file, { readonly: true });
  onTestFinished(() => void db.close());
  const run = newRun();
  await ledger.append({ trace: run, drafts: [log("first")] });
  let commits = 0;
  let version = db.pragma("data_version", { simple: true });
  const all = Promise.all(Array.from({ length: 2000 }, (_, row) => ledger.append({ trace: run, drafts: [log(`${row}`)] })));
  for (let waiting = true; waiting;) {
    waiting = await Promise.race([all.then(() => false), new Promise<true>((resolve) => setImmediate(() => resolve(true)))]);
    const now = db.pragma("data_version", { simple: true });
    if (now !== version) commits++;
    version = now;
  }
  expect(commits).toBeGreaterThan(0);
  expect(commits).toBeLessThan(40);
});

test("the log is copied while nobody writes, and does not grow from burst to burst", async () => {
  const ledger = await freshLedger();
  const db = new Database(ledger.file, { readonly: true });
  onTestFinished(() => void db.close());
  const run = newRun();
  const drafts = Array.from({ length: 1000 }, (_, row) => log("x".repeat(2000) + row));
  const sizes: number[] = [];
  for (let burst = 0; burst < 5; burst++) {
    await ledger.append({ trace: run, drafts });
    await expect.poll(() => logOf(db), { timeout: 60_000, interval: 20 }).toMatchObject({ rest: 0 });
    sizes.push(statSync(`${ledger.file}-wal`).size);
  }
  expect(sizes[0]).toBeGreaterThan(500 * 4096);
  expect(sizes.at(-1)).toBeLessThan(2 * sizes[0]!);
});

/** Pages in the log, and how many of them stand nowhere else. */
function logOf(db: Database.Database): { readonly pages: number; readonly rest: number } {
  const [{ log: pages, checkpointed }] = db.pragma("wal_checkpoint(NOOP)") as [{ log: number; checkpointed: number }];
  return { pages, rest: pages - checkpointed };
}

test("a process that is busy keeps nobody out: what it sent ahead is committed without it", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  await ledger.append({ trace: run, drafts: [log("the thread runs")] });
  const other = await openLedger({ root: ledger.root, readonly: true });
  onTestFinished(() => other.close());
  const wide = "x".repeat(1000);
  const sent = Array.from({ length: 60 }, (_, i) => ledger.append({ trace: run, drafts: [log(`${i} ${wide}`)], haste: "soon" }));
  // Nothing of this process's own turn comes round here: nobody asks for the commit.
  while (other.watermark() === 1);
  expect(other.watermark()).toBeGreaterThan(1);
  await Promise.all(sent);
  expect(other.watermark()).toBe(61);
});

test("each hash is BLAKE3 over the previous hash and the canonical record", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  const written = await ledger.append({ trace: run, drafts: [log('ü\u2028"', { b: 1, a: "é" }), log("next")] });
  let previous = Buffer.alloc(32);
  for (const row of ledger.rows(1, 10)) {
    const { id, ts_ms, trace_id, seq, actor, kind, scope, payload, provenance } = row;
    expect(row.prev_hash).toBe(previous.toString("hex"));
    expect(row.hash).toBe(blake3(previous, canonicalJson({ id, ts_ms, trace_id, seq, actor, kind, scope, payload, provenance })));
    previous = Buffer.from(row.hash, "hex");
  }
  expect(JSON.stringify(written)).toBe(JSON.stringify(ledger.rows(1, 10)));
});

test("row and line convert without loss", async () => {
  const ledger = await freshLedger();
  const [row] = await ledger.append({ trace: newRun(), drafts: [log("a", { x: 1.5 })] });
  const event = rowToRunEvent(row!);
  expect(parseRunEvent(JSON.parse(line(event)))).toEqual(event);
  expect(lineHash(JSON.parse(fullLine(row!)))).toBe(row!.hash);
});

test("an event that was just written is the one that is read back, member by member and as a line", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  const draft = log("a", { b: 1, a: "ü" });
  const [row] = await ledger.append({ trace: run, drafts: [draft] });
  const [read] = ledger.runEvents(run.traceId);
  const written = writtenEvent(row!, draft, run.openingId);
  expect(written).toEqual(read);
  expect(line(written)).toBe(line(read!));
  const about = contact("Ann", "ann@example.com");
  const [record] = await ledger.append({ trace: run, drafts: [about] });
  expect(() => writtenEvent(record!, about, run.openingId)).toThrow(/belongs to no run/);
});

test("the ledger's time never goes back, whatever the clock does", async () => {
  const times = [5000, 4000, 6000];
  const ledger = await freshLedger({ now: () => times.shift()! });
  for (const message of ["a", "b", "c"]) await ledger.append({ trace: newRun(), drafts: [log(message)] });
  expect(ledger.rows(1, 10).map((row) => row.ts_ms)).toEqual([5000, 5000, 6000]);
});

test.each<[string, unknown, string]>([
  ["a kind that there is not", { ...log("x"), kind: "no.such" }, "no.such"],
  ["a key too many", { ...log("x"), meta: { node: "n", attempt: 1, fields: {}, extra: 1 } }, "extra"],
  ["a missing key", { ...log("x"), meta: { node: "n", fields: {} } }, "/attempt"],
  ["a number without a canonical form", log("x", { n: Number.NaN }), ""],
  ["a lone surrogate", log("\ud800"), "surrogate"],
  ["an actor of no known form", { ...log("x"), actor: 'host","id":1' }, "actor"],
  ["a scope of no known form", { ...log("x"), scope: "root" }, "scope"],
  ["a level of no known name", { ...log("x"), level: "fatal" }, "level"],
  ["a line over 1 MiB", log("x".repeat(1 << 20)), "blob"],
])("%s is refused before it is queued", async (_, draft, says) => {
  const ledger = await freshLedger();
  const failing = ledger.append({ trace: newRun(), drafts: [log("good"), draft as never] });
  await expect(failing).rejects.toMatchObject({ code: "KB_EVENT_INVALID", message: expect.stringContaining(says) });
  expect(ledger.watermark()).toBe(0);
});

test("a run's kind needs a run; a record made in a run remembers it in its provenance", async () => {
  const ledger = await freshLedger();
  await expect(ledger.append({ trace: null, drafts: [log("x")] })).rejects.toMatchObject({ code: "KB_EVENT_INVALID" });
  const run = newRun();
  const [row] = await ledger.append({ trace: run, drafts: [contact("Ann", "ann@example.com")] });
  expect(row).toMatchObject({ trace_id: null, seq: null, provenance: { trace: run.traceId, opening: run.openingId } });
  await ledger.append({ trace: null, drafts: [contact("Bob", "bob@example.com")] });
  expect(ledger.recordsFrom(run.traceId).map((record) => record.id)).toEqual([row!.id]);
});

test("blobs come back as they were, are stored once, and must be what their digest says", async () => {
  const ledger = await freshLedger();
  const bytes = new TextEncoder().encode("hello");
  const digest = blake3(bytes);
  const blob = { digest, bytes, mediaType: "text/plain" };
  await ledger.append({ trace: null, drafts: [], blobs: [blob] });
  await ledger.append({ trace: newRun(), drafts: [log("a")], blobs: [blob, blob] });
  expect(Buffer.from(ledger.blob(digest)!.bytes).toString()).toBe("hello");
  expect(ledger.blob(blake3("other"))).toBeUndefined();
  const lying = ledger.append({ trace: newRun(), drafts: [log("b")], blobs: [{ ...blob, digest: blake3("other") }] });
  const other = ledger.append({ trace: newRun(), drafts: [log("c")] });
  await expect(lying).rejects.toMatchObject({ code: "KB_EVENT_INVALID" });
  // One refused append takes nobody else's with it.
  await other;
  expect(ledger.rows(1, 10).map((row) => row.payload.message)).toEqual(["a", "c"]);
});

test("a buffer may be used again as soon as append has returned", async () => {
  const ledger = await freshLedger();
  const bytes = new TextEncoder().encode("first");
  const digest = blake3(bytes);
  const done = ledger.append({ trace: null, drafts: [], blobs: [{ digest, bytes, mediaType: "text/plain" }] });
  bytes.fill(0);
  await done;
  expect(Buffer.from(ledger.blob(digest)!.bytes).toString()).toBe("first");
});

test.each(["UPDATE events SET scope = 'user'", "DELETE FROM events", "UPDATE blobs SET bytes = x'00'", "DELETE FROM blobs"])(
  "a trigger refuses: %s",
  async (sql) => {
    const ledger = await freshLedger();
    const bytes = new Uint8Array([1]);
    await ledger.append({ trace: newRun(), drafts: [log("a")], blobs: [{ digest: blake3(bytes), bytes, mediaType: "x/y" }] });
    const db = new Database(ledger.file);
    onTestFinished(() => void db.close());
    expect(() => db.exec(sql)).toThrow("append-only");
  },
);

test("INSERT OR REPLACE replaces neither a row nor a blob", async () => {
  const ledger = await freshLedger();
  const bytes = new Uint8Array([1]);
  await ledger.append({ trace: newRun(), drafts: [log("a")], blobs: [{ digest: blake3(bytes), bytes, mediaType: "x/y" }] });
  const db = new Database(ledger.file);
  onTestFinished(() => void db.close());
  expect(() =>
    db.exec(
      "INSERT OR REPLACE INTO events SELECT id, 0, trace_id, seq, actor, kind, scope, payload_json, provenance_json, prev_hash, hash FROM events",
    ),
  ).toThrow("append-only");
  db.exec("INSERT OR REPLACE INTO blobs SELECT hash, x'02', media_type FROM blobs");
  expect([...ledger.blob(blake3(bytes))!.bytes]).toEqual([1]);
});

test("what was made is for its owner alone, and a read-only ledger writes nothing", async () => {
  const root = join(freshRoot(), "a", "pog");
  const ledger = await openLedger({ root });
  await ledger.append({ trace: newRun(), drafts: [log("a")] });
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  expect([mode(root), ...readdirSync(root).map((name) => mode(join(root, name)))]).toEqual(["700", "600", "600", "600"]);
  await ledger.close();
  const reader = await openLedger({ root, readonly: true });
  onTestFinished(() => reader.close());
  expect(reader.watermark()).toBe(1);
  await expect(reader.append({ trace: newRun(), drafts: [log("b")] })).rejects.toMatchObject({ code: "KB_READONLY" });
  const nowhere = join(root, "nowhere");
  await expect(openLedger({ root: nowhere, readonly: true })).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
  expect(existsSync(nowhere)).toBe(false);
});

test("after close nothing is appended or read; closing twice is harmless", async () => {
  const ledger = await freshLedger();
  await ledger.append({ trace: newRun(), drafts: [log("a")] });
  await ledger.close();
  await ledger.close();
  await expect(ledger.append({ trace: newRun(), drafts: [log("a")] })).rejects.toMatchObject({ code: "KB_CLOSED" });
  expect(() => ledger.watermark()).toThrow("closed");
});

test("runs are listed and found by the beginning of their id", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  await ledger.append({ trace: run, drafts: [log("a"), log("b")] });
  expect(ledger.runs()).toEqual([{ traceId: run.traceId, firstId: 1, startedMs: expect.any(Number) }]);
  expect(ledger.findTrace(run.traceId.slice(0, 12))).toEqual([run.traceId]);
  expect(ledger.findTrace(run.traceId.slice(6, 20))).toEqual([run.traceId]);
  expect(ledger.findTrace("%")).toEqual([]);
  expect([ledger.hasRun(run.traceId), ledger.hasRun(newRun().traceId)]).toEqual([true, false]);
});

test("whoever does not await each append awaits room, and the queue stays short", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  const bytes = new Uint8Array(1 << 20);
  const done: Promise<unknown>[] = [];
  let settled = 0;
  for (let i = 0; i < 48; i++) {
    bytes[0] = i;
    const append = ledger.append({
      trace: run,
      drafts: [log(`${i}`)],
      blobs: [{ digest: blake3(bytes), bytes, mediaType: "x/y" }],
    });
    done.push(append.then(() => settled++));
    await ledger.room();
    expect(i + 1 - settled).toBeLessThanOrEqual(34);
  }
  await ledger.flush();
  await Promise.all(done);
  expect([...ledger.runEvents(run.traceId)].map((event) => event.message)).toEqual(Array.from({ length: 48 }, (_, i) => `${i}`));
});
