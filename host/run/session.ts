/** One run under way: the lease on it, its journal, its executor, and the signals that can stop it. */
import type { MetaOf } from "#core/events.js";
import type { OpeningId, TraceId } from "#core/ids.js";
import { buildGraph } from "#openings/engine/graph.js";
import { driveRun, type Drive, type RunOutcome } from "#openings/engine/drive.js";
import type { Clock } from "#openings/engine/world.js";
import { openingAsJson, type Opening } from "#openings/ir.js";
import type { OpenedRun } from "#openings/journal/open.js";
import type { Kb } from "#kb/kb.js";
import { rowToRunEvent } from "#kb/ledger/row.js";
import { RunBudgets } from "../broker/broker.js";
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
import { unit } from "#openings/engine/spending.js";
import { watchForCancel } from "./cancel-request.js";
import type { RunOptions, RunResult } from "./contract.js";
import { AgentExecutor, type LoadedAgent } from "./executor.js";
import { LedgerJournal } from "./journal.js";
import { kbReader } from "./kb-reader.js";
import { runLedger } from "./run-ledger.js";

export interface SessionSpec {
  readonly traceId: TraceId;
  readonly openingId: OpeningId;
  readonly opening: Opening;
  /** By node. */
  readonly agents: ReadonlyMap<string, LoadedAgent>;
  readonly watermark: number;
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
  const [kb, key] = await Promise.all([host.kb(), host.key(), host.isolation()]);
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
    if ("begin" in spec.run) journal.keep(openingAsJson(spec.opening));
    const outcome = await driveRun({
      graph: buildGraph(
        spec.opening,
        (node) => (spec.cancel ? spec.agents.get(node.id) : agentOf(spec, node.id))?.face.inputs ?? {},
      ),
      run: spec.run,
      journal,
      clock: realClock,
      executor: executorOf(host, spec, options, journal, kb, key),
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

function agentOf(spec: SessionSpec, node: string): LoadedAgent {
  const agent = spec.agents.get(node);
  if (!agent) throw new Error(`node ${node} has no agent`);
  return agent;
}

function executorOf(
  host: Host,
  spec: SessionSpec,
  options: RunOptions,
  journal: LedgerJournal,
  kb: Kb,
  key: Uint8Array,
): Drive["executor"] {
  return ({ journal: stream, state }) => {
    const decided: ActionDesk["decided"] = (id) => {
      const row = kb.ledger.proposalRows(id).find((found) => found.kind === "action.decided");
      return row ? (rowToRunEvent(row) as ReturnType<ActionDesk["decided"]>) : null;
    };
    const desk: ActionDesk = {
      kinds: host.actions,
      decider: options.decider,
      needsDecision: (context) =>
        spec.opening.policy.confirm_external ||
        spec.opening.nodes.find((node) => node.id === context.node)?.with["require_human_confirm"] === true,
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
    const budgets = new RunBudgets(spec.opening, (node) => state.spending.used(node, unit.tokens));
    const functions = new Map([
      ...kbFunctions(kbReader(kb, key, { ...spec, resumed: "resume" in spec.run })),
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
    return new AgentExecutor({
      traceId: spec.traceId,
      agentOf: (node) => agentOf(spec, node),
      types: host.types,
      sandbox: host.sandbox(),
      journal: stream,
      clock: realClock,
      functions,
    });
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
