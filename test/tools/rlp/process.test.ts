/** Real processes, real pipes, a real terminal. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const entry = join(root, "dist", "tools", "rlp", "main.js");
const opening = join(root, "examples", "openings", "compose_email.yaml");
let home = "";
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "rlp-process-"));
  expect(rlp("kb", "ingest", join(root, "examples", "data")).status).toBe(0);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const env = () => ({ PATH: process.env["PATH"] ?? "", RUNLOOP_HOME: home, LANG: "C.UTF-8", TERM: "xterm" });
const rlp = (...words: string[]) => spawnSync(process.execPath, [entry, ...words], { env: env(), encoding: "utf8" });

test("a parked run tells what to type, by beginnings of ids too; then it goes on to its end", () => {
  const run = rlp("run", opening, "--local");
  expect(run.status).toBe(3);
  const trace = /trace:([0-9a-f-]{36})/.exec(run.stderr)?.[1] ?? "";
  const proposal = /rlp approve proposal:([0-9a-f-]{36}) --home (\S+)/.exec(run.stderr);
  expect(proposal?.[2]).toBe(home);
  expect(run.stderr).toContain(`rlp resume trace:${trace} --home ${home}`);
  expect(run.stderr).toContain("waits for a decision");

  const [pending] = JSON.parse(rlp("proposals").stdout) as { text: string }[];
  expect(pending?.text).toMatch(/To: +john\.carter@[^]*Subject: +Q4 plan[^]*Hi John,[^]*Ines/);
  expect(JSON.parse(rlp("runs", "--status", "parked").stdout)).toMatchObject([
    { trace_id: `trace:${trace}`, opening_name: "compose_email" },
  ]);

  expect(rlp("approve", (proposal?.[1] ?? "").slice(0, 8)).status).toBe(0);
  expect(rlp("proposals").stdout).toBe("[]\n");
  const resumed = rlp("resume", trace.slice(0, 20));
  expect(resumed.status).toBe(0);
  expect(resumed.stderr).toMatch(/To: +john\.carter@[^]*lies in .*\.eml/);
  expect(rlp("resume", trace).stderr).toContain("error[RESUME_FINISHED]");
});

test("the reader of standard output may go away: quietly", async () => {
  expect(rlp("run", opening, "--local", "--yes", "-q").status).toBe(0);
  const { trace_id: trace } = (JSON.parse(rlp("runs").stdout) as { trace_id: string }[])[0]!;
  for (const words of [["trace", trace], ["kb", "search", "plan"], ["runs"]]) {
    const child = spawn(process.execPath, [entry, ...words], { env: env(), stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdout.destroy();
    const [code] = await once(child, "close");
    expect([code, stderr]).toEqual([0, ""]);
  }
});

test.skipIf(!existsSync("/dev/full"))("a result that cannot be written is an error, told once", () => {
  const full = openSync("/dev/full", "w");
  const { status, stderr } = spawnSync(process.execPath, [entry, "agent", "list"], {
    env: env(),
    encoding: "utf8",
    stdio: ["ignore", full, "pipe"],
  });
  closeSync(full);
  expect([status, stderr]).toEqual([1, "error[OUTPUT]: standard output cannot be written (ENOSPC)\n"]);
});

test("rlp trace gives the events again, byte for byte; --since and --status choose runs", () => {
  const run = rlp("run", opening, "--local", "--yes", "--json", "--seed", "5");
  const trace = (JSON.parse(run.stdout.split("\n")[0] ?? "") as { trace_id: string }).trace_id;
  expect(rlp("trace", trace).stdout).toBe(run.stdout);
  expect(JSON.parse(rlp("runs", "--status", "cancelled").stdout)).toEqual([]);
  expect(JSON.parse(rlp("runs", "--since", "1h", "--limit", "1").stdout)).toMatchObject([{ trace_id: trace, seed: 5 }]);
});

test("--dry-run checks and plans; nothing is written", () => {
  const before = JSON.parse(rlp("runs").stdout) as unknown[];
  const { status, stdout } = rlp("run", opening, "--dry-run");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^compose_email\n[^]*level 1\n[^]*asks before: email\.send/);
  expect(JSON.parse(rlp("runs").stdout)).toHaveLength(before.length);
});

test("a cancelled run stays cancelled", () => {
  const parked = rlp("run", opening, "--local");
  const trace = /trace:[0-9a-f-]{36}/.exec(parked.stderr)?.[0] ?? "";
  expect(rlp("cancel", trace, "--reason", "wrong recipient").status).toBe(0);
  expect(rlp("resume", trace).status).not.toBe(0);
  expect(rlp("cancel", trace).status).toBe(2);
  expect(JSON.parse(rlp("runs", "--status", "cancelled").stdout)).toMatchObject([{ trace_id: trace }]);
});

test("doctor finds this machine in order, as JSON, and mentions no secret", () => {
  const { status, stdout } = rlp("doctor");
  const report = JSON.parse(stdout) as { ok: boolean; findings: { check: string; status: string }[] };
  expect(report.findings.filter((finding) => finding.status === "broken")).toEqual([]);
  expect([status, report.ok]).toEqual([0, true]);
  expect(report.findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining(["node", "jspi", "sqlite", "isolation", "config", "permissions", "knowledge base", "agents"]),
  );
});

test("agents are listed and inspected by name, by folder and by component", () => {
  const agents = JSON.parse(rlp("agent", "list").stdout) as { name: string }[];
  expect(agents.map(({ name }) => name)).toEqual(["contact_resolver", "context_gatherer", "critic", "mailer", "writer"]);
  const byName = JSON.parse(rlp("agent", "inspect", "mailer").stdout);
  expect(byName).toMatchObject({ name: "mailer", needs: ["actions"], granted: ["actions email.send"], exports: ["run"] });
  expect(JSON.parse(rlp("agent", "inspect", join(root, "agents", "mailer")).stdout)).toEqual(byName);
  expect(JSON.parse(rlp("agent", "inspect", join(root, "agents", "mailer", "agent.wasm")).stdout)).toMatchObject({
    name: null,
    digest: byName.digest,
    imports: byName.imports,
  });
  expect(rlp("agent", "inspect", "mailr").stderr).toContain("did you mean `mailer`?");
});

// util-linux's `script` gives a command a terminal; others have other options.
const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;

/** Runs in a terminal of 80 columns; types when the text is shown. */
async function inTerminal(
  words: readonly string[],
  steps: (readonly [shown: string, typed: string])[],
): Promise<{ screen: string; code: number }> {
  const command = `stty cols 80 rows 50; ${[process.execPath, entry, ...words].map((word) => `'${word}'`).join(" ")}; echo "exit $?"`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...env(), SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let screen = "";
  let from = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += text;
    const [step] = steps;
    if (!step || !screen.slice(from).includes(step[0])) return;
    from = screen.length;
    steps.shift();
    child.stdin.write(step[1]);
  });
  await once(child, "close");
  return { screen, code: Number(/exit (\d+)\s*$/.exec(screen)?.[1]) };
}

