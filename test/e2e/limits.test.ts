/** An operator's ceilings, as a person meets them: told before anything runs, recorded, and what replays and resumes. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeAgent, writeOpening } from "./bundle.js";
import { events, freshHome, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
let opening: string;
beforeAll(async () => {
  home = await freshHome();
  folder = await mkdtemp(join(tmpdir(), "rlp-ceilings-"));
  await writeAgent(folder, {
    name: "eater",
    code: `if (mode == "compute") { let n: u64 = 1; for (let i: u64 = 0; i < 20_000_000; i++) n = (n * 31) ^ i; mode = n.toString(); }
      if (mode == "store") { const kept = new StaticArray<u8>(24 << 20); mode = kept.length.toString(); }
      if (mode == "talk") { for (let i = 0; i < 50; i++) log.info("line"); }`,
    ports: '[ports.out.out]\ntype = "text.v1"\n[schemas.with]\ntype = "object"\n',
    limits: "fuel = 4_000_000_000\nmemory_mib = 128",
  });
  opening = await writeOpening(folder, "eat", [
    { id: "compute", agent: "eater" },
    { id: "store", agent: "eater" },
    { id: "talk", agent: "eater" },
  ]);
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

const configure = (limits: string): Promise<void> => writeFile(join(home.path, "config.yaml"), `limits: {${limits}}\n`);

test("ceilings lower what a manifest asks for, are told, bite, and go with the run", async () => {
  await configure("fuel: 10000000, memory_mib: 16, log_lines: 10");
  const ran = await home.rlp("run", opening, "--local", "--json");
  const all = events(ran.stdout);
  const [started] = only(all, "run.started");
  expect(started?.meta.limits?.["eater"]).toMatchObject({ fuel: 1e7, memory_mib: 16, log_lines: 10, calls: 10_000 });
  expect(started?.meta.limits_lowered).toEqual([
    { agent: "eater", limit: "fuel", asked: 4e9, ceiling: 1e7 },
    { agent: "eater", limit: "memory_mib", asked: 128, ceiling: 16 },
    { agent: "eater", limit: "log_lines", asked: 1000, ceiling: 10 },
  ]);
  const ends = Object.fromEntries(only(all, "node.finished").map(({ meta }) => [meta.node, meta.error?.code ?? meta.status]));
  expect(ends).toEqual({ compute: "host.fuel-exhausted", store: "host.memory-exhausted", talk: "ok" });
  const met = only(all, "limit.hit").map(({ meta }) => [meta.node, meta.limit, meta.ceiling]);
  expect(met.sort()).toEqual([
    ["compute", "fuel", 1e7],
    ["store", "memory_mib", 16],
    ["talk", "log_lines", 10],
  ]);
  // What the configuration says by now is no matter of a run that was.
  await configure("");
  const trace = started?.trace_id ?? "";
  const replayed = await home.rlp("replay", trace);
  expect([replayed.code, replayed.stderr]).toEqual([0, expect.not.stringContaining("diverge")]);
  const free = events((await home.rlp("run", opening, "--local", "--json")).stdout);
  expect(only(free, "run.finished")[0]?.meta.status).toBe("ok");
  expect(only(free, "run.started")[0]?.meta.limits_lowered).toBeUndefined();
  await configure("fuel: 1000000");
  expect((await home.rlp("replay", free[0]?.trace_id ?? "")).code).toBe(0);
});

test("they are shown before a run, and what is no ceiling is an error with its place", async () => {
  await configure("fuel: 10000000");
  const inspected = await home.rlp("agent", "inspect", join(folder, "agents", "eater"), "--json");
  expect(JSON.parse(inspected.stdout)).toMatchObject({
    limits: { fuel: 1e7, memory_mib: 128 },
    limits_lowered: [{ limit: "fuel", asked: 4e9, ceiling: 1e7 }],
  });
  const doctor = JSON.parse((await home.rlp("doctor", "--json")).stdout) as { findings: { check: string; what: string }[] };
  expect(doctor.findings.find(({ check }) => check === "limits")?.what).toContain("fuel ≤ 10000000");
  for (const bad of ["fuel: -1", "fuel: .nan", "feul: 1", "fuel: 1e300", "instances: 0"]) {
    await configure(bad);
    const refused = await home.rlp("run", opening, "--local", "--json");
    expect([bad, refused.code, refused.stdout]).toEqual([bad, 2, ""]);
    expect(refused.stderr).toContain('config.yaml","line":1');
  }
});
