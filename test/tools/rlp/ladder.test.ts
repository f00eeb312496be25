import { expect, test } from "vitest";
import { runMeta, type RunEvent } from "#core/events.js";
import { rungOf } from "../../../tools/rlp/run/ladder.js";
import { call, DIGEST, ended, events, finished, PROPOSAL, started } from "./events.js";

const failure = { code: "host.trap", message: "unreachable", retryable: true };
const log = events(
  [0, "run.started", started()],
  [1, "node.started", { node: "draft", agent: "writer", attempt: 2, inputs_hash: DIGEST } as never],
  [
    2,
    "call.started",
    {
      node: "send",
      attempt: 1,
      call_seq: 0,
      interface: "runloop:agent/actions@0.1.0",
      function: "propose",
      request_hash: DIGEST,
      idempotency_key: "k",
    } as never,
  ],
  [3, "call.finished", call("context", { labels: ["private:notes", "untrusted:web"] })],
  [4, "call.finished", call("context", { decision: "denied", call_seq: 1 })],
  [5, "node.retrying", { node: "draft", attempt: 1, reason: failure, backoff_ms: 118 } as never],
  [6, "node.waiting", { node: "send", proposal_id: PROPOSAL } as never],
  [7, "node.skipped", { node: "send", reason: "guard review.ok==true was false" } as never],
  [8, "node.finished", finished("contacts")],
  [9, "node.finished", finished("draft", { status: "error", error: failure })],
  [10, "node.stdout", { node: "draft", attempt: 1, chunk: "hello" } as never],
  [11, "node.stderr", { node: "draft", attempt: 1, chunk: "oops" } as never],
  [
    12,
    "action.proposed",
    {
      proposal_id: PROPOSAL,
      node: "send",
      attempt: 1,
      call_seq: 0,
      action: "email.send",
      args_hash: DIGEST,
      summary: { value: "x" },
      args: { value: {} },
      expires_at_ms: null,
    } as never,
  ],
  [
    13,
    "action.decided",
    { proposal_id: PROPOSAL, args_hash: DIGEST, decision: "rejected", by: "user", reason: "wrong recipient" } as never,
  ],
  [14, "action.finished", { proposal_id: PROPOSAL, outcome: "done", detail: "/outbox/x.eml" } as never],
  [
    15,
    "cap.denied",
    { node: "draft", agent: "writer", cap: "net", op: "fetch", target: "evil.test", reason: "not granted" } as never,
  ],
  [
    16,
    "cap.allowed",
    { node: "draft", agent: "writer", cap: "model", op: "complete", target: "local/template", reason: "granted" } as never,
  ],
  [17, "budget.reserved", { scope: "run", unit: "tokens", amount: 10, left: 90 } as never],
  [18, "budget.charged", { scope: "run", unit: "tokens", amount: 8, left: 92 } as never],
  [19, "budget.exhausted", { scope: "run", unit: "tokens", amount: 100, left: 92 } as never],
  [20, "limit.hit", { node: "draft", limit: "fuel", value: 11, ceiling: 10 } as never],
  [21, "log", { node: "draft", attempt: 1, fields: {} } as never, "draft written"],
  [22, "value.truncated", { where: "draft.stdout", kept: 10, dropped: 5 } as never],
  [
    23,
    "edge.delivered",
    {
      from: "contacts.out",
      to: "draft.recipients",
      type: "contact.list.v1",
      bytes: 312,
      value_hash: DIGEST,
      labels: ["model"],
    } as never,
  ],
  [24, "edge.withheld", { from: "review.ok", to: "send.in", reason: "false" } as never],
  [25, "artifact.created", { kind: "artifact.draft.email.v1", digest: DIGEST, node: "draft", port: "out" } as never],
  [26, "email.sent", { to: ["a@b.c"], subject: "Q4", artifact: DIGEST, path: "/outbox/x.eml" } as never],
  [27, "run.parked", { why: "waiting for a decision", by: "host", active_ms: 27, waiting: [] } as never],
  [28, "run.resumed", { why: "taken up again", by: "user", active_ms: 27 } as never],
  [29, "run.cancelled", { why: "wrong recipient", by: "user", active_ms: 29 } as never],
  [30, "node.expanded", { node: "letters", agent: "writer", items: 3, inputs_hash: DIGEST } as never],
  [
    31,
    "node.collected",
    { node: "letters", items: 3, status: "error", duration_ms: 9, outputs_hash: null, error: failure } as never,
  ],
  [32, "node.continued", { node: "send", proposal_id: PROPOSAL } as never],
  [33, "run.finished", ended({ success: false })],
);

const line = (event: RunEvent) => {
  const { who, what, detail } = rungOf(event);
  return `${detail ? "(-v) " : ""}${who} | ${what.replaceAll(DIGEST, "<digest>").replaceAll(PROPOSAL, "<proposal>")}`;
};

test("every kind of event has a rung that says who did what", () => {
  expect(new Set(log.map(({ kind }) => kind))).toEqual(new Set(Object.keys(runMeta)));
  expect(log.map(line)).toEqual([
    "run | compose_email started, seed 7, epoch 1763636400000",
    "draft | started: writer, attempt 2",
    "send | call 0 actions.propose begins",
    "context | call 0 kb.search 1 ms, carries private:notes untrusted:web",
    "context | call 1 kb.search denied, 1 ms",
    "draft | attempt 1 failed (host.trap: unreachable), again in 118 ms",
    "send | waits for a decision on <proposal>",
    "send | skipped: guard review.ok==true was false",
    "contacts | ok in 12 ms, 41.2k fuel, 64.0 KiB",
    "draft | error (host.trap): unreachable in 12 ms, 41.2k fuel, 64.0 KiB",
    "draft | out: hello",
    "draft | err: oops",
    "send | proposes email.send (<proposal>)",
    "decision | rejected by user: wrong recipient",
    "action | done: /outbox/x.eml",
    "draft | denied net: fetch evil.test (not granted)",
    "(-v) draft | allowed model: complete local/template",
    "(-v) budget | reserved 10 tokens for run, 90 left",
    "(-v) budget | charged 8 tokens for run, 92 left",
    "budget | run is used up: 100 tokens wanted, 92 left",
    "draft | met its limit of fuel: 11 of 10",
    "draft | log: draft written",
    "cut | draft.stdout: 5 dropped, 10 kept",
    "contacts.out → draft.recipients | contact.list.v1, 312 B, carries model",
    "review.ok → send.in | withheld: false",
    "artifact | artifact.draft.email.v1 artifact:<digest> from draft.out",
    'mail | "Q4" to a@b.c, /outbox/x.eml',
    "run | parked: waiting for a decision, by host",
    "run | resumed: taken up again, by user",
    "run | cancelled: wrong recipient, by user",
    "letters | is invoked for 3 elements",
    "letters | error (host.trap): unreachable, 3 elements in 9 ms",
    "send | goes on",
    "run | ok, but `success` does not hold in 40 ms, 1 calls, 41.2k fuel, 0 tokens, <digest>",
  ]);
});
