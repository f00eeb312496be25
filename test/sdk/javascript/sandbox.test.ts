/** An agent in JavaScript where agents run: admitted, metered, paused at its calls. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { admit } from "#host/component/admit.js";
import type { Admitted, Sandbox } from "#host/component/contract.js";
import { startSandbox } from "#host/sandbox/process.js";
import { buildScript } from "#sdk/build/source.js";
import { run, type Ran } from "../../host/sandbox/run.js";

const SCRIPT = `
import { kb, log, model, state } from "runloop";
const cases = {
  "spins": () => { for (;;); },
  "promises for ever": () => new Promise(() => { const again = () => Promise.resolve().then(again); again(); }),
  "never settles": () => new Promise(() => {}),
  "eats memory": () => { const all = []; for (;;) all.push(new Uint8Array(1 << 20)); },
  "recurses": () => { const down = () => 1 + down(); return { out: down() }; },
  "evaluates": () => ({ out: new Function("return 6 * 7")() }),
  "works": async () => {
    const drawn = Array.from({ length: 3 }, () => Math.random());
    const [a, b] = await Promise.all([model.complete("one"), model.complete("two")]);
    state.set("seen", [a.text, b.text]);
    log.info("between", { at: Date.now() });
    const keys = Object.keys({ ...Object.fromEntries(drawn.map((x) => [x, 1])), z: 1 });
    return { out: { drawn, keys, texts: [a.text, b.text], now: Date.now(), elapsed: performance.now() } };
  },
};
export default (call) => cases[call.with.case](call);`;

let sandbox: Sandbox;
let admitted: Admitted;
beforeAll(async () => {
  sandbox = startSandbox();
  admitted = await admit(await buildScript(SCRIPT));
});
afterAll(() => sandbox.close());

const attempt = (name: string, given: object = {}): Promise<Ran> =>
  run(sandbox, admitted, {
    with: JSON.stringify({ case: name }),
    linked: ["log", "kb", "model", "clock", "random", "state", "http"],
    ...given,
  });

test.each([
  ["spins", "host.fuel-exhausted"],
  ["promises for ever", "host.fuel-exhausted"],
  ["never settles", "agent.unsettled"],
])("an agent that %s ends with %s", async (name, code) => {
  expect((await attempt(name)).end).toMatchObject({ kind: "failed", failure: { code } });
});

test("memory and depth end in a failure of the attempt, and the next one runs", async () => {
  for (const name of ["eats memory", "recurses"]) expect((await attempt(name)).end.kind).toBe("failed");
  expect((await attempt("evaluates")).end).toMatchObject({ kind: "ok", outputs: [{ body: "42" }] });
});

test("equal seed, epoch, inputs and answers: equal outputs, fuel, calls and log; another seed, another draw", async () => {
  const [first, second, other] = [
    await attempt("works"),
    await attempt("works"),
    await attempt("works", { seed: "00".repeat(32) }),
  ];
  expect(first.end).toMatchObject({ kind: "ok" });
  expect(second).toEqual(first);
  expect(first.calls.map(({ args }) => args[0])).toEqual(["one", "two"]);
  if (first.end.kind !== "ok" || other!.end.kind !== "ok") throw new Error("it failed");
  const [a, b] = [first, other!].map(({ end }) => (end.kind === "ok" ? JSON.parse(end.outputs[0]!.body) : null));
  expect(a.drawn).not.toEqual(b.drawn);
  expect(a.texts).toEqual(["echo one", "echo two"]);
  expect(a.now).toBeGreaterThanOrEqual(1_700_000_000_000);
});
