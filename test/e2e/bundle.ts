/** Agents that somebody else wrote, in a folder beside an opening. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { blake3 } from "#core/digest.js";
import { remember } from "./strangers.js";
import { buildSource } from "#sdk/build/source.js";

export interface Stranger {
  readonly name: string;
  /** The body of `agent(call)` in AssemblyScript, or the component's bytes as they are. */
  readonly code: string | Uint8Array;
  /** Further functions of the source. */
  readonly before?: string;
  readonly policy?: string;
  /** Further tables of the manifest; `[ports.out.out]` of type `any` where there are none. */
  readonly ports?: string;
  readonly limits?: string;
  /** Its `tools.json`. */
  readonly tools?: string;
  /** A digest that is not the component's. */
  readonly digest?: string;
}

const PORTS = '[ports.out.out]\ntype = "any"\n';

/** Writes the agent's bundle into `agents/` of a folder. */
export async function writeAgent(folder: string, agent: Stranger): Promise<void> {
  const bundle = join(folder, "agents", agent.name);
  await mkdir(bundle, { recursive: true });
  const component = typeof agent.code === "string" ? await buildSource(sourceOf(agent)) : agent.code;
  const policy = agent.policy ?? "";
  remember(agent.name, blake3(component));
  await writeFile(join(bundle, "agent.wasm"), component);
  await writeFile(join(bundle, "policy.caps"), policy);
  if (agent.tools !== undefined) await writeFile(join(bundle, "tools.json"), agent.tools);
  await writeFile(
    join(bundle, "manifest.toml"),
    `[agent]
name = "${agent.name}"
version = "0.1.0"
world = "agent"
entry = { path = "agent.wasm", blake3 = "${agent.digest ?? blake3(component)}" }

${agent.ports ?? PORTS}
[caps]
file = "policy.caps"
blake3 = "${blake3(policy)}"
${agent.tools === undefined ? "" : `[artifacts.tools]\npath = "tools.json"\nblake3 = "${blake3(agent.tools)}"\n`}
[limits]
${agent.limits ?? ""}
`,
  );
}

const WORDS =
  "actions clock CompletionOptions fail failed http Invocation Json json kb log model ok Outcome parse SearchOptions state tools".split(
    " ",
  );

function sourceOf({ code, before = "" }: Stranger): string {
  const used = WORDS.filter((word) => /^(?:Invocation|Outcome|ok)$/.test(word) || new RegExp(`\\b${word}\\b`).test(String(code)));
  return `import { ${used.join(", ")} } from "runloop";
import { Output } from "runloop/outcome";
${before}
export function agent(call: Invocation): Outcome {
  let mode = call.options.getString("mode");
${String(code)}
  return ok().send("out", "text.v1", new Output("", "", mode).body);
}
`;
}

/** An opening with one node for each agent, or for each mode of one agent; none depends on another. */
export async function writeOpening(
  folder: string,
  name: string,
  nodes: readonly { id: string; agent: string }[],
): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  const lines = nodes.map(({ id, agent }) => `  - { id: ${id}, use: "agent:${agent}", with: { mode: ${id} } }`);
  await writeFile(file, `version: 0\nname: ${name}\nnodes:\n${lines.join("\n")}\n`);
  return file;
}
