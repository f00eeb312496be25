/** What a machine does to a ledger: processes that die, disks that are full, bits that flip, clocks that go back. */
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { KbError } from "#kb/errors.js";
import { openLedger, type LedgerAnchor } from "#kb/ledger/ledger.js";
import { verifyKb } from "#kb/verify.js";
import { freshLedger, freshRoot, log, newRun } from "./sample.js";

const writer = join(import.meta.dirname, "fixtures/anchored-writer.mjs");

/** `RLP_KILL_ROUNDS=1000 npx vitest run test/kb/faults.test.ts` takes some minutes. */
const KILL_ROUNDS = Number(process.env["RLP_KILL_ROUNDS"] ?? 6);
/** After so many rounds a new ledger begins, so that verifying one does not take longer than killing its writers. */
const ROUNDS_OF_A_LEDGER = 40;
const WRITERS = 16;
/** In every fourth round the writers are four processes, else one. */
const processesIn = (round: number): number => (round % 4 === 0 ? 4 : 1);

function newKey(dir: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = join(dir, "key.pem");
  writeFileSync(pem, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url").toString("base64");
  return { pem, signer: { key: privateKey, public: raw }, keys: [{ name: "own", public: raw, status: "trusted" as const }] };
}

/** Sixteen writers, whose processes are killed one by one at moments of their own. Gives what they were told was durable. */
async function killWriters(processes: number, root: string, headFile: string, pem: string): Promise<Map<number, string>> {
  const acknowledged = new Map<number, string>();
  await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = spawn(process.execPath, [writer, root, headFile, pem, String(WRITERS / processes)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      const begun = new Promise<void>((resolve) =>
        child.stdout.on("data", (chunk: Buffer) => ((text += chunk.toString()), resolve())),
      );
      const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
      await Promise.race([begun, ended]);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      child.kill("SIGKILL");
      await ended;
      // A line without its line feed was cut off by the kill.
      for (const line of text.split("\n").slice(0, -1)) {
        const [id, hash] = line.split(" ");
        acknowledged.set(Number(id), hash!);
      }
    }),
  );
  return acknowledged;
}

test(
  `kill -9 at random moments under sixteen writers, ${KILL_ROUNDS} rounds: nothing acknowledged is lost, and verify is clean each time`,
  async () => {
    let told = 0;
    for (let round = 0; round < KILL_ROUNDS;) {
      const [root, outside] = [freshRoot(), freshRoot()];
      const { pem, keys } = newKey(outside);
      const headFile = join(outside, "note");
      for (let inLedger = 0; inLedger < ROUNDS_OF_A_LEDGER && round < KILL_ROUNDS; inLedger++, round++) {
        const acknowledged = await killWriters(processesIn(round), root, headFile, pem);
        const report = await verifyKb({ root, headFile, keys });
        expect(report.problems, `round ${round}`).toEqual([]);
        const ledger = await openLedger({ root, readonly: true });
        for (const [id, hash] of acknowledged) expect(ledger.row(id)?.hash, `round ${round}, row ${id}`).toBe(hash);
        await ledger.close();
        told += acknowledged.size;
      }
      rmSync(root, { recursive: true });
    }
    expect(told).toBeGreaterThan(KILL_ROUNDS);
  },
  60_000 + 10_000 * KILL_ROUNDS,
);

test("a clock that goes back: the ledger's time stands still, and the chain holds", async () => {
  const times = [5000, 6000, 1000, 0, 7000, 2000];
  let at = 0;
  const ledger = await freshLedger({ now: () => times[at++ % times.length]! });
  for (let i = 0; i < times.length; i++) await ledger.append({ trace: newRun(), drafts: [log("x")] });
  expect(ledger.rows(1, 10).map((row) => row.ts_ms)).toEqual([5000, 6000, 6000, 6000, 7000, 7000]);
  await ledger.close();
  // Another process, whose clock is behind altogether.
  const other = await openLedger({ root: ledger.root, now: () => 1 });
  onTestFinished(() => other.close());
  await other.append({ trace: newRun(), drafts: [log("x")] });
  expect(await verifyKb({ root: ledger.root })).toMatchObject({ ok: true, rows: 7 });
});

