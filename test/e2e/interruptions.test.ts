/** Runs that are stopped, killed, fought over, and found again. The agent lies beside its opening, where only its own run looked. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRunEvent, type RunEvent } from "#core/events.js";
import { writeAgent, writeOpening } from "./bundle.js";
import { events, example, finalHash, homeWithSamples, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
let slow: string;
let endless: string;
beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-interrupted-"));
  await writeAgent(folder, {
    name: "digger",
    // The line says that it is inside; what follows takes a second or more, and its result depends on all of it; or it has no end.
    code: 'log.info("digging"); let n: u64 = 1; for (let i: u64 = 0; i < 500_000_000 || mode == "forever"; i++) n = (n * 31) ^ i; mode = n.toString();',
    ports: '[ports.out.out]\ntype = "text.v1"\n[schemas.with]\ntype = "object"\n',
    limits: "fuel = 100_000_000_000\nwall_ms = 120_000",
  });
  slow = await writeOpening(folder, "slow", [{ id: "dig", agent: "digger" }]);
  endless = await writeOpening(folder, "endless", [{ id: "forever", agent: "digger" }]);
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Starts the opening and comes back when so many of its agents compute. */
async function digging(
  opening = slow,
  agents = 1,
): Promise<{ run: ChildProcessWithoutNullStreams; trace: string; rest: Promise<RunEvent[]> }> {
  const run = home.start("run", opening, "--local", "--json");
  run.stdin.end();
  run.stderr.resume();
  const seen: RunEvent[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let inside = 0;
  const rest = (async () => {
    for await (const line of createInterface({ input: run.stdout })) {
      const event = parseRunEvent(JSON.parse(line));
      seen.push(event);
      if (event.kind === "log" && ++inside === agents) resolve();
    }
    resolve();
    return seen;
  })();
  await promise;
  return { run, trace: seen[0]?.trace_id ?? "", rest };
}

const exited = (child: ChildProcessWithoutNullStreams): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once("exit", resolve));

/** Processes below `pid`, from /proc; those that have ended and were not looked after yet do not count. */
function below(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)))
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state !== "Z") parents.set(Number(name), Number(parent));
    } catch {
      // It has just ended.
    }
  const found = [pid];
  for (const one of found) for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found.slice(1).filter((child) => parents.has(child));
}

