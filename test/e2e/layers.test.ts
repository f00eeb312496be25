/** What an operator takes from an agent holds for a run as it was when the run began, and for nothing beyond that. */
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { events, example, finalHash, freshHome, homeWithSamples, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let empty: HomeFolder;
beforeAll(async () => {
  [home, empty] = await Promise.all([homeWithSamples(), freshHome()]);
  await mkdir(join(home.path, "policy-overrides"));
});
afterAll(() => Promise.all([home.remove(), empty.remove()]));

const file = (agent: string): string => join(home.path, "policy-overrides", `${agent}.caps`);
async function override(agent: string, text: string): Promise<void> {
  await writeFile(file(agent), text);
  await chmod(file(agent), 0o600);
}

test("narrowed, the run records it, parks, goes on as it began, and replays", async () => {
  await override("writer", 'model = ["local/*"]\nnet = ["evil.example"]\n');
  const parked = await home.rlp("run", example("compose_email.yaml"), "--local", "--json", "--seed", "7");
  expect(parked.code).toBe(3);
  const [started] = only(events(parked.stdout), "run.started");
  expect(started?.meta.grants["draft"]).toMatchObject({ model: ["local/*"], net: [] });
  expect(started?.meta.trust?.["writer"]).toEqual({
    standing: "bundled",
    layers: [
      { layer: "home override", file: file("writer"), took: ["model"], left: ["model local/*"], ignored: ["net evil.example"] },
    ],
  });
  const id = started?.trace_id ?? "";

  // Less than it began with: it stays where it is. More: it goes on with what it had.
  await override("mailer", "actions = []\n");
  const refused = await home.rlp("resume", id, "--yes");
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/RESUME_GRANT_CHANGED.*`send`.*actions email\.send.*\nhint: .*caps show mailer/),
  ]);
  await rm(file("mailer"));
  await rm(file("writer"));
  expect((await home.rlp("resume", id, "--yes")).code).toBe(0);
  expect((await home.rlp("replay", id)).code).toBe(0);
});

test("a trace file of a narrowed run replays where nobody narrows anything, and not with a grant that was widened", async () => {
  await override("writer", 'model = ["local/*"]\n');
  const trace = join(home.path, "run.ndjson");
  const run = await home.rlp("run", example("compose_email.yaml"), "--local", "--json", "--yes", "--trace-out", trace);
  await rm(file("writer"));
  const elsewhere = await empty.rlp("replay", trace, "--json");
  expect([elsewhere.code, JSON.parse(elsewhere.stdout).final_hash]).toEqual([0, finalHash(events(run.stdout))]);
  const [first = "", ...rest] = (await readFile(trace, "utf8")).split("\n");
  const started = JSON.parse(first);
  started.meta.grants.draft.random = true;
  // Without what holds the file to its ledger, which finds any change at once.
  const bare = rest.filter((line) => !/^\{"(?:rows|seal)":/.test(line));
  expect(bare.length).toBeLessThan(rest.length);
  await writeFile(trace, [JSON.stringify(started), ...bare].join("\n"));
  const widened = await empty.rlp("replay", trace, "--json");
  expect([widened.code, JSON.parse(widened.stdout).divergence.what]).toEqual([4, "grant"]);
});

test("an override that cannot be read stops the agent before anything is run", async () => {
  await override("writer", "modle = false\n");
  const run = await home.rlp("run", example("compose_email.yaml"), "--local", "--yes");
  expect([run.code, run.stdout]).toEqual([2, ""]);
  expect(run.stderr).toMatch(
    /OPENING_AGENT_REFUSED[^]*POLICY_INVALID: unknown key `modle`, .*writer\.caps:1[^]*did you mean `model`/,
  );
  await rm(file("writer"));
});

test("a node that is left with less is denied what it does not have, also after the operator gave it", async () => {
  const opening = join(home.path, "narrow.yaml");
  const node = (caps: string): string =>
    `version: 0\nname: narrow\nnodes:\n  - {id: ask, use: agent:context_gatherer, with: {topic: q4}, caps: ${caps}}\n`;
  await writeFile(opening, node("{kb_read: [mail]}"));
  const narrow = await home.rlp("run", opening, "--local", "--json");
  const all = events(narrow.stdout);
  expect(only(all, "run.started")[0]?.meta.grants["ask"]).toMatchObject({ kb_read: ["mail"] });
  await writeFile(opening, node("{}"));
  const wide = events((await home.rlp("run", opening, "--local", "--json")).stdout);
  expect(finalHash(wide)).not.toBe(finalHash(all));
  const replayed = await home.rlp("replay", all[0]?.trace_id ?? "", "--json");
  expect([replayed.code, replayed.stderr]).toEqual([0, ""]);
  await writeFile(opening, node("{kb_read: [mail], model: true}"));
  const widened = await home.rlp("check", opening);
  expect([widened.code, widened.stderr]).toEqual([2, expect.stringMatching(/OPENING_CAPS.*can only narrow.*model/)]);
});
