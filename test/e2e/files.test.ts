/** An agent that works on files, as a person runs it: real processes, a real component, real folders. */
import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { all, fill, folder } from "../host/fs/folder.js";
import { events, finalHash, freshHome, killedAt, only, root, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let place: string;
let opening: string;

/** The example agent, with a policy of ours. */
async function agent(policy: string): Promise<void> {
  const bundle = join(place, "agents", "folder_report");
  await cp(join(root, "examples/agents/folder_report"), bundle, { recursive: true });
  const manifest = await readFile(join(bundle, "manifest.toml"), "utf8");
  const [before = "", after = ""] = manifest.split('file = "policy.caps"\n');
  await writeFile(join(bundle, "policy.caps"), policy);
  const digest = after.replace(/blake3 = "[0-9a-f]{64}"/, `blake3 = "${blake3(policy)}"`);
  await writeFile(join(bundle, "manifest.toml"), `${before}file = "policy.caps"\n${digest}`);
}

beforeEach(async () => {
  home = await freshHome();
  place = await folder();
  await fill(place, {
    "notes/a.txt": "one two",
    "notes/deep/b.txt": "three",
    "reports/": "",
    "openings/": "",
    "secret.txt": "SECRET",
  });
  await agent(`fs_ro = ["${place}/notes"]\nfs_rw = ["${place}/reports"]\n`);
  opening = join(place, "openings", "files.yaml");
  await writeFile(
    opening,
    `version: 0
name: files
policy: {confirm_external: true}
nodes:
  - id: report
    use: agent:folder_report
    with: {from: ${place}/notes, to: ${place}/reports/r.md}
`,
  );
});
afterEach(async () => {
  await home.remove();
  await rm(place, { recursive: true, force: true });
});

const run = (...more: string[]) => ["run", opening, "--local", "--json", "--seed", "3", "--epoch", "1763636400000", ...more];
const report = (): string =>
  [`# What is in ${place}/notes`, "", "- a.txt: 2 words", "- deep/", "  - b.txt: 1 words", "", "3 words in all.", ""].join("\n");
const failureOf = (stdout: string) => only(events(stdout), "node.finished").at(-1)?.meta.error;

test("reads one folder, writes into the other, and replays where neither is there any more", async () => {
  const done = await home.rlp(...run("--yes"));
  expect(done.stderr).toBe("");
  expect(await all(join(place, "reports"))).toEqual({ "r.md": report() });
  const trace = events(done.stdout)[0]!.trace_id;
  await rename(join(place, "notes"), join(place, "elsewhere"));
  await rm(join(place, "reports"), { recursive: true });
  const replay = await home.rlp("replay", trace);
  expect(JSON.parse(replay.stdout)).toMatchObject({ agrees: true, final_hash: finalHash(events(done.stdout)) });
  expect(await all(place)).not.toHaveProperty("reports/");
});

test("every road out of the folder that its names can take ends in an error that the agent is told", async () => {
  await symlink("../secret.txt", join(place, "notes", "up"));
  await symlink(join(place, "secret.txt"), join(place, "notes", "absolute"));
  await symlink("/proc/self/environ", join(place, "notes", "proc"));
  await symlink("a.txt", join(place, "notes", "good"));
  if (process.platform === "linux") execFileSync("mkfifo", [join(place, "notes", "pipe")]);
  const done = await home.rlp(...run("--yes"));
  const written = await readFile(join(place, "reports", "r.md"), "utf8");
  for (const name of ["absolute", "proc", "up"]) expect(written).toContain(`- ${name}: cannot be read (errno 63)`);
  if (process.platform === "linux") expect(written).toContain("- pipe: cannot be read (errno 2)");
  expect(written).toContain("- good: 2 words");
  expect(done.stdout + written).not.toContain("SECRET");
});

test("rejected: nothing is written and the node says so", async () => {
  const done = await home.rlp(...run("--deny"));
  expect(failureOf(done.stdout)).toMatchObject({ code: "host.rejected" });
  expect(await all(join(place, "reports"))).toEqual({});
});

test("nobody there: it waits, shows the difference, and is done when somebody approves; not where the folder has changed since", async () => {
  await writeFile(join(place, "reports", "r.md"), "before\n");
  const parked = await home.rlp(...run());
  expect(parked.code).toBe(3);
  const [proposal] = JSON.parse((await home.rlp("proposals", "--json")).stdout) as { proposal_id: string; text: string }[];
  expect(proposal!.text).toContain("    -before\n    +# What is in");
  expect(await readFile(join(place, "reports", "r.md"), "utf8")).toBe("before\n");
  await home.rlp("approve", proposal!.proposal_id);
  await writeFile(join(place, "reports", "r.md"), "theirs\n");
  const trace = events(parked.stdout)[0]!.trace_id;
  const resumed = await home.rlp("resume", trace, "--json");
  expect(failureOf(resumed.stdout)).toMatchObject({ code: "host.conflict", retryable: true });
  expect(await readFile(join(place, "reports", "r.md"), "utf8")).toBe("theirs\n");
});

test("killed at every event from the proposal on: the report is there once and whole, and nothing else is", async () => {
  const whole = events((await home.rlp(...run("--yes"))).stdout);
  let resumed = 0;
  const proposed = whole.findIndex(({ kind }) => kind === "action.proposed");
  for (let nth = proposed - 1; nth < whole.length - 1; nth++) {
    await rm(join(place, "reports", "r.md"), { force: true });
    const before = await killedAt(home.start(...run("--yes")), nth);
    const resume = await home.rlp("resume", before[0]!.trace_id, "--yes", "--json");
    if (!resume.stderr.includes("RESUME_FINISHED")) {
      expect(finalHash(events(resume.stdout)), `killed at event ${nth}`).toBe(finalHash(whole));
      resumed++;
    }
    expect(await all(join(place, "reports"))).toEqual({ "r.md": report() });
  }
  expect(resumed).toBeGreaterThan(2);
}, 900_000);

test("a policy that names what no agent may have is refused before anything runs, and lint says it", async () => {
  for (const [policy, message] of [
    [`fs_ro = ["${home.path}"]`, "which is rlp's own"],
    [`fs_rw = ["${place}"]`, "from where rlp runs what it finds"],
    [`fs_rw = ["${join(place, "agents")}"]`, "from where rlp runs what it finds"],
    [`fs_rw = ["/"]`, "rlp's own"],
    [`fs_ro = ["${place}/nothing"]`, "there is no such directory"],
  ] as const) {
    await agent(policy);
    await mkdir(join(home.path, "pog"), { recursive: true });
    const done = await home.rlp(...run("--yes"));
    expect(done.code, policy).not.toBe(0);
    expect(done.stderr, policy).toContain("POLICY_DIRECTORY");
    expect(done.stderr, policy).toContain(message);
    const lint = await home.rlp("caps", "lint", join(place, "agents", "folder_report"));
    if (!policy.includes(place) || policy.includes("nothing")) expect(lint.stdout, policy).toContain(message);
  }
});

test("the plan says what is written, and whether somebody is asked", async () => {
  const plan = await home.rlp("plan", opening, "--json");
  expect(plan.stdout).toContain(`fs.commit to ${place}/reports`);
});
