/** The files of a new agent, by their paths in its folder, and the opening that runs it. */
import { stringify } from "yaml";
import type { TypeRegistry } from "#openings/agent.js";
import { exampleOf } from "./example.js";
import { assemblyScriptOf } from "./assemblyscript.js";
import { firstCases } from "./cases.js";
import { rustFiles } from "./rust.js";
import { scriptFiles } from "./script.js";
import type { AgentSpec, CapSpec, PortSpec } from "./spec.js";

export function bundleFiles(spec: AgentSpec, types: TypeRegistry): ReadonlyMap<string, string> {
  return new Map([
    ["manifest.toml", manifest(spec)],
    ["policy.caps", policy(spec.caps)],
    ...sourceFiles(spec, types),
    ["tests/agent.yaml", tests(spec, types)],
    ["README.md", readme(spec)],
  ]);
}

function sourceFiles(spec: AgentSpec, types: TypeRegistry): ReadonlyMap<string, string> {
  switch (spec.lang) {
    case "as":
      return new Map([["src/agent.ts", assemblyScriptOf(spec, types)]]);
    case "js":
    case "ts":
      return scriptFiles(spec, types);
    case "rust":
      return rustFiles(spec, types);
  }
}

/** JSON's escapes are TOML's too. */
const text = (value: string): string => JSON.stringify(value);

function manifest({ name, lang, description, inputs, outputs }: AgentSpec): string {
  const port = (direction: "in" | "out", { name, type, required }: PortSpec): string[] => [
    `[ports.${direction}.${name}]`,
    `type = ${text(type)}`,
    ...(direction === "in" ? [`required = ${required}`] : []),
    "",
  ];
  return [
    "# `rlp agent build` writes the digests.",
    "[agent]",
    `name = ${text(name)}`,
    'version = "0.1.0"',
    `description = ${text(description)}`,
    `world = "${lang === "rust" ? "command" : "agent"}"`,
    'entry = { path = "agent.wasm", blake3 = "" }',
    "",
    ...inputs.flatMap((each) => port("in", each)),
    ...outputs.flatMap((each) => port("out", each)),
    "[caps]",
    'file = "policy.caps"',
    'blake3 = ""',
    "",
    "[limits]",
    "memory_mib = 64",
    // JavaScript is interpreted: ten to fifty instructions for one.
    `fuel = ${lang === "js" || lang === "ts" ? "20" : "2"}_000_000_000`,
    // A model may take its time; an agent that only computes is held to much less by its fuel.
    "wall_ms = 120_000",
    "",
  ].join("\n");
}

function policy(caps: readonly CapSpec[]): string {
  const lines = caps.map(({ name, values }) => `${name} = ${values === true ? "true" : `[${values.map(text).join(", ")}]`}`);
  return ["# What the agent may do. Everything that is not named is off.", ...lines, ""].join("\n");
}

function tests(spec: AgentSpec, types: TypeRegistry): string {
  const head = "# `rlp agent test` runs these cases: inputs, what the host answers, and what must come out.\n";
  return head + stringify(firstCases(spec, types), { lineWidth: 0, aliasDuplicateObjects: false });
}

function readme({ name, description, inputs, outputs, caps }: AgentSpec): string {
  const ports = (list: readonly PortSpec[]): string =>
    list.map((port) => `\`${port.name}\` (\`${port.type}\`${port.required ? "" : ", may stay empty"})`).join(", ");
  return [
    `# ${name}`,
    "",
    description,
    "",
    `- In: ${ports(inputs)}.`,
    `- Out: ${ports(outputs.map((port) => ({ ...port, required: true })))}.`,
    `- May: ${caps.map((cap) => `\`${cap.name}\``).join(", ") || "nothing beyond its ports and its log"}.`,
    "",
    "```sh",
    `rlp agent build ${name}   # after each change of src/, policy.caps or manifest.toml`,
    `rlp agent test ${name}    # the cases in tests/`,
    "```",
    "",
  ].join("\n");
}

/** An opening of one node that runs the agent on an example. */
export function openingFile(spec: AgentSpec, types: TypeRegistry): string {
  const params = Object.fromEntries(spec.inputs.map(({ name, type }) => [name, exampleOf(type, types)]));
  return (
    `# Runs ${spec.name} once. The parameters can be given with --param.\n` +
    stringify(
      {
        version: 0,
        name: spec.name,
        goals: [spec.description],
        params,
        nodes: [
          {
            id: spec.name,
            use: `agent:${spec.name}`,
            with: Object.fromEntries(spec.inputs.map(({ name }) => [name, `{{params.${name}}}`])),
          },
        ],
        artifacts: { save: spec.outputs.map(({ name }) => `${spec.name}.${name}`) },
      },
      { lineWidth: 0 },
    )
  );
}
