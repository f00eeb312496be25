import { componentEmbed, componentNew, componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { expect, test } from "vitest";
import { witSource } from "#sdk/build/wit.js";

/** The interfaces that a component of this world would import if it used everything, and what it exports. */
async function worldOf(world: string): Promise<string> {
  const dummy = await componentEmbed({ witSource: witSource(), world, dummy: true, stringEncoding: "utf16" });
  return componentWit(await componentNew(dummy, []));
}
const imported = (wit: string): string[] => [...wit.matchAll(/import (\S+);/g)].map((match) => match[1]!).toSorted();

const own = ["actions", "clock", "http", "kb", "log", "model", "random", "state", "tools", "types"].map(
  (name) => `runloop:agent/${name}@0.1.0`,
);
const wasi = [
  ...["environment", "exit", "stderr", "stdin", "stdout"].map((name) => `wasi:cli/${name}@0.2.0`),
  ...["terminal-input", "terminal-output", "terminal-stderr", "terminal-stdin", "terminal-stdout"].map(
    (name) => `wasi:cli/${name}@0.2.0`,
  ),
  ...[
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "filesystem/preopens",
    "filesystem/types",
    "http/types",
    "http/outgoing-handler",
  ].map((name) => `wasi:${name}@0.2.0`),
  ...["io/error", "io/poll", "io/streams", "random/insecure", "random/insecure-seed", "random/random"].map(
    (name) => `wasi:${name}@0.2.0`,
  ),
];

test("world `agent`: all interfaces, no WASI, `run` and nothing else", async () => {
  const wit = await worldOf("agent");
  expect(imported(wit)).toEqual(own);
  expect(wit.match(/export .+;/g)).toEqual([
    "export run: func(invocation: invocation) -> result<list<output-message>, failure>;",
  ]);
});

test("world `command`: WASI 0.2 with everything that a language's library asks for, and the same interfaces", async () => {
  const wit = await worldOf("command");
  expect(imported(wit)).toEqual([...own, ...wasi].toSorted());
  expect(wit.match(/export .+;/g)).toEqual(["export wasi:cli/run@0.2.0;"]);
});

test("one package header stands in front, dependencies are nested behind it", () => {
  const source = witSource();
  expect(source.match(/^package .+;$/gm)).toEqual(["package runloop:agent@0.1.0;"]);
  expect(source.match(/^package .+ \{$/gm)).toEqual(
    ["cli", "clocks", "filesystem", "http", "io", "random"].map((name) => `package wasi:${name}@0.2.0 {`),
  );
});
