import { beforeAll, afterAll, expect, test } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blake3 } from "#core/digest.js";
import { contactKey } from "#kb/documents/keys.js";
import { ingest } from "#kb/ingest/ingest.js";
import { openKb, type Kb } from "#kb/kb.js";
import { why, whyText, type Why } from "#kb/why/why.js";
import { sampleRun, type SampleRun } from "./run.js";
import { contact, put } from "./sample.js";

let kb: Kb;
let run: SampleRun;
const text = "# Q4\n\nThe plan for the fourth quarter.";
const digest = blake3(text);
const john = contactKey("john@example.com");

beforeAll(async () => {
  kb = await openKb({ root: mkdtempSync(join(tmpdir(), "rlp-why-")) });
  await put(kb, contact("John", "john@example.com"), contact("Eve", "eve@example.com"));
  await ingest(kb, { bytes: Buffer.from(text), uri: "notes/q4.md" });
  run = await sampleRun(kb);
  // Later knowledge is not behind the run.
  await put(kb, contact("John Doe", "john@example.com"));
  await sampleRun(kb);
});
afterAll(async () => {
  await kb.close();
  rmSync(kb.root, { recursive: true, force: true });
});

/** Event kinds with the row ids counted from the run's first. */
const kinds = (told: Why) => told.events.map((event) => event.kind);
const only = (told: Why, kind: string) => told.events.filter((event) => event.kind === kind);

test("an artifact: the attempt that made it, what came in, what was searched and found", () => {
  const told = why(kb, `artifact:${run.artifact}`);
  // Two runs made the same bytes; both are told of.
  expect(only(told, "artifact.created")).toHaveLength(2);
  const first = only(told, "artifact.created")[0]!;
  expect(first.own).toBe(true);
  const byId = new Map(told.events.map((event) => [event.id, event]));
  const chain = (id: number): string[] => {
    const event = byId.get(id)!;
    return [event.kind, ...event.causes.flatMap(chain)];
  };
  const behind = chain(first.id);
  for (const kind of [
    "node.finished",
    "node.started",
    "node.retrying",
    "edge.delivered",
    "call.finished",
    "run.started",
    "document.ingested",
    "contact.upserted",
  ])
    expect(behind).toContain(kind);
  // The contact as the run saw it, not as it is now; and nobody whom the run did not find.
  const people = told.events
    .filter((event) => event.kind === "contact.upserted" && event.id < first.id)
    .map((event) => event.what);
  expect(people).toEqual(["John <john@example.com> by user"]);
});

test("causes stand before what they led to, and in the list", () => {
  const told = why(kb, `artifact:${run.artifact}`);
  const position = new Map(told.events.map((event, index) => [event.id, index]));
  for (const [index, event] of told.events.entries())
    for (const cause of event.causes) expect(position.get(cause)).toBeLessThan(index);
  expect(told.truncated).toBe(false);
});

test("who approved the mail", () => {
  const sent = why(kb, run.run.traceId).events.at(-1)!;
  expect(sent.kind).toBe("run.finished");
  const told = why(kb, run.proposal);
  expect(kinds(told)).toContain("call.finished");
  expect(only(told, "action.decided")[0]!.what).toBe("approved by user");
  const mail = kb.ledger.rows(1, 1000).find((row) => row.kind === "email.sent")!;
  expect(kinds(why(kb, `event:${mail.id}`))).toEqual(
    expect.arrayContaining(["email.sent", "action.decided", "action.proposed", "node.started", "run.started"]),
  );
});

test("in short: who made it, in which run, from what, and who decided", () => {
  const mail = kb.ledger.rows(1, 1000).find((row) => row.kind === "email.sent")!;
  const told = Object.fromEntries(why(kb, `event:${mail.id}`).story.map(({ what, lines }) => [what, lines]));
  expect(told["made"]).toEqual([expect.stringMatching(/^by \S+ in the node \w+, attempt 1$/)]);
  expect(told["run"]).toEqual([expect.stringContaining(run.run.traceId)]);
  expect(told["decided"]).toEqual(["approved by user"]);
  expect(told["sent"]).toHaveLength(1);
});

test("every way to name the same thing", () => {
  const { traceId } = run.run;
  const same = (...ways: string[]) => expect(new Set(ways.map((way) => why(kb, way).entity)).size).toBe(1);
  same(john, "john@example.com", "JOHN@Example.com", "contact:john@example.com", john.slice(0, 16), john.slice(8, 20));
  same(`document:${digest}`, `${digest}#0`, digest, digest.slice(0, 10), `document:${digest.slice(0, 10)}`);
  same(`run:${traceId}`, traceId, traceId.slice(6), `run:${traceId.slice(6)}`);
  same(`node:${traceId}#draft`, `node:${traceId.slice(6)}#draft`);
  same(run.proposal, run.proposal.slice(0, 20));
  same("1", "event:1");
});

test.each<[string, string]>([
  ["nothing@example.com", "KB_NOT_FOUND"],
  ["contact:", "KB_AMBIGUOUS"],
  ["trace:", "KB_AMBIGUOUS"],
  ["999999", "KB_NOT_FOUND"],
  ["event:x", "KB_NOT_FOUND"],
  ["", "KB_NOT_FOUND"],
  ["ab", "KB_NOT_FOUND"],
  ["planet:x", "KB_NOT_FOUND"],
  ["artifact:zz", "KB_NOT_FOUND"],
  ["%", "KB_NOT_FOUND"],
])("%j is an error that says the way on", (entity, code) => {
  expect(() => why(kb, entity)).toThrow(expect.objectContaining({ name: "KbError", code, hint: expect.any(String) }));
});

test("a node that there is not is answered with those that there are", () => {
  expect(() => why(kb, `node:${run.run.traceId}#drafd`)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("context, draft, send") }),
  );
});

test("as text: one line an event, nothing that a terminal would obey", async () => {
  await put(kb, contact("Mal\u202elory", "mal@example.com"));
  const lines = whyText(why(kb, "mal@example.com")).split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^\* +\d+ {2}\d{4}-.* {2}contact\.upserted +Mal lory <mal@example.com> by user$/);
});
