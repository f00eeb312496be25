/** A home whose ledger somebody removed: what is remembered of it elsewhere says so, to everybody who asks. */
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freshHome, homeWithSamples, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
beforeEach(async () => {
  home = await homeWithSamples();
});
afterEach(() => home.remove());

const ledger = (): string => join(home.path, "pog/events.sqlite");
const views = (): string => join(home.path, "pog/pog.sqlite");
const removed = /^error\[KB_BROKEN_CHAIN\]: there is no ledger, but row 15 of it was written/;

test.each<[string, () => Promise<void>]>([
  ["the ledger alone", () => rm(ledger())],
  ["the ledger, left as an empty file", () => truncate(ledger(), 0)],
  ["the ledger and its views, but not the note outside", async () => void (await Promise.all([rm(ledger()), rm(views())]))],
  [
    "the ledger and the note, but not the views",
    async () => void (await Promise.all([rm(ledger()), rm(join(home.path, "heads"), { recursive: true })])),
  ],
])("%s: exit code 4, not an empty knowledge base, and nothing begins anew", async (_, remove) => {
  await remove();
  expect(await home.rlp("kb", "verify")).toMatchObject({ code: 4, stderr: expect.stringMatching(removed) });
  for (const words of [["runs"], ["kb", "search", "warehouse"]])
    expect(await home.rlp(...words), words.join(" ")).toMatchObject({
      code: 4,
      stdout: "",
      stderr: expect.stringMatching(/KB_BROKEN_CHAIN/),
    });
  expect(await home.rlp("kb", "ingest", "examples/data")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("KB_BROKEN_CHAIN"),
  });
});

test("who removed it on purpose is told what remembers it, and begins anew without that", async () => {
  await rm(ledger());
  const { stderr } = await home.rlp("runs");
  const [, named = ""] = /^hint: .* too: (.*)$/m.exec(stderr) ?? [];
  expect(named.split(", ")).toEqual([expect.stringContaining(join(home.path, "heads")), "pog.sqlite"]);
  await Promise.all([rm(join(home.path, "heads"), { recursive: true }), rm(views())]);
  expect(await home.rlp("runs")).toMatchObject({ code: 0, stdout: "[]\n" });
  expect(await home.rlp("kb", "ingest", "examples/data")).toMatchObject({ code: 0 });
});

test("a home that never had one has none, which is no damage", async () => {
  const fresh = await freshHome();
  expect(await fresh.rlp("kb", "verify")).toMatchObject({ code: 1, stderr: expect.stringContaining("KB_NOT_FOUND") });
  expect(await fresh.rlp("runs")).toMatchObject({ code: 0, stdout: "[]\n" });
  await fresh.remove();
});
