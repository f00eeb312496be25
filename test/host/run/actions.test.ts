import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import type { RunEvent, RunEventDraft, RunEventOf } from "#core/events.js";
import type { Json } from "#core/json.js";
import { emailAction } from "#host/actions/email.js";
import { actionFunctions, type ActionDesk } from "#host/imports/actions.js";
import type { Decision } from "#host/run/contract.js";
import { agent, attempt, MemoryJournal, recordedIn, says, type Guest } from "./world.js";

const mail = { to: ["jo@example.com"], subject: "Q4", body: "Hello" };
const mailer = agent({ actions: ["email.send"] });
const proposes =
  (args: Json = mail, kind = "email.send"): Guest =>
  async (_spec, hooks) =>
    says(
      JSON.stringify(
        await hooks.call({ seq: 0, interface: "actions", function: "propose", args: [kind, JSON.stringify(args)], fuel: 7 }),
      ),
    );

let outbox = "";
beforeEach(async () => {
  outbox = await mkdtemp(join(tmpdir(), "rlp-outbox-"));
});
afterEach(() => rm(outbox, { recursive: true, force: true }));

const yes: Decision = { decision: "approved", by: "user" };
function desk(journal: MemoryJournal, change: Partial<ActionDesk> = {}): ActionDesk {
  const email = emailAction({ outbox, from: "rlp@localhost" });
  return {
    kinds: new Map([[email.kind, email]]),
    decider: { ask: async () => yes },
    needsDecision: () => true,
    decided: () => null,
    decide: async (draft) => ((await journal.append([draft]))[0] as RunEventOf<"action.decided">).meta,
    expiryMs: 60_000,
    storeBlob: (bytes) => blake3(bytes),
    ...change,
  };
}
const run = (
  journal: MemoryJournal,
  options: { guest?: Guest; desk?: Partial<ActionDesk>; recorded?: ReturnType<typeof recordedIn> } = {},
) =>
  attempt({
    guests: [options.guest ?? proposes()],
    functions: actionFunctions(desk(journal, options.desk)),
    agent: mailer,
    journal,
    ...(options.recorded && { recorded: options.recorded }),
  });
const answer = (journal: MemoryJournal) =>
  (journal.events.findLast((event) => event.kind === "call.finished") as RunEventOf<"call.finished">).meta.response;

test("approved: proposed, decided, started, and only then done; what was done is recorded together with the call", async () => {
  const journal = new MemoryJournal();
  await run(journal);
  expect(journal.batches.map((batch) => batch.map((draft) => draft.kind))).toEqual([
    ["action.proposed", "node.waiting"],
    ["action.decided"],
    ["call.started"],
    ["email.sent", "action.finished", "call.finished"],
  ]);
  expect(await readdir(outbox)).toHaveLength(1);
  expect(answer(journal)).toMatchObject({ value: { ok: { tag: "done" } } });
});

test("rejected: a typed result with the reason, and nothing is done", async () => {
  const journal = new MemoryJournal();
  await run(journal, { desk: { decider: { ask: async () => ({ decision: "rejected", by: "user", reason: "too early" }) } } });
  expect(answer(journal)).toMatchObject({ value: { ok: { tag: "rejected", val: "too early" } } });
  expect(await readdir(outbox)).toEqual([]);
});

test("nobody to ask: the attempt parks, with nothing but the proposal in the journal", async () => {
  const journal = new MemoryJournal();
  const { end } = await run(journal, { desk: { decider: { ask: async () => null } } });
  expect(end.status).toBe("parked");
  expect(journal.kinds()).toEqual(["action.proposed", "node.waiting"]);
});

test("a decision that is made elsewhere while somebody is asked counts, and ends the question", async () => {
  const journal = new MemoryJournal();
  let withdrawn = false;
  const since = Date.now();
  const { end } = await run(journal, {
    desk: {
      decider: {
        ask: (_proposal, signal) =>
          new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(((withdrawn = true), signal.reason as Error))),
          ),
      },
      decided: (id) => {
        const proposed = journal.events.find((event) => event.kind === "action.proposed") as
          | RunEventOf<"action.proposed">
          | undefined;
        if (!proposed || Date.now() < since + 50) return null;
        return {
          meta: { proposal_id: id, args_hash: proposed.meta.args_hash, decision: "approved", by: "user" },
        } as RunEventOf<"action.decided">;
      },
    },
  });
  expect(end.status).toBe("ok");
  expect(withdrawn).toBe(true);
});

