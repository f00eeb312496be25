/** A run as it stands in a ledger or a trace file, and what it began with held against what is there now. */
import { Exit, RlpError } from "#core/errors.js";
import type { RunEvent, RunEventOf } from "#core/events.js";
import type { TraceId } from "#core/ids.js";
import { parseJson } from "#core/json.js";
import { KbError } from "#kb/errors.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import { noGrant } from "#openings/agent.js";
import { meet } from "#openings/grant/meet.js";
import { change } from "#openings/grant/narrow.js";
import { recordedGrant } from "#openings/grant/recorded.js";
import { agentNodes, usedName, type Opening, type OpeningNode } from "#openings/ir.js";
import { HistoryError } from "#openings/journal/error.js";
import { grantWithin, withGrant } from "./agents.js";
import type { Cast } from "./cast.js";
import type { LoadedAgent } from "./executor.js";
import type { RunReader } from "./ledger.js";
import { runLedger } from "./run-ledger.js";

export interface History {
  readonly traceId: TraceId;
  readonly started: RunEventOf<"run.started">;
  readonly finished: RunEventOf<"run.finished"> | null;
  readonly events: readonly RunEvent[];
  readonly reader: RunReader;
}

export type ResumeCode = "RESUME_FINISHED" | "RESUME_AGENT_CHANGED" | "RESUME_GRANT_CHANGED" | "RESUME_INNER";

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
  ({ started }: Pick<History, "started">) =>
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

/** A run inside of another one is resumed and cancelled with it. Throws `RESUME_INNER`. */
export function mustStandAlone({ traceId, started }: History, what: string): void {
  const { parent } = started.meta;
  if (!parent) return;
  throw new ResumeError("RESUME_INNER", `${traceId} is part of ${parent.trace} (node ${parent.node})`, {
    hint: `\`rlp ${what} ${parent.trace}\` takes both`,
  });
}

/** What was granted then is granted now or the run stays where it is: its journal holds for that grant, and no other one holds now. */
export function asItBegan(now: LoadedAgent, node: OpeningNode, history: History): LoadedAgent {
  const name = usedName(node);
  const expected = history.started.meta.components[name];
  if (now.face.digest !== expected) throw new AgentChanged(name, expected ?? "none", now.face.digest);
  const then = history.started.meta.grants[node.id];
  const grant = grantWithin(then, now.grant);
  if (grant) return withGrant(now, grant);
  const lost = change(recordedGrant(then) ?? noGrant, meet(recordedGrant(then) ?? noGrant, now.grant)).took;
  throw new ResumeError(
    "RESUME_GRANT_CHANGED",
    `node \`${node.id}\` is not granted any more what the run began with: ${lost.join("; ") || "its record is no grant"}`,
    {
      place: { at: `agent ${name}` },
      hint: `\`rlp caps show ${name}\` shows who takes it; give it back, or begin a new run`,
    },
  );
}

/** The agents of a run inside of another one are those that it began with. Throws as {@link asItBegan}. */
export function agreesWithCast(history: History, opening: Opening, cast: Cast): void {
  for (const node of agentNodes(opening)) {
    const agent = cast.agents.get(node.id);
    if (agent) asItBegan(agent, node, history);
  }
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
