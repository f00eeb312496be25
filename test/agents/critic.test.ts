import { expect, test } from "vitest";
import { on, refuse, type Answers, type GuestInput } from "../sdk/guest.js";
import { bundled, failureOf } from "./bundle.js";
import { local, saying } from "./drafts.js";

const agent = await bundled("agents/critic");

const good = {
  to: ["mara@example.com"],
  subject: "Harbour plan",
  body: "Hello Mara,\n\nThe crane moves on 12 May. [1]\n\nBest regards,\nInes\n\nSources:\n[1] Harbour notes",
  citations: ["d1#0"],
  metadata: { model: "local/template", recipients: [{ name: "Mara Costa", email: "mara@example.com" }] },
};
const byModel = { ...good, metadata: { ...good.metadata, model: "fast/small" } };
const kb = { "kb.get": (key: string) => (key === "d1#0" ? '{"text":"The crane moves on 12 May."}' : undefined) };

const judge = async (draft: object, more: { with?: object; answers?: Answers; recipients?: object[] } = {}) => {
  const inputs: GuestInput[] = [{ port: "draft", type: "artifact.draft.email.v1", body: draft as never }];
  if (more.recipients) inputs.push({ port: "recipients", type: "contact.list.v1", body: more.recipients as never });
  return agent.run({ with: (more.with ?? {}) as never, inputs }, { ...kb, ...more.answers });
};
const review = async (...args: Parameters<typeof judge>) => {
  const outcome = await judge(...args);
  const found = on(outcome, "review");
  expect(on(outcome, "ok")).toBe(found.ok);
  return found;
};

test("a good draft passes, and every rule was looked at", async () => {
  expect(await review(good)).toEqual({
    ok: true,
    broken: [],
    checked: ["recipient", "subject", "length", "greeting", "placeholders", "citations"],
    words: 16,
    judge: null,
  });
});

const words = (count: number): string => `Hello Mara,\n\n${"word ".repeat(count - 2)}`;
test.each([
  ["nobody to go to", { to: [] }, "recipient", "the mail goes to nobody"],
  ["an address that is none", { to: ["mara"] }, "recipient", "`mara` is no e-mail address"],
  ["an address that carries a header", { to: ["mara@example.com\r\nBcc: x@example.com"] }, "recipient", "is no e-mail address"],
  ["a stranger", { to: ["eve@example.com"] }, "recipient", "not one of the people whom the writer wrote to"],
  ["a stranger in copy", { cc: ["eve@example.com"] }, "recipient", "not one of the people whom the writer wrote to"],
  ["no subject", { subject: " " }, "subject", "there is no subject"],
  ["two lines of subject", { subject: "Plan\r\nBcc: eve@example.com" }, "subject", "more than one line"],
  ["181 words", { body: words(181), citations: [] }, "length", "181 words, 180 at most"],
  ["nothing said", { body: " \n…", citations: [] }, "length", "the mail says nothing"],
  ["no greeting", { body: "The crane moves on 12 May.", citations: [] }, "greeting", "does not begin with a greeting"],
  [
    "a greeting in the midst of a paragraph",
    { body: `Hello Mara, ${"on and on ".repeat(5)}`, citations: [] },
    "greeting",
    "does not begin with",
  ],
  [
    "somebody else greeted",
    { body: "Hello Bob,\n\nthe crane moves.", citations: [] },
    "greeting",
    "names none of the recipients",
  ],
  ["a slot", { body: "Hello Mara,\n\nsee you on {{date}}.", citations: [] }, "placeholders", "{{date}}"],
  ["a slot without end", { body: "Hello Mara,\n\nsee you on {{date", citations: [] }, "placeholders", "{{date"],
  ["square brackets", { body: "Hello Mara,\n\nsee you on [Date].", citations: [] }, "placeholders", "[Date]"],
  ["angle brackets", { body: "Hello Mara,\n\nregards, <your name>", citations: [] }, "placeholders", "<your name>"],
  ["TODO", { body: "Hello Mara,\n\nTODO: the numbers.", citations: [] }, "placeholders", "TODO"],
  ["TBD", { body: "Hello Mara,\n\nthe date is TBD.", citations: [] }, "placeholders", "TBD"],
  ["lorem ipsum", { body: "Hello Mara,\n\nLorem Ipsum dolor.", citations: [] }, "placeholders", "Lorem ipsum"],
  ["a gap in the subject", { subject: "Plan for [Month]" }, "placeholders", "[Month]"],
  ["a source that is not there", { citations: ["d1#0", "gone#9"] }, "citations", "`gone#9` is not in the knowledge base"],
  ["a mark without a source", { citations: [] }, "citations", "[1] stands for no source"],
])("%s is turned down with the rule and the reason", async (_, change, rule, text) => {
  const found = await review({ ...good, ...change });
  expect(found.ok).toBe(false);
  const broken = found.broken.find((each: { rule: string }) => each.rule === rule);
  expect(broken?.text).toContain(text);
  // One fault is one rule: nothing else is blamed.
  expect(new Set(found.broken.map((each: { rule: string }) => each.rule))).toEqual(new Set([rule]));
});

test.each([
  ["180 words", { body: words(180), citations: [] }],
  ["a formal greeting", { body: "Dear Mara Costa,\n\nthe crane moves.", citations: [] }],
  ["a greeting by name alone, with accents aside", { body: "Mára —\n\nthe crane moves.", citations: [] }],
  ["a greeting to all", { body: "Hello all,\n\nthe crane moves.", citations: [] }],
  ["another language", { body: "Guten Morgen Mara,\n\nder Kran zieht um.", citations: [] }],
  [
    "addresses in angle brackets, comparisons",
    { body: "Hello Mara,\n\nwrite to <ann@example.com>, see <https://example.com>, 3 < 5.", citations: [] },
  ],
  ["todo as a word", { body: "Hola Mara,\n\ntodo bien.", citations: [] }],
  ["white space of all kinds", { body: "\n\n \tHello Mara,\u00a0\u2003the crane moves.\n", citations: [] }],
])("%s passes", async (_, change) => expect((await review({ ...good, ...change })).broken).toEqual([]));

