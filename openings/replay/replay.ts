/**
 * Replay by re-execution. The attempts are checked one by one in the order (node in the file, attempt): each against the recorded
 * outputs of its sources, so that the first divergence is where two executions really part. Then the engine follows the history.
 */
import type { Digest } from "#core/digest.js";
import type { MetaOf, RunEvent } from "#core/events.js";
import { canonicalJson, jsonDigest, type Json } from "#core/json.js";
import type { StoredValue } from "#core/values.js";
import { agentName, buildSpec, type Load } from "../engine/attempt.js";
import type { Graph, GraphEdge } from "../engine/graph.js";
import type { StoredMessage } from "../engine/state.js";
import { openingAsJson } from "../ir.js";
import { HistoryError } from "../journal/error.js";
import { checkSequence } from "../journal/open.js";
import { Recordings, type AttemptRecord } from "../journal/recorded.js";
import { AttemptReplay } from "./attempt.js";
import type { ReplayExecutor } from "./executor.js";
import { follow } from "./follow.js";
import { Diverged, type Divergence, type ReplayVerdict } from "./verdict.js";

export interface Replay {
  readonly graph: Graph;
  readonly events: readonly RunEvent[];
  readonly executor: ReplayExecutor;
  /** Throws where a blob is missing. */
  readonly load: Load;
  /** Agent (`name` or `name@variant`) → digest of the component that `executor` would run. */
  readonly components: Readonly<Record<string, Digest>>;
  readonly signal?: AbortSignal;
}

/** Rejects where the host fails or the signal aborts; every disagreement, also a damaged history, is a verdict. */
export async function replayRun(replay: Replay): Promise<ReplayVerdict> {
  try {
    return await agreement(replay);
  } catch (error) {
    if (error instanceof Diverged) return { agrees: false, divergence: error.divergence };
    if (error instanceof HistoryError) return { agrees: false, divergence: damaged(error) };
    throw error;
  }
}

async function agreement({ graph, events, executor, load, components, signal = NEVER }: Replay): Promise<ReplayVerdict> {
  checkSequence(events);
  const [first] = events;
  if (first?.kind !== "run.started") throw HistoryError.at("HISTORY_ORDER", 0, "a run begins with run.started");
  checkGround(graph, first.meta, components);

  const recordings = new Recordings(events);
  const outputs = lastOutputs(recordings);
  const delivered = (edge: GraphEdge): readonly StoredMessage[] =>
    outputs.get(edge.source.id)?.filter(({ port }) => port === edge.spec.from.port) ?? [];

  const replays = inFileOrder(graph, recordings);
  // All that is stored is checked before any attempt reads it.
  for (const { record } of replays) new AttemptReplay(record, load).checkStored();
  let calls = 0;
  for (const { record, node, store } of replays) {
    signal.throwIfAborted();
    const { attempt, recorded } = record;
    const spec = buildSpec({ begun: first.meta, node, attempt, delivered, store, recorded }, load);
    await new AttemptReplay(record, load).execute(spec, executor, signal);
    calls += recorded.calls.length;
  }

  const { finished } = follow(graph, events, load);
  return { agrees: true, attempts: replays.length, calls, finalHash: finished?.final_hash ?? null };
}

/** The opening and the components are those that ran, and what the run says of its opening stands there. */
function checkGround(graph: Graph, begun: MetaOf<"run.started">, components: Replay["components"]): void {
  const opening = jsonDigest(openingAsJson(graph.opening));
  if (opening !== begun.opening) throw new Diverged({ ...nowhere, what: "opening", expected: begun.opening, got: opening });
  const { name, params, policy } = graph.opening;
  const [said, stands] = [
    { name: begun.opening_name, params: begun.params, budgets: begun.budgets },
    { name, params, budgets: { tokens: policy.budget_tokens } },
  ].map((each) => canonicalJson(each));
  if (said !== stands) throw new Diverged({ ...nowhere, what: "event", expected: { "run.started": said! }, got: stands! });
  for (const node of graph.nodes) {
    const agent = agentName(node);
    const [expected, got] = [begun.components[agent] ?? null, components[agent] ?? null];
    if (expected !== got) throw new Diverged({ ...nowhere, node: node.id, what: "component", expected, got });
  }
}

/** Each attempt with the `state` store that the one before it left. */
function inFileOrder(graph: Graph, recordings: Recordings) {
  return graph.nodes.flatMap((node) => {
    const attempts: { record: AttemptRecord; node: typeof node; store: StoredValue | null }[] = [];
    let store: StoredValue | null = null;
    for (let record = recordings.find(node.id, 1); record; record = recordings.find(node.id, record.attempt + 1)) {
      attempts.push({ record, node, store });
      store = record.finished?.meta.state ?? null;
    }
    return attempts;
  });
}

function lastOutputs(recordings: Recordings): ReadonlyMap<string, readonly StoredMessage[]> {
  const outputs = new Map<string, readonly StoredMessage[]>();
  for (const { node, finished } of recordings.all()) if (finished?.meta.status === "ok") outputs.set(node, finished.meta.outputs);
  return outputs;
}

function damaged(error: HistoryError): Divergence {
  const at: Json = error.place?.at ?? null;
  return { ...nowhere, what: "event", expected: at, got: error.message };
}

const nowhere = { node: null, attempt: null, call: null };
const NEVER = new AbortController().signal;
