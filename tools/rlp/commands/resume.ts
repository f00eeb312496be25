/** `rlp resume`: goes on with a run that was interrupted, killed or parked. */
import { Option, type Command } from "commander";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { loadBlob } from "../ledger.js";
import { examples } from "../program.js";
import { acceptedReduced, acceptReducedOption, type AcceptReducedFlags } from "../run/accept-reduced.js";
import { ownTrace } from "../run/source.js";
import { follow, nothing, viewOf, type RunView } from "../run/view.js";
import { watchRun, type WatchFlags } from "../run/watched.js";
import type { Opening } from "#openings/ir.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import type { TraceId } from "#core/ids.js";

export function define(command: Command, act: Act): void {
  acceptReducedOption(command.argument("<trace>", "the run's id, or the beginning of it"))
    .addOption(new Option("--yes", "approve whatever is proposed").conflicts("deny"))
    .addOption(new Option("--deny", "reject whatever is proposed"))
    .addHelpText("after", examples(["rlp resume 0199a3", "finished nodes keep what they gave; the others go on"]))
    .action(act(resume));
}

async function resume(context: Context, args: readonly string[], flags: WatchFlags & AcceptReducedFlags) {
  const [id] = args;
  if (id === undefined) throw usage("no run is named", "`rlp runs` lists the runs there are");
  const host = await context.host({ warm: true, ...acceptedReduced(flags) });
  const ledger = await host.ledger();
  const traceId = await ownTrace(context, ledger, id, "resumed");
  const { resumeRun } = await import("#host/run/resume.js");
  return watchRun(context, { host, view: soFar(ledger, traceId), start: (options) => resumeRun(host, traceId, options) }, flags);
}

/** What the run had come to when it stopped. */
function soFar(ledger: Ledger, traceId: TraceId): RunView {
  let view = nothing;
  for (const event of ledger.runEvents(traceId)) {
    if (event.kind === "run.started") view = viewOf(loadBlob(ledger, event.meta.opening) as unknown as Opening);
    view = follow(view, event);
  }
  return view;
}
