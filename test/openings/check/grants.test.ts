import { expect, test } from "vitest";
import { missingGrants } from "#openings/check/grants.js";
import type { Grant } from "#openings/agent.js";
import { agent } from "../language/agents.js";

const missing = (imports: readonly string[], grant: Partial<Grant> = {}, optionalImports: readonly string[] = []) =>
  missingGrants(agent("a", {}, {}, { imports, grant, optionalImports })).map(({ import: name, capability }) => [
    name,
    capability,
  ]);

test("what needs no grant", () => {
  expect(missing(["runloop:agent/types@0.1.0", "runloop:agent/log@0.1.0", "runloop:agent/state"])).toEqual([]);
});

test.each<[string, string, Partial<Grant>, Partial<Grant>]>([
  ["kb", "kb_read or kb_write", { kb_read: true }, { kb_read: [] }],
  ["kb", "kb_read or kb_write", { kb_write: ["notes"] }, { kb_write: false }],
  ["model", "model", { model: ["local/*"] }, { model: [] }],
  ["http", "net", { net: [{ host: "example.com", port: null, methods: null, paths: null }] }, { net: [] }],
  ["tools", "tools", { tools: ["x"] }, { model: true }],
  ["actions", "actions", { actions: ["email.send"] }, { actions: [] }],
  ["clock", "time", { time: "real" }, { time: false }],
  ["clock", "time", { time: true }, {}],
  ["random", "random", { random: true }, { time: true }],
])("%s needs %s", (name, capability, granted, denied) => {
  const full = `runloop:agent/${name}@0.1.0`;
  expect(missing([full], granted)).toEqual([]);
  expect(missing([full], denied)).toEqual([[full, capability]]);
  for (const optional of [name, `runloop:agent/${name}`, full]) expect(missing([full], denied, [optional])).toEqual([]);
});

test("what a language's standard library asks for is there for everybody, in every 0.2 version", () => {
  const names = (
    "io/error io/poll io/streams clocks/monotonic-clock clocks/wall-clock random/insecure random/insecure-seed filesystem/types " +
    "filesystem/preopens cli/environment cli/exit cli/stdin cli/stdout cli/stderr cli/terminal-input cli/terminal-stdin"
  ).split(" ");
  for (const version of ["@0.2.0", "@0.2.12", ""]) expect(missing(names.map((name) => `wasi:${name}${version}`))).toEqual([]);
});

test.each<[string, string, Partial<Grant>]>([
  ["wasi:random/random", "random", { random: true }],
  ["wasi:http/types", "net", { net: [{ host: "example.com", port: null, methods: null, paths: null }] }],
  ["wasi:http/outgoing-handler", "net", { net: [{ host: "example.com", port: null, methods: null, paths: null }] }],
])("whoever asks for %s by name needs %s granted, or lives without", (bare, capability, granted) => {
  const name = `${bare}@0.2.3`;
  expect(missing([name])).toEqual([[name, capability]]);
  expect(missing([name], granted)).toEqual([]);
  for (const optional of [name, bare]) expect(missing([name], {}, [optional])).toEqual([]);
  expect(missing([name], {}, [capability])).toEqual([[name, capability]]);
});

const everything: Partial<Grant> = {
  time: "real",
  random: true,
  kb_read: true,
  kb_write: true,
  model: true,
  actions: ["email.send"],
  tools: ["x"],
  net: [{ host: "example.com", port: null, methods: null, paths: null }],
};

test.each([
  "wasi:clocks/wall-clock@0.3.0",
  "wasi:clocks/wall-clock@0.2.0-rc-2023-11-10",
  "wasi:io/streams@0.2",
  "wasi:sockets/tcp@0.2.0",
  "wasi:clocks/constructor@0.2.0",
  "wasi:",
  "evil:agent/kb@0.1.0",
  "runloop:agent/kb@0.2.0",
  "runloop:agent/kb@0.1.0-evil",
  "runloop:agent/constructor@0.1.0",
  "runloop:agent/",
  "runloop:agent/kb/more@0.1.0",
  "xrunloop:agent/kb@0.1.0",
  "kb",
  "",
])("%j is refused, whatever is granted and whatever is optional", (name) => {
  expect(missing([name], everything, [name])).toEqual([[name, null]]);
});
