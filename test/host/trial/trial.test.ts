import { expect, test } from "vitest";
import type { WitType } from "#host/component/type.js";
import { interfaces } from "#host/component/wit.js";
import { wireForm } from "#host/trial/answer.js";
import { parseCases } from "#host/trial/case.js";
import { differences } from "#host/trial/difference.js";
import { runCase } from "#host/trial/trial.js";
import { schemaRegistry } from "#openings/types/registry.js";
import type { Sandbox } from "#host/component/contract.js";
import type { Json } from "#core/json.js";
import { agent, costs, says, type Guest } from "../run/world.js";

const ok = (name: string): WitType => {
  const [from = "", func = ""] = name.split(".");
  const { result } = interfaces[from]!.functions[func]!;
  if (result?.kind !== "result" || result.ok === null) throw new Error(name);
  return result.ok;
};

test.each([
  ["no YAML", "- name: [", /line 1|flow|Flow/, 1],
  ["no case", "hello", /expected object|is no case/i, 1],
  ["a case without a name", "- expect: {ports: {}}", /`0\.name`/, 1],
  ["a key that does not exist", "- name: a\n  input: {}\n  expect: {ports: {}}", /`0`: Unrecognized key: "input"/, 1],
  ["nothing expected", "- name: a\n  expect: {}", /one of `ports`, `messages` and `failure`/, 2],
  ["ports and a failure", "- name: a\n  expect: {ports: {}, failure: {code: x}}", /one of `ports`/, 2],
  [
    "an answer that is none",
    "- name: a\n  expect: {ports: {}}\n  answers:\n    kb.search:\n      - hits",
    /`ok` with a value or `err`/,
    5,
  ],
  [
    "an unknown error code",
    "- name: a\n  answers: {kb.get: [{err: {code: gone, message: m}}]}\n  expect: {ports: {}}",
    /`ok` with/,
    2,
  ],
  ["a port that cannot be", "- name: a\n  inputs: {A B: 1}\n  expect: {ports: {}}", /name of a port|Invalid key/, 2],
  ["aliases", "- &a {name: a, expect: {ports: {}}}\n- *a", /alias/i, undefined],
  ["infinity", "- {name: a, with: {x: .inf}, expect: {ports: {}}}", /Infinity|JSON/i, undefined],
  ["tags", "- {name: !!js/function a, expect: {ports: {}}}", /tag/i, 1],
])("a file of cases is refused with its line: %s", (_, text, message, line) => {
  let thrown: any;
  try {
    parseCases(text, "t.yaml");
  } catch (error) {
    thrown = error;
  }
  expect(thrown?.code).toBe("USAGE");
  expect(thrown.message).toMatch(message);
  expect(thrown.place).toMatchObject({ file: "t.yaml", ...(line !== undefined && { line }) });
});

test("one case or a list of cases stands in a file", () => {
  const one = "name: a\nexpect: {ports: {out: 1}}";
  expect(parseCases(one, "t.yaml")).toHaveLength(1);
  expect(
    parseCases(`- {name: a, expect: {ports: {}}}\n- {name: b, expect: {failure: {code: x}}}`, "t.yaml").map(({ name }) => name),
  ).toEqual(["a", "b"]);
});

test.each<[string, string, Json, Json]>([
  ["a variant by its case", "actions.propose", { done: { id: 1 } }, { tag: "done", val: '{"id":1}' }],
  ["the other case", "actions.propose", { rejected: "no" }, { tag: "rejected", val: "no" }],
  ["JSON text as the value it holds", "kb.query", [{ name: "Ada" }], '[{"name":"Ada"}]'],
  ["text that is text", "kb.query", "[]", "[]"],
  ["an option that is not there", "kb.get", null, null],
  ["an option that is", "kb.get", { type: "contact" }, '{"type":"contact"}'],
  [
    "a response's bytes as text",
    "http.fetch",
    { status: 200, headers: [["a", "b"]], body: "é" },
    { status: 200, headers: [["a", "b"]], body: "w6k=" },
  ],
  ["vectors", "model.embed", [[0.5, 1]], [[0.5, 1]]],
  ["a large id as digits", "kb.propose", "9007199254740993", "9007199254740993"],
])("an answer in its wire form: %s", (_, name, written, wire) => {
  expect(wireForm(ok(name), written)).toEqual(wire);
});

test.each<[string, string, Json, RegExp]>([
  ["a list that is none", "kb.search", {}, /the value is not a list/],
  ["a record that lacks a member", "model.complete", { text: "a", model: "m", input_tokens: 1 }, /\/output_tokens is not there/],
  [
    "a member that does not exist",
    "model.complete",
    { text: "a", model: "m", input_tokens: 1, output_tokens: 1, x: 1 },
    /\/x is not a member/,
  ],
  [
    "a number out of range",
    "model.complete",
    { text: "a", model: "m", input_tokens: 4294967296, output_tokens: 1 },
    /\/input_tokens is not a whole number/,
  ],
  ["a variant without its case", "actions.propose", "done", /\{done: …\}, \{rejected: …\}/],
  ["a negative id", "kb.propose", -1, /a whole number/],
  ["a fraction", "kb.propose", 1.5, /a whole number/],
  ["a stream", "model.stream", {}, /cannot|can write down/],
])("an answer of another type is named: %s", (_, name, written, message) => {
  expect(() => wireForm(ok(name), written)).toThrow(message);
});

