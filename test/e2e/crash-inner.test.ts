/**
 * Real processes killed at random moments in a run that holds everything: parallel nodes, retries, invocations, an opening inside, and a
 * mail that somebody must allow. `RLP_KILLS=300 npx vitest run test/e2e/crash-inner.test.ts` repeats it that often.
 */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eachLine, events, finalHash, homeWithSamples, only, root, type HomeFolder } from "./rlp.js";
import type { RunEvent } from "#core/events.js";
import { Random } from "#openings/sim/random.js";

const KILLS = Number(process.env["RLP_KILLS"] ?? 4);
const SEED = Number(process.env["RLP_KILL_SEED"] ?? 1);

let home: HomeFolder;
let folder: string;
let file: string;
beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-crash-"));
  const agents = join(root, "examples/agents");
  await writeFile(join(home.path, "config.yaml"), `version: 1\nagents: { search_dirs: [${JSON.stringify(agents)}] }\n`);
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

const run = (): string[] => ["run", file, "--local", "--json", "--yes", "--seed", "11", "--epoch", "1763636400000"];
const outer = (all: readonly RunEvent[]): readonly RunEvent[] => all.filter(({ trace_id }) => trace_id === all[0]?.trace_id);

test(
  `killed ${KILLS} times at a random event, also inside: nothing is lost, and the end is that of the undisturbed run, with one mail`,
  async () => {
    const whole = events((await home.rlp(...run())).stdout);
    const undisturbed = finalHash(outer(whole));
    const random = new Random(SEED);
    let resumed = 0;
    for (let round = 0; round < KILLS; round++) {
      const nth = random.below(whole.length - 1);
      const where = `RLP_KILL_SEED=${SEED}, round ${round}, killed at line ${nth}`;
      const child = home.start(...run());
      let printed = "";
      await eachLine(child, (line, index) => {
        printed += `${line}\n`;
        if (index === nth) child.kill("SIGKILL");
      });
      const before = events(printed);
      const verified = await home.rlp("kb", "verify");
      expect([verified.code, verified.stderr], where).toEqual([0, expect.not.stringContaining("error")]);
      const resume = await home.rlp("resume", before[0]?.trace_id ?? "", "--yes", "--json");
      if (resume.stderr.includes("RESUME_FINISHED")) continue; // the kill came too late
      expect(resume.code, `${where}: ${resume.stderr}`).toBe(0);
      const rest = events(resume.stdout);
      expect(finalHash(rest.filter(({ trace_id }) => trace_id === before[0]?.trace_id)), where).toBe(undisturbed);
      expect(only([...before, ...rest], "email.sent").length, where).toBeLessThanOrEqual(1);
      resumed++;
    }
    expect(resumed).toBeGreaterThan(0);
    const traces =
      (await home.rlp("runs", "--json", "--limit", "100000")).stdout.match(/"trace_id":"trace:[0-9a-f-]{36}"/g) ?? [];
    expect((await readdir(join(home.path, "outbox"))).length).toBe(new Set(traces).size);
  },
  60_000 + KILLS * 30_000,
);
