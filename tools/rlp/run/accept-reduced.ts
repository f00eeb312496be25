/** `--accept-reduced`: a person takes the risk of less than the full cage, for one agent, by its name, for this call. */
import type { Command } from "commander";
import { IDENTIFIER } from "#core/ids.js";
import { usage } from "../failure.js";

export interface AcceptReducedFlags {
  readonly acceptReduced?: readonly string[];
}

export function acceptReducedOption(command: Command): Command {
  return command.option(
    "--accept-reduced <agent>",
    "let this agent, for which nobody vouches, run in less than the full cage; repeatable",
    (word: string, before: readonly string[] = []) => {
      if (!IDENTIFIER.test(word)) throw usage(`\`${word.slice(0, 80)}\` is no agent's name`, "--accept-reduced note_taker");
      return [...before, word];
    },
  );
}

export const acceptedReduced = ({ acceptReduced = [] }: AcceptReducedFlags) => ({ acceptReduced });
