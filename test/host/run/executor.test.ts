import { describe, expect, test } from "vitest";
import { CallDenied, CallFailure, type HostFunctions } from "#host/imports/interface.js";
import { Divergence } from "#host/run/calls.js";
import { agent, attempt, costs, MemoryJournal, recordedIn, says, type Guest } from "./world.js";

/** Answers with how often it was really asked. */
function counting() {
  let asked = 0;
  const functions: HostFunctions = new Map([["kb.search", async () => ({ answer: { ok: ++asked }, labels: ["private:notes"] })]]);
  return { functions, asked: () => asked };
}
const search = (seq: number, query = "x") => ({ seq, interface: "kb", function: "search", args: [query], fuel: 100 + seq });
const asks =
  (...queries: string[]): Guest =>
  async (_spec, hooks) => {
    const answers = [];
    for (const [seq, query] of queries.entries()) answers.push(await hooks.call(search(seq, query)));
    return says(JSON.stringify(answers));
  };
const dies: Guest = async () => ({ kind: "lost", reason: "killed" });

describe("a sandbox process that dies", () => {
  test("takes nothing with it: the attempt is executed again and gets the same answers", async () => {
    const { functions, asked } = counting();
    const half: Guest = async (spec, hooks, signal) => {
      await hooks.call(search(0));
      return dies(spec, hooks, signal);
    };
    const { end } = await attempt({ guests: [half, asks("x", "y")], functions });
    expect(end).toMatchObject({ status: "ok", calls: 2 });
    expect(asked()).toBe(2);
    const undisturbed = await attempt({ guests: [asks("x", "y")], functions: counting().functions });
    expect(end).toMatchObject({ journalHash: (undisturbed.end as { journalHash: string }).journalHash });
  });

  test("twice under the same attempt is the attempt's own failure, which a retry may help", async () => {
    const { end } = await attempt({ guests: [dies] });
    expect(end).toMatchObject({ status: "error", failure: { code: "host.sandbox-lost", retryable: true } });
  });

  test("does not make a guest's log lines appear twice", async () => {
    const journal = new MemoryJournal();
    const talks =
      (then: Guest): Guest =>
      async (spec, hooks, signal) => {
        hooks.log({ level: "info", message: "one", fields: {} });
        hooks.log({ level: "debug", message: "two", fields: { a: 1 } });
        return then(spec, hooks, signal);
      };
    await attempt({ guests: [talks(dies), talks(async () => says("done"))], journal });
    expect(journal.events.map((event) => event.message)).toEqual(["one", "two"]);
  });
});

describe("an attempt from the journal", () => {
  test("is answered from it as far as it goes, then live", async () => {
    const { functions, asked } = counting();
    const journal = new MemoryJournal();
    const first = await attempt({ guests: [asks("x", "y")], functions, journal });
    const again = await attempt({ guests: [asks("x", "y", "z")], functions, recorded: recordedIn(journal) });
    expect(asked()).toBe(3);
    expect(again.journal.kinds()).toEqual(["call.finished"]);
    expect(again.end).toMatchObject({ status: "ok", calls: 3 });
    expect(first.end).toMatchObject({ status: "ok", calls: 2 });
  });

  test.each<[string, Guest]>([
    ["another question", asks("other", "y")],
    ["fewer questions", asks("x")],
    [
      "the same at other fuel",
      async (_spec, hooks) => {
        await hooks.call({ ...search(0), fuel: 99 });
        return says("done");
      },
    ],
  ])("that asks %s has diverged: the host stops instead of going on with something else", async (_what, guest) => {
    const { functions } = counting();
    const journal = new MemoryJournal();
    await attempt({ guests: [asks("x", "y")], functions, journal });
    await expect(attempt({ guests: [guest], functions, recorded: recordedIn(journal) })).rejects.toThrow(Divergence);
  });
});

describe("limits", () => {
  test("the wall clock ends an attempt, as an event and a retryable failure", async () => {
    const stuck: Guest = (_spec, _hooks, signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve({ kind: "cancelled", ...costs })));
    const { end, journal } = await attempt({ guests: [stuck], timeoutMs: 30 });
    expect(end).toMatchObject({ status: "error", failure: { code: "host.timeout", retryable: true } });
    expect(journal.events).toMatchObject([{ kind: "limit.hit", meta: { limit: "wall_ms", ceiling: 30 } }]);
  });

  test("it stands still while a call says that a person thinks", async () => {
    const functions: HostFunctions = new Map([
      [
        "kb.search",
        async (context) =>
          context.offTheClock(async () => (await new Promise((r) => setTimeout(r, 120)), { answer: { ok: 1 }, labels: [] })),
      ],
    ]);
    const { end } = await attempt({ guests: [asks("x")], functions, timeoutMs: 60 });
    expect(end.status).toBe("ok");
  });

  test("a cancel from outside ends the attempt as cancelled, and the call that it cut off is not recorded", async () => {
    const cancel = new AbortController();
    const functions: HostFunctions = new Map([
      [
        "kb.search",
        (context) =>
          new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason as Error))),
      ],
    ]);
    const guest: Guest = async (_spec, hooks) => {
      await hooks.call(search(0)).catch(() => {});
      return { kind: "cancelled", ...costs };
    };
    setTimeout(() => cancel.abort(new Error("stop")), 20);
    const { end, journal } = await attempt({ guests: [guest], functions, signal: cancel.signal });
    expect(end.status).toBe("cancelled");
    expect(journal.kinds()).toEqual([]);
  });
});

