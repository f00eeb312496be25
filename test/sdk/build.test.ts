import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { afterAll, expect, test } from "vitest";
import { blake3 } from "#core/digest.js";
import { buildAgent, partsOf, type AgentSource } from "#sdk/build/agent.js";
import { BuildError } from "#sdk/build/errors.js";
import { buildKey } from "#sdk/build/key.js";
import { projectRoot } from "#sdk/build/layout.js";
import { buildSource } from "#sdk/build/source.js";

const folder = mkdtempSync(join(tmpdir(), "rlp-build-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HEAD = 'import { clock, Invocation, json, kb, log, ok, Outcome, random } from "runloop";\n';
const agent = (body: string): string =>
  `${HEAD}export function agent(call: Invocation): Outcome {\n  ${body}\n  return ok();\n}\n`;

/** A bundle's folder with these files under `src`. */
function bundle(name: string, files: Record<string, string>): string {
  const path = join(folder, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, "src", file, ".."), { recursive: true });
    writeFileSync(join(path, "src", file), text);
  }
  return path;
}

async function refusal(from: AgentSource): Promise<BuildError> {
  try {
    await buildAgent(from);
  } catch (error) {
    if (error instanceof BuildError) return error;
    throw error;
  }
  throw new Error("it was built");
}

test("the same source gives the same bytes, wherever it stands, whatever its line ends", async () => {
  const files = {
    "agent.ts": `import { two } from "./deep/er/number";\n${agent("assert(call.attempt < two());")}`,
    "deep/er/number.ts":
      'import { one } from "../one";\nexport function two(): i32 {\n  assert(one() == 1, "one");\n  return one() + 1;\n}\n',
    "deep/one.ts": "export function one(): i32 {\n  return 1;\n}\n",
  };
  const crlf = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text.replaceAll("\n", "\r\n")]));
  const built = [
    await buildAgent({ folder: bundle("a", files) }),
    await buildAgent({ folder: bundle("a different folder, with spaces/and parts", files) }),
    await buildAgent({ folder: bundle("crlf", crlf) }),
  ];
  expect(new Set(built.map(({ digest }) => digest)).size).toBe(1);
  expect(Buffer.from(built[0]!.component).includes(folder)).toBe(false);
  expect(built[0]!.digest).toBe(blake3(built[0]!.component));
  expect(
    (await buildAgent({ folder: bundle("other", { ...files, "deep/one.ts": files["deep/one.ts"].replace("1;", "2;") }) })).digest,
  ).not.toBe(built[0]!.digest);
});

test("two builds at once do not disturb each other", async () => {
  const sources = ["log.info(call.node);", 'kb.get("x");'].map((body) => agent(body));
  const alone = [];
  for (const source of sources) alone.push((await buildAgent({ source })).digest);
  const together = await Promise.all(sources.map((source) => buildAgent({ source })));
  expect(together.map(({ digest }) => digest)).toEqual(alone);
});

test.each([
  ["nothing", "", ["log", "types"]],
  ["the log", "log.info(call.node);", ["log", "types"]],
  ["the knowledge base", 'kb.get("x");', ["log", "types", "kb"]],
  ["clock and random", "clock.nowMs();\n  random.nextU64();", ["log", "types", "clock", "random"]],
])("an agent that uses %s imports that and no more (the log, for what it says when it traps)", async (_, body, names) => {
  const imports = [...(await componentWit(await buildSource(agent(body)))).matchAll(/import (\S+);/g)].map((match) => match[1]);
  expect(imports.toSorted()).toEqual(names.map((name) => `runloop:agent/${name}@0.1.0`).toSorted());
});

test.each([
  ["an unknown name", agent("nothing();"), 3, 3, "Cannot find name 'nothing'"],
  ["a wrong type", agent("const text: string = 5;"), 3, 24, "not assignable to type"],
  ["an unknown import", `import { no } from "runloop";\n${agent("no();")}`, 1, 10, "has no exported member 'no'"],
  ["a syntax error", agent("const text: = 5;"), 3, 15, "expected"],
  [
    "a value with no JSON form",
    agent('json().set("map", new Map<string, i32>());'),
    undefined,
    undefined,
    "this type has no JSON form",
  ],
])("%s is refused with the compiler's words, file, line and column", async (_, source, line, column, says) => {
  const error = await refusal({ source });
  expect(error.code).toBe("BUILD_COMPILE");
  expect(error.message).toContain(says);
  if (line !== undefined) expect(error.place).toEqual({ file: "agent.ts", line, column });
});

