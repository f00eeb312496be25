/** Executes a recorded run again, with the recorded answers and nothing else, and says whether it agrees. */
import type { Digest } from "#core/digest.js";
import type { NodeId, TraceId } from "#core/ids.js";
import { canonicalJson, isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { StoredValue } from "#core/values.js";
import { openLedger } from "#kb/ledger/ledger.js";
import type { Grant } from "#openings/agent.js";
import { buildGraph, invocationOf } from "#openings/engine/graph.js";
import type { Narrowing } from "#openings/grant/narrow.js";
import { agentNodes, usedName, type Opening } from "#openings/ir.js";
import { HistoryError } from "#openings/journal/error.js";
import { OpeningError } from "#openings/language/diagnostic.js";
import type { Replayed, ReplayExecutor } from "#openings/replay/executor.js";
import { replayRun } from "#openings/replay/replay.js";
import type { Divergence as Disagreement, ReplayVerdict } from "#openings/replay/verdict.js";
import { AdmissionError } from "../component/error.js";
import type { Host } from "../host.js";
import { Divergence } from "./calls.js";
import { execution, finish, type LoadedAgent } from "./executor.js";
import { withinBudget } from "./fuel.js";
import { blobValue, type RunReader } from "./ledger.js";
import { agentForNode, grantWithin, onceEach, withGrant } from "./agents.js";
import { narrowed } from "./cast.js";
import { recordedAgent, type Recorded } from "./at-hand.js";
import { foldersOf, historyOf, openHistory, openingOf, type History } from "./history.js";
import { replayInner } from "./replay-inner.js";
import { compileAgain } from "./fork.js";
import { ReplayedCalls, ReplayedLog, type Evidence } from "./replayed.js";
import { Unpacked } from "../trace/bundle.js";
import { readTrace } from "../trace/read.js";

export type ReplaySource = { readonly trace: TraceId } | { readonly file: string };

/** What a run is held against in the place of what it was made from. */
export interface ReplayEdits {
  /** The file of another opening. */
  readonly opening?: string;
  /** By name, the folders of other bundles. */
  readonly agents?: Readonly<Record<string, string>>;
}

/**
 * A run of this home's ledger, or a trace file. Nothing is written; no network, clock, prompt, view or index is used. Every
 * disagreement is a verdict; what throws is a home, a file or a host that is broken.
 */
export async function replayTrace(
  host: Host,
  source: ReplaySource,
  signal?: AbortSignal,
  edits: ReplayEdits = {},
): Promise<ReplayVerdict> {
  if ("trace" in source) {
    const ledger = await openLedger({ root: host.config.kb.root_dir, readonly: true });
    try {
      const history = openHistory(ledger, source.trace);
      return await replayEdited(host, history, { folders: foldersOf(history), signal }, edits);
    } catch (error) {
      return damaged(error);
    } finally {
      await ledger.close();
    }
  }
  const trace = await readTrace(source.file);
  const unpacked = new Unpacked(trace); // and not the folders that it names: those are somebody else's
  try {
    const history = historyOf(trace.traceId, trace.events, trace);
    return await replayEdited(host, history as History, { folders: (name) => unpacked.folder(name), signal }, edits);
  } catch (error) {
    return damaged(error);
  } finally {
    await unpacked.remove();
  }
}

function damaged(error: unknown): ReplayVerdict {
  if (!(error instanceof HistoryError)) throw error;
  return disagreement({ what: "event", expected: error.place?.at ?? null, got: error.message });
}

const disagreement = (part: Pick<Disagreement, "what" | "expected" | "got"> & Partial<Disagreement>): ReplayVerdict => ({
  agrees: false,
  divergence: { node: null, attempt: null, call: null, ...part },
});

async function replayEdited(host: Host, history: History, place: Place, edits: ReplayEdits): Promise<ReplayVerdict> {
  const { agents = {}, opening: file } = edits;
  for (const [name, folder] of Object.entries(agents)) host.useBundle(name, folder);
  if (file === undefined) return replayHistory(host, history, { ...place, agents });
  const { opening, diagnostics } = await compileAgain(host, history, { params: {}, file });
  if (!opening) throw new OpeningError(diagnostics);
  return replayHistory(host, history, { ...place, agents, opening });
}

interface Place {
  readonly folders: Recorded["folders"];
  readonly signal: AbortSignal | undefined;
  /** The `caps` of the nodes around an inner run, from the innermost to the outermost. */
  readonly around?: readonly Narrowing[];
  /** Of {@link ReplayEdits}. */
  readonly agents?: Readonly<Record<string, string>>;
  readonly opening?: Opening;
}

async function replayHistory(host: Host, history: History, place: Place): Promise<ReplayVerdict> {
  const { folders, signal, around = [], agents: others = {} } = place;
  let opening: Opening;
  try {
    opening = place.opening ?? openingOf(history);
  } catch (error) {
    return disagreement({ what: "opening", expected: history.started.meta.opening, got: messageOf(error) });
  }
  const agents = new Map<string, LoadedAgent>();
  const components: Record<string, Digest> = {};
  const agentOf = onceEach((name) =>
    Object.hasOwn(others, name)
      ? host.agent(name, { purpose: "replay" })
      : recordedAgent(host, name, { started: history.started.meta, purpose: "replay", folders }),
  );
  const didRun = (node: string): boolean => Object.hasOwn(history.started.meta.grants, node);
  for (const node of agentNodes(opening)) {
    const name = usedName(node);
    try {
      const agent = narrowed(agentForNode(await agentOf(name), node), around);
      components[name] = agent.face.digest;
      // Which interfaces are linked follows from it. Layers that were over it then may be others now, or on another machine.
      const expected = history.started.meta.grants[node.id];
      const grant = narrowedThen(history, name) ? grantWithin(expected, agent.grant) : exactly(expected, agent.grant);
      if (grant === null && didRun(node.id) && agent.face.digest === history.started.meta.components[name])
        return disagreement({
          node: node.id,
          what: "grant",
          expected: granted(expected),
          got: granted(agent.grant as unknown as Json),
        });
      const limits = agent.face.digest === history.started.meta.components[name] ? limitsAmiss(history, name, agent) : null;
      if (limits) return disagreement({ node: node.id, what: "limits", ...limits });
      agents.set(node.id, grant === null ? agent : withGrant(agent, grant));
    } catch (error) {
      if (!(error instanceof AdmissionError)) throw error;
      const expected = history.started.meta.components[name] ?? null;
      return disagreement({ node: node.id, what: "component", expected, got: `${name}: ${error.message}` });
    }
  }
  const load = loader(history.reader);
  return replayRun({
    graph: buildGraph(opening, (node) => agents.get(node.id)?.face.inputs ?? {}),
    events: history.events,
    executor: replayExecutor(host, agents, history, load, (node, inner) => {
      const caps = opening.nodes.find(({ id }) => id === node)?.caps;
      const { opening: _, ...its } = place;
      return replayHistory(host, inner, { ...its, around: caps ? [caps, ...around] : around });
    }),
    load,
    components,
    edited: { opening: place.opening !== undefined, agents: new Set(Object.keys(others)) },
    ...(signal && { signal }),
  });
}

/** Whether the run says that a layer of the host took something from the agent. */
const narrowedThen = (history: History, agent: string): boolean =>
  history.started.meta.trust?.[agent]?.layers?.some(({ took }) => took.length > 0) === true;

const exactly = (recorded: Json | undefined, grant: Grant): Grant | null =>
  canonicalJson(granted(recorded)) === canonicalJson(granted(grant as unknown as Json)) ? grant : null;

/**
 * A limit that did not bite leaves no trace in an execution. But it is what the manifest asks for, or the record says who has lowered it.
 */
function limitsAmiss(
  { started }: History,
  name: string,
  agent: LoadedAgent,
): { readonly expected: Json; readonly got: Json } | null {
  const { limits, limits_lowered = [] } = started.meta;
  if (!limits?.[name]) return null; // of a version that did not record them
  // What no manifest could have asked for was not recorded by any rlp.
  const beyond = Object.entries(limits[name]).find(([limit, value]) => (agent.face.limits[limit] ?? value) !== value);
  if (beyond) return { expected: beyond[1], got: agent.face.limits[beyond[0]] ?? null };
  const expected = limits_lowered.flatMap(({ agent: whose, ...lowered }) => (whose === name ? [lowered] : []));
  const got = (agent.lowered ?? []).map((lowered) => ({ ...lowered }));
  return canonicalJson(expected) === canonicalJson(got) ? null : { expected, got };
}

/** What a grant holds. What it does not hold stands there too, and an older or newer rlp knows other such things. */
function granted(grant: Json | undefined): Json {
  if (!isJsonObject(grant ?? null)) return null;
  return Object.fromEntries(
    Object.entries(grant as JsonObject).filter(([, value]) => value !== false && !(Array.isArray(value) && value.length === 0)),
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function loader(reader: RunReader): (stored: StoredValue) => Json {
  return (stored) => {
    if ("value" in stored) return stored.value;
    return blobValue(reader.blob(stored.blob));
  };
}

function replayExecutor(
  host: Host,
  agents: ReadonlyMap<string, LoadedAgent>,
  history: History,
  load: (stored: StoredValue) => Json,
  replayOf: (node: NodeId, inner: History) => Promise<ReplayVerdict>,
): ReplayExecutor {
  const said = history.events.filter(
    (event) => event.kind === "log" || event.kind === "node.stdout" || event.kind === "node.stderr",
  );
  return {
    replay: (spec, signal) => {
      const node = invocationOf(spec.node)?.node ?? spec.node;
      if (spec.opening) return replayInner(spec, spec.opening, history, load, (inner) => replayOf(node, inner));
      const own = (event: { readonly meta: object }): boolean => {
        const { node, attempt } = event.meta as { node?: string; attempt?: number };
        return node === spec.node && attempt === spec.attempt;
      };
      const ended = history.events.some((event) => event.kind === "node.finished" && own(event));
      const evidence = { traceId: history.traceId, spec, lines: said.filter(own), ended, kinds: host.actions, load };
      return replayAttempt(host, agents.get(node) as LoadedAgent, evidence, signal);
    },
  };
}

async function replayAttempt(
  host: Host,
  agent: LoadedAgent,
  record: Omit<Evidence, "stop">,
  signal: AbortSignal,
): Promise<Replayed> {
  const { spec } = record;
  const stopped = new AbortController();
  const stop = (reason: Error): void => stopped.abort(reason);
  const outside = (): void => stop(signal.reason as Error);
  signal.addEventListener("abort", outside, { once: true });
  try {
    const evidence = { ...record, stop };
    const calls = new ReplayedCalls(evidence);
    const log = new ReplayedLog(evidence);
    const limit = spec.stopAtFuel ?? spec.recorded.fuel?.limit ?? null;
    const ended = await execution({
      spec,
      agent,
      types: host.types,
      sandbox: host.sandbox(),
      calls,
      log,
      signal: stopped.signal,
      ...(limit !== null && { fuelLimit: limit }),
    });
    const end = withinBudget(ended, spec.stopAtFuel === null ? (spec.recorded.fuel?.limit ?? null) : null, agent);
    signal.throwIfAborted();
    const reason: unknown = stopped.signal.aborted ? stopped.signal.reason : null;
    if (reason instanceof Divergence) {
      if (reason.beyond && !spec.otherBuild) return { end: { status: "stopped", fuel: end.costs.fuel } };
      return {
        end: { status: "stopped", fuel: end.costs.fuel },
        divergence: { call: reason.call, expected: reason.expected, got: reason.got },
      };
    }
    if (reason !== null) throw reason;
    const atLimit = end.status === "error" && end.failure.code === "host.fuel-exhausted" && spec.stopAtFuel !== null;
    if (atLimit || end.status === "cancelled") return { end: { status: "stopped", fuel: end.costs.fuel } };
    const missing = spec.recorded.calls[calls.asked];
    if (missing && spec.stopAtFuel === null)
      return {
        end: { status: "stopped", fuel: end.costs.fuel },
        divergence: { call: calls.asked, expected: missing.meta.request_hash, got: null },
      };
    const lines = log.mismatch;
    if (lines) return { end: { status: "stopped", fuel: end.costs.fuel }, divergence: { call: null, ...lines } };
    const finished = await finish(spec, end, calls);
    return finished.status === "cancelled" ? { end: { status: "stopped", fuel: finished.fuel } } : { end: finished };
  } finally {
    signal.removeEventListener("abort", outside);
  }
}