/** A cage takes those inside with it: what has gone in the meantime is no error. */
function killHard(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

let undisturbed: Promise<string> | undefined;
const expected = (): Promise<string> =>
  (undisturbed ??= home.rlp("run", slow, "--local", "--json").then((run) => finalHash(events(run.stdout))));

async function resumed(trace: string): Promise<string> {
  const run = await home.rlp("resume", trace, "--json");
  expect(run.code).toBe(0);
  return finalHash(events(run.stdout));
}

test("what `rlp run` says to type next works for an agent beside its opening", async () => {
  const run = await home.rlp("run", slow, "--local", "--json");
  const trace = events(run.stdout)[0]?.trace_id ?? "";
  for (const command of ["replay", "trace"]) expect(await home.rlp(command, trace)).toMatchObject({ code: 0, stderr: "" });
});

test("Ctrl-C while an agent computes: parked, 130, and resumed to the same end", async () => {
  const { run, trace, rest } = await digging();
  run.kill("SIGINT");
  expect(await exited(run)).toBe(130);
  expect((await rest).at(-1)?.kind).toBe("run.parked");
  expect(await resumed(trace)).toBe(await expected());
});

test("cancelled from another process while an agent computes: the run says so, with the reason, and cannot be resumed", async () => {
  const { run, trace, rest } = await digging(endless);
  expect(await home.rlp("cancel", trace, "--reason", "wrong hole")).toMatchObject({ code: 0, stderr: "" });
  expect(await exited(run)).toBe(1);
  const all = await rest;
  expect(only(all, "run.cancelled")[0]?.meta.why).toBe("wrong hole");
  expect(all.at(-1)).toMatchObject({ kind: "run.finished", meta: { status: "cancelled" } });
  expect((await home.rlp("resume", trace)).stderr).toContain("RESUME_FINISHED");
  expect((await home.rlp("cancel", trace)).code).toBe(2);
});

describe("agents that compute without end inside of an inner opening, and as invocations of a for_each", () => {
  const NESTED = 3;
  let nested: string;
  let hurried: string;
  beforeAll(async () => {
    const inner = `version: 0
name: pit
inputs: { in: { type: any, required: false } }
outputs: { out: deep.out }
nodes:
  - { id: deep, use: agent:digger, with: { mode: forever } }
`;
    const outer = (name: string, extra: string) => `version: 0
name: ${name}
nodes:
  - { id: pits, use: opening:pit, for_each: in, with: { in: [1, 2] }${extra} }
  - { id: pit, use: opening:pit${extra} }
`;
    await writeFile(join(folder, "pit.yaml"), inner);
    await writeFile((nested = join(folder, "nested.yaml")), outer("nested", ""));
    await writeFile((hurried = join(folder, "hurried.yaml")), outer("hurried", ", timeout_ms: 4000"));
  });

  /** In each of the run's traces, what became of the nodes that had begun. */
  function ends(all: readonly RunEvent[]): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const { kind, meta, trace_id } of all)
      if (kind === "node.finished")
        (found[trace_id === all[0]?.trace_id ? "outer" : "inner"] ??= []).push(`${meta.node} ${meta.error?.code ?? meta.status}`);
    for (const list of Object.values(found)) list.sort();
    return found;
  }

  const stopped = {
    outer: ["pit cancelled", "pits[0] cancelled", "pits[1] cancelled"],
    inner: Array(NESTED).fill("deep cancelled"),
  };

  test("`rlp cancel` reaches each of them: every attempt that had begun says that it was cancelled, and every run ends", async () => {
    const { run, trace, rest } = await digging(nested, NESTED);
    expect(await home.rlp("cancel", trace, "--reason", "wrong hole")).toMatchObject({ code: 0, stderr: "" });
    expect(await exited(run)).toBe(1);
    const all = await rest;
    expect(ends(all)).toEqual(stopped);
    expect(only(all, "run.finished").map(({ meta }) => meta.status)).toEqual(Array(NESTED + 1).fill("cancelled"));
    // The run ends after all that runs inside of it, and nothing begins once it was cancelled.
    expect(all.at(-1)).toMatchObject({ kind: "run.finished", trace_id: trace });
    const at = all.findIndex(({ kind }) => kind === "run.cancelled");
    expect(all.slice(at).filter(({ kind }) => kind === "node.started")).toEqual([]);
    expect((await home.rlp("replay", trace)).code).toBe(0);
  });

  test("Ctrl-C reaches each of them: the run and those inside are parked, go on when it is resumed, and stop again when that is cancelled", async () => {
    const { run, trace, rest } = await digging(nested, NESTED);
    run.kill("SIGINT");
    expect(await exited(run)).toBe(130);
    const all = await rest;
    expect(ends(all)).toEqual({});
    expect(only(all, "run.parked").map(({ meta }) => meta.why)).toEqual(Array(NESTED + 1).fill("interrupted"));
    expect(all.at(-1)).toMatchObject({ kind: "run.parked", trace_id: trace });
    const again = home.start("resume", trace, "--json");
    again.stdin.end();
    again.stderr.resume();
    const seen: RunEvent[] = [];
    for await (const line of createInterface({ input: again.stdout })) {
      const event = parseRunEvent(JSON.parse(line));
      seen.push(event);
      if (only(seen, "run.resumed").length === NESTED + 1 && event.kind === "run.resumed") await home.rlp("cancel", trace);
    }
    expect(ends(seen)).toEqual(stopped);
  });

  test("the time of a node reaches what runs inside of it", async () => {
    const { run, rest } = await digging(hurried, NESTED);
    expect(await exited(run)).toBe(1);
    const all = await rest;
    // On a slow machine it may have passed before the last of them began.
    const begun = only(all, "node.started").filter(({ trace_id }) => trace_id !== all[0]?.trace_id).length;
    expect(begun).toBeGreaterThan(0);
    expect(ends(all)).toEqual({
      outer: ["pit host.timeout", "pits[0] host.timeout", "pits[1] host.timeout"],
      inner: Array(begun).fill("deep cancelled"),
    });
  });
});