test("a mistake in a bundle's file names the file as it can be opened", async () => {
  const path = bundle("wrong", {
    "agent.ts": `import { x } from "./more/x";\n${agent("x();")}`,
    "more/x.ts": "export function x(): void {\n  y();\n}\n",
  });
  const error = await refusal({ folder: path });
  expect(error.place).toEqual({ file: join(path, "src", "more/x.ts"), line: 2, column: 3 });
  expect(error.message).toContain("more/x.ts:2:3: AS2304");
});

test("all mistakes are reported at once", async () => {
  expect((await refusal({ source: agent("first();\n  second();") })).message.split("\n")).toHaveLength(2);
});

test.each([
  ["Math.random", "const x = Math.random();\n  assert(x < 2);", "`random.unit()`"],
  ["Date.now", "const x = Date.now();\n  assert(x > 0);", "`clock.nowMs()`"],
  ["console.log", 'console.log("hi");', "`log.info()`"],
  ["performance.now", "assert(performance.now() > 0);", "`clock.monotonicNs()`"],
])("%s is refused where it stands, with what to use in its place", async (name, body, says) => {
  const error = await refusal({ source: agent(body) });
  expect(error).toMatchObject({ code: "BUILD_IMPORT", place: { file: "agent.ts", line: 3 } });
  expect(error.message).toContain(`\`${name.split(".")[0] === "console" ? "log.info()" : name}`);
  expect(error.message).toContain(says);
});

test("a function that the author declares as coming from outside is refused with its names", async () => {
  const source = `// @ts-ignore\n@external("env", "open")\ndeclare function open(): i32;\n${agent("assert(open() == 0);")}`;
  expect(await refusal({ source })).toMatchObject({
    code: "BUILD_IMPORT",
    message: expect.stringContaining("`open` from `env`"),
  });
});

test("the agent in the SDK's README builds", async () => {
  const readme = readFileSync(join(projectRoot, "sdk", "README.md"), "utf8");
  const source = /```ts\n([\s\S]+?)```/.exec(readme)?.[1] ?? "";
  expect(source.split("\n").length).toBeLessThan(20);
  expect((await buildSource(source)).length).toBeGreaterThan(0);
});

test("a bundle without source, or without `agent.ts`", async () => {
  expect((await refusal({ folder: join(folder, "nowhere") })).code).toBe("BUILD_BUNDLE");
  expect((await refusal({ folder: bundle("headless", { "other.ts": "export const x = 1;" }) })).code).toBe("BUILD_BUNDLE");
  expect((await refusal({ source: "export function other(): void {}" })).code).toBe("BUILD_COMPILE");
});

test("an author's file cannot stand in for one of the SDK's", async () => {
  const honest = (await buildAgent({ source: agent("log.info(call.node);") })).digest;
  const path = bundle("impostor", {
    "agent.ts": agent("log.info(call.node);"),
    "runloop-entry.ts": "export function run(): void {}",
    "runloop/index.ts": "export class Invocation {}",
    "sdk/runloop/log.ts": "export namespace log {}",
  });
  expect((await buildAgent({ folder: path })).digest).toBe(honest);
});

test("a cached component that was damaged on disk is built again", async () => {
  const source = agent('log.info("cached");');
  const first = Buffer.from(await buildSource(source));
  const file = join(projectRoot, "dist", ".cache", "components", `${buildKey(partsOf({ source }))}.wasm`);
  const held = readFileSync(file);
  expect(held.subarray(32).equals(first)).toBe(true);
  for (const damaged of [held.with(100, held[100]! ^ 1), held.subarray(0, 20)]) {
    writeFileSync(file, damaged);
    expect(first.equals(await buildSource(source))).toBe(true);
    expect(readFileSync(file).equals(held)).toBe(true);
  }
});
