/** `rlp daemon run`: there is no background host in this version, and nothing pretends that there is one. */
import type { Command } from "commander";
import type { Act } from "../context.js";
import { usage } from "../failure.js";
import { examples } from "../program.js";

export function define(command: Command, act: Act): void {
  command.addHelpText("after", examples(["rlp run opening.yaml --local", "runs without a background host"])).action(
    act(async () => {
      throw usage("this version has no background host", "`rlp run <opening> --local` runs in the foreground");
    }),
  );
}
