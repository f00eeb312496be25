/** How the events of runs enter the views. */
import type { Db } from "../files.js";
import { nodeKey, runKey } from "../documents/keys.js";
import type { LedgerRow } from "../ledger/row.js";

const nodeStates = { "node.retrying": "retrying", "node.continued": "running", "node.waiting": "waiting" } as const;

/** Gives the function that applies one row of a run. */
export function runApplier(db: Db): (row: LedgerRow) => void {
  const startRun = db.prepare(
    `INSERT OR IGNORE INTO runs (trace_id, opening_id, opening_name, opening, parent, status, started_ms, seed, epoch_ms, kb_watermark, first_id, last_id)
     VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?)`,
  );
  const setRun = db.prepare("UPDATE runs SET status = ?, last_id = ? WHERE trace_id = ?");
  const finishRun = db.prepare(
    `UPDATE runs SET status = ?, success = ?, reason = ?, finished_ms = ?, duration_ms = ?, final_hash = ?, tokens = ?, usd = ?, fuel = ?, calls = ?, last_id = ?
     WHERE trace_id = ?`,
  );
  const startNode = db.prepare(
    `INSERT INTO run_nodes (trace_id, node, agent, status, attempts, started_ms, event_id) VALUES (?, ?, ?, 'running', ?, ?, ?)
     ON CONFLICT DO UPDATE SET agent = excluded.agent, status = 'running', attempts = excluded.attempts, event_id = excluded.event_id`,
  );
  const skipNode = db.prepare(
    `INSERT INTO run_nodes (trace_id, node, status, attempts, reason, finished_ms, event_id) VALUES (?, ?, 'skipped', 0, ?, ?, ?)
     ON CONFLICT DO UPDATE SET status = 'skipped', reason = excluded.reason, finished_ms = excluded.finished_ms, event_id = excluded.event_id`,
  );
  const setNode = db.prepare("UPDATE run_nodes SET status = ?, event_id = ? WHERE trace_id = ? AND node = ?");
  const finishNode = db.prepare(
    `UPDATE run_nodes SET status = ?, attempts = ?, finished_ms = ?, duration_ms = ?, fuel = ?, outputs_hash = ?, error_code = ?, error_message = ?, event_id = ?
     WHERE trace_id = ? AND node = ?`,
  );
  const startCall = db.prepare(
    "INSERT OR IGNORE INTO run_calls (trace_id, node, attempt, call_seq, interface, function, request_hash, event_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const finishCall = db.prepare(
    `INSERT OR REPLACE INTO run_calls (trace_id, node, attempt, call_seq, interface, function, decision, request_hash, response_hash, fuel, duration_ms, event_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const propose = db.prepare(
    `INSERT OR IGNORE INTO proposals (proposal_id, trace_id, node, action, args_hash, summary, args, proposed_ms, expires_at_ms, event_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const decide = db.prepare(
    "UPDATE proposals SET decision = ?, decided_by = ?, reason = ?, decided_ms = ? WHERE proposal_id = ? AND decision IS NULL",
  );
  const finishAction = db.prepare("UPDATE proposals SET outcome = ?, detail = ? WHERE proposal_id = ?");
  const charge = db.prepare("INSERT INTO costs (trace_id, scope, unit, amount, event_id) VALUES (?, ?, ?, ?, ?)");
  const edge = db.prepare("INSERT INTO edges (source, target, relation, trace_id, event_id) VALUES (?, ?, 'delivered', ?, ?)");
  const history = db.prepare("INSERT OR IGNORE INTO entity_history VALUES (?, ?)");

  return (row) => {
    const { id, ts_ms } = row;
    switch (row.kind) {
      case "run.started": {
        const { opening_name, opening, parent, seed, epoch_ms, kb_watermark } = row.payload.meta;
        const { opening_id } = row.payload;
        startRun.run(
          row.trace_id,
          opening_id,
          opening_name,
          opening,
          parent?.trace ?? null,
          ts_ms,
          seed,
          epoch_ms,
          kb_watermark,
          id,
          id,
        );
        history.run(runKey(row.trace_id), id);
        return;
      }
      case "run.parked":
      case "run.resumed":
      case "run.cancelled": {
        const status = { "run.parked": "parked", "run.resumed": "running", "run.cancelled": "cancelled" }[row.kind];
        setRun.run(status, id, row.trace_id);
        history.run(runKey(row.trace_id), id);
        return;
      }
      case "run.finished": {
        const { status, success, reason, duration_ms, final_hash, totals } = row.payload.meta;
        const { tokens, usd, fuel, calls } = totals;
        finishRun.run(
          status,
          success ? 1 : 0,
          reason ?? null,
          ts_ms,
          duration_ms,
          final_hash,
          tokens,
          usd,
          fuel,
          calls,
          id,
          row.trace_id,
        );
        history.run(runKey(row.trace_id), id);
        return;
      }
      case "node.started": {
        const { node, agent, attempt } = row.payload.meta;
        startNode.run(row.trace_id, node, agent, attempt, ts_ms, id);
        history.run(nodeKey(row.trace_id, node), id);
        return;
      }
      case "node.expanded": {
        const { node, agent } = row.payload.meta;
        startNode.run(row.trace_id, node, agent, 0, ts_ms, id);
        history.run(nodeKey(row.trace_id, node), id);
        return;
      }
      case "node.collected": {
        const { node, status, duration_ms, outputs_hash: hash, error } = row.payload.meta;
        const { code = null, message = null } = error ?? {};
        finishNode.run(status, 0, ts_ms, duration_ms, null, hash, code, message, id, row.trace_id, node);
        history.run(nodeKey(row.trace_id, node), id);
        return;
      }
      case "node.retrying":
      case "node.continued":
      case "node.waiting": {
        const { node } = row.payload.meta;
        setNode.run(nodeStates[row.kind], id, row.trace_id, node);
        history.run(nodeKey(row.trace_id, node), id);
        return;
      }
      case "node.skipped": {
        const { node, reason } = row.payload.meta;
        skipNode.run(row.trace_id, node, reason, ts_ms, id);
        history.run(nodeKey(row.trace_id, node), id);
        return;
      }
      case "node.finished": {
        const { node, status, attempt, duration_ms, fuel, outputs_hash, error } = row.payload.meta;
        finishNode.run(
          status,
          attempt,
          ts_ms,
          duration_ms,
          fuel,
          outputs_hash,
          error?.code ?? null,
          error?.message ?? null,
          id,
          row.trace_id,
          node,
        );
        history.run(nodeKey(row.trace_id, node), id);
        return;
      }
      case "call.started": {
        const { node, attempt, call_seq, interface: face, function: name, request_hash } = row.payload.meta;
        startCall.run(row.trace_id, node, attempt, call_seq, face, name, request_hash, id);
        return;
      }
      case "call.finished": {
        const {
          node,
          attempt,
          call_seq,
          interface: face,
          function: name,
          request_hash,
          response_hash,
          fuel,
          duration_ms,
          decision,
        } = row.payload.meta;
        finishCall.run(
          row.trace_id,
          node,
          attempt,
          call_seq,
          face,
          name,
          decision,
          request_hash,
          response_hash,
          fuel,
          duration_ms,
          id,
        );
        return;
      }
      case "action.proposed": {
        const { proposal_id, node, action, args_hash, summary, args, expires_at_ms } = row.payload.meta;
        propose.run(
          proposal_id,
          row.trace_id,
          node,
          action,
          args_hash,
          JSON.stringify(summary),
          JSON.stringify(args),
          ts_ms,
          expires_at_ms,
          id,
        );
        history.run(proposal_id, id);
        return;
      }
      case "action.decided": {
        const { proposal_id, decision, by, reason } = row.payload.meta;
        decide.run(decision, by, reason ?? null, ts_ms, proposal_id);
        history.run(proposal_id, id);
        return;
      }
      case "action.finished": {
        const { proposal_id, outcome, detail } = row.payload.meta;
        finishAction.run(outcome, detail ?? null, proposal_id);
        history.run(proposal_id, id);
        return;
      }
      case "budget.charged": {
        const { scope, unit, amount } = row.payload.meta;
        charge.run(row.trace_id, scope, unit, amount, id);
        return;
      }
      case "edge.delivered":
        edge.run(`${row.trace_id}#${row.payload.meta.from}`, `${row.trace_id}#${row.payload.meta.to}`, row.trace_id, id);
        return;
    }
  };
}
