/** Events of made-up runs, numbered and timed as a ledger would. */
import type { RunEvent, RunKind, MetaOf } from "#core/events.js";
import { parseRunEvent } from "#core/events.js";

export const TRACE = "trace:0199a3b0-0000-7000-8000-000000000001";
export const OPENING = "opening:0199a3b0-0000-7000-8000-000000000002";
export const PROPOSAL = "proposal:0199a3b0-0000-7000-8000-000000000003";
export const DIGEST = "ab".repeat(32);
export const T0 = 1_763_636_400_000;

export type Step = { [K in RunKind]: readonly [atMs: number, kind: K, meta: MetaOf<K>, message?: string] }[RunKind];

/** Each step: milliseconds after the start, kind, meta, message. Every event is checked against the schema. */
export function events(...steps: readonly Step[]): RunEvent[] {
  return steps.map(([at, kind, meta, message], seq) =>
    parseRunEvent({
      v: 1,
      seq,
      ts_ms: T0 + at,
      trace_id: TRACE,
      opening_id: OPENING,
      run_id: TRACE,
      kind,
      level: "info",
      message: message ?? kind,
      meta,
    }),
  );
}

export const started = (grants: MetaOf<"run.started">["grants"] = {}): MetaOf<"run.started"> =>
  ({
    opening_name: "compose_email",
    opening: DIGEST,
    params: {},
    seed: 7,
    epoch_ms: T0,
    kb_watermark: 0,
    components: {},
    grants,
    budgets: { tokens: null },
    host: { rlp: "0.1.0", node: "v26", isolation: "permission", fuel_table: 1 },
  }) as MetaOf<"run.started">;

export const finished = (node: string, more: Partial<MetaOf<"node.finished">> = {}): MetaOf<"node.finished"> =>
  ({
    node,
    attempt: 1,
    status: "ok",
    duration_ms: 12,
    fuel: 41_200,
    peak_memory_bytes: 65_536,
    outputs: [],
    outputs_hash: DIGEST,
    journal_hash: DIGEST,
    local_hash: DIGEST,
    ...more,
  }) as MetaOf<"node.finished">;

export const ended = (more: Partial<MetaOf<"run.finished">> = {}): MetaOf<"run.finished"> =>
  ({
    status: "ok",
    success: true,
    duration_ms: 40,
    nodes: [],
    final_hash: DIGEST,
    totals: { tokens: 0, usd: 0, fuel: 41_200, calls: 1 },
    ...more,
  }) as MetaOf<"run.finished">;

export const call = (node: string, more: object = {}): MetaOf<"call.finished"> =>
  ({
    node,
    attempt: 1,
    call_seq: 0,
    interface: "runloop:agent/kb@0.1.0",
    function: "search",
    request_hash: DIGEST,
    response: { value: null },
    response_hash: DIGEST,
    labels: [],
    fuel: 1,
    duration_ms: 0.6,
    decision: "allowed",
    ...more,
  }) as unknown as MetaOf<"call.finished">;
