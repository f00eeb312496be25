/** A component that a toolchain of somebody else's makes of JavaScript, unchanged, from its bytes to its outputs. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { componentize } from "componentize-qjs";
import { admit } from "#host/component/admit.js";
import type { Admitted } from "#host/component/contract.js";
import { inspect } from "#host/component/inspect/inspect.js";
import { interfaceKey } from "#host/component/interfaces.js";
import { MODULE_LOADER } from "#host/component/snapshot.js";
import { Domains } from "#host/sandbox/domains.js";
import { wit } from "../component/guest.js";
import { failure, run } from "./run.js";

const SOURCE = `
import log from "runloop:agent/log@0.1.0";
import model from "runloop:agent/model@0.1.0";
let count = 0;
export function run(invocation) {
  if (invocation.with === '"trap"') throw new Error("no failure that the contract knows");
  if (invocation.with === '"fail"') throw { code: "mine", message: "no", retryable: false };
  for (let i = 0; i < 20000; i++) count += i % 7;
  log.write("info", \`counted \${count} at \${Date.now()}\`, "");
  const { text } = model.complete(invocation.with, { model: "", maxTokens: 7, temperature: 0.5, local: "" });
  return [{ port: "out", type: "text.v1", body: JSON.stringify([text, Math.random(), [..."Grüße €"].reverse().join("")]) }];
}`;

let dir: string;
let bytes: Uint8Array;
let component: Admitted;
const domains = new Domains();
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rlp-qjs-"));
  const witPath = join(dir, "agent.wit");
  await writeFile(witPath, wit);
  bytes = (await componentize({ witPath, jsSource: SOURCE, world: "agent", sync: true })).component;
  component = await admit(bytes);
});
afterAll(async () => {
  await domains.close();
  await rm(dir, { recursive: true });
});

test("it is understood as it comes", () => {
  const { imports, exports, plan } = inspect(bytes);
  expect(exports).toEqual(["run"]);
  expect(imports).toContain("runloop:agent/log@0.1.0");
  expect(imports).not.toContain(MODULE_LOADER);
  expect(plan.run).toMatchObject({ world: "agent", encoding: "utf8" });
  expect(plan.instances.flatMap((one) => one.imports).filter(({ source }) => source.kind === "absent")).toHaveLength(2);
  expect(component.large).toBe(true);
});

const attempt = (given: string, vouched: boolean) =>
  run(domains, component, {
    with: JSON.stringify(given),
    vouched,
    domain: "js",
    granted: { time: true, random: true },
    linked: component.imports.map((name) => interfaceKey(name)!),
  });

test("it runs, and pays and gives the same with the optimising compiler and without", async () => {
  const [stranger, vouched] = [await attempt("hello", false), await attempt("hello", true)];
  for (const { end, calls, logs } of [stranger, vouched]) {
    if (end.kind !== "ok") throw new Error(JSON.stringify(failure(end)));
    expect(JSON.parse(end.outputs[0]!.body)).toEqual(['echo "hello"', expect.any(Number), "€ eßürG"]);
    expect(calls.map((call) => `${call.interface}.${call.function}`)).toEqual(["model.complete"]);
    // The clock goes with the fuel.
    expect(logs).toMatchObject([{ message: expect.stringMatching(/^counted 59997 at 17000000000[0-9]{2}$/) }]);
  }
  expect([vouched.end, vouched.logs]).toEqual([stranger.end, stranger.logs]);
});

test("what it throws is its failure where the contract knows it, and a trap where not", async () => {
  expect(failure((await attempt("fail", false)).end)).toEqual({ code: "mine", message: "no", retryable: false });
  expect(failure((await attempt("trap", false)).end)).toMatchObject({ code: "host.trap" });
});
