/** Forks: what another run had come to, and from a node on something else. */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { events, example, finalHash, freshHome, homeWithSamples, only, root, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
/** `compose_email`, and a second critic that hangs on nobody: a node after which nothing comes. */
let opening: string;
let origin: string;
let before: ReturnType<typeof events>;

beforeAll(async () => {
  home = await homeWithSamples();
  await writeFile(join(home.path, "config.yaml"), `version: 1\nagents:\n  search_dirs: [${join(root, "examples/agents")}]\n`);
  folder = await mkdtemp(join(tmpdir(), "rlp-fork-"));
  opening = join(folder, "twice.yaml");
  const text = await readFile(example("compose_email.yaml"), "utf8");
  await writeFile(
    opening,
    text
      .replace("nodes:\n", "nodes:\n  - id: again\n    use: agent:critic\n")
      .replace("edges:\n", "edges:\n  - from: draft.out\n    to: again.draft\n"),
  );
  before = events((await home.rlp("run", opening, "--local", "--json", "--yes", "--seed", "7")).stdout);
  origin = before[0]?.trace_id ?? "";
});
afterAll(async () => {
  await Promise.all([home.remove(), rm(folder, { recursive: true, force: true })]);
});

const fork = async (...words: string[]) => {
  const outcome = await home.rlp("fork", origin, "--json", ...words);
  const all = events(outcome.stdout);
  const started = only(all, "node.started");
  const marked = (key: "reused_from" | "not_reused") =>
    started.filter(({ meta }) => meta[key] !== undefined).map(({ meta }) => meta.node);
  return {
    ...outcome,
    all,
    reused: marked("reused_from").sort(),
    anew: marked("not_reused").sort(),
    trace: all[0]?.trace_id ?? "",
  };
};
const mails = async (): Promise<number> => (await readdir(join(home.path, "outbox"))).length;

test("nothing is executed but the node and what depends on it, and what was done is not done again", async () => {
  const sent = await mails();
  const forked = await fork("--from", "again");
  expect([forked.code, forked.reused]).toEqual([0, ["contacts", "context", "draft", "review", "send"]]);
  expect(finalHash(forked.all)).toBe(finalHash(before));
  expect(await mails()).toBe(sent);
  expect(only(forked.all, "email.sent")).toEqual([]);
  expect(only(forked.all, "call.started")).toEqual([]);
  expect(only(forked.all, "run.started")[0]?.meta).toMatchObject({
    seed: 7,
    epoch_ms: only(before, "run.started")[0]?.meta.epoch_ms,
    forked_from: { trace: origin, node: "again" },
  });
  // What was spent there was not spent here.
  const { totals } = only(forked.all, "run.finished")[0]?.meta ?? {};
  const again = only(forked.all, "node.finished").find(({ meta }) => meta.node === "again");
  const calls = only(forked.all, "call.finished").filter(({ meta }) => meta.node === "again");
  expect(totals).toMatchObject({ tokens: 0, fuel: again?.meta.fuel, calls: calls.length });
});

test("a fork stands by itself: it replays, from the ledger and from a file in an empty home", async () => {
  const file = join(folder, "forked.ndjson");
  const forked = await fork("--from", "again", "--trace-out", file);
  const replayed = await home.rlp("replay", forked.trace, "--json");
  expect(JSON.parse(replayed.stdout)).toMatchObject({ agrees: true, attempts: 6, final_hash: finalHash(before) });
  const empty = await freshHome();
  expect(JSON.parse((await empty.rlp("replay", file, "--json")).stdout)).toMatchObject({ agrees: true, attempts: 6 });
  await empty.remove();
  expect((await home.rlp("proposals", "--json")).stdout).not.toContain(forked.trace);
  expect((await home.rlp("kb", "verify")).code).toBe(0);
  // And a fork of it takes over what it took over.
  const second = events((await home.rlp("fork", forked.trace, "--from", "again", "--json")).stdout);
  expect(finalHash(second)).toBe(finalHash(before));
  expect((await home.rlp("replay", second[0]?.trace_id ?? "")).code).toBe(0);
});

test("the record that was reused is compared like any other: a word that was changed in it is found", async () => {
  const file = join(folder, "forged.ndjson");
  await fork("--from", "again", "--trace-out", file);
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => !/^\{"(?:rows|seal)":/.test(line));
  const forged = lines.map((line) =>
    line.includes('"kind":"node.finished"') && line.includes('"node":"review"')
      ? line.replace(/"fuel":(\d)/, '"fuel":1$1')
      : line,
  );
  await writeFile(file, forged.join("\n"));
  const replayed = await home.rlp("replay", file);
  expect([replayed.code, replayed.stderr]).toEqual([4, expect.stringContaining("node review")]);
  const elsewhere = lines.map((line) => line.replace(/"reused_from":"trace:[0-9a-f]{8}/, '"reused_from":"trace:00000000'));
  await writeFile(file, elsewhere.join("\n"));
  expect((await home.rlp("replay", file)).code).toBe(4);
});

describe("what has changed is executed anew, and said", () => {
  test("a parameter: the nodes that it reaches", async () => {
    const forked = await fork("--from", "send", "--param", "recipient=zoe", "--deny");
    expect([forked.reused, forked.anew]).toEqual([["context"], ["again", "contacts", "draft", "review"]]);
    expect(only(forked.all, "node.started").find(({ meta }) => meta.node === "contacts")?.meta.not_reused).toContain("with");
  });
  test("the seed: all of them", async () => {
    const forked = await fork("--from", "send", "--seed", "8", "--deny");
    expect([forked.reused, forked.anew.length]).toEqual([[], 5]);
  });
  test("the model: none before it", async () => {
    const forked = await fork("--from", "review", "--model", "local/template", "--deny");
    expect(forked.reused).toEqual(["again", "contacts", "context", "draft"]);
    const missing = await home.rlp("fork", origin, "--from", "send", "--model", "x");
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("--model")]);
  });
  test("the policy: it holds for what is executed", async () => {
    const forked = await fork("--from", "review", "--policy", "budget_tokens=1", "--deny");
    expect(only(forked.all, "run.started")[0]?.meta.budgets).toMatchObject({ tokens: 1 });
    const wrong = await home.rlp("fork", origin, "--from", "review", "--policy", "budget_tokns=1");
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("budget_tokens")]);
  });
  test("another build of an agent", async () => {
    const forked = await fork("--from", "send", "--agent", `critic=${join(root, "agents/critic")}`, "--deny");
    expect(forked.reused).toEqual(["again", "contacts", "context", "draft", "review"]); // the same bytes are no change
    const none = await home.rlp("fork", origin, "--from", "send", "--agent", "critic=/nowhere");
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("no bundle")]);
    const other = await home.rlp("fork", origin, "--from", "send", "--agent", `critic=${join(root, "agents/mailer")}`);
    expect(other.stderr).toContain("`mailer`");
  });
  test("an edited opening", async () => {
    const edited = join(folder, "edited.yaml");
    await writeFile(edited, (await readFile(opening, "utf8")).replace("max_attempts: 3", "max_attempts: 2"));
    const forked = await fork("--from", "review", "--opening", edited, "--deny");
    expect(forked.reused).toEqual(["again", "contacts", "context", "draft"]);
  });
});