describe("an approval is bound to everything that will be done", () => {
  test("a decision about other arguments does nothing", async () => {
    const journal = new MemoryJournal();
    const other = { meta: { args_hash: blake3("other"), decision: "approved", by: "user" } } as RunEventOf<"action.decided">;
    await run(journal, { desk: { decided: () => other } });
    expect(answer(journal)).toMatchObject({ value: { err: { code: "denied" } } });
    expect(await readdir(outbox)).toEqual([]);
  });

  test("the hash changes with each of: arguments, destination, sender, agent", async () => {
    const hashOf = async (args: Json, options: { outbox?: string; from?: string; digest?: string } = {}) => {
      const journal = new MemoryJournal();
      const email = emailAction({ outbox: options.outbox ?? outbox, from: options.from ?? "rlp@localhost" });
      await attempt({
        guests: [proposes(args)],
        functions: actionFunctions(desk(journal, { kinds: new Map([[email.kind, email]]), decider: { ask: async () => null } })),
        agent: agent({ actions: ["email.send"] }, { digest: blake3(options.digest ?? "component") }),
        journal,
      });
      return (journal.events[0] as RunEventOf<"action.proposed">).meta.args_hash;
    };
    const hashes = [
      await hashOf(mail),
      await hashOf({ ...mail, body: "Hello!" }),
      await hashOf({ ...mail, to: ["jo@example.com", "eve@example.com"] }),
      await hashOf({ ...mail, cc: ["eve@example.com"] }),
      await hashOf(mail, { outbox: `${outbox}2` }),
      await hashOf(mail, { from: "boss@example.com" }),
      await hashOf(mail, { digest: "another" }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(await hashOf(mail)).toBe(hashes[0]);
  });
});

test.each<[string, Json]>([
  ["a header injected through the subject", { ...mail, subject: "Q4\r\nBcc: eve@example.com" }],
  ["a header injected through an address", { ...mail, to: ["jo@example.com\r\nBcc: eve@example.com"] }],
  ["two addresses in one", { ...mail, to: ["jo@example.com, eve@example.com"] }],
  ["an address with a name that hides another", { ...mail, to: ['"jo" <eve@example.com>'] }],
  ["nobody", { ...mail, to: [] }],
  ["an unknown member", { ...mail, attachments: ["/etc/passwd"] }],
  ["no object", "send it"],
])("%s is refused before anybody is asked", async (_what, args) => {
  const journal = new MemoryJournal();
  await run(journal, { guest: proposes(args) });
  expect(journal.kinds()).toEqual(["call.finished"]);
  expect(answer(journal)).toMatchObject({ value: { err: { code: "invalid" } } });
});

test("an action that the grant does not name is denied; one that there is not is invalid", async () => {
  const denied = new MemoryJournal();
  await attempt({
    guests: [proposes()],
    functions: actionFunctions(desk(denied)),
    agent: agent({ actions: ["exec"] }),
    journal: denied,
  });
  expect(denied.kinds()).toEqual(["cap.denied", "call.finished"]);
  const unknown = new MemoryJournal();
  await attempt({
    guests: [proposes({}, "exec")],
    functions: actionFunctions(desk(unknown)),
    agent: agent({ actions: ["exec"] }),
    journal: unknown,
  });
  expect(answer(unknown)).toMatchObject({ value: { err: { code: "invalid" } } });
});

test("what a person reads shows every hidden character", async () => {
  let shown = "";
  await run(new MemoryJournal(), {
    guest: proposes({ ...mail, body: "pay \u202e001\u202c\n\u001b[2Jgone" }),
    desk: { decider: { ask: async ({ text }) => ((shown = text), yes) } },
  });
  expect(shown).toContain("\\u{202e}001");
  expect(shown).toContain("\\e[2Jgone");
  expect(shown).not.toMatch(/[\u001b\u202e]/);
});

describe("the host dies", () => {
  /** A journal that holds the first `count` events of a whole run, and then takes more. */
  async function journalOf(count: number): Promise<MemoryJournal> {
    const whole = new MemoryJournal();
    await run(whole);
    const journal = new MemoryJournal();
    journal.events.push(...whole.events.slice(0, count));
    return journal;
  }
  const drafts = (events: readonly RunEvent[]): RunEventDraft["kind"][] => events.map((event) => event.kind);

  test.each([1, 2, 3, 4])("after event %i: the resumed attempt ends the same, with one mail of the same bytes", async (count) => {
    const undisturbed = await readMails(await run(new MemoryJournal()).then(() => outbox));
    await rm(outbox, { recursive: true, force: true });
    const journal = await journalOf(count);
    if (count < 4) await rm(outbox, { recursive: true, force: true });
    // With `call.started` in the journal (count 4) the mail may be there already: both cases must end in one file.
    let asked = 0;
    const { end } = await run(journal, { recorded: recordedIn(journal), desk: { decider: { ask: async () => (asked++, yes) } } });
    expect(end.status).toBe("ok");
    expect(asked).toBe(count < 3 ? 1 : 0);
    expect(drafts(journal.events).filter((kind) => kind === "action.proposed")).toHaveLength(1);
    expect(drafts(journal.events).filter((kind) => kind === "call.started")).toHaveLength(1);
    const mails = await readMails(outbox);
    expect(mails).toHaveLength(1);
    expect(strip(mails[0] ?? "")).toBe(strip(undisturbed[0] ?? ""));
  });

  const readMails = async (folder: string): Promise<string[]> =>
    Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")));
  // The date is that of `call.started`, which the in-memory journal numbers by its place.
  const strip = (text: string): string => text.replace(/^Date: .*\r\n/m, "");
});

test("a failure with a long text is cut at a whole character: the journal takes it", async () => {
  const email = emailAction({ outbox, from: "rlp@localhost" });
  const fails = { ...email, perform: () => Promise.reject(new Error(`${"x".repeat(4095)}🎈`)) };
  const journal = new MemoryJournal();
  await run(journal, { desk: { kinds: new Map([[email.kind, fails]]) } });
  const finished = journal.events.find((event) => event.kind === "action.finished") as RunEventOf<"action.finished">;
  expect(finished.meta).toMatchObject({ outcome: "failed", detail: `${"x".repeat(4095)}\ufffd` });
});
