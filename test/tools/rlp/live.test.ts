import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RunEvent } from "#core/events.js";
import { liveLines } from "../../../tools/rlp/run/lines.js";
import { artifactLines, mailLines, mailOf, summaryLines } from "../../../tools/rlp/run/summary.js";
import { follow, nothing, viewOf, type RunView } from "../../../tools/rlp/run/view.js";
import { coloursOf } from "../../../tools/rlp/terminal/colours.js";
import { width } from "../../../tools/rlp/terminal/width.js";
import { call, DIGEST, ended, events, finished, PROPOSAL, started, T0, TRACE } from "./events.js";

const look = { colours: coloursOf(false), unicode: true };
const nodes = ["contacts", "draft", "send"].map((id) => ({
  id,
  agent: { contacts: "contact_resolver", draft: "writer", send: "mailer" }[id],
  variant: null,
}));
const fresh = viewOf({ name: "compose_email", nodes } as never);
const after = (log: readonly RunEvent[], from: RunView = fresh): RunView => log.reduce(follow, from);
const live = (view: RunView, atMs: number, columns = 100, rows = 24) => liveLines(view, { columns, rows }, T0 + atMs, look);
const start = [0, "run.started", started({ send: { actions: ["email.send"] } })] as const;

test("before anything has happened every node is pending, with its agent", () => {
  expect(live(fresh, 0)).toEqual([
    "·  compose_email  pending",
    "  · pending    contacts            contact_resolver",
    "  · pending    draft               writer",
    "  · pending    send                mailer",
  ]);
});

test("nodes fill in: running with elapsed time and what they do, ended with what it took", () => {
  const view = after(
    events(
      start,
      [2, "node.started", { node: "contacts", agent: "contact_resolver", attempt: 1, inputs_hash: DIGEST } as never],
      [5, "call.finished", call("contacts")],
      [14, "node.finished", finished("contacts")],
      [15, "node.started", { node: "draft", agent: "writer", attempt: 1, inputs_hash: DIGEST } as never],
      [16, "call.finished", call("draft", { interface: "runloop:agent/model@0.1.0", function: "complete" })],
    ),
  );
  expect(live(view, 1265)).toEqual([
    `▸  compose_email  running  1.3 s   ${TRACE}`,
    "  ✓ ok         contacts     12 ms  1 call",
    "  ▸ running    draft        1.3 s  model.complete",
    "  · pending    send                mailer",
  ]);
});

test("a retry, a question, a skip: each in words", () => {
  const view = after(
    events(
      start,
      [1, "node.started", { node: "contacts", agent: "contact_resolver", attempt: 1, inputs_hash: DIGEST } as never],
      [
        2,
        "node.retrying",
        {
          node: "contacts",
          attempt: 1,
          reason: { code: "host.trap", message: "unreachable", retryable: true },
          backoff_ms: 118.4,
        } as never,
      ],
      [3, "node.started", { node: "draft", agent: "writer", attempt: 2, inputs_hash: DIGEST } as never],
      [
        4,
        "action.proposed",
        {
          proposal_id: PROPOSAL,
          node: "draft",
          attempt: 2,
          call_seq: 0,
          action: "email.send",
          args_hash: DIGEST,
          summary: { value: "x" },
          args: { value: {} },
          expires_at_ms: null,
        } as never,
      ],
      [4, "node.waiting", { node: "draft", proposal_id: PROPOSAL } as never],
      [5, "node.skipped", { node: "send", reason: "guard review.ok==true was false" } as never],
    ),
  );
  expect(live(view, 10).slice(1)).toEqual([
    "  ↻ retrying   contacts      9 ms  unreachable; again in 118 ms",
    "  ? waiting    draft         7 ms  attempt 2, waits for a decision",
    "  – skipped    send                guard review.ok==true was false",
  ]);
  const decided = follow(
    view,
    events([
      6,
      "action.decided",
      { proposal_id: PROPOSAL, args_hash: DIGEST, decision: "rejected", by: "user", reason: "no" } as never,
    ])[0]!,
  );
  expect(live(decided, 10)[2]).toBe("  ▸ running    draft         7 ms  attempt 2, rejected by user: no");
});

