/** `rlp sim` at the command line: what the nodes are said to answer, and Ctrl-C. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inFolder, rlp, type Called } from "./call.js";

const COMPOSE = join(import.meta.dirname, "../../../examples/openings/compose_email.yaml");

const sim = (cwd: string, ...words: string[]): Promise<Called> =>
  rlp(["sim", COMPOSE, "--home", join(cwd, "home"), "--seeds", "5", "--faults", "none", "--json", ...words], { cwd });

interface Report {
  readonly runs: number;
  readonly reasons: readonly { readonly reason: string; readonly times: number }[];
  readonly coverage: readonly { readonly what: string; readonly name: string; readonly outcomes: Record<string, number> }[];
}
const counted = (called: Called, what: string) =>
  (JSON.parse(called.stdout) as Report).coverage.find((row) => row.what === what)?.outcomes;

test(
  "--answers: nodes give what the file says, and a person decides as it says",
  () =>
    inFolder(async (cwd) => {
      const answers = (script: object): string => {
        writeFileSync(join(cwd, "answers.json"), JSON.stringify(script));
        return "answers.json";
      };
      const held = await sim(cwd, "--answers", answers({ review: { outputs: { ok: [true] } } }));
      expect(held.code).toBe(0);
      expect(counted(held, "guard")).toEqual({ held: 5, "did not hold": 0 });
      const open = await sim(cwd, "--answers", answers({ review: { outputs: { ok: [false] } } }));
      expect(counted(open, "guard")).toEqual({ held: 0, "did not hold": 5 });

      const refused = { review: { outputs: { ok: [true] } }, send: { decision: "rejected" } };
      const turned = await sim(cwd, "--answers", answers(refused));
      expect(counted(turned, "proposal")).toEqual({ approved: 0, rejected: 5 });
      expect(counted(held, "proposal")).toEqual({ approved: 5, rejected: 0 });
      const failing = { context: { fails: { code: "no.topic", retryable: false } } };
      const failed = JSON.parse((await sim(cwd, "--answers", answers(failing))).stdout) as Report;
      expect(failed.reasons[0]?.reason).toContain("context failed: no.topic");
    }),
  60_000,
);

test.each([
  ["what is no JSON", "{", "answers.json"],
  ["what no answer looks like", '{"review": {"outputs": true}}', "review.outputs"],
  ["a decision that nobody can make", '{"send": {"decision": "perhaps"}}', "send.decision"],
])("--answers: %s is refused with its place, and nothing runs", (_, text, place) =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "answers.json"), text);
    const called = await sim(cwd, "--answers", "answers.json");
    expect([called.code, called.stdout]).toEqual([2, ""]);
    expect(called.stderr).toContain(place);
  }),
);

test("--answers: a file that is not there, and one that is a folder", () =>
  inFolder(async (cwd) => {
    mkdirSync(join(cwd, "folder"));
    for (const from of ["none.json", "folder"])
      expect(await sim(cwd, "--answers", from), from).toMatchObject({ code: 2, stdout: "" });
  }));

test(
  "Ctrl-C ends it between two runs: 130, and no report of half the runs",
  () =>
    inFolder(async (cwd) => {
      const interrupts = new Set<() => void>();
      const running = rlp(["sim", COMPOSE, "--home", join(cwd, "home"), "--seeds", "10000000", "--json"], {
        cwd,
        onInterrupt: (listener) => (interrupts.add(listener), () => interrupts.delete(listener)),
      });
      while (interrupts.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      for (const interrupt of interrupts) interrupt();
      const { code, stdout, stderr } = await running;
      expect([code, stdout]).toEqual([130, ""]);
      expect(stderr).toContain("interrupted");
      expect(interrupts.size).toBe(0);
    }),
  60_000,
);
