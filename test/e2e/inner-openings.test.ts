/** The whole language at the real command line: invocations, recoveries, runs inside of runs, budgets, and what a replay makes of them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunEvent } from "#core/events.js";
import { events, example, finalHash, findExampleAgents, homeWithSamples, only, type HomeFolder } from "./rlp.js";

let home: HomeFolder;
let folder: string;
beforeAll(async () => {
  home = await homeWithSamples();
  folder = await mkdtemp(join(tmpdir(), "rlp-inner-"));
  await findExampleAgents(home);
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

const GREET = example("greet_everybody.yaml");
const outerTrace = (all: readonly RunEvent[]): string => all[0]?.trace_id ?? "";
const own = (all: readonly RunEvent[]): readonly RunEvent[] => all.filter((event) => event.trace_id === outerTrace(all));
const text = (event: { readonly meta: { readonly outputs: readonly { readonly body: object }[] } }) =>
  event.meta.outputs.map(({ body }) => (body as { value: unknown }).value);

async function opening(name: string, body: string): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, `version: 0\nname: ${name}\n${body}`);
  return file;
}

const runs = (file: string) => home.rlp("run", file, "--local", "--json");

test("every element is greeted, openings inside are runs of their own, and all of it replays without them being named", async () => {
  const run = await home.rlp("run", GREET, "--local", "--json", "--seed", "7", "--epoch", "1000");
  expect(run).toMatchObject({ code: 0 });
  const all = events(run.stdout);
  const traces = new Set(all.map(({ trace_id }) => trace_id));
  expect(traces.size).toBe(4);
  const inner = only(all, "run.started").filter(({ meta }) => meta.parent);
  expect(inner.map(({ meta }) => meta.parent)).toEqual(
    [0, 1, 2].map((item) => ({ trace: outerTrace(all), node: `farewell[${item}]`, attempt: 1 })),
  );
  const ended = only(own(all), "node.finished").sort((a, b) => (a.meta.node < b.meta.node ? -1 : 1));
  expect(ended.map((event) => [event.meta.node, text(event)])).toEqual([
    ["farewell[0]", ["Goodbye, Ada!"]],
    ["farewell[1]", ["Goodbye, Grace!"]],
    ["farewell[2]", ["Goodbye, Zoë!"]],
    ["greet[0]", ["Hello, Ada!"]],
    ["greet[1]", ["Hello, Grace!"]],
    ["greet[2]", ["Hello, Zoë!"]],
  ]);
  const hash = finalHash(own(all));
  expect(await home.rlp("replay", outerTrace(all))).toMatchObject({ code: 0 });
  const again = await home.rlp("run", GREET, "--local", "--json", "--seed", "7", "--epoch", "1000");
  expect(finalHash(own(events(again.stdout)))).toBe(hash);
  const listed = JSON.parse((await home.rlp("runs", "--json")).stdout) as { opening_name: string }[];
  expect(listed.map((each) => each.opening_name)).toEqual(["greet_everybody", "greet_everybody"]);
  const whole = JSON.parse((await home.rlp("runs", "--json", "--inner")).stdout) as { parent?: string }[];
  expect(whole.filter(({ parent }) => parent === outerTrace(all))).toHaveLength(3);
});

test("what is spent inside counts in the budgets outside, to the last unit", async () => {
  const run = await home.rlp("run", GREET, "--local", "--json");
  const all = events(run.stdout);
  const charged = only(own(all), "budget.charged").reduce((sum, { meta }) => sum + meta.amount, 0);
  expect(only(own(all), "run.finished")[0]?.meta.totals.fuel).toBe(charged);
  const reserved = only(own(all), "budget.reserved").map(({ meta }) => meta.scope);
  expect(reserved).toContain("node:farewell[1]/say");
});

test("a node takes over where another one fails, and is told why", async () => {
  const run = await home.rlp("run", GREET, "--local", "--json", "--param", "refuse=Grace");
  expect(run.code).toBe(0);
  const all = own(events(run.stdout));
  expect(only(all, "node.collected").map(({ meta }) => [meta.node, meta.status])).toContainEqual(["greet", "error"]);
  const apology = only(all, "node.finished").find(({ meta }) => meta.node === ("apologise" as never));
  expect(apology && text(apology)).toEqual([
    "Nobody is greeted: greet failed, 1 of 3 invocations failed; greet[1]: greeter.refused: Grace is not greeted, as asked",
  ]);
  expect(await home.rlp("replay", outerTrace(all))).toMatchObject({ code: 0 });
});

test("no element: nothing is invoked, and the node ends well", async () => {
  const run = await home.rlp("run", GREET, "--local", "--json", "--params", '{"names": []}');
  const all = own(events(run.stdout));
  expect(only(all, "node.collected").map(({ meta }) => [meta.node, meta.status, meta.items])).toEqual([
    ["greet", "ok", 0],
    ["farewell", "ok", 0],
  ]);
  expect(run.code).toBe(1); // `success` wants one greeting at least
});

test("a budget of fuel that is too small ends the attempts that it does not cover, and replays", async () => {
  const greets = (node: string, name: string): string => `  - { id: ${node}, use: agent:greeter, with: { name: ${name} } }`;
  const alone = await runs(await opening("alone", `nodes:\n${greets("one", "Ada")}\n`));
  const fuel = only(events(alone.stdout), "node.finished")[0]?.meta.fuel ?? 0;
  expect(fuel).toBeGreaterThan(1000);
  const budget = Math.floor(fuel * 1.5);
  const file = await opening(
    "thrifty",
    `policy: { budget_fuel: ${budget} }
nodes:
${greets("one", "Ada")}
${greets("two", "Bob")}
${greets("three", "Eve")}
`,
  );
  const run = await runs(file);
  expect(run.code).toBe(1);
  const all = events(run.stdout);
  const ends = Object.fromEntries(only(all, "node.finished").map(({ meta }) => [meta.node, meta.error?.code ?? meta.status]));
  expect(ends).toEqual({ one: "ok", two: "host.budget-exhausted", three: "host.budget-exhausted" });
  const spent = only(all, "budget.charged").reduce((sum, { meta }) => sum + meta.amount, 0);
  expect(spent).toBeLessThanOrEqual(budget);
  expect(await home.rlp("replay", outerTrace(all))).toMatchObject({ code: 0 });
});

test("`on_failure: stop` cancels what is left, and says so", async () => {
  const file = await opening(
    "stops",
    `policy: { on_failure: stop, max_parallel: 1 }
nodes:
  - { id: fails, use: agent:greeter, with: { name: Ada, refuse: Ada } }
  - { id: never, use: agent:greeter, with: { name: Bob } }
`,
  );
  const run = await runs(file);
  expect(run.code).toBe(1);
  const all = events(run.stdout);
  expect(only(all, "run.cancelled")[0]?.meta).toMatchObject({ by: "policy.on_failure", why: "fails failed: greeter.refused" });
  expect(only(all, "run.finished")[0]?.meta).toMatchObject({ status: "error", success: false });
  expect(only(all, "node.started").map(({ meta }) => meta.node)).toEqual(["fails"]);
  expect(await home.rlp("replay", outerTrace(all))).toMatchObject({ code: 0 });
});

test("a question inside of an inner opening parks both runs; answered, both go on, and one mail is sent", async () => {
  await opening(
    "mails",
    `inputs: { draft: artifact.draft.email.v1 }
outputs: { receipt: send.out }
nodes:
  - { id: send, use: agent:mailer }
edges:
  - { from: inputs.draft, to: send.draft }
`,
  );
  const file = await opening(
    "asks",
    `nodes:
  - { id: contacts, use: agent:contact_resolver, with: { query: john } }
  - { id: draft, use: agent:writer, with: { topic: q4 } }
  - { id: post, use: opening:mails }
edges:
  - { from: contacts.out, to: draft.recipients }
  - { from: draft.out, to: post.draft }
success: { all_of: ["exists(post.receipt)"] }
`,
  );
  const run = await runs(file);
  expect(run.code).toBe(3);
  const all = events(run.stdout);
  const trace = outerTrace(all);
  const innerTrace = only(all, "run.started").find(({ meta }) => meta.parent)?.trace_id ?? "";
  const alone = await home.rlp("resume", innerTrace);
  expect(alone.code).not.toBe(0);
  expect(alone.stderr).toContain("RESUME_INNER");
  expect(alone.stderr).toContain(trace);
  const [proposal] = only(all, "run.parked")[0]?.meta.waiting ?? [];
  const approved = await home.rlp("approve", String(proposal), "--json");
  expect(approved).toMatchObject({ code: 0 });
  expect(JSON.parse(approved.stdout)).toMatchObject({ trace_id: trace });
  const resumed = await home.rlp("resume", trace, "--json");
  expect(resumed).toMatchObject({ code: 0 });
  const mails = only(events(resumed.stdout), "email.sent");
  expect(mails).toHaveLength(1);
  // The chain of causes crosses the border: from the mail of the inner run to the people that the outer one found.
  const why = await home.rlp("kb", "why", `artifact:${mails[0]?.meta.artifact}`, "--json");
  expect(why.stdout).toContain("john.carter@northwind.example.com");
  expect(why.stdout).toContain("post: opening:mails, attempt 1");
  expect(await home.rlp("replay", trace)).toMatchObject({ code: 0 });
  expect((await home.rlp("kb", "verify")).code).toBe(0);
});

test("what is wrong inside is told at the node that uses it, and openings that use each other are refused", async () => {
  await opening("left", "nodes:\n  - { id: a, use: opening:right }\n");
  const right = await opening("right", "nodes:\n  - { id: a, use: opening:left }\n");
  const check = await home.rlp("check", right);
  expect(check.code).toBe(2);
  expect(check.stdout + check.stderr).toContain("circle: right.yaml → left.yaml → right.yaml");
});
