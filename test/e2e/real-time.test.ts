/** `time = "real"`: dates of this machine, journaled; a replay tells those of the run. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeAgent, writeOpening } from "./bundle.js";
import { events, freshHome, only, type HomeFolder } from "./rlp.js";

const EPOCH = Date.UTC(2001, 8, 9);
const SAYS = 'return ok().send("out", "text.v1", clock.nowMs().value.toString() + " " + clock.monotonicNs().value.toString());';

const PORTS = '[ports.out.out]\ntype = "text.v1"\n[schemas.with]\ntype = "object"\n';

let home: HomeFolder;
let folder: string;
beforeAll(async () => {
  home = await freshHome();
  folder = await mkdtemp(join(tmpdir(), "rlp-time-"));
  await writeAgent(folder, { name: "real", code: SAYS, policy: 'time = "real"\n', ports: PORTS });
  await writeAgent(folder, { name: "own", code: SAYS, policy: "time = true\n", ports: PORTS });
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

test("one reading is the machine's and in the journal, the other the run's; both replay", async () => {
  const file = await writeOpening(folder, "times", [
    { id: "real", agent: "real" },
    { id: "own", agent: "own" },
  ]);
  const before = Date.now();
  const run = await home.rlp("run", file, "--local", "--json", "--epoch", String(EPOCH));
  const after = Date.now();
  expect([run.code, run.stderr]).toEqual([0, ""]);
  const all = events(run.stdout);
  const told = (node: string): number[] => {
    const body = only(all, "node.finished").find(({ meta }) => meta.node === node)?.meta.outputs[0]?.body;
    return String((body as { readonly value?: unknown }).value)
      .split(" ")
      .map(Number);
  };
  const calls = only(all, "call.finished").map(({ meta }) => `${meta.node} ${meta.interface}.${meta.function}`);
  expect(calls).toEqual(["real clock.now-ms"]);
  const [real = 0] = told("real");
  expect(real).toBeGreaterThanOrEqual(before);
  expect(real).toBeLessThanOrEqual(after);
  expect(told("own")[0]).toBe(EPOCH);
  // How long something takes is counted in fuel in both.
  expect(told("real")[1]).toBeLessThan(1e9);
  const again = await home.rlp("replay", only(all, "run.started")[0]?.trace_id ?? "");
  expect([again.code, again.stderr]).toEqual([0, ""]);
});
