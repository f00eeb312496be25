/** A short run of `npm run fuzz -- openings`: both forms, an answer to every file, and formatting that keeps what it means. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fuzzOpenings } from "../../fuzz/openings/run.js";

test("fifteen hundred files that are nearly openings", () => {
  const root = join(import.meta.dirname, "../../..");
  const files = globSync(["test/openings/corpus/*.{yaml,opening}", "examples/*/*.{yaml,opening}"], { cwd: root }).sort();
  const corpus = files.map((path) => new Uint8Array(readFileSync(join(root, path))));
  const told: string[] = [];
  const tally = fuzzOpenings(corpus, { seed: 1, programs: 1500, until: Infinity }, (line) => told.push(line));
  expect(told).toEqual([]);
  expect(tally.valid).toBeGreaterThan(10);
});
