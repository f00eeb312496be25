/** What a run that is a fork takes over: found again from its beginning, so that it goes on as a fork when it is resumed. */
import type { MetaOf } from "#core/events.js";
import type { TraceId } from "#core/ids.js";
import { invocationOf, type Graph } from "#openings/engine/graph.js";
import type { Reuse } from "#openings/engine/reuse.js";
import { dependents, reuseOf } from "#openings/journal/fork.js";
import { proposalIdOf } from "../imports/actions.js";
import { historyOf, openingOf } from "./history.js";
import type { RunReader } from "./ledger.js";

type Begun = MetaOf<"run.started">;

/** Undefined for a run that is no fork, or whose origin is not there (an inner run that had not begun). */
export function reuseIn(reader: RunReader, traceId: TraceId, begun: Begun | null, graph: Graph): Reuse | undefined {
  if (!begun?.forked_from) return undefined;
  const { trace, node: from = null } = begun.forked_from;
  const origin = historyOf(trace, [...reader.runEvents(trace)], reader);
  if (!origin) return undefined;
  return reuseOf({
    origin: { traceId: trace, opening: openingOf(origin), events: origin.events },
    begun,
    graph,
    from,
    proposalId: ({ node, attempt, seq }) => proposalIdOf({ traceId, node, attempt, seq }),
  });
}

/** The run that an inner run of a fork begins with, by the node and attempt that it is; null where that is executed anew. */
export function innerOrigin(
  begun: Begun | null,
  graph: Graph,
  innerTrace: (outer: TraceId, node: string, attempt: number) => TraceId,
): (node: string, attempt: number) => TraceId | null {
  const fork = begun?.forked_from;
  if (!fork) return () => null;
  const after = fork.node === undefined ? new Set<unknown>() : dependents(graph, fork.node);
  return (node, attempt) => {
    const its = graph.find(invocationOf(node)?.node ?? node);
    return its && !after.has(its) ? innerTrace(fork.trace, node, attempt) : null;
  };
}
