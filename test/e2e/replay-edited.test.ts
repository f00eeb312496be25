/** A run held against what was edited since: where it would have gone another way. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeAgent, writeOpening } from "./bundle.js";
import { events, example, freshHome, homeWithSamples, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
let mail: string;
let counted: string;

const agent = (code: string, to = "now") =>
  writeAgent(join(folder, to), {
    name: "counter",
    code,
    ports: '[ports.out.out]\ntype = "text.v1"\n[schemas.with]\ntype = "object"\n',
  });

beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-edited-"));
  await agent("let n: u64 = 0; for (let i: u64 = 0; i < 1000; i++) n += i; mode = n.toString();");
  await agent('mode = "499500"; log.info("by heart");', "quicker");
  await agent('mode = "499501";', "wrong");
  const opening = await writeOpening(join(folder, "now"), "counts", [{ id: "count", agent: "counter" }]);
  counted = events((await home.rlp("run", opening, "--local", "--json")).stdout)[0]?.trace_id ?? "";
  mail = events((await home.rlp("run", example("compose_email.yaml"), "--local", "--json", "--yes")).stdout)[0]?.trace_id ?? "";
});
afterAll(async () => {
  await Promise.all([home.remove(), rm(folder, { recursive: true, force: true })]);
});

async function edited(change: (text: string) => string) {
  const file = join(folder, "edited.yaml");
  await writeFile(file, change(await readFile(example("compose_email.yaml"), "utf8")));
  const outcome = await home.rlp("replay", mail, "--opening", file);
  return { code: outcome.code, says: outcome.stderr };
}

test("another build that does the same agrees, whatever fuel it takes and whatever it says", async () => {
  const quicker = await home.rlp("replay", counted, "--agent", `counter=${join(folder, "quicker/agents/counter")}`);
  expect([quicker.stderr, quicker.code]).toEqual(["", 0]);
});

test("another build that gives something else: node and output", async () => {
  const wrong = await home.rlp("replay", counted, "--agent", `counter=${join(folder, "wrong/agents/counter")}`);
  expect(wrong.code).toBe(4);
  expect(wrong.stderr).toMatch(/node count, attempt 1: an output differs: expected .*499500.*, got .*499501/);
});

test("an opening that is edited where it does not matter agrees", async () => {
  expect((await edited((text) => text.replace("max_attempts: 3", "max_attempts: 5"))).code).toBe(0);
});

test.each<[string, (text: string) => string, RegExp]>([
  [
    "another tone",
    (text) => text.replace('tone: "{{params.tone}}"', 'tone: "formal"'),
    /node draft, attempt 1: what came in differs/,
  ],
  [
    "a guard that would not have let it pass",
    (text) => text.replace("review.ok==true", "review.ok==false"),
    /node review: an event differs/,
  ],
  [
    "a node more",
    (text) =>
      text
        .replace("nodes:\n", "nodes:\n  - id: again\n    use: agent:critic\n")
        .replace("edges:\n", "edges:\n  - {from: draft.out, to: again.draft}\n"),
    /differs/,
  ],
  [
    "a node less",
    (text) =>
      text
        .replace(/ {2}- id: send[\s\S]*?human_confirm: true\n/, "")
        .replace(/ {2}- from: draft.out\n {4}to: send.draft\n {2}- from: "review.ok==true"\n {4}to: send.in\n/, ""),
    /node send: the opening differs/,
  ],
])("%s: the first place where the run goes another way", async (_, change, says) => {
  const outcome = await edited(change);
  expect(outcome.says).toMatch(says);
  expect(outcome.code).toBe(4);
});

test("an opening with errors is told as such, and nothing is executed", async () => {
  const outcome = await edited((text) => text.replace("agent:critic", "agent:critik"));
  expect([outcome.code, outcome.says]).toEqual([2, expect.stringContaining("did you mean")]);
});

test("nothing is waited for: neither pauses between attempts nor time-outs", async () => {
  const slow = join(folder, "slow.yaml");
  const text = await readFile(example("retry.yaml"), "utf8");
  await writeFile(
    slow,
    text.replace("backoff_ms: 50", "backoff_ms: 3000").replace("max_backoff_ms: 400", "max_backoff_ms: 4000"),
  );
  const fresh = await freshHome();
  await writeFile(join(fresh.path, "config.yaml"), `version: 1\nagents:\n  search_dirs: [${join(example("."), "../agents")}]\n`);
  const run = events((await fresh.rlp("run", slow, "--local", "--json")).stdout);
  const took = (run.at(-1)?.ts_ms ?? 0) - (run[0]?.ts_ms ?? 0);
  expect(took).toBeGreaterThan(4500); // two pauses, of 3 and 4 s less their jitter
  const { replayTrace } = await import("#host/run/replay.js");
  const { openHost } = await import("#host/host.js");
  const { locateHome } = await import("#host/config/home.js");
  const { loadConfig } = await import("#host/config/load.js");
  const place = { env: { RUNLOOP_HOME: fresh.path }, cwd: folder };
  const { config } = loadConfig({ ...place, home: locateHome(place), flags: [] });
  const host = openHost({ home: locateHome(place), config });
  // The only clock that a replay could wait on is counted: it is never asked.
  const timers: number[] = [];
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((run: () => void, ms = 0) => {
    timers.push(ms);
    return real(run, ms);
  }) as typeof setTimeout;
  try {
    expect(await replayTrace(host, { trace: run[0]!.trace_id })).toMatchObject({ agrees: true, attempts: 3 });
  } finally {
    globalThis.setTimeout = real;
    await host.close();
    await fresh.remove();
  }
  expect(timers.filter((ms) => ms >= 2400 && ms <= 4000)).toEqual([]);
});
