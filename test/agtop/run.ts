/** A run as agtop reads it: events in order, each a line of `rlp run --json`. */
import { blake3 } from "#core/digest.js";
import { parseRunEvent, type MetaOf, type RunEvent, type RunKind } from "#core/events.js";
import { emptyModel, fold, type Model } from "../../tools/agtop/model.js";
import { examples } from "../core/examples.js";

export const TRACE = "trace:01993a5c-7c00-7abc-8def-0123456789ab";
export const OTHER = "trace:01993a5c-7c00-7abc-8def-0123456789ff";

export class Recorder {
  readonly events: RunEvent[] = [];
  constructor(readonly trace = TRACE) {}

  /** One more event, a millisecond after the last; what `meta` leaves open comes from the example of its kind. */
  add<K extends RunKind>(kind: K, meta: Partial<MetaOf<K>> = {}, message: string = kind): this {
    const seq = this.events.length;
    const ids = { trace_id: this.trace, run_id: this.trace, opening_id: "opening:01993a5c-7c00-7abc-8def-0123456789ac" };
    const line = {
      v: 1,
      seq,
      ts_ms: 1_000_000 + seq,
      ...ids,
      kind,
      level: "info",
      message,
      meta: { ...examples[kind], ...meta },
    };
    this.events.push(parseRunEvent(line));
    return this;
  }

  lines(): string {
    return this.events.map((event) => `${JSON.stringify(event)}\n`).join("");
  }
}

const digest = blake3("x");

/** gather and resolve feed draft; draft fails once; review turns the mail down, so that send is skipped. */
export function composeRun(trace = TRACE): Recorder {
  const node = (id: string) => ({ node: id as never });
  const grants = { resolve: {}, gather: {}, draft: {}, review: {}, send: {} };
  const edge = (from: string, to: string) => ({ from, to, type: "t", bytes: 1, value_hash: digest, labels: [] });
  const ended = { status: "ok", error: undefined } as const;
  return new Recorder(trace)
    .add("run.started", { opening_name: "compose_email", grants })
    .add("node.started", { ...node("resolve"), agent: "contact_resolver", attempt: 1 })
    .add("call.finished", { ...node("resolve"), fuel: 700 })
    .add("node.finished", { ...node("resolve"), ...ended, fuel: 1234, duration_ms: 41 })
    .add("edge.delivered", edge("resolve.contact", "draft.contact"))
    .add("node.started", { ...node("gather"), agent: "context_gatherer", attempt: 1 })
    .add("node.finished", { ...node("gather"), ...ended, fuel: 10, duration_ms: 5 })
    .add("edge.delivered", edge("gather.notes", "draft.notes"))
    .add("node.started", { ...node("draft"), agent: "writer", attempt: 1 })
    .add("node.retrying", { ...node("draft"), attempt: 1, backoff_ms: 250 })
    .add("node.started", { ...node("draft"), agent: "writer", attempt: 2 })
    .add("budget.charged", { scope: "node:draft", unit: "tokens", amount: 30 })
    .add("budget.charged", { scope: "node:draft", unit: "tokens", amount: 12 })
    .add("node.finished", { ...node("draft"), ...ended, attempt: 2, fuel: 99, duration_ms: 7 })
    .add("edge.delivered", edge("draft.mail", "review.mail"))
    .add("node.started", { ...node("review"), agent: "critic", attempt: 1 })
    .add("node.finished", { ...node("review"), ...ended, fuel: 5, duration_ms: 2 })
    .add("edge.withheld", { from: "review.ok==true", to: "send.in", reason: "guard" })
    .add("node.skipped", { ...node("send"), reason: "guard `review.ok` is false" })
    .add("run.finished", { status: "ok" });
}

export const entries = (events: readonly RunEvent[]) => events.map((event) => ({ type: "event", event }) as const);

export const modelOf = (recorder: Recorder, only: string | null = null): Model =>
  fold(emptyModel(only), entries(recorder.events));
