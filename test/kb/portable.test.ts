import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { openKb } from "#kb/kb.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { verifyLedger } from "#kb/ledger/verify.js";
import { exportLedger } from "#kb/portable/export.js";
import { importLedger } from "#kb/portable/import.js";
import { linesOf } from "#kb/portable/lines.js";
import { ingest } from "#kb/ingest/ingest.js";
import { sampleRun } from "./run.js";
import { contact, freshRoot, put } from "./sample.js";

let lines: string[];
let digest: string;
const folder = mkdtempSync(join(tmpdir(), "rlp-portable-"));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const root = folder;
  const kb = await openKb({ root, now: () => 1_760_000_000_000 });
  await put(kb, contact("Ada", "ada@example.com"));
  await ingest(kb, { bytes: new TextEncoder().encode("# Minutes\n\nThe plan was agreed.\n"), uri: "minutes.md" });
  await sampleRun(kb);
  await kb.views.catchUp();
  digest = kb.views.digest();
  await kb.close();
  lines = [...exportLedger(root)];
});

async function take(given: readonly string[] | AsyncIterable<Uint8Array>, root = freshRoot()) {
  const chunks = Array.isArray(given)
    ? (async function* () {
        for (const line of given) yield `${line}\n`;
      })()
    : (given as AsyncIterable<Uint8Array>);
  return { root, report: await importLedger({ root, chunks, name: "input" }) };
}

test("what is exported and imported is the same ledger, row by row, and makes the same views", async () => {
  const { root, report } = await take(lines);
  expect(report).toMatchObject({ ok: true, head: JSON.parse(lines[0]!).head });
  expect([...exportLedger(root)].slice(1, report.rows + 1)).toEqual(lines.slice(1, report.rows + 1));
  const kb = await openKb({ root });
  await kb.views.catchUp();
  expect(kb.ledger.row(report.rows + 1)).toMatchObject({
    kind: "ledger.imported",
    payload: { meta: { last: report.rows, head: report.head } },
  });
  expect(kb.views.contacts({ match: "ada" })).toHaveLength(1);
  await kb.close();
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(await verifyLedger({ root })).toMatchObject({ ok: true, rows: report.rows + 1 });
});

test("a ledger that is there is never joined or replaced", async () => {
  const { root } = await take(lines);
  const before = (await verifyLedger({ root })).head;
  await expect(take(lines, root)).rejects.toMatchObject({ code: "KB_EXISTS" });
  expect((await verifyLedger({ root })).head).toBe(before);
});

const edit = (line: number, change: (value: any) => unknown): string[] =>
  lines.map((text, index) => {
    if (index !== line) return text;
    const value = JSON.parse(text);
    return JSON.stringify(change(value) ?? value);
  });
const blobAt = (): number => lines.findIndex((line) => line.startsWith('{"blob"'));

test.each<[string, () => readonly string[], RegExp]>([
  ["nothing", () => [], /nothing in it/],
  ["another file", () => ["hello"], /line|JSON|not/i],
  ["a line cut off at the end", () => lines.slice(0, -1), /cut off/],
  ["something behind the end", () => [...lines, lines[1]!], /behind the last line/],
  ["a row left out", () => lines.toSpliced(3, 1), /stands where row 3 is due/],
  ["a row twice", () => lines.toSpliced(3, 0, lines[3]!), /stands where row 4 is due/],
  ["two rows exchanged", () => lines.with(3, lines[4]!).with(4, lines[3]!), /stands where/],
  ["an altered payload", () => edit(6, (row) => void (row.payload.message = "Eve")), /row 6 was altered/],
  ["an altered actor", () => edit(1, (row) => void (row.actor = "host")), /row 1 was altered/],
  ["another chain", () => edit(2, (row) => void (row.prev_hash = blake3("x"))), /does not follow/],
  ["a member too many", () => edit(1, (row) => void (row.extra = 1)), /extra/],
  ["a member `__proto__`", () => lines.with(1, lines[1]!.replace('{"id"', '{"__proto__":{},"id"')), /proto/],
  ["an id that is no number", () => edit(1, (row) => void (row.id = "1")), /number|int/i],
  ["an altered blob", () => edit(blobAt(), (blob) => void (blob.base64 = "AAAA")), /other bytes than its digest/],
  ["base64 that is none", () => edit(blobAt(), (blob) => void (blob.base64 = "*")), /base64/i],
  ["a blob twice", () => lines.toSpliced(blobAt(), 0, lines[blobAt()]!), /are due/],
  ["a blob left out", () => lines.toSpliced(blobAt(), 1), /is due|are due/],
  ["a newer schema", () => edit(0, (header) => void (header.schema = 99)), /newer/],
  ["another format", () => edit(0, (header) => void (header.format = "other")), /format/],
  ["a row deeper than JSON may be", () => lines.with(1, `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`), /deeper/],
])("refused, with its line, and nothing is left behind: %s", async (_, input, says) => {
  const root = freshRoot();
  await expect(take(input(), root)).rejects.toMatchObject({
    code: "KB_IMPORT",
    message: expect.stringMatching(says),
    place: { file: "input" },
  });
  expect(readdirSync(root)).toEqual([]);
  await expect(openLedger({ root, readonly: true })).rejects.toMatchObject({ code: "KB_NOT_FOUND" });
});

test("an event of no kind, or that does not fit its kind, is refused though its hash is right", async () => {
  const { rowHash } = await import("#kb/ledger/row-hash.js");
  const { canonicalJson } = await import("#core/json.js");
  for (const [kind, meta, says] of [
    ["no.such", {}, /no event kind/],
    ["note.added", { text: 7 }, /text/],
  ] as const) {
    const payload = { level: "info", message: "", meta };
    const hash = rowHash(new Uint8Array(32), 1, 5, null, null, "user", kind, "user", canonicalJson(payload), "{}");
    const row = {
      id: 1,
      ts_ms: 5,
      trace_id: null,
      seq: null,
      actor: "user",
      kind,
      scope: "user",
      payload,
      provenance: {},
      prev_hash: "0".repeat(64),
      hash: Buffer.from(hash).toString("hex"),
    };
    await expect(take([lines[0]!, JSON.stringify(row)])).rejects.toMatchObject({
      code: "KB_IMPORT",
      message: expect.stringMatching(says),
      place: { line: 2 },
    });
  }
});

test("a line without an end is refused before it is held", async () => {
  let sent = 0;
  const endless = (async function* () {
    for (;;) {
      sent += 1 << 20;
      yield Buffer.alloc(1 << 20, 0x61);
    }
  })();
  await expect(take(endless)).rejects.toMatchObject({ code: "KB_IMPORT", message: expect.stringContaining("longer") });
  expect(sent).toBeLessThan(200 << 20);
});

test("lines are the same however they come in pieces, within characters too", async () => {
  const all = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.array(fc.nat(20)), async (text, cuts) => {
      const bytes = Buffer.from(text.toWellFormed().replaceAll("|", "\n"));
      const pieces = (async function* () {
        let at = 0;
        for (const cut of cuts) yield bytes.subarray(at, (at = Math.min(bytes.length, at + cut)));
        yield bytes.subarray(at);
      })();
      const found: string[] = [];
      for await (const { text: line } of linesOf(pieces, 1 << 20, () => expect.unreachable())) found.push(line);
      expect(found).toEqual(all(bytes.toString()));
    }),
  );
});
