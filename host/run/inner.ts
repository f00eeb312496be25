/** Attempts of nodes that use other openings: each is a run of its own in the ledger, found again by its derived trace. */
import { innerTraceId, newOpeningId, type OpeningId, type TraceId } from "#core/ids.js";
import type { Message } from "#core/values.js";
import type { Drive } from "#openings/engine/drive.js";
import { buildGraph } from "#openings/engine/graph.js";
import { innerSeed, parentOf, runInner } from "#openings/engine/inner-run.js";
import { storeOutputs } from "#openings/engine/report.js";
import type { AttemptEnd, AttemptSpec, Journal } from "#openings/engine/world.js";
import { openingDocument } from "#openings/document.js";
import type { Opening } from "#openings/ir.js";
import { openRun } from "#openings/journal/open.js";
import type { BudgetParent, RunBudgets } from "../broker/run-budgets.js";
import { beginOf, type Begin } from "./begin.js";
import { castOf, type Cast } from "./cast.js";
import type { RunOptions } from "./contract.js";
import { LedgerJournal } from "./journal.js";
import type { RunLedger } from "./ledger.js";
import { agreesWithCast, historyOf } from "./history.js";
import { innerOrigin, reuseIn } from "./reuse.js";

/** A run as those who drive it see it. */
export interface Scene {
  readonly traceId: TraceId;
  readonly openingId: OpeningId;
  readonly opening: Opening;
  readonly cast: Cast;
  readonly watermark: number;
  readonly resumed: boolean;
  readonly parent: BudgetParent | null;
  /** In a fork: the run that the inner run of an attempt takes over from. */
  readonly originOf: (node: string, attempt: number) => TraceId | null;
}

export interface InnerRunsOptions {
  readonly outer: Scene;
  /** The outer run's stream. */
  readonly journal: Journal;
  readonly budgets: RunBudgets;
  readonly epochMs: number;
  readonly isolation: string;
  readonly ledger: RunLedger;
  readonly run: Pick<RunOptions, "onEvent">;
  /** The executor of a run, from the one of the outer run. */
  readonly executorOf: (scene: Scene, journal: LedgerJournal) => Drive["executor"];
  readonly clock: Drive["clock"];
  readonly maxParallel: number;
}

export class InnerRuns {
  constructor(private readonly options: InnerRunsOptions) {}

  async execute(spec: AttemptSpec, signal: AbortSignal): Promise<AttemptEnd> {
    const { outer, ledger, journal: outerJournal, run: shown } = this.options;
    const { opening } = spec;
    if (!opening) throw new TypeError(`${spec.node} uses no opening`);
    const traceId = innerTraceId(outer.traceId, spec.node, spec.attempt);
    const cast = castOf(outer.cast, spec.node.replace(/\[.*/, ""));
    const history = historyOf(traceId, [...ledger.runEvents(traceId)], ledger);
    const openingId = history?.started.opening_id ?? newOpeningId();
    const journal = new LedgerJournal(ledger, { traceId, openingId }, { nextSeq: history?.events.length ?? 0, ...shown });
    if (history?.finished)
      return runInner(spec, { drive: { finished: history.finished.meta, journal }, outer: outerJournal }, signal);
    if (history) agreesWithCast(history, opening, cast);
    const graph = buildGraph(opening, (node) => cast.agents.get(node.id)?.face.inputs ?? {});
    const begun = history?.started.meta ?? this.#begin(spec, opening, cast, journal);
    const scene: Scene = {
      traceId,
      openingId,
      opening,
      cast,
      watermark: outer.watermark,
      resumed: history !== null,
      parent: { budgets: this.options.budgets, node: spec.node, journal: outerJournal },
      originOf: innerOrigin(begun, graph, innerTraceId),
    };
    if (!history) journal.keepDocument(openingDocument(opening));
    const drive = {
      graph,
      run: history
        ? { resume: openRun(graph, history.events), why: "with the run that it is part of", by: "host" }
        : { begin: begun },
      reuse: reuseIn(ledger, traceId, begun, graph),
      journal,
      clock: this.options.clock,
      executor: this.options.executorOf(scene, journal),
      maxParallel: this.options.maxParallel,
    };
    const end = await runInner(spec, { drive, outer: outerJournal }, signal);
    journal.catchUp();
    return end;
  }

  #begin(spec: AttemptSpec, opening: Opening, cast: Cast, journal: LedgerJournal): Begin {
    const { outer, epochMs, isolation } = this.options;
    const origin = outer.originOf(spec.node, spec.attempt);
    return {
      ...beginOf({ opening, cast, seed: innerSeed(spec), epochMs, watermark: outer.watermark, isolation }),
      inputs: storeInputs(spec.inputs, journal),
      parent: parentOf(outer.traceId, spec),
      ...(origin && { forked_from: { trace: origin } }),
    };
  }
}

export function storeInputs(inputs: readonly Message[], journal: Pick<Journal, "store" | "keep">): NonNullable<Begin["inputs"]> {
  return storeOutputs(inputs, journal);
}
