/** One event in words, for a person. */
import type { LedgerRow } from "../ledger/row.js";

const short = (digest: string | null): string => (digest === null ? "nothing" : `${digest.slice(0, 12)}…`);

/** What comes from documents and guests may hold anything: one line, nothing that a terminal would obey, not too long. */
const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").slice(0, 200);

export function describe(row: LedgerRow): string {
  return row.forgotten ? "forgotten" : plain(phrase(row));
}

function phrase(row: LedgerRow): string {
  switch (row.kind) {
    case "run.started":
      return `${row.payload.meta.opening_name} (${row.trace_id}), knowledge as of event ${row.payload.meta.kb_watermark}`;
    case "node.started": {
      const { node, agent, attempt, reused_from: from } = row.payload.meta;
      return `${node}: ${agent}, attempt ${attempt}${from === undefined ? "" : `, reused from ${from}`}`;
    }
    case "node.finished": {
      const { node, status, error, outputs_hash } = row.payload.meta;
      return error ? `${node}: ${status}, ${error.code}: ${error.message}` : `${node}: ${status}, outputs ${short(outputs_hash)}`;
    }
    case "node.expanded":
      return `${row.payload.meta.node}: ${row.payload.meta.agent} for ${row.payload.meta.items} elements`;
    case "node.collected":
      return `${row.payload.meta.node}: ${row.payload.meta.status}, ${row.payload.meta.items} elements`;
    case "node.skipped":
      return `${row.payload.meta.node}: ${row.payload.meta.reason}`;
    case "call.finished": {
      const { node, interface: face, function: name, decision } = row.payload.meta;
      return `${node} called ${face}.${name} (${decision})`;
    }
    case "edge.delivered":
      return `${row.payload.meta.from} → ${row.payload.meta.to} (${row.payload.meta.type})`;
    case "edge.withheld":
      return `${row.payload.meta.from} → ${row.payload.meta.to} withheld: ${row.payload.meta.reason}`;
    case "action.proposed":
      return `${row.payload.meta.node} proposed ${row.payload.meta.action}`;
    case "action.decided": {
      const { decision, by, reason } = row.payload.meta;
      return `${decision} by ${by}${reason === undefined ? "" : `: ${reason}`}`;
    }
    case "action.finished":
      return row.payload.meta.outcome;
    case "artifact.created": {
      const { kind, digest, summary } = row.payload.meta;
      return `${kind} ${short(digest)}${summary === undefined ? "" : ` "${summary}"`}`;
    }
    case "email.sent":
      return `"${row.payload.meta.subject}" to ${row.payload.meta.to.join(", ")}`;
    case "document.ingested":
      return `"${row.payload.meta.title ?? ""}" from ${row.payload.meta.uri}`;
    case "contact.upserted":
      return `${row.payload.meta.name} <${row.payload.meta.email}> by ${row.actor}`;
    case "contact.retracted":
      return `${row.payload.meta.email}${row.payload.meta.reason === undefined ? "" : `: ${row.payload.meta.reason}`}`;
    case "note.added":
      return row.payload.meta.title ?? row.payload.meta.text;
    default:
      return row.payload.message;
  }
}