test.skipIf(!hasScript)("on a terminal the nodes fill in, the action is shown whole, and `y` sends it", async () => {
  const before = readdirSync(join(home, "outbox")).length;
  const { screen, code } = await inTerminal(["run", opening, "--local"], [["approve? [y/N]", "y\r"]]);
  expect(code).toBe(0);
  expect(screen).toMatch(/pending[^]*running[^]*send asks: email\.send[^]*Subject: Q4 plan[^]*approve\? \[y\/N\][^]*Mail/);
  expect(screen).not.toContain('{"v":1');
  expect(screen.lastIndexOf("\u001b[?25h")).toBeGreaterThan(screen.lastIndexOf("\u001b[?25l"));
  expect(readdirSync(join(home, "outbox"))).toHaveLength(before + 1);
});

test.skipIf(!hasScript)("`n` sends nothing, exit 1; Ctrl-C leaves it to be resumed, exit 130", async () => {
  const before = readdirSync(join(home, "outbox")).length;
  const no = await inTerminal(["run", opening, "--local", "--no-color"], [["approve? [y/N]", "n\r"]]);
  expect(no.code).toBe(1);
  expect(no.screen).toContain("an action was rejected");
  expect(no.screen).not.toMatch(/\u001b\[[0-9;]*m/);
  const left = await inTerminal(["run", opening, "--local"], [["approve? [y/N]", "\u0003"]]);
  expect(left.code).toBe(130);
  expect(left.screen).toMatch(/interrupting; the run can be resumed[^]*rlp resume trace:/);
  expect(readdirSync(join(home, "outbox"))).toHaveLength(before);
});