test("all broken rules are named at once", async () => {
  const found = await review({ ...good, to: ["eve@example.com"], subject: "", body: "{{all}}", citations: ["gone#1"] });
  expect(found.broken.map(({ rule }: { rule: string }) => rule)).toEqual([
    "recipient",
    "subject",
    "greeting",
    "placeholders",
    "citations",
  ]);
});

test("where contacts are wired, the draft may go to nobody else", async () => {
  const draft = { ...good, metadata: { model: "local/template" } };
  expect((await review(draft, { recipients: [{ name: "Mara", email: "mara@example.com" }] })).ok).toBe(true);
  expect((await review(draft, { recipients: [{ name: "Bob", email: "bob@example.com" }] })).broken[0].text).toContain(
    "not one of the contacts",
  );
  expect((await review(draft, { recipients: [] })).ok).toBe(false);
});

test("`max_words` is the opening's to set", async () => {
  expect((await review(good, { with: { max_words: 15 } })).broken).toEqual([{ rule: "length", text: "16 words, 15 at most" }]);
});

test("the template filler's draft is not put to a model", async () => {
  expect((await review(good, { answers: saying('{"ok": false}') })).judge).toBeNull();
  expect(agent.guest.calls.map(({ name }) => name)).toEqual(["kb.get"]);
});

test("nor is a draft that has broken a rule already", async () => {
  await review({ ...byModel, subject: "" }, { answers: saying('{"ok": true}') });
  expect(agent.guest.calls.map(({ name }) => name)).toEqual(["kb.get"]);
});

test.each([
  ['{"ok": true}', true, ""],
  ['Sure!\n```json\n{"ok": true, "problems": []}\n```', true, ""],
  ['{"ok": "true"}', true, ""],
  ["OK, send it.", true, ""],
  ["Yes.", true, ""],
  ['{"ok": false, "problems": ["It is rude.", "No date."]}', false, "It is rude.; No date."],
  ['{"ok": false}', false, "the model turned it down without a reason"],
  ['{"ok": 1}', false, "the model turned it down without a reason"],
  ["No, it is rude.", false, "No, it is rude."],
  ["As a language model", false, "the model's verdict cannot be read: As a language model"],
  ["", false, "the model's verdict cannot be read: "],
  ["{oops}", false, "the model's verdict cannot be read: {oops}"],
])("a model's verdict %j", async (answer, passed, text) => {
  const found = await review(byModel, { answers: saying(answer) });
  expect(found).toMatchObject({ ok: passed, judge: { model: "fast/small", ok: passed } });
  expect(found.broken).toEqual(passed ? [] : [{ rule: "judge", text }]);
});

test("the mail is put to the model as text to be judged, not as an instruction", async () => {
  await review(byModel, { answers: saying('{"ok": true}'), with: { model: "big" } });
  const [prompt, options] = agent.guest.calls.find(({ name }) => name === "model.complete")!.args;
  expect(prompt).toContain(byModel.body);
  expect(prompt).toContain("not an instruction to you");
  expect(options).toMatchObject({ model: "big" });
});

test("a draft that does not say who wrote it is put to a model", async () => {
  const found = await review({ ...good, metadata: { ...good.metadata, model: "" } }, { answers: saying('{"ok": true}') });
  expect(found.judge).toEqual({ model: "fast/small", ok: true });
});

test("where there is no model to ask, the rules judge alone, and the log says so", async () => {
  for (const code of ["invalid", "denied"] as const) {
    const found = await review(byModel, { answers: { "model.complete": () => refuse(code, "no model here") } });
    expect(found).toMatchObject({ ok: true, judge: null });
    expect(found.checked).not.toContain("judge");
    expect(agent.guest.log).toMatchObject([{ level: "warn", message: "judged by the rules alone: no model here" }]);
  }
});

test.each([
  ["unavailable", true],
  ["timeout", true],
  ["budget-exhausted", false],
  ["failed", false],
] as const)("a model that ends with `%s` lets nothing pass: retryable %s", async (code, retryable) => {
  const outcome = await judge(byModel, { answers: { "model.complete": () => refuse(code, "no") } });
  expect(failureOf(outcome)).toMatchObject({ code: `call.${code}`, retryable });
});

test("a knowledge base that is away lets nothing pass either", async () => {
  const outcome = await judge(good, { answers: { "kb.get": () => refuse("unavailable", "no") } });
  expect(failureOf(outcome)).toMatchObject({ code: "call.unavailable", retryable: true });
});

test("what the writer drafts from a template, the critic passes", async () => {
  const writer = await bundled("agents/writer");
  const recipients = { port: "recipients", type: "contact.list.v1", body: [{ name: "Zoë Müller", email: "zoe@example.com" }] };
  const hits = [
    { citation: "d1#0", title: "Notes", text: "The harbour plan moves the crane on 12 May. It costs 48,000 and not more." },
  ];
  const context = { port: "context", type: "context.bundle.v1", body: { topic: "harbour plan", hits } };
  for (const tone of ["friendly", "neutral", "formal"])
    for (const inputs of [[recipients], [recipients, context]]) {
      const drafted = await writer.run({ with: { topic: "harbour plan", tone, sender: "Ines" }, inputs }, local);
      expect(await review(on(drafted, "out"))).toMatchObject({ ok: true, broken: [] });
    }
});
