/**
 * Replay by re-execution. The attempts are checked one by one in the order (node in the file, attempt): each against the recorded
 * outputs of its sources, so that the first divergence is where two executions really part. Then the engine follows the history.
 */
import type { Digest } from "#core/digest.js";
import type { MetaOf, RunEvent } from "#core/events.js";
import { canonicalJson, type Json } from "#core/json.js";
import { joinLabels, type Message, type StoredValue } from "#core/values.js";
import { buildSpec, gatherInputs, invocationInputs, type Delivered, type Load } from "../engine/attempt.js";
import { invocation, invocationOf, type Graph, type GraphNode } from "../engine/graph.js";
import { recordedBudgets } from "../engine/select.js";
import { failureMessage, type NodeState } from "../engine/state.js";
import { openingDocument } from "../document.js";
import { usedName } from "../ir.js";
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
  /** Against what was edited since: then the first divergence is where the run would have gone another way. */
  readonly edited?: Edited;
  readonly signal?: AbortSignal;
}

export interface Edited {
  /** `graph` is another opening than the one that ran. */
  readonly opening: boolean;
  /** Names of agents that may be other builds: of those neither fuel nor log nor the record of clock and randomness is compared. */
  readonly agents: ReadonlySet<string>;
}
const unedited: Edited = { opening: false, agents: new Set() };

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

async function agreement({
  graph,
  events,
  executor,
  load,
  components,
  edited = unedited,
  signal = NEVER,
}: Replay): Promise<ReplayVerdict> {
  checkSequence(events);
  const [first] = events;
  if (first?.kind !== "run.started") throw HistoryError.at("HISTORY_ORDER", 0, "a run begins with run.started");
  checkGround(graph, first.meta, components, edited);

  const recordings = new Recordings(events);
  const delivered = recordedEdges(graph, recordings, first.meta);
  const replays = inFileOrder(graph, recordings);
  // All that is stored is checked before any attempt reads it.
  for (const { record } of replays) new AttemptReplay(record, load).checkStored();
  let calls = 0;
  const inputs = inputsFrom(delivered, load);
  for (const { record, node, store } of replays) {
    signal.throwIfAborted();
    const { attempt, recorded } = record;
    const spec = buildSpec({ begun: first.meta, node, attempt, inputs: inputs(node, graph), store, recorded }, load);
    const agent = usedName(node.spec);
    const otherBuild = !node.spec.opening && components[agent] !== first.meta.components[agent];
    await new AttemptReplay(record, load).execute({ ...spec, otherBuild }, executor, signal);
    calls += recorded.calls.length;
  }
  if (edited.opening) sameNodes(graph, recordings);

  const { finished } = follow(graph, events, load);
  return { agrees: true, attempts: replays.length, calls, finalHash: finished?.final_hash ?? null };
}

/** The opening and the components are those that ran, and what the run says of its opening stands there. */
function checkGround(graph: Graph, begun: MetaOf<"run.started">, components: Replay["components"], edited: Edited): void {
  if (!edited.opening) checkOpening(graph, begun);
  for (const node of graph.nodes) {
    if (node.spec.opening) continue;
    const agent = usedName(node.spec);
    if (edited.agents.has(agent)) continue;
    const [expected, got] = [begun.components[agent] ?? null, components[agent] ?? null];
    if (expected !== got) throw new Diverged({ ...nowhere, node: node.id, what: "component", expected, got });
  }
}

/** An edited opening may have other nodes: what those do cannot be told from the record. */
function sameNodes(graph: Graph, recordings: Recordings): void {
  for (const { node } of recordings.all())
    if (!graph.find(invocationOf(node)?.node ?? node))
      throw new Diverged({
        ...nowhere,
        node,
        what: "opening",
        expected: "the node ran",
        got: "the edited opening has no such node",
      });
}

