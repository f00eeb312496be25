/** The ladder of a run: who did what, in the order in which it happened. */
import type { MetaOf, RunEvent, RunEventOf } from "#core/events.js";
import { innerTraceId } from "#core/ids.js";
import { bytes, count, duration } from "../terminal/quantity.js";
import type { Shown } from "../terminal/state.js";
import { callName } from "./view.js";

export interface Rung {
  /** A node, an edge, or `run`. */
  readonly who: string;
  readonly what: string;
  readonly state: Shown | null;
  /** Shown only where more was asked for. */
  readonly detail: boolean;
}

export function rungOf(event: RunEvent): Rung {
  const rung = (who: string, what: string, state: Shown | null = null): Rung => ({ who, what, state, detail: false });
  const detail = (who: string, what: string): Rung => ({ who, what, state: null, detail: true });
  switch (event.kind) {
    case "run.started":
      return rung(
        "run",
        `${event.meta.opening_name} started, seed ${event.meta.seed}, epoch ${event.meta.epoch_ms}${forkText(event.meta)}`,
        "running",
      );
    case "run.parked":
      return rung("run", `parked: ${event.meta.why}, by ${event.meta.by}`, "parked");
    case "run.resumed":
      return rung("run", `resumed: ${event.meta.why}, by ${event.meta.by}`, "running");
    case "run.cancelled":
      return rung("run", `cancelled: ${event.meta.why}, by ${event.meta.by}`, "cancelled");
    case "run.finished": {
      const { status, success, reason, duration_ms, totals, final_hash } = event.meta;
      const end = `${status}${status === "ok" && !success ? ", but `success` does not hold" : ""}${reason ? `: ${reason}` : ""}`;
      return rung(
        "run",
        `${end} in ${duration(duration_ms)}, ${totals.calls} calls, ${count(totals.fuel)} fuel, ${totals.tokens} tokens, ${final_hash}`,
        success ? "ok" : "error",
      );
    }
    case "node.started":
      return rung(
        event.meta.node,
        `started: ${event.meta.agent}${event.meta.attempt > 1 ? `, attempt ${event.meta.attempt}` : ""}${runInside(event)}${originText(event.meta)}`,
        "running",
      );
    case "node.retrying":
      return rung(
        event.meta.node,
        `attempt ${event.meta.attempt} failed (${event.meta.reason.code}: ${event.meta.reason.message}), again in ${duration(event.meta.backoff_ms)}`,
        "retrying",
      );
    case "node.expanded":
      return rung(event.meta.node, `is invoked for ${event.meta.items} elements`, "running");
    case "node.collected": {
      const { node, status, items, duration_ms, error } = event.meta;
      return rung(
        node,
        `${status}${error ? ` (${error.code}): ${error.message}` : ""}, ${items} elements in ${duration(duration_ms)}`,
        status,
      );
    }
    case "node.continued":
      return rung(event.meta.node, "goes on", "running");
    case "node.waiting":
      return rung(event.meta.node, `waits for a decision on ${event.meta.proposal_id}`, "waiting");
    case "node.skipped":
      return rung(event.meta.node, `skipped: ${event.meta.reason}`, "skipped");
    case "node.finished": {
      const { node, status, duration_ms, fuel, peak_memory_bytes, error } = event.meta;
      return rung(
        node,
        `${status}${error ? ` (${error.code}): ${error.message}` : ""} in ${duration(duration_ms)}, ${count(fuel)} fuel, ${bytes(peak_memory_bytes)}`,
        status,
      );
    }
    case "node.stdout":
      return rung(event.meta.node, `out: ${event.meta.chunk}`);
    case "node.stderr":
      return rung(event.meta.node, `err: ${event.meta.chunk}`);
    case "call.started":
      return rung(event.meta.node, `call ${event.meta.call_seq} ${callName(event.meta)} begins`);
    case "call.finished": {
      const { call_seq, duration_ms, decision, labels } = event.meta;
      const read = labels.length > 0 ? `, carries ${labels.join(" ")}` : "";
      const denied = decision === "denied" ? "denied, " : "";
      return rung(
        event.meta.node,
        `call ${call_seq} ${callName(event.meta)} ${denied}${duration(duration_ms)}${read}`,
        decision === "denied" ? "error" : null,
      );
    }
    case "action.proposed":
      return rung(event.meta.node, `proposes ${event.meta.action} (${event.meta.proposal_id})`, "waiting");
    case "action.decided":
      return rung("decision", `${event.meta.decision} by ${event.meta.by}${event.meta.reason ? `: ${event.meta.reason}` : ""}`);
    case "action.finished":
      return rung(
        "action",
        `${event.meta.outcome}${event.meta.detail ? `: ${event.meta.detail}` : ""}`,
        event.meta.outcome === "done" ? null : "error",
      );
    case "cap.denied":
      return rung(
        event.meta.node ?? event.meta.agent,
        `denied ${event.meta.cap}: ${event.meta.op} ${event.meta.target} (${event.meta.reason})`,
        "error",
      );
    case "cap.allowed":
      return detail(event.meta.node ?? event.meta.agent, `allowed ${event.meta.cap}: ${event.meta.op} ${event.meta.target}`);
    case "budget.reserved":
    case "budget.charged":
      return detail(
        "budget",
        `${event.kind === "budget.reserved" ? "reserved" : "charged"} ${event.meta.amount} ${event.meta.unit} for ${event.meta.scope}, ${event.meta.left} left`,
      );
    case "budget.exhausted":
      return rung(
        "budget",
        `${event.meta.scope} is used up: ${event.meta.amount} ${event.meta.unit} wanted, ${event.meta.left} left`,
        "error",
      );
    case "limit.hit":
      return rung(event.meta.node, `met its limit of ${event.meta.limit}: ${event.meta.value} of ${event.meta.ceiling}`, "error");
    case "log":
      return rung(event.meta.node, `${event.level === "info" ? "log" : event.level}: ${event.message}`);
    case "value.truncated":
      return rung("cut", `${event.meta.where}: ${event.meta.dropped} dropped, ${event.meta.kept} kept`);
    case "artifact.created":
      return rung(
        "artifact",
        `${event.meta.kind} artifact:${event.meta.digest}${event.meta.node ? ` from ${event.meta.node}.${event.meta.port ?? "?"}` : ""}`,
      );
    case "email.sent":
      return rung(
        "mail",
        `"${event.meta.subject}" to ${event.meta.to.join(", ")}${event.meta.path ? `, ${event.meta.path}` : ""}`,
      );
    case "edge.delivered": {
      const { from, to, type, bytes: size, labels } = event.meta;
      return rung(`${from} → ${to}`, `${type}, ${bytes(size)}${labels.length > 0 ? `, carries ${labels.join(" ")}` : ""}`);
    }
    case "edge.withheld":
      return rung(`${event.meta.from} → ${event.meta.to}`, `withheld: ${event.meta.reason}`, "skipped");
  }
}

/** In a fork: whether anything was executed. */
/** An attempt that is a run of another opening: `rlp trace` tells of that run too. */
function runInside({ trace_id, meta }: RunEventOf<"node.started">): string {
  return meta.agent.startsWith("opening:") ? `, as ${innerTraceId(trace_id, meta.node, meta.attempt)}` : "";
}

function originText({ reused_from: from, not_reused: why }: MetaOf<"node.started">): string {
  if (from !== undefined) return `, reused from ${from}`;
  return why === undefined ? "" : `, executed anew: ${why}`;
}

const forkText = ({ forked_from: fork }: MetaOf<"run.started">): string =>
  fork ? `, forked from ${fork.trace}${fork.node === undefined ? "" : ` at ${fork.node}`}` : "";
