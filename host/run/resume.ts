/** Takes a run up again: what its journal holds is executed again and agrees, what it does not hold is done live. */
import { RlpError } from "#core/errors.js";
import type { TraceId } from "#core/ids.js";
import { buildGraph } from "#openings/engine/graph.js";
import type { Opening } from "#openings/ir.js";
import { openRun } from "#openings/journal/open.js";
import type { Host } from "../host.js";
import { agentForNode, onceEach } from "./agents.js";
import { recordedAgent } from "./at-hand.js";
import { loadCast, type Cast } from "./cast.js";
import type { RunOptions, RunResult } from "./contract.js";
import type { LoadedAgent } from "./executor.js";
import { asItBegan, foldersOf, mustStandAlone, openHistory, openingOf, ResumeError, type History } from "./history.js";
import { drive, Outdated } from "./session.js";
import { usedName } from "#openings/ir.js";

/**
 * Everybody, each with the very component and the very grant that the run began with. Throws `RESUME_AGENT_CHANGED`,
 * `RESUME_GRANT_CHANGED`; or leaves out what cannot be had, for who only needs an end.
 */
async function castAsItBegan(host: Host, history: History, opening: Opening, missing: "throw" | "leave out"): Promise<Cast> {
  const load = onceEach((name) =>
    recordedAgent(host, name, { started: history.started.meta, purpose: "launch", folders: foldersOf(history) }),
  );
  const agents = new Map<string, LoadedAgent>();
  const inner = new Map<string, Cast>();
  for (const node of opening.nodes)
    try {
      if (node.opening) inner.set(node.id, await loadCast(node.opening, load, node.caps ? [node.caps] : []));
      else agents.set(node.id, asItBegan(agentForNode(await load(usedName(node)), node), node, history));
    } catch (error) {
      if (missing === "throw" || !(error instanceof RlpError)) throw error;
    }
  return { agents, inner };
}

export async function resumeRun(host: Host, traceId: TraceId, options: RunOptions): Promise<RunResult> {
  const ledger = await host.ledger();
  for (;;) {
    const history = openHistory(ledger, traceId);
    mustStandAlone(history, "resume");
    if (history.finished)
      throw new ResumeError(
        "RESUME_FINISHED",
        `${traceId} has finished (${history.finished.meta.status}): there is nothing to resume`,
        {
          hint: `\`rlp trace ${traceId}\` shows what it did, \`rlp replay ${traceId}\` executes it again`,
        },
      );
    try {
      return await resumeFrom(host, history, options, { by: "user" });
    } catch (error) {
      if (!(error instanceof Outdated)) throw error;
    }
  }
}

/** Throws {@link Outdated} where the history is not all of it any more. */
export async function resumeFrom(
  host: Host,
  history: History,
  options: RunOptions,
  how: { readonly by: string; readonly cancel?: AbortSignal },
): Promise<RunResult> {
  const opening = openingOf(history);
  // A run is cancelled though an agent of it is gone: nothing is executed any more.
  const cast = await castAsItBegan(host, history, opening, how.cancel ? "leave out" : "throw");
  const graph = buildGraph(opening, (node) => cast.agents.get(node.id)?.face.inputs ?? {});
  const last = history.events.at(-1);
  return drive(
    host,
    {
      traceId: history.traceId,
      openingId: history.started.opening_id,
      opening,
      cast,
      watermark: history.started.meta.kb_watermark,
      epochMs: history.started.meta.epoch_ms,
      run: {
        resume: openRun(graph, history.events),
        why: last?.kind === "run.parked" ? "taken up again" : "its process had ended",
        by: how.by,
      },
      nextSeq: history.events.length,
      ...(how.cancel && { cancel: how.cancel }),
    },
    options,
  );
}
