import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { jsonDigest } from "#core/json.js";
import { proposalId } from "#core/ids.js";
import { openKb } from "#kb/kb.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { freshLedger, freshRoot, log, newRun } from "./sample.js";

const writer = join(import.meta.dirname, "fixtures/writer.mjs");
const reader = join(import.meta.dirname, "fixtures/reader.mjs");

interface Output {
  readonly child: ChildProcess;
  readonly lines: () => string[];
  readonly ended: Promise<number | null>;
}

function start(root: string, run: ReturnType<typeof newRun>, count: number, as: { uid?: number; gid?: number } = {}): Output {
  const child = spawn(process.execPath, [writer, root, run.traceId, run.openingId, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
    ...as,
  });
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (chunk: string) => void (text += chunk));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  // A line without its line feed was cut off by the kill.
  return { child, ended, lines: () => text.split("\n").slice(0, -1) };
}

test("several processes append to one ledger, and even to one run, at the same time", async () => {
  const root = freshRoot();
  const shared = newRun();
  const writers = [start(root, shared, 40), start(root, shared, 40), start(root, newRun(), 40)];
  for (const { ended } of writers) expect(await ended).toBe(0);
  const report = await verifyLedger({ root });
  expect(report).toMatchObject({ ok: true, rows: 3 * 4 * 40 * 2, runs: 2 });
  const ledger = await openLedger({ root, readonly: true });
  onTestFinished(() => ledger.close());
  expect([...ledger.runEvents(shared.traceId)].map((event) => event.seq)).toEqual(Array.from({ length: 640 }, (_, i) => i));
  // Both rows of an append stand together.
  const messages = ledger.rows(1, 2000).map((row) => row.payload.message);
  for (let i = 0; i < messages.length; i += 2) expect(messages[i + 1]).toBe(`${messages[i]}'`);
});

