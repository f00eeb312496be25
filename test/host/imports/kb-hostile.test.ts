/**
 * Two worlds that differ only in what an agent may not see. Whatever it asks, it must be told the same in both: then nothing that
 * is hidden reaches it, by order, by score, by count, by error.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { newTraceId } from "#core/ids.js";
import type { Json } from "#core/json.js";
import { kbFunctions } from "#host/imports/kb.js";
import { CallFailure, type CallContext } from "#host/imports/interface.js";
import { kbReader } from "#host/run/kb-reader.js";
import { contactKey } from "#kb/documents/keys.js";
import { ingest } from "#kb/ingest/ingest.js";
import type { Kb } from "#kb/kb.js";
import { noGrant, type Grant } from "#openings/agent.js";
import { contact, freshKb, note, put } from "../../kb/sample.js";

type Ask = (name: string, ...args: readonly Json[]) => Promise<Json>;

/** An agent with this grant: what it is told, errors and labels included. */
async function agentOf(kb: Kb, grant: Partial<Grant>): Promise<Ask> {
  await kb.views.catchUp();
  const scope = { traceId: newTraceId(), watermark: kb.ledger.watermark(), resumed: false };
  const functions = kbFunctions(kbReader(kb, new Uint8Array(32), scope));
  const context = {
    grant: { ...noGrant, ...grant },
    agent: { name: "asker", version: "1.0.0", digest: blake3("component") },
    node: "ask",
    attempt: 1,
    requestHash: blake3("request"),
    traceId: scope.traceId,
  } as unknown as CallContext;
  return async (name, ...args) => {
    try {
      const { answer, labels } = await functions.get(name)!(context, args);
      return { answer, labels } as unknown as Json;
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      return { error: error.error } as unknown as Json;
    }
  };
}

const add = (kb: Kb, uri: string, text: string, domain: string) => ingest(kb, { bytes: Buffer.from(text), uri, domain });
const shared = "# Shared\n\nThe same bytes lie in both domains: quarter, plan.\n";
const open = async (kb: Kb) => {
  await add(kb, "a.md", "# Plan\n\nThe budget plan of the quarter.\n", "open");
  await add(kb, "b.md", "# Report\n\nA report on planning, budgets and the quarter's plan. Ask ann@example.org.\n", "open");
  await add(kb, "c.md", shared, "open");
};

async function worlds(): Promise<readonly [Kb, Kb]> {
  const [plain, secretive] = [await freshKb(), await freshKb()];
  // First, between and after what may be seen; with its words, without them, with its bytes and its names.
  await add(secretive, "s1.md", `# Secret\n\n${"merger ".repeat(40)} plan budget quarter quarter`, "secret");
  await add(secretive, "s2.md", shared, "secret");
  await put(secretive, contact("Zed Merger", "zed@merger.example"), note("plan of a note, merger"));
  await open(plain);
  await open(secretive);
  for (let index = 0; index < 30; index++)
    await add(secretive, `more-${index}.md`, `plan quarter merger ${index} report budget`, "secret");
  return [plain, secretive];
}

test("whatever an agent searches, gets and queries, a hidden domain changes nothing of the answer", async () => {
  const [plain, secretive] = await worlds();
  const [a, b] = [await agentOf(plain, { kb_read: ["open"] }), await agentOf(secretive, { kb_read: ["open"] })];
  const words = fc.constantFrom(
    "plan",
    "budget",
    "quarter",
    "merger",
    "report",
    "planning",
    "zed",
    "merg*",
    '"budget plan"',
    '"merger merger"',
    "ann",
    "secret",
    "",
  );
  const domain = fc.constantFrom("", "open", "secret", "contacts", "notes", "artifacts", "*", "OPEN");
  const key = fc.constantFrom(
    `document:${blake3(shared)}`,
    `${blake3(shared)}#0`,
    `${blake3(shared)}#1`,
    `${blake3("x")}#0`,
    contactKey("zed@merger.example"),
    "artifact:",
    "document:",
    "node:x",
    "",
  );
  const search = fc
    .tuple(
      fc.array(words, { maxLength: 4 }),
      fc.integer({ min: 0, max: 101 }),
      fc.constantFrom("", "document", "note", "artifact", "x"),
      domain,
    )
    .map(([list, limit, kind, wanted]): [string, ...Json[]] => ["kb.search", list.join(" "), { limit, kind, domain: wanted }]);
  const typed = fc
    .record(
      {
        kind: fc.constantFrom("contact", "document", "search", "run"),
        query: words,
        match: words,
        mode: fc.constantFrom("hybrid", "words", "vectors"),
        domain,
        of: fc.constantFrom("document", "artifact"),
        agent: fc.constantFrom("user", "scribe"),
        confirmed: fc.boolean(),
        since: fc.constantFrom(0, 1e15),
        limit: fc.integer({ min: 1, max: 100 }),
      },
      { requiredKeys: ["kind"] },
    )
    .map((filter): [string, ...Json[]] => ["kb.query", JSON.stringify(filter)]);
  const get = key.map((each): [string, ...Json[]] => ["kb.get", each]);
  await fc.assert(
    fc.asyncProperty(fc.oneof(search, typed, get), async ([name, ...args]) => {
      expect(await b(name, ...args)).toEqual(await a(name, ...args));
    }),
    { numRuns: 300 },
  );
});

