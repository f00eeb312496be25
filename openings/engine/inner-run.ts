/**
 * An attempt of a node that uses another opening: a run of that opening, driven by this same engine, with a log of its own. What comes
 * of it is the end of the attempt; what stops the attempt stops the run in the same way.
 */
import type { Digest } from "#core/digest.js";
import type { MetaOf, RunEventDraft } from "#core/events.js";
import type { TraceId } from "#core/ids.js";
import { hostFailure, type Failure, type Message } from "#core/values.js";
import { JournalHasher, outputsHash } from "../journal/hash.js";
import type { Load } from "./attempt.js";
import { Stop } from "./attempts.js";
import { driveRun, type Drive, type RunOutcome } from "./drive.js";
import { EngineError } from "./error.js";
import type { AttemptCosts, AttemptEnd, AttemptSpec, Journal } from "./world.js";

/** What the inner run's beginning says of the attempt that it is. */
export function parentOf(
  outer: TraceId,
  { node, attempt, timeoutMs }: AttemptSpec,
): NonNullable<MetaOf<"run.started">["parent"]> {
  return { trace: outer, node, attempt, ...(timeoutMs !== null && { timeout_ms: timeoutMs }) };
}

/** The seed of the inner run follows from that of the attempt. */
export const innerSeed = ({ seed }: Pick<AttemptSpec, "seed">): number => parseInt(seed.slice(0, 13), 16);

export interface InnerRun {
  /** Of the run itself; where the run had come to its end before its parent knew of it, that end. */
  readonly drive: Omit<Drive, "signals" | "onHeld"> | { readonly finished: MetaOf<"run.finished">; readonly journal: Journal };
  /** Of the run whose attempt it is. */
  readonly outer: Journal;
}

/** Rejects where the host fails. */
export async function runInner(spec: AttemptSpec, inner: InnerRun, signal: AbortSignal): Promise<AttemptEnd> {
  const { journal } = inner.drive;
  if ("finished" in inner.drive) return endOfInner(spec, inner.drive.finished, journal, signal.aborted);
  const stops = stopsOf(signal);
  try {
    const outcome = await driveRun({ ...inner.drive, signals: stops.signals, onHeld: tellOuter(spec, inner.outer) });
    if (outcome.status === "parked") return parked(spec, outcome);
    return endOfInner(spec, finishedOf(outcome), journal, signal.aborted);
  } finally {
    stops.release();
  }
}

/** While the inner run waits for a person, so does the node: a person's time is not the outer run's either. */
function tellOuter({ node }: AttemptSpec, outer: Journal): Drive["onHeld"] {
  let waiting: RunEventDraft | null = null;
  return (proposal) => {
    if (proposal !== null) {
      const meta = { node, proposal_id: proposal };
      waiting = { kind: "node.waiting", level: "info", message: `${node} waits for a decision`, meta };
      outer.append([waiting], "soon").catch(() => undefined); // whoever drives the outer run meets the failure
    } else if (waiting?.kind === "node.waiting") {
      const { meta } = waiting;
      waiting = null;
      const draft: RunEventDraft = { kind: "node.continued", level: "info", message: `${node} goes on`, meta };
      outer.append([draft], "soon").catch(() => undefined);
    }
  };
}

/** Interrupted with the outer run, it is parked and can be resumed with it; cancelled with it, it ends. */
function stopsOf(signal: AbortSignal) {
  const cancel = new AbortController();
  const interrupt = new AbortController();
  const stop = (): void => {
    const { reason } = signal as { reason: unknown };
    const resumable = reason instanceof Stop && (reason.why === "interrupted" || reason.why === "host failure");
    if (resumable) interrupt.abort(reason);
    else cancel.abort(reason instanceof Error ? reason.message : "cancelled");
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return {
    signals: { cancel: cancel.signal, interrupt: interrupt.signal },
    release: () => signal.removeEventListener("abort", stop),
  };
}

function parked(spec: AttemptSpec, { waiting, totals }: RunOutcome): AttemptEnd {
  const [proposal] = waiting;
  if (proposal !== undefined) return { status: "parked", proposal };
  // Interrupted together with the outer run, which drops this end and takes the attempt up again.
  const cut = { final_hash: spec.inputsHash, totals };
  return { ...costsOf(spec, cut, { status: "cancelled" }), status: "cancelled", state: {} };
}

function finishedOf({ finished }: RunOutcome): MetaOf<"run.finished"> {
  if (!finished) throw new EngineError("ENGINE_STUCK", "an inner run has ended without an end");
  return finished;
}

/** What the end of an inner run is for the attempt that it is. `stopped`: the attempt itself was cancelled. */
export function endOfInner(
  spec: AttemptSpec,
  finished: MetaOf<"run.finished">,
  journal: Pick<Journal, "load">,
  stopped: boolean,
): Exclude<AttemptEnd, { readonly status: "parked" }> {
  if (finished.status === "cancelled" && stopped)
    return { ...costsOf(spec, finished, { status: "cancelled" }), status: "cancelled", state: {} };
  if (!finished.success) {
    const failure = failureOf(spec, finished);
    const labels = [...new Set(spec.inputs.flatMap((input) => input.labels))].sort();
    return { ...costsOf(spec, finished, { status: "error", failure }), status: "error", failure, state: {}, labels };
  }
  const outputs = innerOutputs(finished, (stored) => journal.load(stored));
  const hashed = { status: "ok" as const, outputsHash: outputsHash(outputs) };
  return { ...costsOf(spec, finished, hashed), ...hashed, outputs, state: {} };
}

/** What an opening handed back. */
export function innerOutputs({ outputs = [], outputs_blob: blob }: MetaOf<"run.finished">, load: Load): readonly Message[] {
  const stored = blob === undefined ? outputs : (load({ blob, bytes: 0 }) as unknown as typeof outputs);
  return stored.map(({ port, type, labels, body }) => ({ port, type, labels, body: load(body) }));
}

function failureOf(
  { timeoutMs }: AttemptSpec,
  { status, reason, retryable = false, timed_out: tooLong }: MetaOf<"run.finished">,
): Failure {
  if (tooLong) return hostFailure("host.timeout", `the opening took longer than ${timeoutMs} ms`);
  if (status === "cancelled") return hostFailure("host.cancelled", `the opening was cancelled: ${reason ?? "no reason given"}`);
  return { ...hostFailure("host.opening-failed", reason ?? "the opening failed"), retryable };
}

type HashedEnd = Parameters<JournalHasher["finish"]>[0]["end"];

/** The journal of such an attempt is the inner run's log; its `final_hash` stands for all of it. */
function costsOf(
  spec: AttemptSpec,
  { final_hash: hash, totals }: Pick<MetaOf<"run.finished">, "final_hash" | "totals">,
  end: HashedEnd,
): AttemptCosts {
  const { tokens, usd, fuel, calls } = totals;
  const localHash: Digest = hash;
  const journalHash = new JournalHasher(spec).finish({ localHash, fuel, end });
  return { fuel, peakMemoryBytes: 0, journalHash, localHash, tokens, usd, calls };
}