function checkOpening(graph: Graph, begun: MetaOf<"run.started">): void {
  const opening = openingDocument(graph.opening).digest;
  if (opening !== begun.opening) throw new Diverged({ ...nowhere, what: "opening", expected: begun.opening, got: opening });
  const { name, params, policy } = graph.opening;
  const [said, stands] = [
    { name: begun.opening_name, params: begun.params, budgets: begun.budgets },
    { name, params, budgets: recordedBudgets(policy) },
  ].map((each) => canonicalJson(each));
  if (said !== stands) throw new Diverged({ ...nowhere, what: "event", expected: { "run.started": said! }, got: stands! });
}

/** Each attempt with the `state` store that the one before it left; those of a `for_each` in the order of its elements. */
function inFileOrder(graph: Graph, recordings: Recordings) {
  return graph.nodes.flatMap((node) => {
    if (!node.each) return attemptsOf(node, recordings);
    return invocationsOf(node, recordings).flatMap((item) => attemptsOf(item, recordings));
  });
}

const invocationsOf = (node: GraphNode, recordings: Recordings): readonly GraphNode[] =>
  Array.from({ length: recordings.itemsOf(node.id) }, (_, item) => invocation(node, item));

function attemptsOf(node: GraphNode, recordings: Recordings) {
  const attempts: { record: AttemptRecord; node: GraphNode; store: StoredValue | null }[] = [];
  let store: StoredValue | null = null;
  for (let record = recordings.find(node.id, 1); record; record = recordings.find(node.id, record.attempt + 1)) {
    attempts.push({ record, node, store });
    store = record.finished?.meta.state ?? null;
  }
  return attempts;
}

/** What the record says that crossed each edge: from outputs, from failures, and from what the run was handed. */
function recordedEdges(graph: Graph, recordings: Recordings, begun: MetaOf<"run.started">): Delivered {
  const known = new Map<GraphNode, RecordedEnd>();
  const endOf = (node: GraphNode): RecordedEnd => {
    let end = known.get(node);
    if (!end) known.set(node, (end = recordedEnd(node, recordings)));
    return end;
  };
  return (edge) => {
    const { source, spec } = edge;
    if (source === graph.inputs) return (begun.inputs ?? []).filter(({ port }) => port === spec.from.port);
    const end = endOf(source);
    if (edge.recovers !== null) return end.failure ? [failureMessage(edge, end)] : [];
    return end.failure ? [] : end.outputs.filter(({ port }) => port === spec.from.port);
  };
}

type RecordedEnd = Pick<NodeState, "failure" | "failureLabels" | "attempt" | "items" | "outputs">;

/** How a node ended, of a `for_each` all its invocations together. */
function recordedEnd(node: GraphNode, recordings: Recordings): RecordedEnd {
  const records = node.each
    ? invocationsOf(node, recordings).flatMap((each) => attemptsOf(each, recordings).at(-1)?.record ?? [])
    : attemptsOf(node, recordings)
        .slice(-1)
        .map(({ record }) => record);
  const ends = records.flatMap(({ finished }) => finished?.meta ?? []);
  return {
    failure: (node.each ? recordings.collected(node.id)?.error : ends[0]?.error) ?? null,
    failureLabels: joinLabels(...ends.map(({ labels }) => labels ?? [])),
    attempt: records.reduce((sum, { attempt }) => sum + attempt, 0),
    items: null,
    outputs: ends.flatMap(({ outputs }) => outputs),
  };
}

function inputsFrom(delivered: Delivered, load: Load): (node: GraphNode, graph: Graph) => readonly Message[] {
  // A list is taken apart once for all its elements.
  let taken: { readonly index: number; readonly inputs: readonly (readonly Message[])[] } | null = null;
  return (node, graph) => {
    if (node.item === null) return gatherInputs(node, delivered, load);
    if (taken?.index !== node.index) {
      const whole = graph.nodes[node.index] as GraphNode;
      taken = { index: node.index, inputs: invocationInputs(whole, gatherInputs(whole, delivered, load)) };
    }
    return taken.inputs[node.item] ?? [];
  };
}

function damaged(error: HistoryError): Divergence {
  const at: Json = error.place?.at ?? null;
  return { ...nowhere, what: "event", expected: at, got: error.message };
}

const nowhere = { node: null, attempt: null, call: null };
const NEVER = new AbortController().signal;
