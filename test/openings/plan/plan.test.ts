import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compileOpening } from "#openings/language/compile.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import type { Prices } from "#openings/plan/cost.js";
import { planOpening } from "#openings/plan/plan.js";
import { planText } from "#openings/plan/text.js";
import { noGrant } from "#openings/agent.js";
import { world } from "../language/agents.js";

/** Model tokens cost a dollar for a million, `local` ones nothing. */
const prices: Prices = {
  dearest: (models) => (models === true ? 1 : models.every((model) => model.startsWith("local/")) ? 0 : null),
};

function plan(text: string) {
  const { opening, diagnostics } = compileOpening({ file: "t.yaml", bytes: new TextEncoder().encode(text) }, world);
  if (!opening) throw new Error(JSON.stringify(diagnostics));
  return planOpening(opening, world.agents, prices);
}

test("the plan of compose_email, in words", () => {
  const text = readFileSync(join(import.meta.dirname, "../corpus/valid-compose-email.yaml"), "utf8");
  expect(planText(plan(text))).toMatchInlineSnapshot(`
    "compose_email
      goal: email to john about q4 plan
      policy: 4000 tokens, 30000 ms, external actions are confirmed
    level 1
      contacts  contact_resolver@0.1.0
        may: kb_read
        limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        at worst: 0 tokens, $0, 2000000000 fuel, 15000 ms
    level 2
      context  context_gatherer@0.1.0
        after: contacts
        may: kb_read mail
        limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        retries: 3 attempts, 50 ms × 2 up to 30000 ms, ± 20 %
        at worst: 0 tokens, $0, 6000000000 fuel, 45180 ms
    level 3
      draft  writer@0.1.0
        after: contacts, context
        may: model
        limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        budgets: 2000 tokens
        at worst: 2000 tokens, $0.002, 2000000000 fuel, 15000 ms
    level 4
      review  critic@0.1.0
        after: draft
        may: nothing but log and state
        limits of an attempt: 5000 ms; 2000000000 fuel; 64 MiB
        at worst: 0 tokens, $0, 2000000000 fuel, 5000 ms
    level 5
      send  mailer@0.1.0
        after: draft, review
        only if: review.ok == true
        may: secrets runloop/mail/smtp → smtp.example.com; actions email.send
        secrets: runloop/mail/smtp
        asks before: email.send
        limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        at worst: 0 tokens, $0, 2000000000 fuel, 15000 ms
    ways through: 4
      contacts → context → draft → review → send
        at worst: 2000 tokens, $0.002, 14000000000 fuel, 30000 ms
        secrets: runloop/mail/smtp
        asks before: email.send
      contacts → context → draft → send
        at worst: 2000 tokens, $0.002, 12000000000 fuel, 30000 ms
        secrets: runloop/mail/smtp
        asks before: email.send
      contacts → draft → review → send
        at worst: 2000 tokens, $0.002, 8000000000 fuel, 30000 ms
        secrets: runloop/mail/smtp
        asks before: email.send
      contacts → draft → send
        at worst: 2000 tokens, $0.002, 6000000000 fuel, 30000 ms
        secrets: runloop/mail/smtp
        asks before: email.send
    success: any of exists(send.out), review.ok == true
    artifacts: draft.out
    at worst, all together
      tokens: 2000
      dollars: $0.002
      fuel: 14000000000
      time: 30000 ms (the budget; without it 95180 ms)
      secrets: runloop/mail/smtp
      asks before: email.send
    "
  `);
});

const sending = (confirm_external: boolean, own: string) =>
  plan(`version: 0
name: t
policy: {confirm_external: ${confirm_external}}
nodes: [{id: send, use: "agent:mailer", with: {draft: {body: x}${own}}}]
`).levels[0]?.[0];

test.each([
  [true, "", ["email.send"], []],
  [true, ", require_human_confirm: true", ["email.send"], []],
  [false, "", [], ["email.send"]],
  [false, ", require_human_confirm: false", [], ["email.send"]],
  [false, ", require_human_confirm: true", ["email.send"], []],
])("confirm_external %s, with%s: asks before %j, does %j unasked", (policy, own, approvals, unasked) => {
  expect(sending(policy, own)).toMatchObject({ approvals, unasked });
});

test("a time-out of a node never goes beyond the agent's own ceiling", () => {
  const text =
    'version: 0\nname: t\nnodes: [{id: a, use: "agent:echo", timeout_ms: 60000}, {id: b, use: "agent:echo@fast", timeout_ms: 10}]\n';
  expect(plan(text).levels.flat()).toMatchObject([
    { id: "a", timeout_ms: 15_000, variant: null },
    { id: "b", timeout_ms: 10, variant: "fast" },
  ]);
});

