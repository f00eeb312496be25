import { expect, test } from "vitest";
import { on, refuse } from "../sdk/guest.js";
import { bundled, failureOf } from "./bundle.js";

const agent = await bundled("agents/context_gatherer");
const hit = (citation: string, text = `about ${citation}`) => ({
  citation,
  title: `Title ${citation}`,
  text,
  uri: `notes/${citation}.md`,
  domain: "notes",
  score: 12.5,
});
const contacts = (...list: object[]) => ({ port: "contacts", type: "contact.list.v1", body: list as never });
const searching = (answers: Record<string, string[]>) => ({
  "kb.search": (query: string) => (answers[query] ?? []).map((citation) => hit(citation)),
});

test("hits come with citation, title, text and origin, best first", async () => {
  const found = on(await agent.run({ with: { topic: "harbour plan" } }, searching({ "harbour plan": ["b#0", "a#1"] })), "out");
  expect(found.topic).toBe("harbour plan");
  expect(found.hits).toMatchObject([
    { citation: "b#0", title: "Title b#0", text: "about b#0", uri: "notes/b#0.md", domain: "notes" },
    { citation: "a#1" },
  ]);
  expect(found.hits[0].score).toBeGreaterThan(found.hits[1].score);
});

test("it searches for the topic, and for the topic with each of the first three people", async () => {
  const people = ["Ann", "Bob", "Cid", "Dan"].map((name) => ({ name, email: `${name}@example.com`, org: "Mill" }));
  await agent.run({ with: { topic: "harbour plan" }, inputs: [contacts(...people)] }, searching({}));
  expect(agent.guest.calls.map(({ args }) => args[0])).toEqual([
    "harbour plan",
    "harbour plan Ann Mill",
    "harbour plan Bob Mill",
    "harbour plan Cid Mill",
  ]);
});

test("what both searches find ranks above what only one finds, once", async () => {
  const answers = searching({ plan: ["a#0", "b#0", "c#0"], "plan Ann Mill": ["c#0", "d#0"] });
  const people = contacts({ name: "Ann", email: "ann@example.com", org: "Mill" });
  const found = on(await agent.run({ with: { topic: "plan" }, inputs: [people] }, answers), "out");
  expect(found.hits.map((each: { citation: string }) => each.citation)).toEqual(["c#0", "a#0", "b#0", "d#0"]);
});

test("nothing found is an empty bundle, not a failure", async () => {
  expect(on(await agent.run({ with: { topic: "harbour plan" } }, searching({})), "out")).toEqual({
    topic: "harbour plan",
    hits: [],
  });
});

test("`limit` bounds the hits, and what is asked for is more, so that fusing has a choice", async () => {
  const answers = searching({ plan: Array.from({ length: 30 }, (_, i) => `h#${i}`) });
  expect(on(await agent.run({ with: { topic: "plan", limit: 3 } }, answers), "out").hits).toHaveLength(3);
  expect(agent.guest.calls[0]?.args[1]).toEqual({ limit: 12, kind: "", domain: "" });
  expect(on(await agent.run({ with: { topic: "plan" } }, answers), "out").hits).toHaveLength(5);
  await agent.run({ with: { topic: "plan", limit: 20, kind: "note", domain: "work" } }, answers);
  expect(agent.guest.calls[0]?.args[1]).toEqual({ limit: 80, kind: "note", domain: "work" });
});

test("long text is cut at a word and says so, never within a character", async () => {
  const cut = async (text: string): Promise<string> =>
    on(await agent.run({ with: { topic: "x", max_chars: 100 } }, { "kb.search": () => [hit("a#0", text)] }), "out").hits[0].text;
  expect(await cut("word ".repeat(20).trim())).toBe("word ".repeat(20).trim());
  expect(await cut("word ".repeat(40))).toBe(`${"word ".repeat(20).trim()} …`);
  expect((await cut("😀".repeat(99))).isWellFormed()).toBe(true);
  expect((await cut(`x${"😀".repeat(99)}`)).isWellFormed()).toBe(true);
});

test("the topic that arrives on the port comes before `with`; none at all is a failure", async () => {
  const inputs = [{ port: "topic", type: "text.v1", body: "from the port" }];
  expect(on(await agent.run({ with: { topic: "from with" }, inputs }, searching({})), "out").topic).toBe("from the port");
  expect(failureOf(await agent.run({ with: {} })).code).toBe("context.no-topic");
  expect(failureOf(await agent.run({ with: { topic: " \n" } })).code).toBe("context.no-topic");
});

test("a knowledge base that is away is worth another try, a missing grant is not", async () => {
  const answering = (code: "denied" | "unavailable") =>
    agent.run({ with: { topic: "x" } }, { "kb.search": () => refuse(code, "no") });
  expect(failureOf(await answering("unavailable"))).toMatchObject({ code: "call.unavailable", retryable: true });
  expect(failureOf(await answering("denied"))).toMatchObject({ code: "call.denied", retryable: false });
});
