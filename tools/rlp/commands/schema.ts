/** `rlp schema`: the JSON Schema of openings with the agents at hand, for editors. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import type { Act, Context } from "../context.js";
import { printed } from "../printed.js";
import { examples } from "../program.js";
import { jsonText } from "../terminal/json.js";

interface SchemaFlags {
  readonly agents?: readonly string[];
  readonly output?: string;
}

export function define(command: Command, act: Act): void {
  command
    .argument("[opening]", "an opening's file: its own nodes and ports are offered in edges")
    .option("--agents <dir...>", "folders in which agents lie, before all others")
    .option("-o, --output <file>", "write it there instead of to standard output")
    .addHelpText(
      "after",
      examples(
        [
          "rlp schema -o opening.schema.json",
          "for a line `# yaml-language-server: $schema=opening.schema.json` in openings beside it",
        ],
        ["rlp schema examples/openings/compose_email.yaml", "with the ports of that file's nodes"],
      ),
    )
    .action(act(schema));
}

async function schema(context: Context, args: readonly string[], flags: SchemaFlags) {
  const { world, out } = context;
  const file = args[0] === undefined ? undefined : resolve(world.cwd, args[0]);
  const host = await context.host(flags.agents ? { agentDirs: flags.agents.map((dir) => resolve(world.cwd, dir)) } : {});
  // What is wrong with the file is for `rlp check`; here it brings the agents beside it.
  if (file !== undefined) await host.compile(file, {});
  const [agents, { schemaDocument }, { schemaFor }, { outlineOf }] = await Promise.all([
    host.agents(),
    import("#openings/schema/opening-schema.js"),
    import("#openings/schema/agents-schema.js"),
    import("#openings/schema/outline.js"),
  ]);
  const faces = agents.flatMap(({ face }) => face ?? []);
  const made = schemaFor({
    agents: faces,
    openings: [],
    ...(file !== undefined && { outline: outlineOf(file, readFileSync(file)) }),
  });
  const about = `An opening with the agents ${faces.map(({ name }) => name).join(", ") || "that there are: none"}.`;
  printed(context, `${jsonText(schemaDocument(made, about))}\n`, flags.output);
  for (const { name, face, fault } of agents)
    if (!face) out.warn(`the agent ${name} is not in it: ${fault?.message ?? "it cannot be used"}`);
  return Exit.ok;
}
