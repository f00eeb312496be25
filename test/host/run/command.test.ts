/** What the control process makes of a command: its standard output, its lines, its stubs. */
import { expect, test } from "vitest";
import type { GuestEnd, GuestLine } from "#host/component/contract.js";
import { acceptStandardOutput } from "#host/run/outputs.js";
import { schemaRegistry } from "#openings/types/registry.js";
import { agent, attempt, costs, recordedIn, says, type Guest } from "./world.js";

const types = schemaRegistry({});
const two = agent(
  {},
  {
    outputs: {
      out: { types: ["text.v1"], required: false },
      rows: { types: ["json.v1"], required: false },
      any: { types: ["any"], required: false },
    },
  },
).face;
const accept = (text: string, face = two) => acceptStandardOutput(text, face, types, ["model"]);

test.each<[string, string, RegExp]>([
  ["nothing", "", /it is empty; nothing came/],
  ["white space", " \n\t", /it is empty/],
  ["half an object", '{"out": "he', /JSON.*it is `\{"out": "he`/],
  ["an object and more", '{"out":"a"}\n{"out":"b"}', /it is `\{"out":"a"\}\\n\{"out":"b"\}`/],
  ["words before the object", 'Loading…\n{"out":"a"}', /it is `Loading…\\n/],
  ["an array", '["a"]', /it is an array/],
  ["text", '"out"', /it is a string/],
  ["null", "null", /it is null/],
  ["a terminal's codes", "\u001b[2J{}", /it is `\\e\[2J\{\}`/],
  ["too deep an object", `{"rows":${"[".repeat(70)}${"]".repeat(70)}}`, /nested deeper/],
  ["half a character", '{"out":"\\ud800"}', /standard output is not/],
  ["an infinite number", '{"rows":1e999}', /standard output is not/],
])("%s on standard output is a failure that says what came", (_, text, message) => {
  expect(accept(text)).toMatchObject({ code: "host.component", retryable: false, message: expect.stringMatching(message) });
});

test("of much that is wrong only the beginning is shown", () => {
  const failure = accept("x".repeat(500_000)) as { message: string };
  expect(failure.message).toContain("(500000 bytes)");
  expect(failure.message.length).toBeLessThan(1000);
});

test.each<[string, string, RegExp]>([
  ["a port that is not there", '{"other":1}', /no output port `other`/],
  ["a name of the language", '{"__proto__":1}', /no output port `__proto__`/],
  ["a name of the language", '{"constructor":1}', /no output port `constructor`/],
  ["a value of another type", '{"out":1}', /port `out` \(text\.v1\)/],
])("%s is a failure of type", (_, text, message) => {
  expect(accept(text)).toMatchObject({ code: "host.type", message: expect.stringMatching(message) });
});

test("each member is one message of its port's type; an array is one value", () => {
  expect(accept('\ufeff {"rows":[1,2],"out":"a","any":null}\n'.slice(1))).toEqual([
    { port: "rows", type: "json.v1", body: [1, 2], labels: ["model"] },
    { port: "out", type: "text.v1", body: "a", labels: ["model"] },
    { port: "any", type: "json.v1", body: null, labels: ["model"] },
  ]);
  expect(accept("{}")).toEqual([]);
});

test("an agent without outputs need not write anything", () => {
  const silent = agent({}, { outputs: {} }).face;
  expect(accept("", silent)).toEqual([]);
  expect(accept("{}", silent)).toEqual([]);
  expect(accept("done", silent)).toMatchObject({ code: "host.component", message: expect.stringContaining("it has none") });
});

const exited = (stdout: string): GuestEnd => ({ kind: "exited", stdout, ...costs });

test("lines of standard error are events, in their order among the log's", async () => {
  const { end, journal } = await attempt({
    guests: [
      async (_, { log }) => {
        log({ stream: "stderr", level: "info", chunk: "reading" });
        log({ level: "info", message: "logged", fields: {} });
        log({ stream: "stderr", level: "warn", chunk: "x".repeat(4000) });
        return exited('{"out":"done"}');
      },
    ],
  });
  expect(end).toMatchObject({ status: "ok", outputs: [{ port: "out", type: "text.v1", body: "done" }] });
  expect(journal.events.map(({ kind, level, meta }) => [kind, level, (meta as { chunk?: string }).chunk?.length])).toEqual([
    ["node.stderr", "info", 7],
    ["log", "info", undefined],
    ["node.stderr", "warn", 4000],
  ]);
  expect(journal.events[0]).toMatchObject({ message: "reading", meta: { node: "ask", attempt: 1, chunk: "reading" } });
  expect(journal.events[2]?.message).toHaveLength(201);
});

test("executed again, it says only what it has not said yet", async () => {
  const line = (chunk: string) => ({ stream: "stderr", level: "info", chunk }) as const;
  const { journal } = await attempt({
    guests: [
      async (_, { log }) => {
        log(line("one"));
        return { kind: "lost", reason: "gone" };
      },
      async (_, { log }) => {
        log(line("one"));
        log(line("two"));
        return exited("{}");
      },
    ],
  });
  expect(journal.events.map(({ message }) => message)).toEqual(["one", "two"]);
});

test("a run that goes on after a crash writes only the lines that do not stand there yet, of whichever kind", async () => {
  const said: GuestLine[] = [
    { stream: "stdout", level: "info", chunk: "one" },
    { level: "info", message: "two", fields: {} },
    { stream: "stderr", level: "info", chunk: "three" },
  ];
  const saying =
    (lines: readonly GuestLine[]): Guest =>
    async (_, { log }) => {
      for (const line of lines) log(line);
      return exited('{"out":"x"}');
    };
  for (const before of [0, 1, 2, 3]) {
    const { journal } = await attempt({ guests: [saying(said.slice(0, before))] });
    const { journal: after } = await attempt({ guests: [saying(said)], recorded: recordedIn(journal) });
    expect(after.events.map(({ message }) => message)).toEqual(["one", "two", "three"].slice(before));
  }
});

test("what the grant holds decides what is linked, what is a stub and what is inert", async () => {
  const imports = [
    "wasi:cli/stdin@0.2.3",
    "wasi:clocks/wall-clock@0.2.0",
    "wasi:random/random@0.2.6",
    "runloop:agent/clock@0.1.0",
  ];
  const optional = ["wasi:random/random", "clock"];
  const specOf = async (grant: object) =>
    (await attempt({ guests: [async () => says("x")], agent: agent(grant, { imports, optionalImports: optional }) })).specs[0];
  expect(await specOf({})).toMatchObject({
    linked: ["wasi:cli/stdin", "wasi:clocks/wall-clock"],
    stubs: ["wasi:random/random", "clock"],
    granted: { time: false, random: false },
  });
  expect(await specOf({ time: true, random: true })).toMatchObject({
    linked: ["wasi:cli/stdin", "wasi:clocks/wall-clock", "wasi:random/random", "clock"],
    stubs: [],
    granted: { time: true, random: true },
  });
});

test.each([
  ["clock", "now-ms", "time"],
  ["wasi:random/random", "get-random-u64", "random"],
])("a call of the stub of %s is denied by name, and stands in the record", async (name, func, cap) => {
  const face = {
    imports: ["wasi:random/random@0.2.0", "runloop:agent/clock@0.1.0"],
    optionalImports: ["wasi:random/random", "clock"],
  };
  const { journal } = await attempt({
    agent: agent({}, face),
    guests: [
      async (_, { call }) => {
        const answer = await call({ seq: 0, interface: name, function: func, args: [], fuel: 1 });
        return says(JSON.stringify(answer));
      },
    ],
  });
  expect(journal.events.find(({ kind }) => kind === "cap.denied")).toMatchObject({ meta: { cap, op: `${name}.${func}` } });
  expect(journal.events.find(({ kind }) => kind === "call.finished")).toMatchObject({ meta: { decision: "denied" } });
});
