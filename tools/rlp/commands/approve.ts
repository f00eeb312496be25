/** `rlp approve`: lets a proposed action happen. What waits for it goes on by itself, or with `rlp resume`. */
import type { Command } from "commander";
import type { Act } from "../context.js";
import { examples } from "../program.js";
import { decide } from "../run/decide.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<proposal>", "the proposal's id, or the beginning of it")
    .option("--reason <text>", "recorded with the decision")
    .addHelpText(
      "after",
      examples(["rlp proposals", "what waits, whole"], ["rlp approve 0199a3", "a beginning that fits one proposal is enough"]),
    )
    .action(act<{ readonly reason?: string }>((context, args, { reason }) => decide(context, args, "approved", reason)));
}
