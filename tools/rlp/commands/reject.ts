/** `rlp reject`: refuses a proposed action. The agent hears of it, with the reason. */
import type { Command } from "commander";
import type { Act } from "../context.js";
import { usage } from "../failure.js";
import { examples } from "../program.js";
import { decide } from "../run/decide.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<proposal>", "the proposal's id, or the beginning of it")
    .option("--reason <text>", "what the agent is told, and what the run records; required")
    .addHelpText("after", examples(["rlp reject 0199a3 --reason 'wrong recipient'", "then `rlp resume` ends the run"]))
    .action(
      act<{ readonly reason?: string }>((context, args, { reason }) => {
        if (reason === undefined || reason.trim() === "") throw usage("a rejection needs a reason", "--reason 'wrong recipient'");
        return decide(context, args, "rejected", reason);
      }),
    );
}
