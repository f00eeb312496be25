import { expect, test } from "vitest";
import { on, refuse } from "../sdk/guest.js";
import { bundled, failureOf } from "./bundle.js";

const people = [
  { key: "contact:1", name: "Mara Lindqvist", email: "mara.lindqvist@example.com", org: "Fernweh", trust: 0.9 },
  { key: "contact:2", name: "Mara Costa", email: "mara.costa@example.com", org: "Tidewater", trust: 0.4 },
  { key: "contact:3", name: "Zoë Müller", email: "zoe@example.com", org: "Fernweh", trust: 0.5 },
  { key: "contact:4", name: "Ravi Anand", email: "ravi@example.com", org: "Tidewater", trust: 0.7 },
  { key: "contact:5", name: "Ravi Bose", email: "bose@example.com", org: "Lumen", trust: 0.7 },
  { key: "contact:6", name: "Amara Obi", email: "amara@example.com", org: null, trust: null },
];
/** As loose as a knowledge base may be: it gives everybody, the agent decides. */
const kb = { "kb.query": () => JSON.stringify(people) };
const agent = await bundled("agents/contact_resolver");

const names = async (input: object): Promise<string[]> =>
  on(await agent.run({ with: input as never }, kb), "out").map((contact: { name: string }) => contact.name);

test.each([
  ["a first name goes to the one who is trusted more", "mara", "Mara Lindqvist"],
  ["a name and an organisation", "mara tidewater", "Mara Costa"],
  ["joined as people do", "Mara at Tidewater", "Mara Costa"],
  ["the whole name", "Mara Costa", "Mara Costa"],
  ["an address", "BOSE@example.com", "Ravi Bose"],
  ["accents and case aside", "ZOE muller", "Zoë Müller"],
  ["a decomposed accent", "Zoe\u0308", "Zoë Müller"],
  ["the beginning of a name", "zo", "Zoë Müller"],
  ["an organisation alone", "lumen", "Ravi Bose"],
  ["a person without organisation and trust", "Amara", "Amara Obi"],
])("%s: %s", async (_, query, expected) => expect(await names({ query })).toEqual([expected]));

test("a query that fits nobody is a failure that another try cannot mend", async () => {
  for (const query of ["nobody", "mara lumen", "xmara", "@", "%", "'; drop table contacts; --"]) {
    expect(failureOf(await agent.run({ with: { query } }, kb)), query).toEqual({
      code: "contact.not-found",
      message: `no contact in the knowledge base matches "${query}"`,
      retryable: false,
    });
  }
});

test("an empty knowledge base is the same failure", async () => {
  expect(failureOf(await agent.run({ with: { query: "mara" } }, { "kb.query": () => "[]" })).code).toBe("contact.not-found");
});

test("two who fit equally well are named, and nobody is guessed", async () => {
  const failure = failureOf(await agent.run({ with: { query: "ravi" } }, kb));
  expect(failure.code).toBe("contact.ambiguous");
  expect(failure.retryable).toBe(false);
  expect(failure.message).toContain("Ravi Bose (Lumen) <bose@example.com> or Ravi Anand (Tidewater) <ravi@example.com>");
});

test("with a limit several are given, best first, whatever order the knowledge base has", async () => {
  expect(await names({ query: "mara", limit: 5 })).toEqual(["Mara Lindqvist", "Mara Costa"]);
  people.reverse();
  expect(await names({ query: "mara", limit: 5 })).toEqual(["Mara Lindqvist", "Mara Costa"]);
  expect(await names({ query: "ravi", limit: 5 })).toEqual(["Ravi Bose", "Ravi Anand"]);
  people.reverse();
});

test("queries that arrive on the port come before `with`, each names a person, nobody twice", async () => {
  const inputs = ["zoe", "bose", "zoë müller"].map((body) => ({ port: "query", type: "text.v1", body }));
  const found = on(await agent.run({ with: { query: "mara" }, inputs }, kb), "out");
  expect(found).toEqual([
    { name: "Zoë Müller", email: "zoe@example.com", org: "Fernweh", trust: 0.5, key: "contact:3" },
    { name: "Ravi Bose", email: "bose@example.com", org: "Lumen", trust: 0.7, key: "contact:5" },
  ]);
});

test("what is not known of a person is left out, not made up", async () => {
  expect(on(await agent.run({ with: { query: "amara" } }, kb), "out")).toEqual([
    { name: "Amara Obi", email: "amara@example.com", key: "contact:6" },
  ]);
});

test("it asks for contacts with the query as it came", async () => {
  await agent.run({ with: { query: " Mara " } }, kb);
  expect(agent.guest.calls.map(({ name, args }) => [name, JSON.parse(args[0])])).toEqual([
    ["kb.query", { kind: "contact", match: "Mara", limit: 50 }],
  ]);
});

test("a knowledge base that compares one field at a time finds a person by name and organisation too", async () => {
  const strict = {
    "kb.query": (filter: string) => {
      const { match } = JSON.parse(filter) as { match: string };
      const fits = (field: string | null): boolean => field !== null && field.toLowerCase().includes(match.toLowerCase());
      return JSON.stringify(people.filter(({ name, email, org }) => fits(name) || fits(email) || fits(org)));
    },
  };
  expect(on(await agent.run({ with: { query: "mara tidewater" } }, strict), "out")).toMatchObject([{ name: "Mara Costa" }]);
  expect(agent.guest.calls.map(({ args }) => JSON.parse(args[0]).match)).toEqual(["mara tidewater", "mara", "tidewater"]);
  expect(failureOf(await agent.run({ with: { query: "mara lumen" } }, strict)).code).toBe("contact.not-found");
});

test.each([
  [{}, "contact.no-query"],
  [{ query: "  " }, "contact.no-query"],
])("nothing to look for: %j", async (input, code) => {
  expect(failureOf(await agent.run({ with: input }, kb)).code).toBe(code);
});

test.each([
  ["denied", false],
  ["budget-exhausted", false],
  ["timeout", true],
  ["unavailable", true],
  ["failed", false],
] as const)("a knowledge base that answers `%s`: retryable %s", async (code, retryable) => {
  const outcome = await agent.run({ with: { query: "mara" } }, { "kb.query": () => refuse(code, "because") });
  expect(failureOf(outcome)).toEqual({ code: `call.${code}`, message: "looking for contacts: because", retryable });
});
