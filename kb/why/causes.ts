/** From an event to those that led to it. */
import type { Digest } from "#core/digest.js";
import type { EventKind, MetaOf, RunKind } from "#core/events.js";
import { isJsonObject } from "#core/json.js";
import { innerTraceId, type TraceId } from "#core/ids.js";
import type { StoredValue } from "#core/values.js";
import { contactKey, parseCitation } from "../documents/keys.js";
import type { Kb } from "../kb.js";
import type { LedgerRow } from "../ledger/row.js";

/** Gives the rows that an event follows from, as the log tells: earlier ones, each once. */
export type Causes = (row: LedgerRow) => readonly LedgerRow[];

type RunRow = LedgerRow<RunKind>;

export function causeFinder(kb: Kb): Causes {
  const runs = new Map<TraceId, readonly RunRow[]>();
  const runOf = (traceId: TraceId): readonly RunRow[] => {
    const known = runs.get(traceId) ?? ([...kb.ledger.runRows(traceId)] as RunRow[]);
    runs.set(traceId, known);
    return known;
  };

  /** The last event of these kinds before `row` in its run that passes the test. */
  function last<K extends RunKind>(
    row: RunRow,
    kinds: readonly K[],
    test: (meta: MetaOf<K>) => boolean = () => true,
  ): readonly LedgerRow[] {
    return all(row, kinds, test).slice(-1);
  }
  function all<K extends RunKind>(
    row: RunRow,
    kinds: readonly K[],
    test: (meta: MetaOf<K>) => boolean = () => true,
  ): readonly LedgerRow[] {
    return runOf(row.trace_id).filter(
      (each) => each.id < row.id && (kinds as readonly EventKind[]).includes(each.kind) && test(each.payload.meta as MetaOf<K>),
    );
  }

  /** The state of an entity as the run saw it: its last event up to the run's watermark. */
  function known(entity: string, row: LedgerRow): readonly LedgerRow[] {
    const seen = row.trace_id === null ? row.id - 1 : watermarkOf(row as RunRow);
    const id = kb.views.history(entity).findLast((each) => each <= seen);
    const found = id === undefined ? undefined : kb.ledger.row(id);
    return found ? [found] : [];
  }
  function watermarkOf(row: RunRow): number {
    const started = runOf(row.trace_id).find((each) => each.kind === "run.started");
    return started?.kind === "run.started" ? started.payload.meta.kb_watermark : row.id;
  }
  function load(stored: StoredValue): unknown {
    if ("value" in stored) return stored.value;
    const blob = kb.ledger.blob(stored.blob);
    return blob && JSON.parse(Buffer.from(blob.bytes).toString("utf8"));
  }
  const cited = (citations: readonly string[], row: LedgerRow): readonly LedgerRow[] =>
    citations.flatMap((text) => {
      const parsed = parseCitation(text);
      if (parsed) return known(`document:${parsed.digest}`, row);
      const event = /^\d{1,15}$/.test(text) ? kb.ledger.row(Number(text)) : undefined;
      return event ? [event] : [];
    });

  /** In a fork, what was reused: the event that it is a copy of, which knows what was found then. */
  function original(row: RunRow): readonly LedgerRow[] {
    const { trace } = row.provenance;
    if (trace === undefined || trace === row.trace_id) return [];
    const { node, attempt, call_seq: seq } = placeOf(row);
    return runOf(trace as TraceId).filter((each) => {
      const place = placeOf(each);
      return each.kind === row.kind && place.node === node && place.attempt === attempt && place.call_seq === seq;
    });
  }

  function ofRun(row: RunRow): readonly LedgerRow[] {
    const copied = row.kind === "node.started" || row.kind === "call.finished" ? original(row) : [];
    if (copied.length > 0)
      return [
        ...copied,
        ...(row.kind === "call.finished"
          ? last(row, ["node.started"], (meta) => meta.node === row.payload.meta.node)
          : byKind(row)),
      ];
    return byKind(row);
  }

  function byKind(row: RunRow): readonly LedgerRow[] {
    switch (row.kind) {
      case "run.started": {
        const { parent } = row.payload.meta;
        if (!parent) return [];
        return attemptIn(parent.trace, parent.node, parent.attempt);
      }
      case "run.finished":
        return [...all(row, ["node.finished", "node.skipped"]), ...last(row, ["run.cancelled"])];
      case "run.parked":
        return last(row, ["action.proposed"]);
      case "run.resumed":
        return [...last(row, ["run.parked"]), ...last(row, ["action.decided"])];
      case "node.expanded":
      case "node.started": {
        const { node } = row.payload.meta;
        const whole = wholeOf(node);
        const again = row.kind === "node.started" && row.payload.meta.attempt > 1;
        const before = again
          ? last(row, ["node.retrying"], (meta) => meta.node === node)
          : whole === node
            ? all(row, ["edge.delivered"], (meta) => nodeOf(meta.to) === node)
            : last(row, ["node.expanded"], (meta) => meta.node === whole);
        return before.length > 0 ? before : last(row, ["run.started"]);
      }
      case "node.collected":
        return all(
          row,
          ["node.finished"],
          (meta) => meta.node !== row.payload.meta.node && wholeOf(meta.node) === row.payload.meta.node,
        );
      case "node.finished":
      case "node.retrying":
      case "node.waiting": {
        const { node } = row.payload.meta;
        const attempt = "attempt" in row.payload.meta ? row.payload.meta.attempt : undefined;
        const same = (meta: { node: string; attempt: number }) =>
          meta.node === node && (attempt === undefined || meta.attempt === attempt);
        const proposals = all(row, ["action.proposed"], same).map(
          (each) => (each.payload.meta as MetaOf<"action.proposed">).proposal_id,
        );
        return [
          ...last(row, ["node.started"], (meta) => meta.node === node),
          ...all(row, ["call.finished"], same),
          ...(row.kind === "node.finished" ? endInside(row) : []),
          ...proposals.flatMap((id) =>
            last(row, ["action.finished", "action.decided", "action.proposed"], (meta) => meta.proposal_id === id),
          ),
        ];
      }
      case "node.skipped":
        return [
          ...all(row, ["edge.withheld"], (meta) => nodeOf(meta.to) === row.payload.meta.node),
          ...last(row, ["run.started"]),
        ];
      case "edge.delivered":
      case "edge.withheld": {
        const source = nodeOf(row.payload.meta.from);
        const ended = last(row, ["node.finished", "node.skipped", "node.collected"], (meta) => meta.node === source);
        // The opening's own inputs were handed to the run.
        return ended.length > 0 ? ended : last(row, ["run.started"]);
      }
      case "artifact.created": {
        const { node, citations = [] } = row.payload.meta;
        return [
          ...(node === undefined ? [] : last(row, ["node.finished", "node.collected"], (meta) => meta.node === node)),
          ...cited(citations, row),
        ];
      }
      case "call.finished": {
        const { node, response } = row.payload.meta;
        return [
          ...last(row, ["node.started"], (meta) => meta.node === node),
          ...found(load(response)).flatMap((entity) => known(entity, row)),
        ];
      }
      case "action.proposed":
        return [
          ...last(row, ["node.started"], (meta) => meta.node === row.payload.meta.node),
          ...all(row, ["call.finished"], (meta) => meta.node === row.payload.meta.node),
        ];
      case "action.decided":
        return last(row, ["action.proposed"], (meta) => meta.proposal_id === row.payload.meta.proposal_id);
      case "action.finished":
        return last(row, ["action.decided", "action.proposed"], (meta) => meta.proposal_id === row.payload.meta.proposal_id);
      case "email.sent":
        return last(row, ["action.decided"], (meta) => meta.decision === "approved");
      default: {
        const node: unknown = (row.payload.meta as { node?: unknown }).node;
        return typeof node === "string" ? last(row, ["node.started"], (meta) => meta.node === node) : last(row, ["run.started"]);
      }
    }
  }

  /** The beginning of an attempt in another run. */
  function attemptIn(trace: TraceId, node: string, attempt: number): readonly LedgerRow[] {
    return runOf(trace).filter(
      (each) => each.kind === "node.started" && each.payload.meta.node === node && each.payload.meta.attempt === attempt,
    );
  }

  /** Of an attempt that is a run of another opening: the end of that run. */
  function endInside({ trace_id, payload: { meta } }: LedgerRow<"node.finished">): readonly LedgerRow[] {
    if (meta.calls === undefined) return [];
    return runOf(innerTraceId(trace_id as TraceId, meta.node, meta.attempt)).filter((each) => each.kind === "run.finished");
  }

  function ofRecord(row: LedgerRow): readonly LedgerRow[] {
    const { trace, node, citations = [] } = row.provenance;
    const maker =
      trace === undefined
        ? []
        : runOf(trace as TraceId).filter(
            (each) => each.id < row.id && each.kind === "node.started" && each.payload.meta.node === node,
          );
    const evidence =
      row.kind === "contact.upserted" ? (row.payload.meta.evidence ?? []).flatMap((id) => kb.ledger.row(id) ?? []) : [];
    const entity = entityOf(row);
    return [...(entity === undefined ? [] : known(entity, row)), ...maker.slice(-1), ...evidence, ...cited(citations, row)];
  }

  return (row) => {
    const causes = row.trace_id === null ? ofRecord(row) : ofRun(row as RunRow);
    return [...new Map(causes.filter((cause) => cause.id < row.id).map((cause) => [cause.id, cause])).values()].sort(
      (a, b) => a.id - b.id,
    );
  };
}

