import type { TraceId } from "#core/ids.js";
import { UsageError } from "#core/errors.js";
import { KbError } from "#kb/errors.js";
import type { Host } from "../host.js";
import { requestCancel } from "./cancel-request.js";
import { mustStandAlone, openHistory } from "./history.js";
import { resumeFrom } from "./resume.js";
import { Outdated } from "./session.js";

/** How long `rlp cancel` waits for the process that drives the run, in milliseconds. */
const PATIENCE_MS = 15_000;
const LOOK_MS = 50;

/** Cancels a run for good: asks the process that drives it, or writes the end itself where no process does. */
export async function cancelRun(
  host: Host,
  traceId: TraceId,
  request: { readonly by: string; readonly why: string },
): Promise<void> {
  const ledger = await host.ledger();
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const history = openHistory(ledger, traceId);
    mustStandAlone(history, "cancel");
    if (history.finished)
      throw new UsageError("USAGE", `${traceId} has ended (${history.finished.meta.status}); there is nothing to cancel`);
    try {
      await resumeFrom(
        host,
        history,
        { decider: { ask: async () => null } },
        { cancel: AbortSignal.abort(request.why), by: request.by },
      );
      return;
    } catch (error) {
      if (error instanceof Outdated) continue;
      if (!(error instanceof KbError) || error.code !== "KB_LEASED") throw error;
      if (Date.now() > until) throw error;
    }
    requestCancel(host.home, traceId, request.why);
    for (let asked = Date.now(); Date.now() < asked + 1000;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (openHistory(ledger, traceId).finished) return;
    }
  }
}
