/** A run of `compose_email` as the engine would have written it: context → draft (second attempt) → send. */
import { blake3, type Digest } from "#core/digest.js";
import type { RunEventDraft } from "#core/events.js";
import { proposalId, type ProposalId } from "#core/ids.js";
import { canonicalJson, jsonDigest } from "#core/json.js";
import type { Kb } from "#kb/kb.js";
import type { RunRef } from "#kb/ledger/drafts.js";
import { newRun } from "./sample.js";

const event = (kind: string, meta: object, message = kind): RunEventDraft =>
  ({ kind, level: "info", message, meta }) as RunEventDraft;
const attempt = (node: string, number = 1) => ({ node, attempt: number });
const cost = { duration_ms: 1, fuel: 10, peak_memory_bytes: 1, journal_hash: blake3("j"), local_hash: blake3("l") };

export interface SampleRun {
  readonly run: RunRef;
  readonly proposal: ProposalId;
  readonly artifact: Digest;
}

export async function sampleRun(kb: Kb, { decide = true, expires = null as number | null } = {}): Promise<SampleRun> {
  const run = newRun();
  const kbWatermark = await kb.views.catchUp();
  const opening = canonicalJson({ name: "compose_email" });
  const draft = { subject: "Q4 plan", text: "Dear John" };
  const artifact = jsonDigest(draft);
  const proposal = proposalId(blake3(run.traceId));
  const hits = kb.views.search("plan", { watermark: kbWatermark });
  const contacts = JSON.stringify(kb.views.contacts({ match: "john", watermark: kbWatermark }));
  const call = (node: string, name: string, seq: number, ok: unknown) => {
    const answer = { ok } as never;
    const [face, fn] = name.split(".") as [string, string];
    return event("call.finished", {
      ...attempt(node),
      call_seq: seq,
      interface: face,
      function: fn,
      request_hash: blake3("q"),
      response: { value: answer },
      response_hash: jsonDigest(answer),
      labels: [],
      fuel: 1,
      duration_ms: 1,
      decision: "allowed",
    });
  };
  const finished = (node: string, number: number, body: unknown) =>
    event("node.finished", {
      ...attempt(node, number),
      status: "ok",
      ...cost,
      outputs: [{ port: "out", type: "json.v1", labels: [], body: { value: body } }],
      outputs_hash: jsonDigest(body),
    });
  const delivered = (from: string, to: string) =>
    event("edge.delivered", { from, to, type: "json.v1", bytes: 1, value_hash: blake3("v"), labels: [] });
  const args = jsonDigest("args");
  const before = [
    event("run.started", {
      opening_name: "compose_email",
      opening: blake3(opening),
      params: {},
      seed: 1,
      epoch_ms: 1,
      kb_watermark: kbWatermark,
      components: {},
      grants: {},
      budgets: { tokens: null },
      host: { rlp: "0", node: "26", isolation: "none", fuel_table: 1 },
    }),
    event("node.started", { ...attempt("context"), agent: "context_gatherer", inputs_hash: blake3("i") }),
    call("context", "kb.search", 0, hits),
    call("context", "kb.query", 1, contacts),
    finished("context", 1, { hits: hits.length }),
    delivered("context.out", "draft.context"),
    event("node.started", { ...attempt("draft"), agent: "writer", inputs_hash: blake3("i") }),
    event("node.retrying", {
      ...attempt("draft"),
      reason: { code: "host.trap", message: "trap", retryable: true },
      backoff_ms: 1,
    }),
    event("node.started", { ...attempt("draft", 2), agent: "writer", inputs_hash: blake3("i") }),
    finished("draft", 2, draft),
    event("artifact.created", {
      kind: "artifact.draft.email.v1",
      digest: artifact,
      summary: "Q4 plan",
      node: "draft",
      port: "out",
      citations: hits.map((hit) => hit.citation),
    }),
    delivered("draft.out", "send.draft"),
    event("node.started", { ...attempt("send"), agent: "mailer", inputs_hash: blake3("i") }),
    event("action.proposed", {
      proposal_id: proposal,
      ...attempt("send"),
      call_seq: 0,
      action: "email.send",
      args_hash: args,
      summary: { value: "mail" },
      args: { value: {} },
      expires_at_ms: expires,
    }),
  ];
  const blobs = [{ digest: blake3(opening), bytes: Buffer.from(opening), mediaType: "application/json" }];
  await kb.ledger.append({ trace: run, drafts: before, blobs });
  const rest = decide
    ? [
        event("action.decided", { proposal_id: proposal, args_hash: args, decision: "approved", by: "user" }),
        event("email.sent", { to: ["john@example.com"], subject: "Q4 plan", artifact }),
        event("action.finished", { proposal_id: proposal, outcome: "done" }),
        finished("send", 1, true),
        event("budget.charged", { scope: "run", unit: "tokens", amount: 5, left: 10 }),
        event("run.finished", {
          status: "ok",
          success: true,
          duration_ms: 9,
          nodes: [],
          final_hash: blake3("f"),
          totals: { tokens: 5, usd: 0.5, fuel: 30, calls: 2 },
        }),
      ]
    : [
        event("node.waiting", { node: "send", proposal_id: proposal }),
        event("run.parked", { why: "waiting", by: "host", active_ms: 1, waiting: [proposal] }),
      ];
  await kb.ledger.append({ trace: run, drafts: rest });
  return { run, proposal, artifact };
}