test("kill -9 of a writer at any moment loses nothing that was acknowledged", async () => {
  const root = freshRoot();
  const run = newRun();
  const acknowledged = new Map<number, string>();
  for (let round = 0; round < 5; round++) {
    const { child, lines, ended } = start(root, run, 100_000);
    const target = 1 + Math.floor(Math.random() * 400);
    while (lines().length < target && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill("SIGKILL");
    await ended;
    for (const entry of lines()) {
      const [id, hash] = entry.split(" ");
      acknowledged.set(Number(id), hash!);
    }
    const report = await verifyLedger({ root });
    expect(report).toMatchObject({ ok: true, problems: [] });
    expect(report.rows).toBeGreaterThanOrEqual(Math.max(...acknowledged.keys()));
  }
  const ledger = await openLedger({ root });
  onTestFinished(() => ledger.close());
  for (const [id, hash] of acknowledged) expect(ledger.row(id)!.hash).toBe(hash);
  // The next writer goes on from there.
  const [row] = await ledger.append({ trace: run, drafts: [log("after")] });
  expect(row!.id).toBe(ledger.watermark());
});

test("what was on its way to the ledger when the disk became full is rejected for that reason, not for a thread that died", async () => {
  for (let round = 0; round < 10; round++) {
    const ledger = await freshLedger({ maxPages: 64 });
    const run = newRun();
    const appends: Promise<unknown>[] = [];
    // A batch for each turn of the event loop, and the last of them after the disk is full.
    for (let i = 0; i < 300; i++) {
      appends.push(ledger.append({ trace: run, drafts: [log("x".repeat(2000))] }));
      if (i % 3 === 0) await new Promise(setImmediate);
    }
    const ends = await Promise.allSettled(appends);
    const codes = new Set(ends.flatMap((end) => (end.status === "rejected" ? [(end.reason as { code: string }).code] : [])));
    expect([...codes]).toEqual(["KB_FULL"]);
    await ledger.close();
  }
});

test("a full disk rejects what waits and what comes later, and loses nothing that was acknowledged", async () => {
  const ledger = await freshLedger({ maxPages: 64 });
  const run = newRun();
  const acknowledged: number[] = [];
  let failure: unknown;
  while (!failure) {
    const appends = Array.from({ length: 8 }, () => ledger.append({ trace: run, drafts: [log("x".repeat(2000))] }));
    for (const result of await Promise.allSettled(appends))
      if (result.status === "fulfilled") acknowledged.push(result.value[0]!.id);
      else failure = result.reason;
  }
  expect(failure).toMatchObject({ name: "KbError", code: "KB_FULL", hint: expect.stringContaining("space") });
  await expect(ledger.append({ trace: run, drafts: [log("small")] })).rejects.toMatchObject({ code: "KB_FULL" });
  await expect(ledger.flush()).rejects.toMatchObject({ code: "KB_FULL" });
  expect(ledger.rows(1, 1000).map((row) => row.id)).toEqual(acknowledged);
  await ledger.close();
  expect(await verifyLedger({ root: ledger.root })).toMatchObject({ ok: true, rows: acknowledged.length });
  const again = await openLedger({ root: ledger.root });
  onTestFinished(() => again.close());
  await again.append({ trace: run, drafts: [log("there is room again")] });
});

test("a lock that another program keeps ends in KB_LOCKED, not in waiting for ever", async () => {
  const ledger = await freshLedger({ busyMs: 50 });
  const db = new Database(ledger.file);
  onTestFinished(() => void db.close());
  db.exec("BEGIN IMMEDIATE");
  await expect(ledger.append({ trace: newRun(), drafts: [log("a")] })).rejects.toMatchObject({ code: "KB_LOCKED" });
  await expect(ledger.append({ trace: newRun(), drafts: [log("a")] })).rejects.toMatchObject({ code: "KB_LOCKED" });
});

test.each<[string, (root: string) => unknown]>([
  ["", () => {}],
  [", nor what another reader has left there", async (root) => (await openKb({ root, appends: false })).close()],
  [", nor an empty log", (root) => writeFileSync(join(root, "events.sqlite-wal"), "")],
])("a folder that may not be written is a clear error for a writer and no obstacle for a reader%s", async (_, leave) => {
  const root = freshRoot();
  const kb = await openKb({ root });
  await kb.ledger.append({ trace: newRun(), drafts: [log("a")] });
  await kb.views.catchUp();
  await kb.close();
  await leave(root);
  // The superuser may write anywhere: then somebody else must try.
  const nobody = 65534;
  const other = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  for (const name of readdirSync(root)) {
    if (other.uid) chownSync(join(root, name), nobody, nobody);
    chmodSync(join(root, name), 0o400);
  }
  if (other.uid) chownSync(root, nobody, nobody);
  chmodSync(root, 0o500);
  onTestFinished(() => chmodSync(root, 0o700));
  const writing = start(root, newRun(), 1, other);
  expect([await writing.ended, writing.lines()]).toEqual([1, ["KB_READONLY"]]);
  const { stdout } = spawnSync(process.execPath, [reader, root], { encoding: "utf8", ...other });
  expect(stdout).toBe("1 0 true 1\n");
});

test("a file that is removed under a writer is an error, not a silent loss", async () => {
  const ledger = await freshLedger();
  await ledger.append({ trace: newRun(), drafts: [log("a")] });
  rmSync(join(ledger.root, "events.sqlite"));
  rmSync(join(ledger.root, "events.sqlite-wal"));
  await expect(ledger.append({ trace: newRun(), drafts: [log("b")] })).rejects.toMatchObject({ name: "KbError" });
});

const proposed = (id: ReturnType<typeof proposalId>, expires: number | null = null) =>
  ({
    kind: "action.proposed",
    level: "info",
    message: "send it?",
    meta: {
      proposal_id: id,
      node: "send" as never,
      attempt: 1,
      call_seq: 0,
      action: "email.send",
      args_hash: jsonDigest("args"),
      summary: { value: "…" },
      args: { value: {} },
      expires_at_ms: expires,
    },
  }) as const;
const finished = () =>
  ({
    kind: "run.finished",
    level: "info",
    message: "one cancelled",
    meta: {
      status: "cancelled",
      success: false,
      duration_ms: 9,
      nodes: [] as never[],
      final_hash: jsonDigest("f"),
      totals: { tokens: 0, usd: 0, fuel: 0, calls: 0 },
    },
  }) as const;
const decided = (id: ReturnType<typeof proposalId>, decision: "approved" | "rejected", args = "args") =>
  ({
    kind: "action.decided",
    level: "info",
    message: decision,
    actor: "user",
    meta: { proposal_id: id, args_hash: jsonDigest(args), decision, by: "user" },
  }) as const;

test("a proposal is decided once, whoever is first", async () => {
  const ledger = await freshLedger({ now: () => 1000 });
  const other = await openLedger({ root: ledger.root, now: () => 1000 });
  onTestFinished(() => other.close());
  const run = newRun();
  const id = proposalId(jsonDigest("one"));
  await ledger.append({ trace: run, drafts: [proposed(id)] });
  await expect(other.decideProposal(id, decided(id, "approved", "other args"))).rejects.toMatchObject({
    code: "KB_EVENT_INVALID",
  });
  const attempts = await Promise.allSettled([
    other.decideProposal(id, decided(id, "approved")),
    ledger.append({ trace: run, drafts: [decided(id, "rejected")] }),
    ledger.decideProposal(id, decided(id, "rejected")),
  ]);
  expect(attempts.filter((attempt) => attempt.status === "fulfilled")).toHaveLength(1);
  for (const attempt of attempts) if (attempt.status === "rejected") expect(attempt.reason).toMatchObject({ code: "KB_DECIDED" });
  expect(ledger.proposalRows(id).map((row) => [row.kind, row.seq])).toEqual([
    ["action.proposed", 0],
    ["action.decided", 1],
  ]);
  const unknown = proposalId(jsonDigest("two"));
  await expect(ledger.decideProposal(unknown, decided(unknown, "approved"))).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
});

test("in a run that has ended nothing can be decided any more", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  const id = proposalId(jsonDigest("one"));
  await ledger.append({ trace: run, drafts: [proposed(id), finished()] });
  await expect(ledger.decideProposal(id, decided(id, "approved"))).rejects.toMatchObject({
    code: "KB_DECIDED",
    message: expect.stringContaining("has ended"),
  });
  expect([...ledger.runEvents(run.traceId)]).toHaveLength(2);
});

