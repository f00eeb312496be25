/**
 * What agtop shows, as a fold over what it reads. Bounded: a run of any length, and any number of runs, take the same memory.
 *
 * Plan shows one run: the chosen one, else the one that started last. Log shows all that was read, newest `LOG_LINES` of it.
 */
import type { Level, RunEvent, RunKind } from "#core/events.js";
import type { Shown } from "../rlp/terminal/state.js";
import { asOutermost, outermost, wayOf, type Ways } from "../rlp/run/inner.js";
import type { Entry } from "./line.js";

/** Kept lines of the log, characters of a line, nodes of a plan, sources of a node: whatever comes beyond is counted or cut. */
export const LOG_LINES = 5000;
export const LINE_CHARACTERS = 2000;
export const PLAN_NODES = 10_000;
export const NODE_SOURCES = 32;

export interface NodeRow {
  readonly id: string;
  readonly agent: string;
  readonly state: Shown;
  readonly attempt: number;
  /** Of the present attempt, milliseconds since the epoch; null before the first. */
  readonly startedMs: number | null;
  /** Of the last attempt that ended. */
  readonly durationMs: number | null;
  /** Of the present attempt. */
  readonly fuel: number;
  /** Of all attempts. */
  readonly tokens: number;
  readonly calls: number;
  /** What it does, waits for, or ended with. */
  readonly note: string;
  /** Nodes that it had something from. */
  readonly sources: readonly string[];
}

export interface LogLine {
  /** Counts all lines ever read; stays when older ones are dropped. */
  readonly index: number;
  readonly tsMs: number | null;
  readonly level: Level | "invalid";
  readonly kind: RunKind | "invalid";
  readonly node: string;
  readonly text: string;
}

export interface RunRow {
  readonly traceId: string;
  readonly name: string;
  readonly state: Shown;
  readonly startedMs: number;
  readonly endedMs: number | null;
}

export interface Model {
  /** Show this run and no other; null shows the newest. */
  readonly only: string | null;
  readonly run: RunRow | null;
  readonly nodes: ReadonlyMap<string, NodeRow>;
  /** Runs inside of the one that is shown: their nodes stand in its plan as `review/judge`. */
  readonly ways: Ways;
  readonly log: readonly LogLine[];
  readonly runs: number;
  readonly events: number;
  readonly invalid: number;
  /** Events of runs other than `only`. */
  readonly others: number;
  readonly hiddenNodes: number;
  /** Time of the newest event: "now" for what still runs, so that a recorded run reads as it was. */
  readonly nowMs: number;
}

export function emptyModel(only: string | null = null): Model {
  const none = { runs: 0, events: 0, invalid: 0, others: 0, hiddenNodes: 0, nowMs: 0 };
  return { only, run: null, nodes: new Map(), ways: new Map(), log: [], ...none };
}

type Draft = { -readonly [K in keyof Model]: Model[K] } & { nodes: Map<string, NodeRow>; log: LogLine[] };

/** The model after a batch of entries. The given model stays as it was; one copy serves the whole batch. */
export function fold(model: Model, entries: readonly Entry[]): Model {
  const draft: Draft = { ...model, nodes: new Map(model.nodes), log: [...model.log] };
  for (const entry of entries) {
    if (entry.type === "invalid") invalidLine(draft, entry.text);
    else event(draft, entry.event);
    // Not for each line: dropping the head of an array moves all of it.
    if (draft.log.length > 2 * LOG_LINES) draft.log = draft.log.slice(-LOG_LINES);
  }
  if (draft.log.length > LOG_LINES) draft.log = draft.log.slice(-LOG_LINES);
  return draft;
}

function invalidLine(draft: Draft, text: string): void {
  draft.invalid++;
  write(draft, { tsMs: null, level: "invalid", kind: "invalid", node: "", text });
}

function event(draft: Draft, told: RunEvent): void {
  const shown = draft.only ?? draft.run?.traceId;
  const parent = told.kind === "run.started" ? told.meta.parent?.trace : undefined;
  if (parent !== undefined && (parent === shown || draft.ways.has(parent)) && draft.ways.size < PLAN_NODES)
    draft.ways = wayOf(draft.ways, told) ?? draft.ways;
  const inner = draft.ways.has(told.trace_id);
  if (draft.only !== null && told.trace_id !== draft.only && !inner) {
    draft.others++;
    return;
  }
  const event = inner ? (asOutermost(draft, told) ?? told) : told;
  draft.events++;
  draft.nowMs = Math.max(draft.nowMs, event.ts_ms);
  const node = "node" in event.meta ? (event.meta.node ?? "") : "";
  write(draft, { tsMs: event.ts_ms, level: event.level, kind: event.kind, node, text: event.message });
  if (inner) {
    // What becomes of the inner run as a whole, its node in the outer run tells.
    if (draft.run && event !== told) apply(draft, draft.run, event);
    return;
  }
  if (event.kind === "run.started" && event.trace_id !== draft.run?.traceId) begin(draft, event);
  // A stream that is joined half-way has no `run.started`.
  draft.run ??= { traceId: event.trace_id, name: "", state: "running", startedMs: event.ts_ms, endedMs: null };
  if (event.trace_id === draft.run.traceId) apply(draft, draft.run, event);
}

function write(draft: Draft, line: Omit<LogLine, "index">): void {
  const text = line.text.length > LINE_CHARACTERS ? `${line.text.slice(0, LINE_CHARACTERS)}…` : line.text;
  draft.log.push({ ...line, text, index: draft.events + draft.invalid });
}

