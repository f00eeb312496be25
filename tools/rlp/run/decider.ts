/** Who answers proposals: flags, the person at the terminal, or nobody. */
import { createInterface } from "node:readline/promises";
import { visibleLine, visibleText } from "#core/visible.js";
import type { Decider, Decision, ShownProposal } from "#host/run/contract.js";
import type { Output } from "../output.js";
import { columnsOf, rowsOf, wrap } from "../terminal/width.js";

/** Nobody is there: the run parks. */
export const nobody: Decider = { ask: async () => null };

export function decidedBy(flag: "--yes" | "--deny"): Decider {
  const decision: Decision = { decision: flag === "--yes" ? "approved" : "rejected", by: `flag ${flag}` };
  return { ask: async () => decision };
}

/** What a question needs of the terminal. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  /** Questions and answers are no result: they go to standard error, which is the terminal wherever there is one. */
  readonly output: NodeJS.WritableStream;
  readonly out: Output;
  /** Gives the terminal to the question, and back. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Ctrl-C while the question stands. */
  readonly interrupt: () => void;
}

/** Asks one question after the other, each with the whole text of the action, paged where it is longer than the screen. */
export function terminalDecider(terminal: Terminal): Decider {
  let before: Promise<unknown> = Promise.resolve();
  return {
    ask(proposal, signal) {
      const answer = before.then(() => (signal.aborted ? null : question(terminal, proposal, signal)));
      before = answer.catch(() => {});
      return answer;
    },
  };
}

async function question(terminal: Terminal, proposal: ShownProposal, signal: AbortSignal): Promise<Decision | null> {
  const { input, out } = terminal;
  terminal.pause();
  const lines = createInterface({ input, output: terminal.output, terminal: true });
  const gone = new AbortController();
  lines.on("close", () => gone.abort()); // Ctrl-D: nobody answers any more
  lines.on("SIGINT", () => {
    lines.close();
    terminal.interrupt();
  });
  const either = AbortSignal.any([signal, gone.signal]);
  const ask = (text: string): Promise<string | null> => lines.question(text, { signal: either }).catch(() => null);
  try {
    const text = pages(proposal, out);
    for (const [index, page] of text.entries()) {
      out.complain(page);
      if (index === text.length - 1) break;
      if ((await ask(`-- page ${index + 1} of ${text.length}: Enter for the next, Ctrl-D to leave it undecided -- `)) === null)
        return null;
    }
    const answer = await ask("approve? [y/N] ");
    if (answer === null) return null;
    return { decision: /^\s*y(es)?\s*$/i.test(answer) ? "approved" : "rejected", by: "user" };
  } finally {
    lines.close();
    if (!signal.aborted) terminal.resume();
  }
}

/** The text in pages that fit the screen. Nothing is left out: what a person has not seen cannot be approved. */
export function pages(
  proposal: Pick<ShownProposal, "node" | "action" | "id" | "text">,
  out: Pick<Output, "stderr" | "errColours">,
): string[] {
  const columns = columnsOf(out.stderr);
  const height = Math.max(4, rowsOf(out.stderr) - 2);
  const head = `${out.errColours.bold(`${visibleLine(proposal.node)} asks: ${visibleLine(proposal.action)}`)}  ${out.errColours.dim(proposal.id)}`;
  const lines = [head, "", ...wrap(visibleText(proposal.text).trimEnd(), columns - 1), ""];
  const found: string[] = [];
  for (let at = 0; at < lines.length; at += height) found.push(lines.slice(at, at + height).join("\n"));
  return found;
}