describe("what comes out", () => {
  test.each<[string, Guest, string]>([
    ["a port that the manifest does not declare", async () => says("x", "nowhere"), "nowhere"],
    ["another type than the port's", async () => says(true, "out", "bool.v1"), "bool.v1"],
    ["a value that does not fit its type", async () => says(5), "text.v1"],
    [
      "text that is not JSON",
      async () => ({ kind: "ok", outputs: [{ port: "out", type: "text.v1", body: "{" }], ...costs }),
      "out",
    ],
    [
      "text with half a character",
      async () => ({ kind: "ok", outputs: [{ port: "out", type: "text.v1", body: '"\\ud800"' }], ...costs }),
      "out",
    ],
    [
      "a number that no JSON can hold",
      async () => ({ kind: "ok", outputs: [{ port: "out", type: "text.v1", body: "1e999" }], ...costs }),
      "out",
    ],
    [
      "more messages than an attempt may send",
      async () => ({
        kind: "ok",
        outputs: Array.from({ length: 1025 }, () => ({ port: "out", type: "text.v1", body: '"x"' })),
        ...costs,
      }),
      "1025",
    ],
  ])("%s fails the node for good", async (_what, guest, named) => {
    const { end } = await attempt({ guests: [guest] });
    expect(end).toMatchObject({ status: "error", failure: { code: "host.type", retryable: false } });
    expect(JSON.stringify(end)).toContain(named);
  });

  test("carries the labels of all that was read before", async () => {
    const { end } = await attempt({ guests: [asks("x")], functions: counting().functions });
    expect(end).toMatchObject({ outputs: [{ labels: ["private:notes"] }] });
  });
});

describe("a call", () => {
  test("that the grant does not hold is denied, with `cap.denied` in the same transaction", async () => {
    const functions: HostFunctions = new Map([
      [
        "kb.search",
        async () => {
          throw new CallDenied({ cap: "kb_read", target: "*", reason: "no" });
        },
      ],
    ]);
    const { end, journal } = await attempt({ guests: [asks("x")], functions });
    expect(end.status).toBe("ok");
    expect(journal.batches.map((batch) => batch.map((draft) => draft.kind))).toEqual([["cap.denied", "call.finished"]]);
    expect(journal.events.at(-1)).toMatchObject({
      meta: { decision: "denied", response: { value: { err: { code: "denied" } } } },
    });
  });

  test("to a function that there is not is a typed error", async () => {
    const { journal } = await attempt({ guests: [asks("x")] });
    expect(journal.events).toMatchObject([{ meta: { response: { value: { err: { code: "invalid" } } } } }]);
  });

  test("that fails in a typed way is an answer; a fault of the host ends the run's process", async () => {
    const failing = (error: Error): HostFunctions => new Map([["kb.search", async () => Promise.reject(error)]]);
    const typed = await attempt({
      guests: [asks("x")],
      functions: failing(new CallFailure("unavailable", "later", { retryAfterMs: 5 })),
    });
    expect(typed.journal.events).toMatchObject([
      { meta: { response: { value: { err: { code: "unavailable", retry_after_ms: 5 } } } } },
    ]);
    await expect(attempt({ guests: [asks("x")], functions: failing(new Error("a bug")) })).rejects.toThrow("a bug");
  });
});

test("nothing is linked that the grant does not hold", async () => {
  const without = await attempt({ guests: [async () => says("x")] });
  expect(without.specs[0]).toMatchObject({ linked: [], stubs: [] });
  const granted = await attempt({ guests: [async () => says("x")], agent: agent({ kb_read: ["notes"] }) });
  expect(granted.specs[0]?.linked).toEqual(["kb"]);
  const optional = await attempt({ guests: [async () => says("x")], agent: agent({}, { optionalImports: ["kb"] }) });
  expect(optional.specs[0]).toMatchObject({ linked: [], stubs: ["kb"] });
});
