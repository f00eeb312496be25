import { join } from "node:path";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { maxPages, quotaWarning } from "#host/config/quota.js";
import { admissionName } from "#host/component/admit.js";
import { sweepCache } from "#host/component/sweep.js";
import { collectBlobs, componentsOf } from "#kb/gc.js";
import { openKb } from "#kb/kb.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { statsOf } from "#kb/stats.js";
import { vacuumKb } from "#kb/vacuum.js";
import { sampleRun } from "./run.js";
import { contact, freshKb, freshLedger, freshRoot, log, newRun, put } from "./sample.js";

const blob = (text: string) => ({ digest: blake3(text), bytes: new TextEncoder().encode(text), mediaType: "text/plain" });

test("gc drops what no row refers to and keeps what a parked or finished run needs", async () => {
  const kb = await freshKb();
  const parked = await sampleRun(kb, { decide: false });
  await sampleRun(kb);
  const run = newRun();
  const value = blob('"a value in a blob"');
  const stored = { blob: value.digest, bytes: value.bytes.length };
  const finished = {
    node: "n",
    attempt: 1,
    status: "ok",
    duration_ms: 1,
    fuel: 1,
    peak_memory_bytes: 1,
    outputs: [],
    outputs_hash: null,
    journal_hash: blake3("j"),
    local_hash: blake3("l"),
    state: stored,
  };
  await kb.ledger.append({
    trace: run,
    drafts: [{ kind: "node.finished", level: "info", message: "", meta: finished } as never],
    blobs: [value, blob("nobody's")],
  });
  expect(collectBlobs(kb.root, { dryRun: true })).toMatchObject({ blobs: 1, bytes: 8 });
  expect(collectBlobs(kb.root)).toMatchObject({ blobs: 1, kept: { blobs: 2 } });
  expect(collectBlobs(kb.root)).toMatchObject({ blobs: 0, kept: { blobs: 2 } });
  expect(await verifyLedger({ root: kb.root })).toMatchObject({ ok: true, blobs: 2 });
  expect(kb.ledger.blob(value.digest)).toBeDefined();
  expect([...kb.ledger.runEvents(parked.run.traceId)].at(-1)).toMatchObject({ kind: "run.parked" });
});

test("gc beside a writer that stores the same blob again: whoever refers to it has it", async () => {
  const ledger = await freshLedger();
  const bytes = blob("shared");
  const document = {
    kind: "document.ingested",
    level: "info",
    message: "",
    meta: { uri: "a:b", digest: bytes.digest, chunks: 1 },
  } as const;
  for (let round = 0; round < 10; round++) {
    await ledger.append({ trace: newRun(), drafts: [log("x")], blobs: [blob(`orphan ${round}`)] });
    const written = ledger.append({ trace: null, drafts: [document], blobs: [bytes] });
    collectBlobs(ledger.root);
    await written;
  }
  expect(await verifyLedger({ root: ledger.root })).toMatchObject({ ok: true, blobs: 11 });
});

test("translated components: those of runs and agents stay, for any memory; what is left over goes", async () => {
  const cache = freshRoot();
  const dir = join(cache, "components");
  mkdirSync(dir);
  const [used, other] = [blake3("used"), blake3("other")];
  const names = [
    `${await admissionName(used, 64)}.rlp`,
    `${await admissionName(used, 1000)}.rlp`,
    `${await admissionName(other, 64)}.rlp`,
    "left-over.tmp",
  ];
  for (const name of names) writeFileSync(join(dir, name), "1234");
  expect(await sweepCache(cache, new Set([used]), { dryRun: true })).toMatchObject({ files: 2, bytes: 8 });
  expect(await sweepCache(cache, new Set([used]))).toEqual({ files: 2, bytes: 8, kept: { files: 2, bytes: 8 } });
  expect(names.map((name) => existsSync(join(dir, name)))).toEqual([true, true, false, false]);
  expect(await sweepCache(freshRoot(), new Set())).toMatchObject({ files: 0 });
});

test("the components of runs are named by the ledger", async () => {
  const kb = await freshKb();
  await sampleRun(kb);
  expect(componentsOf(kb.root)).toEqual(new Set());
});

test("statistics count what there is", async () => {
  const kb = await freshKb({ now: () => 5000 });
  await put(kb, contact("Ada", "ada@example.com"), contact("Bob", "bob@example.com"));
  await sampleRun(kb);
  const stats = statsOf(kb.root);
  expect(stats).toMatchObject({ rows: 22, runs: 1, firstMs: 5000, lastMs: 5000, blobs: { count: 3 }, seals: 2, viewsBehind: 20 });
  expect(stats.kinds.find(({ kind }) => kind === "contact.upserted")).toMatchObject({ rows: 2 });
  expect(stats.kinds.reduce((sum, { rows }) => sum + rows, 0)).toBe(22);
  expect(stats.files.map(({ name }) => name)).toEqual(["events.sqlite", "pog.sqlite"]);
  expect(() => statsOf(freshRoot())).toThrow(expect.objectContaining({ code: "KB_NOT_FOUND" }));
});

test("vacuum gives room back and changes no row, and no content of a view", async () => {
  const kb = await freshKb();
  await sampleRun(kb);
  const big = blob("x".repeat(2 << 20));
  await kb.ledger.append({ trace: newRun(), drafts: [log("x")], blobs: [big] });
  await kb.views.catchUp();
  const digest = kb.views.digest();
  await kb.close();
  const head = (await verifyLedger({ root: kb.root })).head;
  collectBlobs(kb.root);
  const [ledger] = vacuumKb(kb.root, { analyze: true });
  expect(ledger!.before - ledger!.after).toBeGreaterThan(1 << 20);
  expect(await verifyLedger({ root: kb.root })).toMatchObject({ ok: true, head });
  const again = await openKb({ root: kb.root });
  expect(again.views.digest()).toBe(digest);
  await again.close();
});

test("a quota warns first and then refuses, and what was acknowledged stays", async () => {
  expect(maxPages({ quota_mib: null })).toEqual({});
  expect(quotaWarning({ quota_mib: 1 }, 900_000)).toBeNull();
  expect(quotaWarning({ quota_mib: 1 }, 1_000_000)).toContain("1 MiB");
  const ledger = await openLedger({ root: freshRoot(), ...maxPages({ quota_mib: 1 }) });
  let acknowledged = 0;
  const fill = async (): Promise<void> => {
    for (;;) {
      await ledger.append({ trace: newRun(), drafts: [log("x".repeat(50_000))] });
      acknowledged++;
    }
  };
  await expect(fill()).rejects.toMatchObject({ code: "KB_FULL", hint: expect.stringContaining("kb.quota_mib") });
  await ledger.close();
  expect(acknowledged).toBeGreaterThan(5);
  expect(await verifyLedger({ root: ledger.root })).toMatchObject({ ok: true, rows: acknowledged });
});