function begin(draft: Draft, { trace_id, ts_ms, meta }: Extract<RunEvent, { kind: "run.started" }>): void {
  draft.run = { traceId: trace_id, name: meta.opening_name, state: "running", startedMs: ts_ms, endedMs: null };
  draft.nodes = new Map();
  draft.ways = new Map();
  draft.hiddenNodes = 0;
  draft.runs++;
}

function apply(draft: Draft, run: RunRow, event: RunEvent): void {
  switch (event.kind) {
    case "run.started":
      for (const node of Object.keys(event.meta.grants)) change(draft, node, () => ({}));
      return;
    case "run.parked":
      draft.run = { ...run, state: "parked", endedMs: event.ts_ms };
      return;
    case "run.resumed":
      draft.run = { ...run, state: "running", endedMs: null };
      return;
    case "run.cancelled":
      draft.run = { ...run, state: "cancelled", endedMs: event.ts_ms };
      return;
    case "run.finished":
      draft.run = { ...run, state: event.meta.status, endedMs: event.ts_ms };
      return;
    case "node.started": {
      const { node, agent, attempt } = event.meta;
      change(draft, node, () => ({
        agent,
        attempt,
        state: "running",
        startedMs: event.ts_ms,
        durationMs: null,
        fuel: 0,
        note: "",
      }));
      return;
    }
    case "node.retrying": {
      const { node, attempt, reason, backoff_ms } = event.meta;
      change(draft, node, () => ({
        attempt,
        state: "retrying",
        note: `${reason.message}; again in ${Math.round(backoff_ms)} ms`,
      }));
      return;
    }
    case "node.expanded":
      change(draft, event.meta.node, () => ({
        agent: event.meta.agent,
        state: "running",
        startedMs: event.ts_ms,
        durationMs: null,
        note: `${event.meta.items} elements`,
      }));
      return;
    case "node.collected": {
      const { node, status, duration_ms, error } = event.meta;
      change(draft, node, () => ({ state: status, durationMs: duration_ms, ...(error && { note: error.message }) }));
      return;
    }
    case "node.continued":
      change(draft, event.meta.node, () => ({ state: "running", note: "" }));
      return;
    case "node.waiting":
      change(draft, event.meta.node, () => ({ state: "waiting", note: "waits for a decision" }));
      return;
    case "node.skipped":
      change(draft, event.meta.node, () => ({ state: "skipped", note: event.meta.reason }));
      return;
    case "node.finished": {
      const { node, attempt, status, duration_ms, fuel, error } = event.meta;
      change(draft, node, () => ({ attempt, state: status, durationMs: duration_ms, fuel, note: error?.message ?? "" }));
      return;
    }
    case "call.started":
      change(draft, event.meta.node, () => ({ note: callName(event.meta) }));
      return;
    case "call.finished": {
      const { node, fuel, decision } = event.meta;
      const note = decision === "denied" ? `${callName(event.meta)} was denied` : callName(event.meta);
      change(draft, node, (row) => ({
        calls: row.calls + 1,
        fuel,
        note,
        state: row.state === "waiting" ? "running" : row.state,
      }));
      return;
    }
    case "cap.denied":
      if (event.meta.node !== undefined) change(draft, event.meta.node, () => ({ note: `denied: ${event.meta.cap}` }));
      return;
    case "budget.charged": {
      // A node's charges have the scope `node:<id>`; the opening's own would count them twice.
      const { scope, unit, amount } = event.meta;
      if (unit === "tokens" && scope.startsWith("node:"))
        change(draft, scope.slice("node:".length), (row) => ({ tokens: row.tokens + amount }));
      return;
    }
    case "edge.delivered":
    case "edge.withheld": {
      const source = nodeOf(event.meta.from);
      change(draft, nodeOf(event.meta.to), ({ sources }) =>
        sources.includes(source) || sources.length >= NODE_SOURCES ? {} : { sources: [...sources, source] },
      );
      return;
    }
    default:
  }
}

/** `review.ok==true` → `review`: events name an edge's ends as node and port. */
const nodeOf = (end: string): string => end.split(".", 1)[0] ?? end;

/** `kb.search`, whatever version the interface is. */
function callName(call: { readonly interface: string; readonly function: string }): string {
  return `${call.interface.replace(/^.*\//, "").replace(/@.*$/, "")}.${call.function}`.slice(0, LINE_CHARACTERS);
}

const pending = {
  agent: "",
  state: "pending",
  attempt: 0,
  startedMs: null,
  durationMs: null,
  fuel: 0,
  tokens: 0,
  calls: 0,
} as const;

/** What goes on inside of a node stands below it. */
function within(id: string): readonly string[] {
  const { node, rest } = outermost(id);
  if (rest === "") return [];
  const at = Math.max(id.lastIndexOf("/"), id.endsWith("]") ? id.lastIndexOf("[") : -1);
  return [at > 0 ? id.slice(0, at) : node];
}

function change(draft: Draft, id: string, to: (row: NodeRow) => Partial<NodeRow>): void {
  const before = draft.nodes.get(id);
  if (before === undefined && draft.nodes.size >= PLAN_NODES) {
    draft.hiddenNodes++;
    return;
  }
  const row: NodeRow = before ?? { ...pending, id, note: "", sources: within(id) };
  draft.nodes.set(id, { ...row, ...to(row) });
}
