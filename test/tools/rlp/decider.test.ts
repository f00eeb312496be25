import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import type { ShownProposal } from "#host/run/contract.js";
import { decidedBy, nobody, pages, terminalDecider, type Terminal } from "../../../tools/rlp/run/decider.js";
import { listenForInterrupt } from "../../../tools/rlp/run/interrupt.js";
import { Output } from "../../../tools/rlp/output.js";
import { coloursOf } from "../../../tools/rlp/terminal/colours.js";
import { DIGEST, PROPOSAL } from "./events.js";

const proposal = (text: string, node = "send") =>
  ({ id: PROPOSAL, node, action: "email.send", argsHash: DIGEST, text, args: {} }) as unknown as ShownProposal;
const never = new AbortController().signal;

function terminal(rows = 24) {
  const input = new PassThrough();
  const output = new PassThrough();
  let said = "";
  const sink = { isTTY: true, columns: 80, rows, write: (text: string) => ((said += text), true), on: () => {}, off: () => {} };
  output.setEncoding("utf8").on("data", (text: string) => (said += text));
  const out = new Output(sink, sink, { json: false, quiet: false, color: false, unicode: true });
  const calls = { pause: vi.fn<() => void>(), resume: vi.fn<() => void>(), interrupt: vi.fn<() => void>() };
  return {
    ...calls,
    decider: terminalDecider({ input, output, out, ...calls } satisfies Terminal),
    /** Types when the text has been shown so often. */
    async type(keys: string, after: string, times = 1) {
      await vi.waitFor(() => expect(said.split(after).length - 1).toBeGreaterThanOrEqual(times), {
        interval: 5,
        timeout: 10_000,
      });
      input.write(keys);
    },
    said: () => said,
  };
}

test.each([
  ["y", "approved"],
  ["yes", "approved"],
  [" Y ", "approved"],
  ["n", "rejected"],
  ["", "rejected"],
  ["yess", "rejected"],
  ["approve", "rejected"],
])("typed %j: %s", async (typed, decision) => {
  const at = terminal();
  const answer = at.decider.ask(proposal("Send an e-mail"), never);
  await at.type(`${typed}\r`, "approve? [y/N]");
  expect(await answer).toEqual({ decision, by: "user" });
  expect([at.pause.mock.calls.length, at.resume.mock.calls.length]).toEqual([1, 1]);
});

test("the end of input is nobody's answer, and so is a decision from elsewhere", async () => {
  const at = terminal();
  const left = at.decider.ask(proposal("a"), never);
  await at.type("\u0004", "approve? [y/N]");
  expect(await left).toBeNull();

  const elsewhere = new AbortController();
  const overtaken = at.decider.ask(proposal("b"), elsewhere.signal);
  await at.type("", "approve? [y/N]", 2);
  elsewhere.abort();
  expect(await overtaken).toBeNull();
});

test("Ctrl-C at the question interrupts the run, and decides nothing", async () => {
  const at = terminal();
  const answer = at.decider.ask(proposal("a"), never);
  await at.type("\u0003", "approve? [y/N]");
  expect(await answer).toBeNull();
  expect(at.interrupt).toHaveBeenCalledOnce();
});

test("one question at a time: the second is shown when the first has its answer", async () => {
  const at = terminal();
  const both = Promise.all([at.decider.ask(proposal("first text"), never), at.decider.ask(proposal("second text"), never)]);
  await at.type("", "approve? [y/N]");
  expect(at.said()).not.toContain("second text");
  await at.type("y\r", "first text");
  await at.type("n\r", "second text");
  expect((await both).map((answer) => answer?.decision)).toEqual(["approved", "rejected"]);
});

test("a text longer than the screen is paged, whole, and only its last page can be approved", async () => {
  const text = Array.from({ length: 50 }, (_, i) => `line ${i}`).join("\n");
  const at = terminal(24);
  const answer = at.decider.ask(proposal(text), never);
  await at.type("y\r", "page 1 of 3"); // an answer to no question
  expect(at.said()).not.toContain("line 49");
  await at.type("\r", "page 2 of 3");
  await at.type("y\r", "approve? [y/N]");
  expect((await answer)?.decision).toBe("approved");
  for (let i = 0; i < 50; i++) expect(at.said()).toContain(`line ${i}`);
});

test("pages fit the screen, lose nothing, and show what would be hidden", () => {
  const out = { stderr: { columns: 30, rows: 10 }, errColours: coloursOf(false) } as never;
  const shown = pages(proposal(`${"word ".repeat(60)}\u001b[2J\u202e`), out);
  expect(Math.max(...shown.map((page) => page.split("\n").length))).toBeLessThanOrEqual(8);
  const all = shown.join("\n");
  expect(all.match(/word/g)).toHaveLength(60);
  expect(all).toContain("\\e[2J\\u{202e}");
});

test("flags decide everything, and nobody decides nothing", async () => {
  expect(await decidedBy("--yes").ask(proposal("a"), never)).toEqual({ decision: "approved", by: "flag --yes" });
  expect(await decidedBy("--deny").ask(proposal("a"), never)).toEqual({ decision: "rejected", by: "flag --deny" });
  expect(await nobody.ask(proposal("a"), never)).toBeNull();
});

test("the first Ctrl-C interrupts so that the run can be resumed, the second one ends the process", () => {
  let press = (): void => {};
  const exits: number[] = [];
  const world = {
    onInterrupt: (listener: () => void) => ((press = listener), () => {}),
    exit: (code: number) => exits.push(code),
  };
  const sink = { isTTY: false, write: () => true, on: () => {}, off: () => {} };
  const interrupt = listenForInterrupt(
    world as never,
    new Output(sink, sink, { json: false, quiet: false, color: false, unicode: true }),
  );
  expect(interrupt.signal.aborted).toBe(false);
  press();
  expect([interrupt.signal.aborted, interrupt.byPerson, exits]).toEqual([true, true, []]);
  press();
  expect(exits).toEqual([130]);
});
