/** Runs, their nodes and what waits for a decision. */
import type { Digest } from "#core/digest.js";
import type { OpeningId, ProposalId, TraceId } from "#core/ids.js";
import type { StoredValue } from "#core/values.js";
import type { Db } from "../files.js";

/** `running` also where the process that drove the run died: the lease tells. */
export type RunState = "running" | "parked" | "ok" | "error" | "cancelled";

export interface RunSummary {
  readonly traceId: TraceId;
  readonly openingId: OpeningId;
  readonly openingName: string;
  /** Digest of the blob with the opening. */
  readonly opening: Digest;
  /** The run that it is part of, where another opening uses its opening. */
  readonly parent: TraceId | null;
  readonly status: RunState;
  readonly success: boolean | null;
  readonly reason: string | null;
  readonly startedMs: number;
  readonly finishedMs: number | null;
  readonly durationMs: number | null;
  readonly seed: number;
  readonly epochMs: number;
  readonly kbWatermark: number;
  readonly finalHash: Digest | null;
  readonly totals: { readonly tokens: number; readonly usd: number; readonly fuel: number; readonly calls: number } | null;
}

export interface RunNode {
  readonly node: string;
  readonly agent: string | null;
  readonly status: "running" | "retrying" | "waiting" | "ok" | "error" | "skipped" | "cancelled";
  readonly attempts: number;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly durationMs: number | null;
  readonly fuel: number | null;
  readonly outputsHash: Digest | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Why it was skipped. */
  readonly reason: string | null;
}

export interface Proposal {
  readonly proposalId: ProposalId;
  readonly traceId: TraceId;
  readonly node: string;
  readonly action: string;
  readonly argsHash: Digest;
  readonly summary: StoredValue;
  readonly args: StoredValue;
  readonly proposedMs: number;
  readonly expiresAtMs: number | null;
  readonly expired: boolean;
  readonly decision: {
    readonly decision: "approved" | "rejected";
    readonly by: string;
    readonly reason: string | null;
    readonly atMs: number;
  } | null;
  readonly outcome: "done" | "failed" | "unknown" | null;
}

export interface RunQuery {
  readonly status?: RunState;
  /** Only runs that started at or after this time (milliseconds since the epoch). */
  readonly since?: number;
  readonly limit?: number;
  /** Those inside of others too. */
  readonly inner?: boolean;
}

export interface ProposalQuery {
  /** Only those that can still be decided: no decision, not expired, of a run that has not ended. */
  readonly pending?: boolean;
  readonly traceId?: TraceId;
}

type Columns = Readonly<Record<string, never>>;

export interface RunViews {
  /** Newest first. */
  runs(query: RunQuery): readonly RunSummary[];
  run(traceId: TraceId): RunSummary | undefined;
  nodes(traceId: TraceId): readonly RunNode[];
  proposals(query: ProposalQuery, nowMs: number): readonly Proposal[];
}

export function runViews(db: Db): RunViews {
  const list = db.prepare<[{ status: string | null; since: number; limit: number; inner: number }], Columns>(
    `SELECT * FROM runs WHERE (:status IS NULL OR status = :status) AND started_ms >= :since AND (:inner OR parent IS NULL)
     ORDER BY first_id DESC LIMIT :limit`,
  );
  const one = db.prepare<[string], Columns>("SELECT * FROM runs WHERE trace_id = ?");
  const nodes = db.prepare<[string], Columns>(
    "SELECT * FROM run_nodes WHERE trace_id = ? ORDER BY started_ms IS NULL, started_ms, event_id",
  );
  const proposals = db.prepare<[{ trace: string | null; pending: number; now: number }], Columns>(
    `SELECT p.*, (expires_at_ms IS NOT NULL AND expires_at_ms <= :now) AS expired
     FROM proposals p LEFT JOIN runs r USING (trace_id)
     WHERE (:trace IS NULL OR trace_id = :trace)
       AND (NOT :pending OR (decision IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > :now) AND coalesce(r.status IN ('running', 'parked'), 1)))
     ORDER BY p.event_id`,
  );
  return {
    runs: ({ status, since = 0, limit = 1000, inner = false }) =>
      list.all({ status: status ?? null, since, limit, inner: inner ? 1 : 0 }).map(toRun),
    run: (traceId) => {
      const row = one.get(traceId);
      return row && toRun(row);
    },
    nodes: (traceId) => nodes.all(traceId).map(toNode),
    proposals: ({ pending = false, traceId }, now) =>
      proposals.all({ trace: traceId ?? null, pending: pending ? 1 : 0, now }).map(toProposal),
  };
}

function toRun(row: Columns): RunSummary {
  return {
    traceId: row["trace_id"]!,
    openingId: row["opening_id"]!,
    openingName: row["opening_name"]!,
    opening: row["opening"]!,
    parent: row["parent"]!,
    status: row["status"]!,
    success: row["success"] === null ? null : Boolean(row["success"]),
    reason: row["reason"]!,
    startedMs: row["started_ms"]!,
    finishedMs: row["finished_ms"]!,
    durationMs: row["duration_ms"]!,
    seed: row["seed"]!,
    epochMs: row["epoch_ms"]!,
    kbWatermark: row["kb_watermark"]!,
    finalHash: row["final_hash"]!,
    totals:
      row["tokens"] === null ? null : { tokens: row["tokens"]!, usd: row["usd"]!, fuel: row["fuel"]!, calls: row["calls"]! },
  };
}

function toNode(row: Columns): RunNode {
  return {
    node: row["node"]!,
    agent: row["agent"]!,
    status: row["status"]!,
    attempts: row["attempts"]!,
    startedMs: row["started_ms"]!,
    finishedMs: row["finished_ms"]!,
    durationMs: row["duration_ms"]!,
    fuel: row["fuel"]!,
    outputsHash: row["outputs_hash"]!,
    error: row["error_code"] === null ? null : { code: row["error_code"]!, message: row["error_message"]! },
    reason: row["reason"]!,
  };
}

function toProposal(row: Columns): Proposal {
  return {
    proposalId: row["proposal_id"]!,
    traceId: row["trace_id"]!,
    node: row["node"]!,
    action: row["action"]!,
    argsHash: row["args_hash"]!,
    summary: JSON.parse(row["summary"]!) as StoredValue,
    args: JSON.parse(row["args"]!) as StoredValue,
    proposedMs: row["proposed_ms"]!,
    expiresAtMs: row["expires_at_ms"]!,
    expired: Boolean(row["expired"]),
    decision:
      row["decision"] === null
        ? null
        : { decision: row["decision"]!, by: row["decided_by"]!, reason: row["reason"]!, atMs: row["decided_ms"]! },
    outcome: row["outcome"]!,
  };
}