test("retries come along, and nobody waits for them", async () => {
  const file = join(folder, "retried.yaml");
  const text = (await readFile(example("retry.yaml"), "utf8"))
    .replace("backoff_ms: 50", "backoff_ms: 1500")
    .replace("max_backoff_ms: 400", "max_backoff_ms: 3000");
  await writeFile(
    file,
    text.replace("nodes:\n", "nodes:\n  - id: other\n    use: agent:contact_resolver\n    with: {query: john}\n"),
  );
  const first = events((await home.rlp("run", file, "--local", "--json", "--yes")).stdout);
  const forked = events((await home.rlp("fork", first[0]?.trace_id ?? "", "--from", "other", "--json", "--yes")).stdout);
  // What is taken over is one append: between a failed attempt and the next there is not the pause that there was.
  const pauses = (all: typeof forked) =>
    only(all, "node.retrying").map(({ seq, ts_ms, meta }) => {
      const next = only(all, "node.started").find((each) => each.seq > seq && each.meta.node === meta.node);
      return (next?.ts_ms ?? 0) - ts_ms >= meta.backoff_ms;
    });
  expect(pauses(first).length).toBeGreaterThan(0);
  expect(pauses(first)).not.toContain(false);
  expect(pauses(forked)).not.toContain(true);
  expect(finalHash(forked)).toBe(finalHash(first));
  expect(only(forked, "node.retrying").length).toBe(only(first, "node.retrying").length);
  expect((await home.rlp("replay", forked[0]?.trace_id ?? "")).code).toBe(0);
});