test("a proposal that has expired cannot be approved", async () => {
  const ledger = await freshLedger({ now: () => 1000 });
  const [soon, late] = [proposalId(jsonDigest("one")), proposalId(jsonDigest("two"))];
  await ledger.append({ trace: newRun(), drafts: [proposed(soon, 1000), proposed(late, 1001)] });
  await expect(ledger.decideProposal(soon, decided(soon, "approved"))).rejects.toMatchObject({
    code: "KB_DECIDED",
    message: expect.stringContaining("expired"),
  });
  expect(await ledger.decideProposal(late, decided(late, "approved"))).toMatchObject({ kind: "action.decided", seq: 2 });
});

test("one process drives a run; the lease of a dead one is free at once", async () => {
  const ledger = await freshLedger();
  const { traceId } = newRun();
  const lease = await ledger.acquireLease(traceId, { owner: "rlp run" });
  const other = await openLedger({ root: ledger.root });
  onTestFinished(() => other.close());
  await expect(other.acquireLease(traceId, { owner: "rlp resume" })).rejects.toMatchObject({
    code: "KB_LEASED",
    message: expect.stringMatching(new RegExp(`rlp run.*${process.pid}.*since \\d{4}-`)),
  });
  await lease.release();
  const dead = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => dead.on("close", resolve));
  await (
    await other.acquireLease(traceId, { owner: "gone", pid: dead.pid! })
  ).traceId;
  const taken = await ledger.acquireLease(traceId, { owner: "rlp resume" });
  expect(taken.lost.aborted).toBe(false);
  // Leases are no part of the chain.
  expect(ledger.watermark()).toBe(0);
  expect(await verifyLedger({ root: ledger.root })).toMatchObject({ ok: true });
});

test("a lease from where processes cannot be seen expires without heartbeats", async () => {
  let time = 1_000_000;
  const ledger = await freshLedger({ now: () => time });
  const { traceId } = newRun();
  await ledger.acquireLease(traceId, { owner: "elsewhere" });
  const db = new Database(ledger.file);
  onTestFinished(() => void db.close());
  db.exec("UPDATE leases SET place = 'another machine'");
  time += 59_000;
  await expect(ledger.acquireLease(traceId, { owner: "here" })).rejects.toMatchObject({ code: "KB_LEASED" });
  time += 2_000;
  await ledger.acquireLease(traceId, { owner: "here" });
});

test("a lease of a process id that was given to another process is free", async () => {
  const ledger = await freshLedger();
  const { traceId } = newRun();
  await ledger.acquireLease(traceId, { owner: "the former" });
  const db = new Database(ledger.file);
  onTestFinished(() => void db.close());
  const started = db.prepare("SELECT started FROM leases").pluck().get();
  if (started === "") return; // no /proc here: process ids are all there is
  db.exec("UPDATE leases SET started = '1'");
  await ledger.acquireLease(traceId, { owner: "the latter" });
});
