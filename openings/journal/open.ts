/** Opens a run that is in the log already: to resume it, or to look at it. */
import { isRunKind, type RunEvent } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import { apply } from "../engine/apply.js";
import type { Graph } from "../engine/graph.js";
import { newState, type RunState } from "../engine/state.js";
import type { RecordedAttempt } from "../engine/world.js";
import { HistoryError } from "./error.js";
import { Recordings } from "./recorded.js";

export interface OpenedRun {
  readonly state: RunState;
  /** What an attempt had done so far. */
  readonly recorded: (node: NodeId, attempt: number) => RecordedAttempt;
}

/** Folds a whole history. Throws `HistoryError`, which names the first `seq` that is wrong. */
export function openRun(graph: Graph, events: readonly RunEvent[]): OpenedRun {
  checkSequence(events);
  const state = newState(graph);
  for (const event of events) apply(state, event, event.ts_ms, event.seq);
  const recordings = new Recordings(events);
  return { state, recorded: (node, attempt) => recordings.of(node, attempt) };
}

/** One run, from its beginning, `seq` without gaps, kinds that there are. */
export function checkSequence(events: readonly RunEvent[]): void {
  const [first] = events;
  if (!first) throw HistoryError.at("HISTORY_EMPTY", null, "the run has no events");
  for (const [index, { seq, trace_id, kind }] of events.entries()) {
    if (seq !== index) throw HistoryError.at("HISTORY_GAP", index, `seq ${seq} stands in its place`);
    if (trace_id !== first.trace_id)
      throw HistoryError.at("HISTORY_GAP", seq, `${trace_id} among the events of ${first.trace_id}`);
    if (!isRunKind(kind)) throw HistoryError.at("HISTORY_UNKNOWN", seq, `\`${String(kind)}\` is no kind of a run`);
  }
}
