import { expect, test } from "vitest";
import { on, refuse } from "../sdk/guest.js";
import { bundled, failureOf } from "./bundle.js";

const agent = await bundled("agents/mailer");
const mail = { to: ["mara@example.com"], subject: "Harbour plan", body: "Hello Mara,\n\nall is well.\n" };
const draft = (change: object = {}) => ({
  port: "draft",
  type: "artifact.draft.email.v1",
  body: { ...mail, citations: ["d#0"], metadata: { model: "local/template" }, ...change },
});
const done = { "actions.propose": () => ({ tag: "done", val: '{"status":"sent","artifact":"abc"}' }) };
const send = (change: object = {}, answers: object = done, options: object = {}) =>
  agent.run({ inputs: [draft(change)], with: options as never }, answers as never);

test("it proposes the mail and nothing else of the draft", async () => {
  await send();
  expect(agent.guest.calls.map(({ name, args }) => [name, args[0], JSON.parse(args[1])])).toEqual([
    ["actions.propose", "email.send", mail],
  ]);
});

test("copies come from the draft and from `with`", async () => {
  await send({ cc: ["ann@example.com"] }, done, { cc: ["bob@example.com"], require_human_confirm: true });
  expect(JSON.parse(agent.guest.calls[0]!.args[1])).toEqual({ ...mail, cc: ["ann@example.com", "bob@example.com"] });
});

test("the receipt says what went to whom, and nothing that differs between equal runs", async () => {
  const outcome = await send();
  expect(on(outcome, "out")).toEqual({ status: "sent", to: mail.to, subject: mail.subject, artifact: "abc" });
  expect(on(outcome, "sent")).toBe(true);
  const chatty = {
    "actions.propose": () => ({ tag: "done", val: '{"status":"sent","artifact":"abc","message_id":"x","sent_at_ms":5}' }),
  };
  expect(on(await send({}, chatty), "out")).toEqual({ status: "sent", to: mail.to, subject: mail.subject, artifact: "abc" });
});

test("a mail that is sent is a success, whatever the host says about it", async () => {
  for (const val of ["", "sent!", "[]", "{}"])
    expect(on(await send({}, { "actions.propose": () => ({ tag: "done", val }) }), "sent")).toBe(true);
});

test("a mail that is turned down is a failure that no retry repeats", async () => {
  const outcome = await send({}, { "actions.propose": () => ({ tag: "rejected", val: "not today" }) });
  expect(failureOf(outcome)).toEqual({ code: "mail.rejected", message: "the mail was not sent: not today", retryable: false });
});

test.each([
  [{ to: [] }, "mail.no-recipient"],
  [{ subject: " \n" }, "mail.no-subject"],
])("%j is never proposed", async (change, code) => {
  expect(failureOf(await send(change)).code).toBe(code);
  expect(agent.guest.calls).toEqual([]);
});

test("a gate on `in` changes nothing; what it carries is not read", async () => {
  const outcome = await agent.run({ inputs: [draft(), { port: "in", type: "bool.v1", body: true }] }, done);
  expect(on(outcome, "sent")).toBe(true);
});

test.each([
  ["denied", false],
  ["unavailable", true],
] as const)("an action that ends with `%s`: retryable %s", async (code, retryable) => {
  const outcome = await send({}, { "actions.propose": () => refuse(code, "no") });
  expect(failureOf(outcome)).toEqual({ code: `call.${code}`, message: "sending the mail: no", retryable });
});

test("a time-out leaves open whether the mail went out, so no retry sends it again", async () => {
  const outcome = await send({}, { "actions.propose": () => refuse("timeout", "no answer") });
  expect(failureOf(outcome)).toEqual({
    code: "mail.unknown",
    message: "whether the mail was sent is not known: no answer",
    retryable: false,
  });
});
