import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compileOpening } from "#openings/language/compile.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import { planOpening } from "#openings/plan/plan.js";
import { planText } from "#openings/plan/text.js";
import { noGrant } from "#openings/agent.js";
import { world } from "../language/agents.js";

function plan(text: string) {
  const { opening, diagnostics } = compileOpening({ file: "t.yaml", bytes: new TextEncoder().encode(text) }, world);
  if (!opening) throw new Error(JSON.stringify(diagnostics));
  return planOpening(opening, world.agents);
}

test("the plan of compose_email, in words", () => {
  const text = readFileSync(join(import.meta.dirname, "../corpus/valid-compose-email.yaml"), "utf8");
  expect(planText(plan(text))).toBe(`compose_email
  goal: email to john about q4 plan
  policy: 4000 tokens, 30000 ms, external actions are confirmed
level 1
  contacts  contact_resolver@0.1.0
    may: kb_read
    limits: 15000 ms; 2000000000 fuel; 64 MiB
level 2
  context  context_gatherer@0.1.0
    after: contacts
    may: kb_read mail
    limits: 15000 ms; 2000000000 fuel; 64 MiB
    retries: 3 attempts, 50 ms × 2 up to 30000 ms, ± 20 %
level 3
  draft  writer@0.1.0
    after: contacts, context
    may: model
    limits: 15000 ms; 2000000000 fuel; 64 MiB; 2000 tokens
level 4
  review  critic@0.1.0
    after: draft
    may: nothing but log and state
    limits: 5000 ms; 2000000000 fuel; 64 MiB
level 5
  send  mailer@0.1.0
    after: draft, review
    only if: review.ok == true
    may: secrets runloop/mail/smtp → smtp.example.com; actions email.send
    secrets: runloop/mail/smtp
    limits: 15000 ms; 2000000000 fuel; 64 MiB
    asks before: email.send
success: any of exists(send.out), review.ok == true
artifacts: draft.out
`);
});

const send = (confirm_external: boolean, own: string) =>
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
])("confirm_external %s, with%s: asks before %j, does %j unasked", (policy, own, confirms, unasked) => {
  expect(send(policy, own)).toMatchObject({ confirms, unasked });
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