test("no line is wider than the terminal and no block higher, whatever agents say", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 120 }),
      fc.integer({ min: 5, max: 30 }),
      fc.array(fc.record({ node: fc.stringMatching(/^[a-z][a-z0-9_]{0,63}$/), message: fc.string({ unit: "binary" }) }), {
        maxLength: 40,
      }),
      (columns, rows, said) => {
        const view = after(
          events(
            start,
            ...said.map(({ node, message }, i) => [i, "log", { node, attempt: 1, fields: {} } as never, message] as const),
          ),
        );
        const lines = live(view, 100, columns, rows);
        expect(lines.length).toBeLessThan(rows);
        for (const line of lines) {
          expect(width(line)).toBeLessThan(columns);
          expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("where not all nodes fit, those that say most are shown, and the rest is counted", () => {
  const many = viewOf({
    name: "wide",
    nodes: Array.from({ length: 40 }, (_, i) => ({ id: `n${i}`, agent: "a", variant: null })),
  } as never);
  const view = after(
    events(start, ...Array.from({ length: 30 }, (_, i) => [i, "node.finished", finished(`n${i}`)] as const), [
      31,
      "node.finished",
      finished("n33", { status: "error", error: { code: "x", message: "broken", retryable: false } }),
    ]),
    many,
  );
  const lines = live(view, 50, 80, 10);
  expect(lines).toHaveLength(8);
  expect(lines.join("\n")).toContain("n33");
  expect(lines.at(-1)).toBe("  and 34 more: 30 ok, 4 pending");
});

test("without UTF-8 the marks are plain, and the words are the same", () => {
  expect(liveLines(fresh, { columns: 80, rows: 24 }, T0, { ...look, unicode: false })[1]).toBe(
    "  . pending    contacts            contact_resolver",
  );
});

test("the summary says what was not done and why; what failed is never cut", () => {
  const long =
    "nobody called zzz is in the knowledge base, and this message is longer than eighty columns so that it would have to be cut";
  const view = after(
    events(
      start,
      [
        10,
        "node.finished",
        finished("contacts", { status: "error", error: { code: "contact.none", message: long, retryable: false } }),
      ],
      [11, "node.skipped", { node: "draft", reason: "contacts failed" } as never],
      [11, "node.skipped", { node: "send", reason: "guard review.ok==true was false" } as never],
      [
        11,
        "cap.denied",
        { node: "draft", agent: "writer", cap: "net", op: "fetch", target: "evil.test", reason: "not granted" } as never,
      ],
      [40, "run.finished", ended({ status: "error", success: false, reason: "contacts failed" })],
    ),
  );
  expect(summaryLines(view, 80, look)).toEqual([
    "✗ compose_email error in 40 ms: contacts failed",
    `  ✗ error      contacts     12 ms  ${long}`,
    "  – skipped    draft               not run: contacts failed",
    "  – skipped    send                not sent: guard review.ok==true was false",
    "  ! draft was denied net (fetch evil.test): not granted",
  ]);
});

test("a mail is shown whole, with what would be hidden made visible", () => {
  const mail = mailOf({
    to: ["ada@example.com", { name: "Bob", email: "bob@example.com" }],
    subject: "Q4\u202e",
    body: "Hello\r\n\r\nBye\u001b[2J\n",
  });
  expect(mail).not.toBeNull();
  expect(mailLines(mail!, look)).toEqual([
    "  To:      ada@example.com, bob@example.com",
    "  Subject: Q4\\u{202e}",
    "",
    "  Hello",
    "",
    "  Bye\\e[2J",
  ]);
  expect(mailOf({ subject: "no body" })).toBeNull();
  expect(mailOf("text")).toBeNull();
});

test("other artifacts are shown by their beginning, and what is left out is counted", () => {
  expect(artifactLines("a\nb")).toEqual(["  a", "  b"]);
  expect(artifactLines({ text: Array.from({ length: 25 }, (_, i) => `line ${i}`).join("\n") }).slice(-2)).toEqual([
    "  line 19",
    "  … 5 more lines (189 B in all)",
  ]);
  expect(artifactLines({ n: 1 })).toEqual(["  {", '    "n": 1', "  }"]);
});

test("the view follows mails, artifacts and drafts", () => {
  const view = after(
    events(
      start,
      [
        1,
        "node.finished",
        finished("draft", {
          outputs: [{ port: "out", type: "artifact.draft.email.v1", labels: [], body: { value: { subject: "s" } } }],
        } as never),
      ],
      [2, "artifact.created", { kind: "artifact.draft.email.v1", digest: DIGEST, node: "draft", port: "out" } as never],
      [3, "email.sent", { to: ["a@b.c"], subject: "s", artifact: DIGEST, path: "/outbox/x.eml" } as never],
    ),
    nothing,
  );
  expect(view.drafts).toEqual([{ node: "draft", type: "artifact.draft.email.v1", body: { value: { subject: "s" } } }]);
  expect(view.artifacts).toEqual([{ kind: "artifact.draft.email.v1", digest: DIGEST, summary: null, source: "draft.out" }]);
  expect(view.mails).toEqual([{ to: ["a@b.c"], subject: "s", artifact: DIGEST, path: "/outbox/x.eml" }]);
});
