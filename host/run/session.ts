/** One run under way: the lease on it, its journal, its executor, and the signals that can stop it. */
import type { MetaOf } from "#core/events.js";
import { innerTraceId, type OpeningId, type TraceId } from "#core/ids.js";
import { driveRun, type Drive, type RunOutcome } from "#openings/engine/drive.js";
import type { Clock } from "#openings/engine/world.js";
import { openingDocument } from "#openings/document.js";
import type { Opening } from "#openings/ir.js";
import type { OpenedRun } from "#openings/journal/open.js";
import type { Kb } from "#kb/kb.js";
import { rowToRunEvent } from "#kb/ledger/row.js";
import { CONFIRM } from "#openings/check/with.js";
import { buildGraph, invocationOf } from "#openings/engine/graph.js";
import { RunBudgets } from "../broker/run-budgets.js";
import type { Host } from "../host.js";
import { actionFunctions, type ActionDesk } from "../imports/actions.js";
import { realDisk } from "../fs/disk.js";
import { commitLock } from "../fs/lock.js";
import { clockFunctions } from "../imports/clock.js";
import { fsFunctions } from "../imports/fs.js";
import { httpFunctions } from "../imports/http.js";
import { kbFunctions } from "../imports/kb.js";
import { toolFunctions } from "../imports/tools.js";
import { modelFunctions } from "../imports/model.js";
import { watchForCancel } from "./cancel-request.js";
import type { RunOptions, RunResult } from "./contract.js";
import { AgentExecutor, type LoadedAgent } from "./executor.js";
import type { Cast } from "./cast.js";
import { InnerRuns, type Scene } from "./inner.js";
import { LedgerJournal } from "./journal.js";
import { kbReader } from "./kb-reader.js";
import { innerOrigin, reuseIn } from "./reuse.js";
import { runLedger } from "./run-ledger.js";

export interface SessionSpec {
  readonly traceId: TraceId;
  readonly openingId: OpeningId;
  readonly opening: Opening;
  readonly cast: Cast;
  readonly watermark: number;
  readonly epochMs: number;
  /** The opening's text, where the run begins. */
  readonly source?: Uint8Array | undefined;
  readonly run:
    | { readonly begin: MetaOf<"run.started"> }
    | { readonly resume: OpenedRun; readonly why: string; readonly by: string };
  /** Events of the run that are in the ledger already and that nobody wants to see again. */
  readonly nextSeq: number;
  /** Cancels at once: `rlp cancel` of a run that nobody drives. */
  readonly cancel?: AbortSignal;
}

/** Seven days: long enough for a holiday, short enough that nobody approves what they have forgotten. */
const PROPOSAL_EXPIRY_MS = 7 * 24 * 3_600_000;

/** What was read of the run is not all of it any more: read it again. */
export class Outdated extends Error {}

/** Drives a run to its end or until it is parked. One process at a time: the lease says whose run it is. Throws {@link Outdated}. */
export async function drive(host: Host, spec: SessionSpec, options: RunOptions): Promise<RunResult> {
  // Before the lease: nothing of the run is touched where agents cannot be kept in as the configuration demands.
  const [kb, key, isolation] = await Promise.all([host.kb(), host.key(), host.isolation()]);
  const { ledger } = kb;
  const lease = await ledger.acquireLease(spec.traceId, { owner: `rlp ${process.pid}` });
  const cancel = watchForCancel(host.home, spec.traceId);
  try {
    // Read before the lease was held: meanwhile another process may have driven the run on, or to its end.
    if (runLedger(ledger).runEvents(spec.traceId, spec.nextSeq)[Symbol.iterator]().next().done !== true) throw new Outdated();
    const journal = new LedgerJournal(runLedger(ledger), spec, {
      nextSeq: spec.nextSeq,
      ...(options.onEvent && { onEvent: options.onEvent }),
    });
    if ("begin" in spec.run) journal.keepDocument(openingDocument(spec.opening));
    if (spec.source) journal.storeBytes(spec.source, "application/yaml");
    const stage: Stage = { host, options, kb, key, isolation: isolation.name, epochMs: spec.epochMs };
    const graph = buildGraph(
      spec.opening,
      (node) => (spec.cancel ? spec.cast.agents.get(node.id) : agentOf(spec.cast, node.id))?.face.inputs ?? {},
    );
    const begun = "begin" in spec.run ? spec.run.begin : spec.run.resume.state.started;
    const originOf = innerOrigin(begun, graph, innerTraceId);
    const scene: Scene = { ...spec, resumed: "resume" in spec.run, parent: null, originOf };
    const outcome = await driveRun({
      graph,
      run: spec.run,
      reuse: spec.cancel ? undefined : reuseIn(runLedger(ledger), spec.traceId, begun, graph),
      journal,
      clock: realClock,
      executor: executorOf(stage, scene, journal),
      signals: {
        cancel: spec.cancel ? AbortSignal.any([spec.cancel, cancel.signal]) : cancel.signal,
        interrupt: options.signals?.interrupt ? AbortSignal.any([options.signals.interrupt, lease.lost]) : lease.lost,
      },
      maxParallel: host.config.runtime.max_agents,
    });
    journal.catchUp();
    return resultOf(spec, outcome);
  } finally {
    cancel.stop();
    await lease.release().catch(() => {}); // where nothing can be written, the lease ends with this process
  }
}