test("a document that lies in a hidden domain too is found where it may be seen, and only there", async () => {
  const [, kb] = await worlds();
  const ask = await agentOf(kb, { kb_read: ["open"] });
  expect(await ask("kb.get", `${blake3(shared)}#0`)).toMatchObject({
    answer: { ok: expect.stringContaining('"domain":"open"') },
    labels: ["private:open"],
  });
  expect(await ask("kb.get", `document:${blake3(shared)}`)).toMatchObject({ answer: { ok: expect.stringContaining("c.md") } });
});

test("masked addresses cannot be read out: by words, by letters, by contacts, by keys", async () => {
  const kb = await freshKb();
  await open(kb);
  await put(kb, contact("Ann Meyer", "ann.meyer@example.org", { org: "Acme" }));
  const masked = await agentOf(kb, { kb_read: ["open", "contacts"] });
  const raw = await agentOf(kb, { kb_read: ["open", "contacts", "contacts_raw"] });
  const probes = ["ann@example.org", "example", "exam", "exa*", "org", "ann.", "meyer@", "n.m"];
  for (const probe of probes) {
    expect(await masked("kb.search", probe, { limit: 10, kind: "", domain: "" }), probe).toMatchObject({ answer: { ok: [] } });
    expect(await masked("kb.query", JSON.stringify({ kind: "contact", match: probe })), probe).toMatchObject({
      answer: { ok: "[]" },
    });
  }
  expect(await masked("kb.query", JSON.stringify({ kind: "contact", match: "acme" }))).toMatchObject({
    answer: { ok: expect.stringMatching(/"key":"".*"email":"a…@[0-9a-f]{8}"/) },
  });
  expect(await masked("kb.get", contactKey("ann.meyer@example.org"))).toEqual({ answer: { ok: null }, labels: [] });
  expect(await raw("kb.get", contactKey("ann.meyer@example.org"))).toMatchObject({
    answer: { ok: expect.stringContaining("ann.meyer@example.org") },
  });
  expect(await raw("kb.search", "example", { limit: 10, kind: "", domain: "" })).toMatchObject({
    answer: { ok: [{ uri: "b.md" }] },
  });
  expect(JSON.stringify(await masked("kb.query", JSON.stringify({ kind: "search", query: "report" })))).not.toContain("example");
});

test("what is cited must be readable, and an unreadable citation reads like one that is not there", async () => {
  const [, kb] = await worlds();
  const ask = await agentOf(kb, { kb_read: ["open"], kb_write: ["notes"] });
  const propose = (citation: string) =>
    ask("kb.propose", JSON.stringify({ kind: "note.added", payload: { text: "n" }, citations: [citation] }));
  expect(await propose(`${blake3(shared)}#0`)).toMatchObject({ answer: { ok: expect.any(Number) } });
  const hidden = kb.views.search("merger", { domain: "secret" })[0]!.citation;
  const absent = `${blake3("absent")}#0`;
  const told = (answer: Json, citation: string) => JSON.stringify(answer).replaceAll(citation, "…");
  expect(await propose(hidden)).toMatchObject({ error: { code: "invalid" } });
  expect(told(await propose(hidden), hidden)).toBe(told(await propose(absent), absent));
});

test("an answer that is too large is refused, and says so", async () => {
  const kb = await freshKb();
  for (let index = 0; index < 100; index++) await add(kb, `${index}.md`, `${index} plan `.repeat(140), "open");
  const ask = await agentOf(kb, { kb_read: ["open"] });
  expect(await ask("kb.query", JSON.stringify({ kind: "search", query: "plan", limit: 100 }))).toMatchObject({
    error: { code: "invalid", message: expect.stringContaining("fewer rows") },
  });
});
