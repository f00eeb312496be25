import { afterAll, beforeAll, expect, test } from "vitest";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { eachLine, events, example, finalHash, homeWithSamples, killedAt, only, problemsIn, type HomeFolder } from "./rlp.js";

// Real processes, killed with SIGKILL. Where exactly a kill falls between two events is up to the machine; the simulated world
// (test/openings/engine) covers every point between two events exactly, this test covers the real disk, pipe and processes.

let home: HomeFolder;
let undisturbed: string;
let length: number;
const run = ["run", example("compose_email.yaml"), "--local", "--json", "--yes", "--seed", "11", "--epoch", "1763636400000"];

beforeAll(async () => {
  home = await homeWithSamples();
  const whole = events((await home.rlp(...run)).stdout);
  undisturbed = finalHash(whole);
  length = whole.length;
});
afterAll(() => home.remove());

test("killed at every event of a run: the ledger verifies, and the resumed run ends with the hash of the undisturbed one", async () => {
  let resumed = 0;
  for (let nth = 0; nth < length - 1; nth++) {
    const before = await killedAt(home.start(...run), nth);
    const trace = before[0]?.trace_id ?? "";
    expect(await problemsIn(home), `verify after a kill at event ${nth}`).toEqual([]);
    const resume = await home.rlp("resume", trace, "--yes", "--json");
    if (resume.stderr.includes("RESUME_FINISHED")) continue; // the kill came too late
    expect(resume.stderr, `resume after a kill at event ${nth}`).not.toContain("error");
    expect(finalHash(events(resume.stdout)), `killed at event ${nth} (${before.at(-1)?.kind})`).toBe(undisturbed);
    expect(resume.code).toBe(0);
    resumed++;
    const shown = [...before, ...events(resume.stdout)];
    expect(only(shown, "email.sent").length, "sent once").toBeLessThanOrEqual(1);
  }
  expect(resumed).toBeGreaterThan(length / 2);
  expect(await home.rlp("kb", "verify")).toMatchObject({ code: 0 });
  // One mail for each run that got that far, and never two for one.
  const runs = (await home.rlp("runs", "--json")).stdout.match(/trace:[0-9a-f-]{36}/g) ?? [];
  const mails = await readdir(join(home.path, "outbox"));
  expect(mails.length).toBe(new Set(runs).size);
  expect(mails.every((name) => name.endsWith(".eml"))).toBe(true);
}, 900_000);

test("a second resume of a run that somebody drives is refused, naming the owner", async () => {
  const parked = events((await home.rlp(...run.filter((word) => word !== "--yes"))).stdout);
  const trace = parked[0]?.trace_id ?? "";
  // A run that waits for its retry keeps its owner for a while.
  const retry = home.start("run", example("retry.yaml"), "--local", "--json");
  let other = "";
  await eachLine(retry, async (line) => {
    if (other) return;
    other = JSON.parse(line).trace_id as string;
    const second = await home.rlp("resume", other);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toMatch(/KB_LEASED|RESUME_FINISHED/);
  });
  expect(trace).not.toBe(other);
});

test("Ctrl-C leaves a run that can be resumed to the same end; exit 130", async () => {
  const child = home.start(...run);
  const closed = once(child, "close");
  let printed = "";
  await eachLine(child, (line, index) => {
    printed += `${line}\n`;
    if (index === 4) child.kill("SIGINT");
  });
  await closed;
  const before = events(printed);
  if (only(before, "run.finished").length > 0) return; // it was faster than the signal
  expect(child.exitCode).toBe(130);
  expect(before.at(-1)?.kind).toBe("run.parked");
  const resume = await home.rlp("resume", before[0]?.trace_id ?? "", "--yes", "--json");
  expect(finalHash(events(resume.stdout))).toBe(undisturbed);
});