test("differences: one line each, with the pointer", () => {
  expect(differences({ a: [1, { "b/c": 2 }], d: 1 }, { a: [1, { "b/c": 3 }, 4], e: null })).toEqual([
    "/a/1/b~1c: expected 2, got 3",
    "/a/2: expected nothing, got 4",
    "/d: expected 1, got nothing",
    "/e: expected nothing, got null",
  ]);
  expect(differences({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([]);
  expect(
    differences(
      Array.from({ length: 30 }, () => 1),
      [],
    ),
  ).toHaveLength(21);
});

/** Runs a case on a guest that is a function: the rest is real. */
async function outcome(
  yaml: string,
  guest: Guest,
  loaded = agent({ kb_read: true }, { inputs: { text: { types: ["text.v1"], required: true } } }),
) {
  const sandbox: Sandbox = { close: async () => {}, run: (spec, hooks, signal) => guest(spec, hooks, signal) };
  const [first] = parseCases(yaml, "t.yaml");
  return (await runCase(loaded, first!, { sandbox, types: schemaRegistry({}) })).differences;
}
const search = { interface: "kb", function: "search", args: ["porto", { limit: 8, kind: "", domain: "" }], fuel: 1 };
const asking =
  (...calls: Json[]): Guest =>
  async (_, hooks) => {
    const answers: unknown[] = [];
    for (const [seq, call] of calls.entries()) answers.push(await hooks.call({ seq, ...(call as unknown as typeof search) }));
    return says(JSON.stringify(answers));
  };

test("answers are given in their order, and what was asked is held against the case", async () => {
  const script =
    "answers: {kb.search: [{args: [porto, {limit: 8, kind: '', domain: ''}], ok: []}, {err: {code: timeout, message: m}}]}";
  const said = JSON.stringify([{ ok: [] }, { err: { code: "timeout", message: "m" } }]);
  const expected = `expect: {ports: {out: '${said}'}}`;
  expect(await outcome(`{name: a, ${script}, ${expected}}`, asking(search, search))).toEqual([]);
  expect(
    await outcome(`{name: a, ${script}, ${expected}}`, asking({ ...search, args: ["leeds", search.args[1]!] }, search)),
  ).toEqual(['answers/kb.search/0/args/0: expected "porto", got "leeds"']);
});

test.each<[string, string, Guest, RegExp]>([
  [
    "a call without an answer",
    "{name: a, expect: {ports: {out: x}}}",
    asking(search),
    /the agent calls `kb.search` with \["porto"/,
  ],
  [
    "an answer that nobody asks for",
    "{name: a, answers: {kb.search: [{ok: []}]}, expect: {ports: {out: '[]'}}}",
    asking(),
    /answers\/kb.search\/0: never asked for \(0 of 1/,
  ],
  [
    "an answer for no function",
    "{name: a, answers: {kb.serach: []}, expect: {ports: {out: '[]'}}}",
    asking(),
    /no function `kb.serach`/,
  ],
  ["another value", "{name: a, expect: {ports: {out: x}}}", asking(), /ports\/out: expected "x", got "\[\]"/],
  ["another port", "{name: a, expect: {ports: {}}}", asking(), /ports\/out: expected nothing/],
  ["an input that there is not", "{name: a, inputs: {txt: a}, expect: {ports: {out: '[]'}}}", asking(), /no such input/],
  [
    "a `with` that the manifest does not take",
    "{name: a, with: {b: 1}, expect: {ports: {out: '[]'}}}",
    asking(),
    /no \[schemas.with\]/,
  ],
  ["an input of another type", "{name: a, inputs: {text: 1}, expect: {ports: {out: '[]'}}}", asking(), /failed with `host.type`/],
  [
    "a success where a failure was expected",
    "{name: a, expect: {failure: {code: x}}}",
    asking(),
    /failure: expected {"code":"x"}/,
  ],
  [
    "another failure",
    "{name: a, expect: {failure: {code: x, retryable: false}}}",
    async () => ({ kind: "failed", failure: { code: "y", message: "m", retryable: true }, ...costs }),
    /failure\/code: expected "x", got "y"/,
  ],
  ["another state", "{name: a, expect: {ports: {out: '[]'}, state: {n: '1'}}}", asking(), /state\/n: expected "1", got nothing/],
])("a case fails with a line that says why: %s", async (_, yaml, guest, line) => {
  expect((await outcome(yaml, guest)).join("\n")).toMatch(line);
});

test("what the grant does not hold is denied, whatever the case answers", async () => {
  const yaml = "{name: a, answers: {kb.search: [{ok: []}]}, expect: {ports: {out: ''}}}";
  const lines = await outcome(yaml, asking(search), agent({}));
  expect(lines.join("\n")).toMatch(/denied/);
  expect(lines.join("\n")).toMatch(/never asked for/);
});

test("several messages on one port are told apart from one message with a list", async () => {
  const twice: Guest = async () => ({
    ...(says("a") as any),
    outputs: [1, 2].map((n) => ({ port: "out", type: "text.v1", body: `"${n}"` })),
  });
  expect(
    await outcome("{name: a, expect: {messages: [{port: out, body: '1'}, {port: out, body: '2', type: text.v1}]}}", twice),
  ).toEqual([]);
  expect(await outcome("{name: a, expect: {ports: {out: ['1', '2']}}}", twice)).not.toEqual([]);
});