interface AttemptPlace {
  readonly node?: string;
  readonly attempt?: number;
  readonly call_seq?: number;
}
const placeOf = ({ payload: { meta } }: RunRow): AttemptPlace => meta as AttemptPlace;

/** `letters[3]` is an invocation of `letters`. */
const wholeOf = (node: string): string => node.replace(/\[\d+\]$/, "");

/** Edges name ports: `draft.out`. */
const nodeOf = (port: string): string => port.split(".", 1)[0]!;

function entityOf(row: LedgerRow): string | undefined {
  if (row.forgotten) return undefined;
  switch (row.kind) {
    case "contact.upserted":
    case "contact.retracted":
      return contactKey(row.payload.meta.email);
    case "document.ingested":
    case "document.retracted":
      return `document:${row.payload.meta.digest satisfies Digest}`;
    default:
      return undefined;
  }
}

/** Documents and contacts that a host call's answer names, however deep, also in JSON within text. At most 1,000. */
function found(answer: unknown): readonly string[] {
  const entities = new Set<string>();
  const visit = (value: unknown, key: string, depth: number): void => {
    if (depth > 32 || entities.size >= 1000) return;
    if (Array.isArray(value)) for (const element of value) visit(element, key, depth + 1);
    else if (isJsonObject(value)) for (const [name, member] of Object.entries(value)) visit(member, name, depth + 1);
    else if (typeof value === "string") {
      const parsed = parseCitation(value);
      if (parsed) entities.add(`document:${parsed.digest}`);
      else if (/^(contact|document):[0-9a-f]{64}$/.test(value)) entities.add(value);
      else if (key === "email" && value.includes("@")) entities.add(contactKey(value));
      else if (/^\s*[[{]/.test(value)) visit(attempt(value), key, depth + 1);
    }
  };
  visit(answer, "", 0);
  return [...entities];
}

function attempt(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
