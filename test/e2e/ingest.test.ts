import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { freshHome } from "./rlp.js";

async function homeWithFiles(count: number) {
  const home = await freshHome();
  onTestFinished(() => home.remove());
  const folder = join(home.path, "files");
  mkdirSync(folder);
  for (let index = 0; index < count; index++)
    writeFileSync(
      join(folder, `${String(index).padStart(4, "0")}.md`),
      `# Note ${index}\n\n${`word${index} and more `.repeat(40)}\n`,
    );
  return { home, folder };
}

test("an ingest that is killed goes on where it was: nothing is lost and nothing is there twice", async () => {
  const { home, folder } = await homeWithFiles(1500);
  for (const ms of [150, 350, 600]) {
    const child = home.start("kb", "ingest", folder, "--json");
    const gone = once(child, "close");
    await sleep(ms);
    child.kill("SIGKILL");
    await gone;
  }
  const { code, stdout } = await home.rlp("kb", "ingest", folder, "--json");
  expect(code).toBe(0);
  const { documents } = JSON.parse(stdout) as { documents: { added: number; unchanged: number } };
  expect(documents.added + documents.unchanged).toBe(1500);
  const rows = await home.rlp("kb", "query", "SELECT count(*) AS n, count(DISTINCT uri) AS u FROM documents", "--json");
  expect(JSON.parse(rows.stdout)).toMatchObject({ rows: [[1500, 1500]] });
  expect((await home.rlp("kb", "verify")).code).toBe(0);
  const hits = JSON.parse((await home.rlp("kb", "search", "word777", "--json")).stdout) as { title: string; ranks: object }[];
  expect(hits[0]).toMatchObject({ title: "Note 777", ranks: { words: 1, vectors: expect.any(Number) } });
});

test("files of every kind in one folder: the good are found, the bad are listed", async () => {
  const { home, folder } = await homeWithFiles(1);
  const files = {
    "page.html": "<title>Budget</title><h1>Budget</h1><p>The zebra budget.</p>",
    "mail.eml": "From: Ann <ann@example.org>\r\nSubject: Zebra offer\r\n\r\nThe zebra offer.\r\n",
    "records.json": '[{"name": "zebra one"}, {"name": "two"}]',
    "bad.pdf": "%PDF-1.4 and nothing",
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const { code, stdout } = await home.rlp("kb", "ingest", folder, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    documents: { added: 4, chunks: 5 },
    skipped: [{ file: join(folder, "bad.pdf"), reason: expect.stringContaining("cannot be read as PDF") }],
  });
  const hits = JSON.parse((await home.rlp("kb", "search", "zebra", "--json")).stdout) as { title: string }[];
  expect(hits.map((hit) => hit.title).sort()).toEqual(["Budget", "Zebra offer", "records.json"]);
});

test("--watch takes in what changes, until it is interrupted", async () => {
  const { home, folder } = await homeWithFiles(1);
  const child = home.start("kb", "ingest", folder, "--watch", "--json");
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const until = async (text: string) => {
    while (!said.includes(text)) await once(child.stdout, "data");
  };
  await until('"added":1');
  said = "";
  // The watcher starts after the first pass; it looks once more then, so the file is found either way.
  writeFileSync(join(folder, "later.md"), "# Later\n\nA walrus.\n");
  await until('"added":1');
  child.kill("SIGINT");
  const [code] = (await once(child, "close")) as [number | null];
  expect(code).toBe(0);
  expect((await home.rlp("kb", "search", "walrus", "--json")).stdout).toContain("Later");
});