test("every capability is said, and nothing that is off", () => {
  expect(capabilitiesOf(noGrant)).toEqual([]);
  const all = {
    fs_ro: ["/srv/docs"],
    fs_rw: ["/srv/out"],
    net: [
      { host: "api.example.com", port: 443, methods: ["GET"], paths: ["/v1/"] },
      { host: "example.org", port: null, methods: null, paths: null },
    ],
    time: "real" as const,
    random: true,
    kb_read: ["mail"],
    kb_write: true,
    secrets: [{ id: "s", hosts: ["h"] }],
    secrets_raw: ["r"],
    model: ["local/*"],
    actions: ["email.send"],
    tools: ["t"],
    exec: [{}],
    spawn: ["agent:x"],
  };
  expect(capabilitiesOf(all)).toEqual([
    "fs_ro /srv/docs",
    "fs_rw /srv/out",
    "net api.example.com:443 GET /v1/",
    "net example.org",
    "time real",
    "random",
    "kb_read mail",
    "kb_write",
    "secrets s → h",
    "secrets_raw r",
    "model local/*",
    "actions email.send",
    "tools t",
    "exec 1 rules",
    "spawn agent:x",
  ]);
});

test("names from a file cannot paint the terminal", () => {
  const text = 'version: 0\nname: t\ngoals: ["\\e[2Jgone \u202e"]\nnodes: [{id: a, use: "agent:echo"}]\n';
  expect(planText(plan(text))).toContain("goal: \\e[2Jgone \\u{202e}");
});

const one = (node: string, policy = "", agent = "writer") =>
  plan(
    `version: 0\nname: t\npolicy: {${policy}}\nnodes: [{id: a, use: "agent:${agent}"${agent === "writer" ? ", with: {recipients: []" : ", with: {"}}${node}}]\n`,
  );
const worst = (made: ReturnType<typeof plan>) =>
  Object.fromEntries(
    Object.entries(made.worst).map(([key, amount]) => [
      key,
      amount && (Object.keys(amount.each).length > 0 ? amount : amount.fixed),
    ]),
  );

test.each([
  ["nothing bounds a model without a budget", one(""), { tokens: null, microusd: null, fuel: 2e9, ms: 15_000 }],
  [
    "the node's budget does, whatever the attempts",
    one(", budget_tokens: 500, retry: {max_attempts: 3, backoff_ms: 100, jitter: 0.5}"),
    { tokens: 500, microusd: 1500, fuel: 6e9, ms: 45_000 + 150 + 300 },
  ],
  [
    "the opening's budgets",
    one("", "budget_tokens: 9, budget_usd: 0.5, budget_fuel: 10, timeout_ms: 7"),
    { tokens: 9, microusd: 500_000, fuel: 10, ms: 7 },
  ],
  [
    "a model that costs nothing",
    one(", caps: {model: ['local/*']}, budget_tokens: 500"),
    { tokens: 500, microusd: 0, fuel: 2e9, ms: 15_000 },
  ],
])("worst case: %s", (_, made, expected) => {
  expect(worst(made)).toEqual(expected);
});

const two = plan(
  `version: 0
name: outer
policy: { max_parallel: 1, budget_fuel: 100000000000 }
inputs: { drafts: artifact.draft.email.v1 }
nodes:
  - { id: note, use: agent:echo, retry: { max_attempts: 2, backoff_ms: 10, jitter: 0 }, on_error: spare }
  - { id: each, use: opening:review, for_each: draft, caps: { model: ["local/*"] }, with: { strict: false } }
  - { id: three, use: agent:one_contact, for_each: contact, with: { contact: [{email: a}, {email: b}, {email: c}] } }
  - { id: spare, use: agent:fallback }
edges:
  - { from: inputs.drafts, to: each.draft }
  - { from: 'note.out=="go"', to: each.gate }
  - { from: each.ok, to: spare.draft }
`.replace("  - { from: each.ok, to: spare.draft }\n", ""),
);

