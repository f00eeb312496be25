/**
 * Real processes killed at random moments in a run that holds everything: parallel nodes, retries, invocations, an opening inside, and a
 * mail that somebody must allow. `RLP_KILLS=300 npx vitest run test/e2e/crash-inner.test.ts` repeats it that often.
 */
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { events, finalHash, findExampleAgents, homeWithSamples, killedAt, only, problemsIn, type HomeFolder } from "./rlp.js";
import type { RunEvent } from "#core/events.js";
import { Random } from "#openings/sim/random.js";

const KILLS = Number(process.env["RLP_KILLS"] ?? 3);
const SEED = Number(process.env["RLP_KILL_SEED"] ?? 1);

let home: HomeFolder;
let folder: string;
let file: string;
beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-crash-"));
  await findExampleAgents(home);
  await writeFile(
    join(folder, "mails.yaml"),
    `version: 0
name: mails
inputs: { draft: artifact.draft.email.v1 }
outputs: { receipt: send.out }
nodes: [{ id: send, use: agent:mailer }]
edges: [{ from: inputs.draft, to: send.draft }]
`,
  );
  file = join(folder, "everything.yaml");
  await writeFile(
    file,
    `version: 0
name: everything
policy: { budget_fuel: 60000000000 }
nodes:
  - { id: tries, use: agent:flaky, with: { fail_attempts: 2 }, retry: { max_attempts: 4, backoff_ms: 40 } }
  - { id: greet, use: agent:greeter, for_each: name, max_parallel: 2, with: { name: [Ada, Bob, Eve, Zoë] } }
  - { id: contacts, use: agent:contact_resolver, with: { query: john } }
  - { id: draft, use: agent:writer, with: { topic: q4 } }
  - { id: post, use: opening:mails }
edges:
  - { from: contacts.out, to: draft.recipients }
  - { from: draft.out, to: post.draft }
success: { all_of: ["exists(post.receipt)", "exists(greet.out)", "exists(tries.out)"] }
`,
  );
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

const run = (...more: string[]): string[] => [
  "run",
  file,
  "--local",
  "--json",
  ...more,
  "--seed",
  "11",
  "--epoch",
  "1763636400000",
];
const outer = (all: readonly RunEvent[]): readonly RunEvent[] => all.filter(({ trace_id }) => trace_id === all[0]?.trace_id);

/** Kills the process a moment after its `nth` line, which is never where it prints fewer; gives what it printed and its exit code. */
async function killed(random: Random, nth: number, ...words: string[]): Promise<{ all: RunEvent[]; code: number | null }> {
  const child = home.start(...words);
  const all = await killedAt(child, nth, random.below(12));
  return { all, code: child.exitCode };
}

async function verified(where: string): Promise<void> {
  expect(await problemsIn(home), where).toEqual([]);
}

/** One mail for each run of this home, and no second one for any. */
async function oneMailEach(): Promise<void> {
  const listed = await home.rlp("runs", "--json", "--limit", "100000");
  const traces = new Set(listed.stdout.match(/"trace_id":"trace:[0-9a-f-]{36}"/g) ?? []);
  const mails = await readdir(join(home.path, "outbox"));
  expect(mails.length, mails.join(" ")).toBe(traces.size);
}

test(
  `killed ${KILLS} times at a random moment, also inside: nothing is lost, and the end is that of the undisturbed run, with one mail`,
  async () => {
    const whole = events((await home.rlp(...run("--yes"))).stdout);
    const undisturbed = finalHash(outer(whole));
    const random = new Random(SEED);
    let resumed = 0;
    for (let round = 0; round < KILLS; round++) {
      const nth = random.below(whole.length - 1);
      const where = `RLP_KILL_SEED=${SEED}, round ${round}, killed at line ${nth}`;
      const { all: before } = await killed(random, nth, ...run("--yes"));
      await verified(where);
      const resume = await home.rlp("resume", before[0]?.trace_id ?? "", "--yes", "--json");
      if (resume.stderr.includes("RESUME_FINISHED")) continue; // the kill came too late
      expect(resume.code, `${where}: ${resume.stderr}`).toBe(0);
      const rest = events(resume.stdout);
      expect(finalHash(rest.filter(({ trace_id }) => trace_id === before[0]?.trace_id)), where).toBe(undisturbed);
      expect(only([...before, ...rest], "email.sent").length, where).toBeLessThanOrEqual(1);
      resumed++;
    }
    expect(resumed).toBeGreaterThan(0);
    await oneMailEach();
  },
  300_000 + KILLS * 60_000,
);

test(
  `a run that waits for a person, ${KILLS} times killed before it parks, while somebody decides and after that: one decision, one mail, the same end`,
  async () => {
    const whole = events((await home.rlp(...run())).stdout);
    const waits = whole[0]?.trace_id ?? "";
    const began = Date.now();
    expect((await home.rlp("approve", proposalOf(whole))).code).toBe(0);
    const takes = Date.now() - began;
    const after = events((await home.rlp("resume", waits, "--json")).stdout);
    const undisturbed = finalHash(outer(after.filter(({ trace_id }) => trace_id === waits)));
    const random = new Random(SEED + 1);
    let deaths = 0;
    for (let round = 0; round < KILLS; round++) {
      const where = `RLP_KILL_SEED=${SEED}, round ${round} of those that wait`;
      const first = await killed(random, random.below(whole.length), ...run());
      const trace = first.all[0]?.trace_id ?? "";
      await verified(where);
      const parked = first.code === 3 ? first : await killed(random, Infinity, "resume", trace, "--json");
      expect(parked.code, where).toBe(3);
      const proposal = proposalOf(parked.all);
      const approving = home.start("approve", proposal);
      const decided = once(approving, "close");
      setTimeout(() => approving.kill("SIGKILL"), random.below(takes));
      await decided;
      await verified(where);
      const again = await home.rlp("approve", proposal);
      if (again.code !== 0) expect(again.stderr, where).toContain("KB_DECIDED");
      const cut = await killed(random, random.below(after.length), "resume", trace, "--json");
      await verified(where);
      deaths += Number(first.code === null) + Number(approving.exitCode === null) + Number(cut.code === null);
      const last = await home.rlp("resume", trace, "--json");
      if (last.code !== 0) expect(last.stderr, where).toContain("RESUME_FINISHED");
      // From the log: a process may die after it has written the end and before it has printed it.
      const log = events((await home.rlp("trace", trace, "--json")).stdout);
      expect(finalHash(log.filter(({ trace_id }) => trace_id === trace)), where).toBe(undisturbed);
    }
    expect(deaths).toBeGreaterThan(0);
    await oneMailEach();
  },
  300_000 + KILLS * 120_000,
);

function proposalOf(all: readonly RunEvent[]): string {
  const [proposal] = only(all, "run.parked").at(-1)?.meta.waiting ?? [];
  if (proposal === undefined) throw new Error("the run does not wait for anybody");
  return String(proposal);
}