describe.runIf(process.platform === "linux")("kill -9", () => {
  test("of the sandbox: the attempt is executed again, the run ends as if nothing had been", async () => {
    const { run, rest } = await digging();
    const family = below(run.pid ?? 0);
    expect(family.length).toBeGreaterThan(0);
    family.forEach(killHard);
    expect(await exited(run)).toBe(0);
    expect(finalHash(await rest)).toBe(await expected());
  });

  test("of rlp: nothing of it lives on, and the run is resumed to the same end", async () => {
    const { run, trace } = await digging();
    const family = below(run.pid ?? 0);
    expect(family.length).toBeGreaterThan(0);
    run.kill("SIGKILL");
    await exited(run);
    const alive = (): number[] => family.filter((pid) => below(1).includes(pid));
    while (alive().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    // It stands as running, and nobody drives it: that is told, and what to type.
    const listed = JSON.parse((await home.rlp("runs", "--status", "interrupted", "--json")).stdout) as { trace_id: string }[];
    expect(listed.map(({ trace_id }) => trace_id)).toContain(trace);
    expect((await home.rlp("runs", "--status", "running", "--json")).stdout).not.toContain(trace);
    expect(await resumed(trace)).toBe(await expected());
  });
});

test("of three decisions at once one holds; of two resumes at once one goes on; both are told to the others", async () => {
  const parked = await home.rlp("run", example("compose_email.yaml"), "--local", "--json");
  expect(parked.code).toBe(3);
  const all = events(parked.stdout);
  const trace = all[0]?.trace_id ?? "";
  const proposal = only(all, "action.proposed")[0]?.meta.proposal_id ?? "";
  const decisions = await Promise.all([
    home.rlp("approve", proposal),
    home.rlp("approve", proposal),
    home.rlp("reject", proposal, "--reason", "no"),
  ]);
  expect(decisions.map(({ code }) => code).sort()).toEqual([0, 1, 1]);
  for (const { code, stderr } of decisions) if (code === 1) expect(stderr).toContain("KB_DECIDED");

  const resumes = await Promise.all([home.rlp("resume", trace, "--json"), home.rlp("resume", trace, "--json")]);
  const ends = resumes.filter(({ stdout }) => stdout.includes('"run.finished"'));
  expect(ends).toHaveLength(1);
  for (const other of resumes) if (other !== ends[0]) expect(other.stderr).toMatch(/KB_LEASED|RESUME_FINISHED/);
  const told = (await home.rlp("trace", trace, "--json")).stdout;
  expect(told.match(/"run\.finished"/g)).toHaveLength(1);
  expect((await home.rlp("kb", "verify")).code).toBe(0);
});

test("a parked run is cancelled though its agents are gone; nothing in it can be decided any more", async () => {
  const copy = await mkdtemp(join(tmpdir(), "rlp-gone-"));
  await writeAgent(copy, {
    name: "asker",
    code: 'actions.propose("email.send", json().set("to", ["a@b.example"]).set("cc", Json.array()).set("subject", "s").set("body", "b"));',
    policy: 'actions = ["email.send"]\n',
    ports: '[ports.out.out]\ntype = "text.v1"\n[schemas.with]\ntype = "object"\n',
  });
  const parked = await home.rlp("run", await writeOpening(copy, "asking", [{ id: "ask", agent: "asker" }]), "--local", "--json");
  expect(parked.code).toBe(3);
  const all = events(parked.stdout);
  const trace = all[0]?.trace_id ?? "";
  await rm(copy, { recursive: true });
  expect(await home.rlp("resume", trace)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("there is no agent `asker`"),
  });
  expect(await home.rlp("cancel", trace)).toMatchObject({ code: 0, stderr: "" });
  const late = await home.rlp("approve", only(all, "action.proposed")[0]?.meta.proposal_id ?? "");
  expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining("has ended") });
});
