/** An attempt that is a run of another opening, executed again: that run is replayed, and what comes of it is the attempt's end. */
import { innerTraceId, type NodeId } from "#core/ids.js";
import { jsonDigest, type Json } from "#core/json.js";
import type { Load } from "#openings/engine/attempt.js";
import { endOfInner, innerSeed, parentOf } from "#openings/engine/inner-run.js";
import { openingDocument } from "#openings/document.js";
import type { Opening } from "#openings/ir.js";
import type { Replayed, ReplaySpec } from "#openings/replay/executor.js";
import { Diverged, type ReplayVerdict } from "#openings/replay/verdict.js";
import { historyOf, type History } from "./history.js";

/** Throws `Diverged`, with the nodes of the inner run as `node/inner`. */
export async function replayInner(
  spec: ReplaySpec,
  opening: Opening,
  outer: History,
  load: Load,
  replay: (inner: History) => Promise<ReplayVerdict>,
): Promise<Replayed> {
  const traceId = innerTraceId(outer.traceId, spec.node, spec.attempt);
  const { reader } = outer;
  const inner = historyOf(traceId, [...reader.runEvents(traceId)], reader);
  // Cut off before the inner run had begun, or the record has lost it.
  if (!inner) {
    if (spec.stopAtFuel !== null) return { end: { status: "stopped", fuel: spec.stopAtFuel } };
    throw new Diverged({ ...place(spec), what: "event", expected: traceId, got: null });
  }
  mustBeOf(spec, opening, outer, inner, load);
  const verdict = await replay(inner);
  if (!verdict.agrees) {
    const { node, ...divergence } = verdict.divergence;
    const path = (node === null ? spec.node : `${spec.node}/${node}`) as NodeId;
    throw new Diverged({ ...divergence, node: path });
  }
  const { finished } = inner;
  if (!finished) return { end: { status: "stopped", fuel: spec.stopAtFuel ?? 0 } };
  const end = endOfInner(spec, finished.meta, { load }, spec.stopAtFuel !== null);
  return { end: end.status === "cancelled" ? { status: "stopped", fuel: end.fuel } : end };
}

/** It began with what the attempt handed it. */
function mustBeOf(spec: ReplaySpec, opening: Opening, outer: History, inner: History, load: Load): void {
  const { meta } = inner.started;
  const inputs = (meta.inputs ?? []).map(({ body, ...message }) => ({ ...message, body: load(body) }));
  const is: Json = [
    meta.opening,
    meta.seed,
    meta.epoch_ms,
    meta.kb_watermark,
    jsonDigest(inputs as unknown as Json),
    (meta.parent ?? null) as Json,
  ];
  const should: Json = [
    openingDocument(opening).digest,
    innerSeed(spec),
    spec.epochMs,
    outer.started.meta.kb_watermark,
    jsonDigest(spec.inputs as unknown as Json),
    parentOf(outer.traceId, spec) as Json,
  ];
  if (jsonDigest(is) === jsonDigest(should)) return;
  throw new Diverged({ ...place(spec), what: "event", expected: { "run.started": is }, got: should });
}

const place = ({ node, attempt }: ReplaySpec) => ({ node, attempt, call: null });
