/** One good `meta` for each kind of event; the type makes sure that no kind is forgotten. */
import { blake3 } from "#core/digest.js";
import type { EventKind, MetaOf } from "#core/events.js";
import type { NodeId, ProposalId } from "#core/ids.js";

const digest = blake3("example");
const node = "draft" as NodeId;
const proposal_id = "proposal:01993a5c-7c00-7abc-8def-0123456789ab" as ProposalId;
const who = { why: "asked", by: "user", active_ms: 12.5 };
const call = { node, attempt: 1, call_seq: 0, interface: "runloop:agent/kb", function: "search", request_hash: digest };
const access = { node, agent: "mailer", cap: "actions.propose", op: "propose", target: "email.send", reason: "not granted" };
const budget = { scope: "run", unit: "tokens", amount: 10, left: 90 };
const chunk = { node, attempt: 1, chunk: "text" };

export const examples: { readonly [K in EventKind]: MetaOf<K> } = {
  "run.started": {
    opening_name: "compose_email",
    opening: digest,
    params: { recipient: "Ada" },
    seed: 7,
    epoch_ms: 1_763_636_400_000,
    kb_watermark: 4,
    components: { writer: digest },
    grants: { draft: { "kb.search": true } },
    limits: { writer: { fuel: 1_000_000 } },
    limits_lowered: [{ agent: "writer", limit: "fuel", asked: 2_000_000, ceiling: 1_000_000 }],
    budgets: { tokens: null },
    host: { rlp: "0.1.0", node: "26.10.0", isolation: "process", fuel_table: 1 },
  },
  "run.parked": { ...who, waiting: [proposal_id] },
  "run.resumed": who,
  "run.cancelled": who,
  "run.finished": {
    status: "ok",
    success: true,
    reason: "all nodes ended well",
    duration_ms: 41.5,
    nodes: [{ node, status: "ok", attempts: 1, duration_ms: 40, outputs_hash: digest }],
    final_hash: digest,
    totals: { tokens: 5, usd: 0.01, fuel: 100_000, calls: 2 },
  },
  "node.started": { node, agent: "writer", attempt: 1, inputs_hash: digest },
  "node.retrying": { node, attempt: 1, reason: { code: "host.trap", message: "unreachable", retryable: true }, backoff_ms: 200 },
  "node.waiting": { node, proposal_id },
  "node.skipped": { node, reason: "guard `review.ok` is false" },
  "node.finished": {
    node,
    attempt: 1,
    status: "ok",
    duration_ms: 40,
    fuel: 100_000,
    peak_memory_bytes: 1 << 20,
    outputs: [
      { port: "mail", type: "mail.v1", labels: ["model"], body: { value: { subject: "Hello" } } },
      { port: "notes", type: "text.v1", labels: [], body: { blob: digest, bytes: 9000 } },
    ],
    outputs_hash: digest,
    journal_hash: digest,
    local_hash: digest,
    state: { value: null },
    error: { code: "agent.x", message: "", retryable: false },
  },
  "node.stdout": chunk,
  "node.stderr": chunk,
  "call.started": { ...call, idempotency_key: "k" },
  "call.finished": {
    ...call,
    response: { value: { ok: [] } },
    response_hash: digest,
    labels: ["private:work"],
    fuel: 5000,
    duration_ms: 0.4,
    decision: "allowed",
  },
  "action.proposed": {
    proposal_id,
    node,
    attempt: 1,
    call_seq: 3,
    action: "email.send",
    args_hash: digest,
    summary: { value: "To: ada@example.org" },
    args: { blob: digest, bytes: 5000 },
    expires_at_ms: null,
  },
  "action.decided": { proposal_id, args_hash: digest, decision: "approved", by: "user", reason: "looks right" },
  "action.finished": { proposal_id, outcome: "done", detail: "written" },
  "cap.denied": access,
  "cap.allowed": access,
  "budget.reserved": budget,
  "budget.charged": budget,
  "budget.exhausted": budget,
  "limit.hit": { node, limit: "memory", value: 70_000_000, ceiling: 67_108_864 },
  log: { node, attempt: 1, fields: { n: 1 } },
  "value.truncated": { where: "node.stdout", kept: 10, dropped: 5 },
  "edge.delivered": { from: "draft.mail", to: "review.mail", type: "mail.v1", bytes: 200, value_hash: digest, labels: [] },
  "edge.withheld": { from: "draft.mail", to: "send.mail", reason: "skipped" },
  "artifact.created": {
    kind: "mail",
    digest,
    media_type: "message/rfc822",
    summary: "a mail",
    citations: ["contact:1"],
    node,
    port: "mail",
    path: "outbox/1.eml",
  },
  "email.sent": {
    to: ["ada@example.org"],
    subject: "Hello",
    artifact: digest,
    cc: [],
    transport: "outbox",
    path: "outbox/1.eml",
  },
  "contact.upserted": { name: "Ada", email: "ada@example.org", org: "Example", trust: 0.9, evidence: [1] },
  "contact.retracted": { email: "ada@example.org", reason: "moved" },
  "account.linked": { contact: "ada@example.org", service: "git", handle: "ada" },
  "note.added": { text: "remember", tags: ["q4"], title: "Note" },
  "document.ingested": { uri: "notes/a.md", title: "A", digest, chunks: 3, media_type: "text/markdown", domain: "work" },
  "document.retracted": { digest, reason: "wrong" },
  "edge.asserted": { from: "a", to: "b", relation: "cites" },
  "snapshot.taken": { name: "before", watermark: 12 },
};
