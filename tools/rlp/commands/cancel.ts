/** `rlp cancel`: ends a run for good. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { examples } from "../program.js";
import { ownTrace } from "../run/source.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<trace>", "the run's id, or the beginning of it")
    .option("--reason <text>", "recorded with the run", "cancelled on the command line")
    .addHelpText("after", examples(["rlp cancel 0199a3 --reason 'wrong recipient'", "it cannot be resumed afterwards"]))
    .action(act(cancel));
}

async function cancel(context: Context, args: readonly string[], flags: { readonly reason: string }) {
  const [id] = args;
  if (id === undefined) throw usage("no run is named", "`rlp runs --status parked` lists those that wait");
  const host = await context.host();
  const traceId = await ownTrace(context, await host.ledger(), id, "cancelled");
  const { cancelRun } = await import("#host/run/cancel.js");
  await cancelRun(host, traceId, { by: "user", why: flags.reason });
  if (context.out.readable) context.out.print(`${traceId} is cancelled`);
  else context.out.data({ trace_id: traceId, status: "cancelled" });
  return Exit.ok;
}