function agentOf({ agents }: Cast, node: string): LoadedAgent {
  const agent = agents.get(invocationOf(node)?.node ?? node);
  if (!agent) throw new Error(`node ${node} has no agent`);
  return agent;
}

/** What a run and the runs inside of it share. */
interface Stage {
  readonly host: Host;
  readonly options: RunOptions;
  readonly kb: Kb;
  readonly key: Uint8Array;
  readonly isolation: string;
  readonly epochMs: number;
}

function executorOf(stage: Stage, scene: Scene, journal: LedgerJournal): Drive["executor"] {
  const { host, options, kb, key } = stage;
  return ({ journal: stream, state }) => {
    const decided: ActionDesk["decided"] = (id) => {
      const row = kb.ledger.proposalRows(id).find((found) => found.kind === "action.decided");
      return row ? (rowToRunEvent(row) as ReturnType<ActionDesk["decided"]>) : null;
    };
    const desk: ActionDesk = {
      kinds: host.actions,
      decider: options.decider,
      needsDecision: (context) =>
        scene.opening.policy.confirm_external ||
        scene.opening.nodes.find((node) => node.id === (invocationOf(context.node)?.node ?? context.node))?.with[CONFIRM] ===
          true,
      decided,
      async decide(draft) {
        const standing = decided(draft.meta.proposal_id);
        if (standing) return standing.meta;
        const [event] = await stream.append([draft]);
        return (event as NonNullable<ReturnType<typeof decided>>).meta;
      },
      expiryMs: PROPOSAL_EXPIRY_MS,
      storeBlob: (bytes, mediaType) => journal.storeBytes(bytes, mediaType),
    };
    const budgets = new RunBudgets(scene.opening, state.spending, scene.parent);
    const functions = new Map([
      ...kbFunctions(kbReader(kb, key, scene)),
      ...modelFunctions(host.broker, budgets),
      ...actionFunctions(desk),
      ...httpFunctions(host.http, desk),
      ...fsFunctions({
        desk,
        guard: host.directories,
        key,
        disk: realDisk,
        blob: (digest) => journal.bytes(digest),
        alone: commitLock(kb.ledger),
      }),
      ...toolFunctions(host.tools, desk),
      ...clockFunctions(({ clock }) => clock.now()),
    ]);
    const inner = new InnerRuns({
      outer: scene,
      journal: stream,
      budgets,
      epochMs: stage.epochMs,
      isolation: stage.isolation,
      ledger: runLedger(kb.ledger),
      run: { ...(options.onEvent && { onEvent: options.onEvent }) },
      executorOf: (itsScene, itsJournal) => executorOf(stage, itsScene, itsJournal),
      clock: realClock,
      maxParallel: host.config.runtime.max_agents,
    });
    const agents = new AgentExecutor({
      traceId: scene.traceId,
      agentOf: (node) => agentOf(scene.cast, node),
      budgets,
      types: host.types,
      sandbox: host.sandbox(),
      journal: stream,
      clock: realClock,
      functions,
    });
    return { execute: (attempt, signal) => (attempt.opening ? inner : agents).execute(attempt, signal) };
  };
}

export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      // A bare yield to the event loop must not wait for a timer's next millisecond.
      if (ms <= 0) return void setImmediate(resolve);
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal.addEventListener("abort", stop, { once: true });
    }),
};

function resultOf(spec: SessionSpec, outcome: RunOutcome): RunResult {
  return { ...outcome, traceId: spec.traceId, openingName: spec.opening.name };
}
