import { spawnSync } from "node:child_process";
import { readFile, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { events, example, finalHash, freshHome, homeWithSamples, only, root, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
beforeAll(async () => {
  home = await homeWithSamples();
});
afterAll(() => home.remove());

const compose = (...words: string[]) => home.rlp("run", example("compose_email.yaml"), "--local", "--json", ...words);
const SAME = ["--yes", "--seed", "7", "--epoch", "1763636400000"];

test("standard output is NDJSON that fits the schema, `seq` without gaps, and the run is ok", async () => {
  const run = await compose("--yes");
  expect(run.stderr).not.toContain("error");
  expect(run.code).toBe(0);
  const all = events(run.stdout);
  expect(all.map((event) => event.seq)).toEqual(all.map((_, index) => index));
  expect(all[0]?.kind).toBe("run.started");
  expect(all.at(-1)?.kind).toBe("run.finished");
  expect(only(all, "run.finished")[0]?.meta).toMatchObject({ status: "ok", success: true });
});

test("two runs with the same seed, epoch and data have the same final_hash; another seed or recipient need not", async () => {
  const [a, b] = [await compose(...SAME), await compose(...SAME)];
  expect(finalHash(events(a.stdout))).toBe(finalHash(events(b.stdout)));
  const other = await compose(...SAME, "--param", "recipient=priya");
  expect(other.code).toBe(0);
  expect(finalHash(events(other.stdout))).not.toBe(finalHash(events(a.stdout)));
});

test("each approved mail lies in the outbox once, as a private file with the headers of RFC 5322", async () => {
  const fresh = await homeWithSamples();
  try {
    const run = await fresh.rlp("run", example("compose_email.yaml"), "--local", "--json", "--yes");
    const sent = only(events(run.stdout), "email.sent");
    expect(sent).toHaveLength(1);
    const files = await readdir(join(fresh.path, "outbox"));
    expect(files).toHaveLength(1);
    const message = await readFile(join(fresh.path, "outbox", files[0] ?? ""), "utf8");
    expect(message).toMatch(/^From: .+\r\nTo: .+\r\nSubject: .+/m);
    expect(message).toContain(sent[0]?.meta.to[0]);
  } finally {
    await fresh.remove();
  }
});

test("an unknown recipient is a clear failure that is not tried again", async () => {
  const run = await compose("--yes", "--param", "recipient=zebulon quux");
  expect(run.code).toBe(1);
  const all = events(run.stdout);
  const failed = only(all, "node.finished").find((event) => event.meta.status === "error");
  expect(failed?.meta.error).toMatchObject({ code: "contact.not-found", retryable: false });
  expect(failed?.meta.error?.message).toContain("zebulon quux");
  expect(only(all, "node.retrying")).toEqual([]);
  expect(only(all, "email.sent")).toEqual([]);
});

test("rejected: nothing is sent, exit 1", async () => {
  const run = await compose("--deny");
  expect(run.code).toBe(1);
  expect(only(events(run.stdout), "action.decided")[0]?.meta.decision).toBe("rejected");
  expect(only(events(run.stdout), "email.sent")).toEqual([]);
});

test("nobody there to ask: parked with exit 3; approved from another process; resumed to the hash of the undisturbed run", async () => {
  const undisturbed = await compose(...SAME);
  const parked = await compose("--seed", "7", "--epoch", "1763636400000");
  expect(parked.code).toBe(3);
  const before = events(parked.stdout);
  expect(before.at(-1)?.kind).toBe("run.parked");
  expect(only(before, "email.sent")).toEqual([]);
  const trace = before[0]?.trace_id ?? "";
  const proposal = only(before, "action.proposed")[0]?.meta.proposal_id ?? "";
  const pending = await home.rlp("proposals", "--json");
  expect(pending.stdout).toContain(proposal);
  expect((await home.rlp("approve", proposal)).code).toBe(0);
  expect((await home.rlp("approve", proposal)).code).not.toBe(0);
  const resumed = await home.rlp("resume", trace, "--json");
  expect(resumed.stderr).not.toContain("error");
  expect(resumed.code).toBe(0);
  expect(finalHash(events(resumed.stdout))).toBe(finalHash(events(undisturbed.stdout)));
  expect((await home.rlp("replay", trace)).code).toBe(0);
});

test("replay re-executes the components without views, and agrees", async () => {
  const run = await compose("--yes");
  const trace = events(run.stdout)[0]?.trace_id ?? "";
  const views = join(home.path, "pog", "pog.sqlite");
  await rename(views, `${views}.away`);
  try {
    const replay = await home.rlp("replay", trace, "--json");
    expect(replay.stderr).not.toContain("error");
    expect(replay.code).toBe(0);
  } finally {
    await rename(`${views}.away`, views);
  }
});

// An empty network namespace: not even the loopback is up. Where the machine gives none, this is reported as not run.
const unshare = ["-rn", process.execPath, join(root, "bin/rlp.cjs")];
const cutOff = spawnSync("unshare", ["-rn", "true"]).status === 0;

test.skipIf(!cutOff)("a run and its replay need no network", () => {
  const alone = (...words: string[]) =>
    spawnSync("unshare", [...unshare, ...words], {
      cwd: root,
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", RUNLOOP_HOME: home.path, NO_COLOR: "1" },
    });
  const run = alone("run", example("compose_email.yaml"), "--local", "--json", "--yes");
  expect(run.stderr).not.toContain("error");
  expect(run.status).toBe(0);
  const replay = alone("replay", events(run.stdout)[0]?.trace_id ?? "");
  expect(replay.stderr).not.toContain("error");
  expect(replay.status).toBe(0);
});

test("a trace file replays in another, empty home", async () => {
  const file = join(home.path, "trace.ndjson");
  expect((await compose("--yes", "--trace-out", file)).code).toBe(0);
  const empty = await freshHome();
  try {
    const replay = await empty.rlp("replay", file);
    expect(replay.stderr).not.toContain("error");
    expect(replay.code).toBe(0);
  } finally {
    await empty.remove();
  }
});

test("`kb why` tells the chain of a mail's causes, and `kb verify` is clean", async () => {
  const run = await compose("--yes");
  const artifact = only(events(run.stdout), "email.sent")[0]?.meta.artifact ?? "";
  const why = await home.rlp("kb", "why", `artifact:${artifact}`, "--json");
  expect(why.code).toBe(0);
  expect(why.stdout).toContain("action.decided");
  expect((await home.rlp("kb", "verify")).code).toBe(0);
});
