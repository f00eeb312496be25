/** A short piece of the fuzz run of the component parser (CONTRIBUTING.md, `npm run fuzz -- component`). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Choices } from "../../fuzz/choices.js";
import { mutate } from "../../fuzz/component/mutate.js";
import { fuzzComponents } from "../../fuzz/component/run.js";
import { COMPLETE, component, imports, ok, textAt } from "./guest.js";

let dir: string;
let corpus: string[];
let first: Uint8Array;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "rlp-fuzz-"));
  first = await component({ imports: [imports.complete], run: `${COMPLETE} ${ok(...textAt(512))}` });
  const second = await component({
    imports: [imports.log, imports.stream, imports.nextChunk],
    run: "(loop (br 0)) unreachable",
    encoding: "utf16",
  });
  corpus = [first, second].map((bytes, index) => {
    const file = join(dir, `${index}.wasm`);
    writeFileSync(file, bytes);
    return file;
  });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("a mutation is what its seed says, and changes something", () => {
  const made = (seed: number): Uint8Array => mutate(first, first, Choices.seeded(seed));
  expect(made(3)).toEqual(made(3));
  const changed = Array.from({ length: 100 }, (_, seed) => Buffer.compare(made(seed), first) !== 0).filter(Boolean).length;
  expect(changed).toBeGreaterThan(90);
});

test("a changed component is refused or admitted, within its memory, and what is admitted ends like any guest", async () => {
  const lines: string[] = [];
  const tally = await fuzzComponents(corpus, { seed: 1, programs: 2_500, until: Infinity }, (line) => lines.push(line));
  expect(lines).toEqual([]);
  expect(tally).toMatchObject({ programs: 2_500, findings: 0 });
  // Both happened often enough to show something.
  expect(tally.admitted).toBeGreaterThan(20);
  expect(tally.started).toBeGreaterThan(2);
  expect(tally.refused.size).toBeGreaterThan(3);
});