test("a file system without room: what was acknowledged is there, and it goes on when there is room again", async (context) => {
  const root = join(freshRoot(), "small");
  mkdirSync(root);
  // Where nobody may mount anything, `max_page_count` stands in for the disk: durability.test.ts.
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", root]).status !== 0) return context.skip();
  onTestFinished(() => void spawnSync("umount", ["-l", root]));
  const outside = freshRoot();
  const { signer, keys } = newKey(outside);
  const anchor: LedgerAnchor = { headFile: join(outside, "note"), signer: () => signer };
  const ledger = await openLedger({ root, anchor });
  const acknowledged: string[] = [];
  const fill = async (): Promise<void> => {
    for (;;) acknowledged.push((await ledger.append({ trace: newRun(), drafts: [log("x".repeat(5000))] }))[0]!.hash);
  };
  await expect(fill()).rejects.toMatchObject({ code: "KB_FULL", hint: expect.stringContaining("space") });
  expect(acknowledged.length).toBeGreaterThan(10);
  await ledger.close();
  expect(spawnSync("mount", ["-o", "remount,size=8m", root]).status).toBe(0);
  const again = await openLedger({ root, anchor });
  onTestFinished(() => again.close());
  await again.append({ trace: newRun(), drafts: [log("after")] });
  for (const [index, hash] of acknowledged.entries()) expect(again.row(index + 1)?.hash).toBe(hash);
  await again.close();
  expect(await verifyKb({ root, headFile: anchor.headFile, keys })).toMatchObject({ ok: true });
});

test("a flipped bit or torn page anywhere in a signed ledger: never a crash, and a clean report only over the rows as they were", async () => {
  const [root, outside] = [freshRoot(), freshRoot()];
  const { signer, keys } = newKey(outside);
  const headFile = join(outside, "note");
  const ledger = await openLedger({ root, anchor: { headFile, signer: () => signer }, now: () => 1_700_000_000_000 });
  for (let i = 0; i < 40; i++) await ledger.append({ trace: newRun(), drafts: [log(`row ${i}`), log("x".repeat(400))] });
  const rows = ledger.rows(1, 100).map((row) => JSON.stringify(row));
  await ledger.close();
  const pristine = readFileSync(ledger.file);
  const damages = fc.oneof(
    fc.record({ at: fc.nat(pristine.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 1 }) }),
    // What a disk writes when it stops in the middle of a page: zeros, or something of another page.
    fc.record({
      at: fc.nat(pristine.length / 512 - 1).map((sector) => 512 * sector),
      bytes: fc.constantFrom(new Uint8Array(512), pristine.subarray(8192, 8704)),
    }),
  );
  let found = 0;
  await fc.assert(
    fc.asyncProperty(damages, async ({ at, bytes }) => {
      const damaged = freshRoot();
      const file = join(damaged, "events.sqlite");
      writeFileSync(file, pristine);
      const descriptor = openSync(file, "r+");
      writeSync(descriptor, bytes, 0, bytes.length, at);
      closeSync(descriptor);
      try {
        if ((await verifyKb({ root: damaged, headFile, keys })).ok) {
          const reader = await openLedger({ root: damaged, readonly: true });
          expect(reader.rows(1, 100).map((row) => JSON.stringify(row))).toEqual(rows);
          await reader.close();
        } else found++;
      } catch (cause) {
        if (!(cause instanceof KbError)) throw cause;
        found++;
      }
      rmSync(damaged, { recursive: true });
    }),
    { numRuns: 150 },
  );
  expect(found).toBeGreaterThan(20);
});

test("a page that is damaged under a writer: it says so, writes nothing more, and what it acknowledged is as readable as before", async () => {
  const ledger = await freshLedger();
  const run = newRun();
  for (let i = 0; i < 200; i++) await ledger.append({ trace: run, drafts: [log("x".repeat(500))] });
  await ledger.close();
  const file = readFileSync(ledger.file);
  // All pages but the first: whichever the writer needs first, it finds it broken.
  writeFileSync(ledger.file, Buffer.concat([file.subarray(0, 4096), Buffer.alloc(file.length - 4096, 0xff)]));
  const again = await openLedger({ root: ledger.root }).catch((cause: unknown) => cause as KbError);
  if (again instanceof KbError) expect(again.code).toBe("KB_CORRUPT");
  else {
    await expect(again.append({ trace: run, drafts: [log("y")] })).rejects.toMatchObject({
      code: "KB_CORRUPT",
      hint: expect.stringContaining("rlp kb restore"),
    });
    await again.close();
  }
  expect(await verifyKb({ root: ledger.root })).toMatchObject({ ok: false });
});

test("readers never wait: one that reads a long time and a writer do not know of each other", async () => {
  const ledger = await freshLedger();
  for (let i = 0; i < 20; i++) await ledger.append({ trace: newRun(), drafts: [log("x")] });
  const reader = await openLedger({ root: ledger.root, readonly: true });
  onTestFinished(() => reader.close());
  const [verified] = await Promise.all([
    verifyKb({ root: ledger.root }),
    ...Array.from({ length: 20 }, () => ledger.append({ trace: newRun(), drafts: [log("y")] })),
  ]);
  expect(verified).toMatchObject({ ok: true });
  expect(reader.watermark()).toBe(40);
});