test("inner openings are planned with what the nodes around leave them, for each element; recovery is a way through", () => {
  const nodes = new Map(two.levels.flat().map((node) => [node.id as string, node]));
  const inner = nodes
    .get("each")
    ?.opening?.levels.flat()
    .find(({ id }) => id === "asked");
  expect(inner?.capabilities).toEqual(["model local/*"]);
  expect(nodes.get("each")?.worst).toEqual({
    tokens: null,
    microusd: { fixed: 0, each: {} },
    fuel: { fixed: 0, each: { each: 4e9 } },
    ms: { fixed: 0, each: { each: 15_000 } },
  });
  expect(nodes.get("three")).toMatchObject({ elements: 3, worst: { fuel: { fixed: 6e9, each: {} } } });
  expect(nodes.get("spare")).toMatchObject({ after: ["note"], recovers: ["note"] });
  expect(two.paths.map(({ nodes }) => nodes)).toEqual([["note", "each"], ["note", "spare"], ["three"]]);
  expect(two.path_count).toBe(3);
  // One at a time: everything, one after the other; and so many instructions only if no more than the budget.
  expect(two.worst.ms).toEqual({ fixed: 30_010 + 45_000 + 15_000, each: { each: 15_000 } });
  expect(two.worst.fuel).toEqual({ fixed: 1e11, each: {} });
  expect(two.unbudgeted.fuel).toEqual({ fixed: 4e9 + 6e9 + 2e9, each: { each: 4e9 } });
});

test("and in words", () => {
  expect(planText(two)).toMatchInlineSnapshot(`
    "outer
      policy: no token budget, 100000000000 fuel, no time limit, at most 1 at once, external actions are confirmed
    level 1
      note  echo@0.1.0
        may: nothing but log and state
        limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        retries: 2 attempts, 10 ms × 2 up to 30000 ms, ± 0 %
        at worst: 0 tokens, $0, 4000000000 fuel, 30010 ms
        if it fails: spare takes over
      three  one_contact@0.1.0
        for each: element of contact (3)
        may: nothing but log and state
        limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        at worst: 0 tokens, $0, 6000000000 fuel, 45000 ms
    level 2
      each  opening review
        after: note
        only if: note.out == "go"
        for each: element of draft
        may: model local/*
        at worst: no limit of tokens, $0, 4000000000 fuel for each element of each, 15000 ms for each element of each
        │ review
        │   policy: no token budget, no time limit, external actions are confirmed
        │ level 1
        │   judge  critic@0.1.0
        │     may: nothing but log and state
        │     limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        │     at worst: 0 tokens, $0, 2000000000 fuel, 15000 ms
        │   asked  writer@0.1.0
        │     may: model local/*
        │     limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        │     at worst: no limit of tokens, $0, 2000000000 fuel, 15000 ms
        │ ways through: 2
        │   judge
        │     at worst: 0 tokens, $0, 2000000000 fuel, 15000 ms
        │   asked
        │     at worst: no limit of tokens, $0, 2000000000 fuel, 15000 ms
        │ success: no node fails
        │ at worst, all together
        │   tokens: no limit
        │   dollars: $0
        │   fuel: 4000000000
        │   time: 15000 ms
      spare  fallback@0.1.0
        after: note
        only if: note failed
        may: nothing but log and state
        limits of an attempt: 15000 ms; 2000000000 fuel; 64 MiB
        at worst: 0 tokens, $0, 2000000000 fuel, 15000 ms
    ways through: 3
      note → each
        at worst: no limit of tokens, $0, 100000000000 fuel, 30010 ms and 15000 ms for each element of each
      note → spare
        at worst: 0 tokens, $0, 6000000000 fuel, 45010 ms
      three
        at worst: 0 tokens, $0, 6000000000 fuel, 45000 ms
    success: no node fails
    at worst, all together
      tokens: no limit
      dollars: $0
      fuel: 100000000000 (the budget; without it 12000000000 and 4000000000 for each element of each)
      time: 90010 ms and 15000 ms for each element of each
    "
  `);
});

test("ten thousand nodes and ways beyond counting: soon, and bounded", () => {
  const nodes = Array.from(
    { length: 3000 },
    (_, index) => `  - { id: n${index}, use: agent:echo${index > 0 && index < 3000 - 1 ? ", for_each: in" : ""} }`,
  );
  const edges = Array.from({ length: 2998 }, (_, index) =>
    [1, 2].map((step) => `  - { from: n${index}.out, to: n${index + step}.in }`),
  ).flat();
  const made = plan(`version: 0\nname: wide\nnodes:\n${nodes.join("\n")}\nedges:\n${edges.join("\n")}\n`);
  expect(made.paths.reduce((sum, { nodes: way }) => sum + way.length, 0)).toBeLessThan(30_000);
  expect(made.path_count).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
  expect(made.worst.fuel).toBe(null);
  expect(planText(made).length).toBeLessThan(2_000_000);
});
