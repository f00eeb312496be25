/**
 * Follows a history with the engine: each event that the engine writes must be the one that it would write in that state. So a
 * forged skip, an edge that did not cross, a changed pause or another `final_hash` is found, although no agent runs for it.
 * Time-outs, cancels, parkings and the ends of attempts are taken as they stand: they are decisions and results, not consequences.
 */
import { blake3 } from "#core/digest.js";
import type { MetaOf, RunEvent, RunEventDraft, RunEventOf } from "#core/events.js";
import type { NodeId } from "#core/ids.js";
import { canonicalJson, jsonDigest, type Json } from "#core/json.js";
import { INLINE_BYTES, type StoredValue } from "#core/values.js";
import { apply } from "../engine/apply.js";
import { attemptSpec, backoffMs, inputsOf, type Load } from "../engine/attempt.js";
import { artifacts, runFinished } from "../engine/finish.js";
import type { Graph, GraphNode } from "../engine/graph.js";
import { nodeCollected, nodeExpanded, nodeRetrying, nodeSkipped, nodeStarted } from "../engine/report.js";
import { settle } from "../engine/settle.js";
import { findState, newState, nodeState, type RunState } from "../engine/state.js";
import { nothingRecorded } from "../engine/world.js";
import { HistoryError } from "../journal/error.js";
import { Diverged } from "./verdict.js";

/** Throws `Diverged` at the first event that does not follow. Returns the state at the end of the history. */
export function follow(graph: Graph, events: readonly RunEvent[], load: Load): RunState {
  const follower = new Follower(graph, load);
  for (const event of events) follower.take(event);
  return follower.state;
}

class Follower {
  readonly state: RunState;
  /** What the outbound edges of ended nodes still have to write. */
  readonly #edges = new Map<GraphNode, RunEventDraft[]>();

  constructor(
    private readonly graph: Graph,
    private readonly load: Load,
  ) {
    this.state = newState(graph);
  }

  take(event: RunEvent): void {
    const expected = this.#expected(event);
    if (expected !== undefined) {
      const would = expected && comparable(expected.meta);
      const is = comparable(event.meta);
      if (would === null || canonicalJson(would) !== canonicalJson(is)) this.#diverge(event, would);
    }
    try {
      apply(this.state, event, event.ts_ms, event.seq);
    } catch (error) {
      if (error instanceof HistoryError) this.#diverge(event, error.message);
      throw error;
    }
  }

  /** undefined: not of the engine's making, or for `apply` to refuse. null: the engine would write nothing of this kind here. */
  #expected(event: RunEvent): RunEventDraft | null | undefined {
    const { state, load } = this;
    switch (event.kind) {
      case "node.started": {
        const node = findState(state, event.meta.node)?.node;
        return node && withOrigin(nodeStarted(attemptSpec(state, node, event.meta.attempt, nothingRecorded, load)), event, state);
      }
      case "node.expanded":
      case "node.collected":
        return this.#expectedOfEach(event);
      case "node.skipped": {
        const node = this.graph.find(event.meta.node);
        const phase = node && nodeState(state, node).phase;
        return node && phase?.is === "unwanted" ? nodeSkipped(node, phase.reason) : undefined;
      }
      case "node.retrying": {
        const { node, phase } = findState(state, event.meta.node) ?? {};
        if (!node || phase?.is !== "failed" || !state.started) return undefined;
        const pause = backoffMs(node.spec.retry, state.started.seed, node, event.meta.attempt);
        return nodeRetrying(node, event.meta.attempt, phase.failure, pause);
      }
      case "edge.delivered":
      case "edge.withheld":
        return this.#expectedEdge(event.meta);
      case "artifact.created":
        return this.#isSaved(event.meta) ? (this.#artifact(event.meta) ?? null) : undefined;
      case "run.finished":
        return this.#artifacts().length > 0 ? null : runFinished(state, event.ts_ms, { load, store, keep: jsonDigest });
      default:
        return undefined;
    }
  }

  #expectedOfEach({ meta, ts_ms }: RunEventOf<"node.expanded"> | RunEventOf<"node.collected">): RunEventDraft | undefined {
    const its = findState(this.state, meta.node);
    if (!its?.node.each) return undefined;
    if (its.phase.is === "ready") return nodeExpanded(its.node, inputsOf(this.state, its.node, this.load));
    return its.phase.is === "expanded" ? nodeCollected(its, ts_ms, this.load) : undefined;
  }

  #expectedEdge({ from, to }: { readonly from: string; readonly to: string }): RunEventDraft | null | undefined {
    const source = this.graph.named(from, to)[0]?.source;
    if (!source || nodeState(this.state, source).phase.is !== "ended") return undefined;
    let drafts = this.#edges.get(source);
    if (!drafts) this.#edges.set(source, (drafts = [...settle(this.state, source, this.load)]));
    const index = drafts.findIndex((draft) => "from" in draft.meta && draft.meta.from === from && draft.meta.to === to);
    return index < 0 ? null : drafts.splice(index, 1)[0];
  }

  #isSaved({ node, port }: MetaOf<"artifact.created">): boolean {
    return this.graph.opening.artifacts.save.some((ref) => ref.node === node && ref.port === port);
  }

  #artifact({ digest }: MetaOf<"artifact.created">): RunEventDraft | undefined {
    return this.#artifacts().find((draft) => draft.kind === "artifact.created" && draft.meta.digest === digest);
  }

  #artifacts(): readonly RunEventDraft[] {
    return artifacts(this.state, this.load, jsonDigest);
  }

  #diverge({ kind, meta }: RunEvent, expected: Json): never {
    const node = "node" in meta && meta.node !== undefined ? meta.node : nodeOf(meta);
    const attempt = "attempt" in meta ? meta.attempt : null;
    throw new Diverged({
      node,
      attempt,
      call: null,
      what: "event",
      // The record is what is doubted here: the engine says what it should be.
      expected: { [kind]: comparable(meta) },
      got: expected,
    });
  }
}

/** Whether a node was taken over is a decision; from which run stands in the beginning. */
function withOrigin(expected: RunEventDraft, { meta }: RunEventOf<"node.started">, { started }: RunState): RunEventDraft {
  if (expected.kind !== "node.started" || !started?.forked_from) return expected;
  const { not_reused } = meta;
  const origin =
    meta.reused_from !== undefined ? { reused_from: started.forked_from.trace } : not_reused !== undefined ? { not_reused } : {};
  return { ...expected, meta: { ...expected.meta, ...origin } };
}

/** The node that an edge comes from. */
function nodeOf(meta: RunEvent["meta"]): NodeId | null {
  return "from" in meta ? (meta.from.slice(0, meta.from.indexOf(".")) as NodeId) : null;
}

/** As a journal would store it, and nothing kept. */
function store(value: Json): StoredValue {
  const text = canonicalJson(value);
  const bytes = Buffer.byteLength(text);
  return bytes <= INLINE_BYTES ? { value } : { blob: blake3(text), bytes };
}

/** Without times, which no two runs share. */
function comparable(meta: object): Json {
  const entries = Object.entries(meta).flatMap(([key, value]) => (key === "duration_ms" ? [] : [[key, value]]));
  const copy = Object.fromEntries(entries) as Record<string, Json>;
  const nodes = copy["nodes"];
  if (Array.isArray(nodes)) copy["nodes"] = nodes.map((row) => comparable(row as object));
  return copy;
}
