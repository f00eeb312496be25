import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, afterAll, expect, test } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { openKb, type Kb } from "#kb/kb.js";
import { query } from "#kb/query/query.js";
import { contact } from "./sample.js";

let kb: Kb;
let before: string;

beforeAll(async () => {
  kb = await openKb({ root: mkdtempSync(join(tmpdir(), "rlp-query-")) });
  const drafts = Array.from({ length: 1200 }, (_, i) =>
    contact(`Person ${String(i).padStart(4, "0")}`, `p${i}@example.com`, { org: "x".repeat(40) }),
  );
  await kb.ledger.append({ trace: null, drafts });
  await kb.views.catchUp();
  before = kb.views.digest();
});
afterAll(async () => {
  await kb.close();
  rmSync(kb.root, { recursive: true, force: true });
});

test("a SELECT gives columns and rows", async () => {
  const sql =
    " -- who\n/* is * there */ SELECT name, 1.5 AS n, NULL AS empty, x'00ff' AS bytes FROM contacts WHERE email = 'p7@example.com'";
  expect(await query(kb, sql)).toEqual({
    columns: ["name", "n", "empty", "bytes"],
    rows: [["Person 0007", 1.5, null, "x'00ff'"]],
    cut: null,
  });
  const counted = await query(kb, "WITH c AS (SELECT count(*) AS n FROM contacts) SELECT n FROM c");
  expect(counted.rows).toEqual([[1200]]);
});

test("limits cut and say so", async () => {
  const all = await query(kb, "SELECT name FROM contacts ORDER BY name");
  expect([all.rows.length, all.cut]).toEqual([1000, "rows"]);
  const few = await query(kb, "SELECT * FROM contacts", { bytes: 2000 });
  expect(few.cut).toBe("bytes");
  expect(few.rows.length).toBeLessThan(20);
  const exact = await query(kb, "SELECT name FROM contacts LIMIT 1000");
  expect([exact.rows.length, exact.cut]).toEqual([1000, null]);
});

test("an endless recursion is ended", async () => {
  const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
  await expect(query(kb, endless, { ms: 500 })).rejects.toMatchObject({
    code: "KB_QUERY",
    exit: 2,
    message: expect.stringContaining("500 ms"),
  });
});

test.runIf(existsSync("/proc/self/statm"))("a query that eats memory is ended", async () => {
  const greedy =
    "WITH RECURSIVE n(i, s) AS (SELECT 1, zeroblob(20000000) UNION ALL SELECT i + 1, zeroblob(20000000) FROM n LIMIT 500) SELECT group_concat(hex(s)) FROM n";
  await expect(query(kb, greedy, { memoryBytes: 200 << 20, ms: 20_000 })).rejects.toMatchObject({ code: "KB_QUERY" });
});

test.each([
  "",
  "-- nothing",
  "/* unclosed",
  "DELETE FROM contact_versions",
  "UPDATE runs SET status = 'ok'",
  "INSERT INTO meta VALUES ('a', 1) RETURNING *",
  "WITH x AS (SELECT 1) DELETE FROM contact_versions RETURNING *",
  "WITH x AS (SELECT 1) INSERT INTO meta SELECT 'a', 1 FROM x",
  "SELECT 1; DELETE FROM contact_versions",
  "SELECT 1;\0DELETE FROM contact_versions",
  "SELECT 1\0",
  "DROP TABLE runs",
  "ATTACH DATABASE 'other.sqlite' AS other",
  "SELECT 1 FROM other.t; ATTACH 'x' AS other",
  "PRAGMA journal_mode = DELETE",
  "PRAGMA table_info(runs)",
  "VACUUM INTO 'copy.sqlite'",
  "BEGIN EXCLUSIVE",
  "EXPLAIN SELECT 1",
  "VALUES (1)",
  "SELECT load_extension('x')",
  "SELECT readfile('/etc/passwd')",
  "SELECT writefile('x', 'y')",
  "SELECT edit('x')",
  "SELECT ?",
  "SELECT * FROM no_such_table",
  "SELECT * FROM events",
  `SELECT ${"(".repeat(5000)}1${")".repeat(5000)}`,
  `SELECT '${"x".repeat(70_000)}'`,
])("refused: %j", async (sql) => {
  await expect(query(kb, sql)).rejects.toMatchObject({ name: "KbError", code: "KB_QUERY" });
});

test("after all of that the views are as they were", async () => {
  expect(kb.views.digest()).toBe(before);
  expect(existsSync("copy.sqlite")).toBe(false);
});
