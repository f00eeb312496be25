/** Takes a run up again: what its journal holds is executed again and agrees, what it does not hold is done live. */
import { Exit, RlpError } from "#core/errors.js";
import type { RunEvent, RunEventOf } from "#core/events.js";
import type { TraceId } from "#core/ids.js";
import { parseJson } from "#core/json.js";
import { KbError } from "#kb/errors.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import { buildGraph } from "#openings/engine/graph.js";
import { noGrant } from "#openings/agent.js";
import { meet } from "#openings/grant/meet.js";
import { change } from "#openings/grant/narrow.js";
import { recordedGrant } from "#openings/grant/recorded.js";
import type { Opening } from "#openings/ir.js";
import { openRun } from "#openings/journal/open.js";
import { HistoryError } from "#openings/journal/error.js";
import type { Host } from "../host.js";
import type { RunOptions, RunResult } from "./contract.js";
import type { LoadedAgent } from "./executor.js";
import type { RunReader } from "./ledger.js";
import { runLedger } from "./run-ledger.js";
import { agentForNode, agentName, grantWithin, onceEach, withGrant } from "./agents.js";
import { recordedAgent } from "./at-hand.js";
import { drive, Outdated } from "./session.js";

export interface History {
  readonly traceId: TraceId;
  readonly started: RunEventOf<"run.started">;
  readonly finished: RunEventOf<"run.finished"> | null;
  readonly events: readonly RunEvent[];
  readonly reader: RunReader;
}

export type ResumeCode = "RESUME_FINISHED" | "RESUME_AGENT_CHANGED" | "RESUME_GRANT_CHANGED";

export class ResumeError extends RlpError<ResumeCode> {
  readonly family = "resume";
}

/** The run's events so far. Throws `KB_NOT_FOUND`, or `HistoryError` where they are no run. */
export function openHistory(ledger: Ledger, traceId: TraceId): History {
  const reader = runLedger(ledger);
  const history = historyOf(traceId, [...reader.runEvents(traceId)], reader);
  if (!history) throw new KbError("KB_NOT_FOUND", `there is no run ${traceId}`, { hint: "`rlp runs` lists the runs there are" });
  return history;
}

export function historyOf(traceId: TraceId, events: readonly RunEvent[], reader: RunReader): History | null {
  const [first] = events;
  if (!first) return null;
  if (first.kind !== "run.started") throw HistoryError.at("HISTORY_ORDER", first.seq, `the run begins with ${first.kind}`);
  const finished = events.find((event): event is RunEventOf<"run.finished"> => event.kind === "run.finished") ?? null;
  return { traceId, started: first, finished, events, reader };
}

/** Where the run's agents lay when it began, on this machine. */
export const foldersOf =
  ({ started }: History) =>
  (name: string): readonly string[] => {
    const dirs = started.meta.agent_dirs ?? {};
    return Object.hasOwn(dirs, name) && dirs[name] !== undefined ? [dirs[name]] : [];
  };

/** The opening as it was when the run began. */
export function openingOf({ started, reader }: History): Opening {
  const bytes = reader.blob(started.meta.opening);
  return parseJson(Buffer.from(bytes).toString("utf8"), {
    bytes: 64 << 20,
    depth: 128,
    elements: 10_000_000,
  }) as unknown as Opening;
}

/**
 * The agents of a run by node, each with the very component and the very grant that the run began with. Throws
 * `RESUME_AGENT_CHANGED`, `RESUME_GRANT_CHANGED`; or leaves out what cannot be had, for who only needs an end.
 */
async function agentsOf(
  host: Host,
  history: History,
  opening: Opening,
  missing: "throw" | "leave out",
): Promise<ReadonlyMap<string, LoadedAgent>> {
  const byNode = new Map<string, LoadedAgent>();
  const agentOf = onceEach((name) =>
    recordedAgent(host, name, { started: history.started.meta, purpose: "launch", folders: foldersOf(history) }),
  );
  for (const node of opening.nodes) {
    const name = agentName(node);
    try {
      const agent = await agentOf(name);
      const expected = history.started.meta.components[name];
      if (agent.face.digest !== expected) throw new AgentChanged(name, expected ?? "none", agent.face.digest);
      byNode.set(node.id, asItBegan(agent, node, history));
    } catch (error) {
      if (missing === "throw" || !(error instanceof RlpError)) throw error;
    }
  }
  return byNode;
}

/** What was granted then is granted now or the run stays where it is: its journal holds for that grant, and no other one holds now. */
function asItBegan(agent: LoadedAgent, node: Opening["nodes"][number], history: History): LoadedAgent {
  const now = agentForNode(agent, node);
  const then = history.started.meta.grants[node.id];
  const grant = grantWithin(then, now.grant);
  if (grant) return withGrant(now, grant);
  const lost = change(recordedGrant(then) ?? noGrant, meet(recordedGrant(then) ?? noGrant, now.grant)).took;
  throw new ResumeError(
    "RESUME_GRANT_CHANGED",
    `node \`${node.id}\` is not granted any more what the run began with: ${lost.join("; ") || "its record is no grant"}`,
    {
      place: { at: `agent ${agentName(node)}` },
      hint: `\`rlp caps show ${agentName(node)}\` shows who takes it; give it back, or begin a new run`,
    },
  );
}

/** What is there now is not what the run used: neither a replay nor a resumption of it would mean anything. */
export class AgentChanged extends ResumeError {
  override readonly exit = Exit.mismatch;
  constructor(name: string, expected: string, got: string) {
    super(
      "RESUME_AGENT_CHANGED",
      `agent \`${name}\` is not the one that the run used: expected the component ${expected}, found ${got}`,
      {
        hint: "put the agent's former version back, or begin a new run",
      },
    );
  }
}

export async function resumeRun(host: Host, traceId: TraceId, options: RunOptions): Promise<RunResult> {
  const ledger = await host.ledger();
  for (;;) {
    const history = openHistory(ledger, traceId);
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
  const agents = await agentsOf(host, history, opening, how.cancel ? "leave out" : "throw");
  const graph = buildGraph(opening, (node) => agents.get(node.id)?.face.inputs ?? {});
  const last = history.events.at(-1);
  return drive(
    host,
    {
      traceId: history.traceId,
      openingId: history.started.opening_id,
      opening,
      agents,
      watermark: history.started.meta.kb_watermark,
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