test("a fork that was parked goes on as a fork", async () => {
  const parked = await fork("--from", "send");
  expect([parked.code, parked.reused]).toEqual([3, ["again", "contacts", "context", "draft", "review"]]);
  const resumed = await home.rlp("resume", parked.trace, "--yes", "--json");
  expect([resumed.code, finalHash(events(resumed.stdout))]).toEqual([0, finalHash(before)]);
  expect((await home.rlp("replay", parked.trace)).code).toBe(0);
});

test("a node that there is not, and a run that there is not", async () => {
  const node = await home.rlp("fork", origin, "--from", "dratf");
  expect([node.code, node.stderr]).toEqual([2, expect.stringContaining("did you mean `draft`?")]);
  expect((await home.rlp("fork", "0000", "--from", "draft")).code).toBe(1);
  expect((await home.rlp("fork", origin)).code).toBe(2);
});

test("`why` leads from what was reused to where it was made", async () => {
  const forked = await fork("--from", "again");
  const why = await home.rlp("kb", "why", `node:${forked.trace}#review`, "--json");
  expect(why.code).toBe(0);
  expect(why.stdout).toContain(origin);
});

test("`diff` names the node at which two runs part, and what it gave, line by line", async () => {
  const forked = await fork("--from", "draft", "--param", "tone=formal", "--yes");
  const same = await home.rlp("diff", origin, origin, "--json");
  expect([same.code, JSON.parse(same.stdout)]).toMatchObject([0, { same: true, equal: 6 }]);
  const other = await home.rlp("diff", origin, forked.trace, "--json");
  expect([other.code, JSON.parse(other.stdout)]).toMatchObject([1, { same: false, parts: "draft", equal: 2 }]);
  const { run, nodes } = JSON.parse(other.stdout) as {
    run: object[];
    nodes: { node: string; differences: { what: string; at?: string }[] }[];
  };
  expect(run).toContainEqual({ what: "params", at: "tone", a: "friendly", b: "formal" });
  expect(nodes[0]?.differences.map(({ what, at }) => [what, at])).toContainEqual(["output", "out"]);
  expect((await home.rlp("diff", origin)).code).toBe(2);
});

test("openings inside of openings, and each element of a list: forked, replayed, compared and exported with their run", async () => {
  const first = events((await home.rlp("run", example("greet_everybody.yaml"), "--local", "--json", "--yes")).stdout);
  const outer = first.filter(({ trace_id }) => trace_id === first[0]?.trace_id);
  const all = events((await home.rlp("fork", first[0]?.trace_id ?? "", "--from", "apologise", "--json", "--yes")).stdout);
  const forked = all.filter(({ trace_id }) => trace_id === all[0]?.trace_id);
  expect(finalHash(forked)).toBe(finalHash(outer));
  const reused = only(all, "node.started")
    .filter(({ meta }) => meta.reused_from !== undefined)
    .map(({ meta }) => meta.node);
  expect(reused.sort()).toEqual(["greet[0]", "greet[1]", "greet[2]", "say", "say", "say"]);
  expect((await home.rlp("replay", forked[0]?.trace_id ?? "")).code).toBe(0);
  expect((await home.rlp("diff", first[0]?.trace_id ?? "", forked[0]?.trace_id ?? "")).code).toBe(0);
  const file = join(folder, "inner.ndjson");
  const exported = await home.rlp("trace", "export", forked[0]?.trace_id ?? "", "--with-components", "-o", file, "--json");
  expect(JSON.parse(exported.stdout)).toMatchObject({ runs: 4, agents: 1 });
  const empty = await freshHome();
  expect([(await empty.rlp("replay", file)).stderr, (await empty.rlp("trace", "import", file)).code]).toEqual(["", 0]);
  await empty.remove();
});
