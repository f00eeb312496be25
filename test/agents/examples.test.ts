import { expect, test } from "vitest";
import { on, type GuestOutcome } from "../sdk/guest.js";
import { bundled, failureOf } from "./bundle.js";
import { local, saying } from "./drafts.js";

test("flaky fails as often as it is asked to, counting in its state, then succeeds", async () => {
  const flaky = await bundled("examples/agents/flaky");
  const kept = new Map<string, string>();
  const answers = {
    "state.get": (key: string) => kept.get(key),
    "state.set": (key: string, value: string) => void kept.set(key, value),
  };
  const attempt = (number: number): Promise<GuestOutcome> =>
    flaky.run({ attempt: number, with: { fail_attempts: 2, text: "hi" } }, answers);
  expect(failureOf(await attempt(1))).toMatchObject({ code: "flaky.not-yet", retryable: true });
  expect(failureOf(await attempt(2))).toMatchObject({ code: "flaky.not-yet", retryable: true });
  expect(on(await attempt(3), "out")).toEqual({ tries: 3, text: "hi" });

  kept.clear();
  expect(on(await flaky.run({ with: { fail_attempts: 0 } }, answers), "out")).toEqual({ tries: 1, text: "it worked" });
});

test("fetcher asks once, with its secret by reference, and tells the answer or why there is none", async () => {
  const fetcher = await bundled("examples/agents/fetcher");
  const answers = (status: number, text: string) => ({
    "http.fetch": () => ({ status, headers: [["content-type", "text/plain"]], body: new TextEncoder().encode(text) }),
  });
  const url = "http://127.0.0.1:8080/x";
  expect(on(await fetcher.run({ with: { url } }, answers(200, "hi")), "out")).toEqual({
    status: 200,
    type: "text/plain",
    text: "hi",
  });
  expect(fetcher.guest.calls.map(({ args }) => [args[0].method, args[0].url, args[0].headers])).toEqual([["GET", url, []]]);
  await fetcher.run({ with: { url, post: { a: 1 }, token: true } }, answers(200, ""));
  const [sent] = fetcher.guest.calls[0]!.args;
  expect([sent.method, new TextDecoder().decode(sent.body)]).toEqual(["POST", '{"a":1}']);
  expect(sent.headers).toContainEqual({ name: "authorization", value: { tag: "secret", val: "fetcher/token" } });
  expect(failureOf(await fetcher.run({ with: { url } }, answers(404, "")))).toMatchObject({
    code: "fetcher.status",
    retryable: false,
  });
  expect(failureOf(await fetcher.run({ with: { url } }, answers(503, "")))).toMatchObject({ retryable: true });
});

test("snoop's component imports what its policy does not grant", async () => {
  expect((await bundled("examples/agents/snoop")).guest.imports).toContain("kb");
});

const context = (topic: string, ...texts: string[]) => ({
  port: "context",
  type: "context.bundle.v1",
  body: { topic, hits: texts.map((text, i) => ({ citation: `${topic}#${i}`, text })) },
});

test("summarizer quotes every bundle in the order of the edges, numbered as in its citations", async () => {
  const summarizer = await bundled("examples/agents/summarizer");
  const inputs = [context("errors", "a broke\nat nine", "b broke"), context("releases"), context("people", "c came")];
  expect(on(await summarizer.run({ with: { title: "Monday" }, inputs }, local), "out")).toEqual({
    title: "Monday",
    text: "Monday\n\nerrors:\n- a broke at nine [1]\n- b broke [2]\n\nreleases:\n- nothing found\n\npeople:\n- c came [3]",
    citations: ["errors#0", "errors#1", "people#0"],
    metadata: { model: "local/template", note: "quoted by a template; no language model wrote this" },
  });
  const told = on(await summarizer.run({ inputs }, saying("All is well. [1]")), "out");
  expect(told).toMatchObject({ title: "Summary", text: "All is well. [1]", metadata: { model: "fast/small" } });
  expect(failureOf(await summarizer.run({ inputs: [context("errors")] }, local)).code).toBe("summary.nothing");
  expect(failureOf(await summarizer.run({ inputs }, saying(" \n")))).toMatchObject({
    code: "summary.unusable-answer",
    retryable: true,
  });
});
