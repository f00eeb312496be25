/** Every type that a used agent's ports name has a schema that can be used: values are checked when they leave and when they arrive. */
import type { AgentInterface } from "../agent.js";
import { quoted } from "../language/diagnostic.js";
import { withAgentTypes } from "../types/registry.js";
import { schemaFault } from "../types/schema.js";
import { nameHint, type CheckContext } from "./context.js";

export function checkPortSchemas(context: CheckContext): void {
  const seen = new Set<AgentInterface>();
  for (const [node, agent] of context.agentOf) {
    if (seen.has(agent) || !node.use) continue;
    seen.add(agent);
    const types = withAgentTypes(context.types, agent.schemas);
    const named = [...Object.entries(agent.inputs), ...Object.entries(agent.outputs)];
    for (const [port, { types: names }] of named)
      for (const name of names) {
        const schema = types.get(name);
        const where = `the agent ${quoted(agent.name)}, port ${quoted(port)}`;
        const fault = schema && schemaFault(schema);
        if (!schema)
          context.report.error(
            "OPENING_UNKNOWN_TYPE",
            node.use.span,
            `${where}: unknown type ${quoted(name)}`,
            nameHint(name, types.names(), "types"),
          );
        else if (fault)
          context.report.error(
            "OPENING_SCHEMA",
            node.use.span,
            `${where}: the schema of ${quoted(name)} cannot be used${at(fault.pointer)}: ${fault.message}`,
          );
      }
    const fault = agent.withSchema && schemaFault(agent.withSchema);
    if (fault)
      context.report.error(
        "OPENING_SCHEMA",
        node.use.span,
        `the agent ${quoted(agent.name)}: the schema of \`with\` cannot be used${at(fault.pointer)}: ${fault.message}`,
      );
  }
}

const at = (pointer: string): string => (pointer === "" ? "" : ` at ${pointer}`);
