/** The bench measures thousands (`npm run bench -- --only suspended --only crowd`); the same code holds for as many as a test may take. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCrowd, type Crowd, type CrowdHouse } from "../../bench/crowd.js";

const crowd: Crowd = { computing: 20, waiting: 150, rounds: 150 };
let scratch: string;
let house: CrowdHouse;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "rlp-crowd-"));
  house = await openCrowd(scratch, crowd);
});
afterAll(async () => {
  await house?.close();
  rmSync(scratch, { recursive: true, force: true });
});

test("a sandbox process killed under agents that compute and agents that wait: the run ends with the hashes of an undisturbed one", async () => {
  const undisturbed = await house.run({ kill: false });
  const disturbed = await house.run({ kill: true });
  expect(undisturbed.wrong).toEqual([]);
  expect(disturbed.wrong).toEqual([]);
  expect(disturbed.killed).toBeGreaterThanOrEqual(crowd.waiting);
  expect([undisturbed.processes, disturbed.processes]).toEqual([1, 2]);
  expect(disturbed.finalHash).toBe(undisturbed.finalHash);
  // Stronger than the run's hash: each agent was given the same answers at the same fuel.
  expect([...disturbed.journals].sort()).toEqual([...undisturbed.journals].sort());
  expect(undisturbed.journals.size).toBe(crowd.computing + crowd.waiting);
});
